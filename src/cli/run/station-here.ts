/** Both wings in one process: for debugging, and where a second process cannot be. */
import { localChannel } from '../../channel/ports.ts';
import type { Config } from '../../config/schema.ts';
import type { EvidenceRequest } from '../../model/evidence.ts';
import { Station } from '../../station/station.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { findingPrinter } from '../events/finding-printer.ts';
import { HEARTBEAT_INTERVAL_MS, heartbeatPath, startHeartbeat } from '../lib/heartbeat.ts';
import { stationProblems } from './station-problems.ts';
import type { StationSide } from './station-side.ts';

export async function stationHere(config: Config, log: Logger, json: boolean): Promise<StationSide> {
  let collect: (request: EvidenceRequest) => void = () => {};
  const station = new Station(config, {
    logger: log,
    onRecord: findingPrinter(log, json),
    collect: (request) => collect(request),
  });
  await station.start();
  let stopHeartbeat = () => {};
  let timer: NodeJS.Timeout | undefined;
  return {
    sender: localChannel(station),
    memory: { leases: station.leaseHistory(), learned: station.learned(), findings: station.pastFindings() },
    watch(state) {
      const tell = () => station.hearState(state());
      tell();
      timer = setInterval(tell, HEARTBEAT_INTERVAL_MS);
      stopHeartbeat = startHeartbeat(
        heartbeatPath(config.store.path),
        () => stationProblems(station),
        (error) =>
          log.warn({ err: error }, 'the heartbeat file cannot be written; the health check will fail'),
      );
    },
    onCollect(answer) {
      collect = answer;
    },
    async stop() {
      clearInterval(timer);
      await station.stop();
      stopHeartbeat();
    },
  };
}
