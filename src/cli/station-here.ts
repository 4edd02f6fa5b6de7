/** Both wings in one process: for debugging, and where a second process cannot be. */
import { localChannel } from '../channel/ports.ts';
import type { Config } from '../config/schema.ts';
import { Station } from '../station/station.ts';
import type { Logger } from '../telemetry/logger.ts';
import { findingPrinter } from './finding-printer.ts';
import { heartbeatPath, startHeartbeat } from './heartbeat.ts';
import { stationProblems } from './station-problems.ts';
import type { StationSide } from './station-side.ts';

export async function stationHere(config: Config, log: Logger, json: boolean): Promise<StationSide> {
  const station = new Station(config, { logger: log, onRecord: findingPrinter(log, json) });
  await station.start();
  let stopHeartbeat = () => {};
  return {
    sender: localChannel(station),
    memory: { leases: station.leaseHistory(), learned: station.learned() },
    watch(problems) {
      stopHeartbeat = startHeartbeat(
        heartbeatPath(config.store.path),
        () => [...problems(), ...stationProblems(station)],
        (error) =>
          log.warn({ err: error }, 'the heartbeat file cannot be written; the health check will fail'),
      );
    },
    async stop() {
      await station.stop();
      stopHeartbeat();
    },
  };
}
