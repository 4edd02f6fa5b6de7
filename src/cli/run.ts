/** The agent, until SIGINT or SIGTERM: the sensor in this process, the station in one of its own. */
import { Agent } from '../sensor/agent.ts';
import { requireCapture } from '../sensor/privileges.ts';
import { createLogger } from '../telemetry/logger.ts';
import { version } from '../version.ts';
import { EXIT } from './lib/exit-codes.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { stationApart } from './run/station-apart.ts';
import { stationHere } from './run/station-here.ts';

interface RunOptions extends SettingsOptions {
  readonly json?: boolean;
  readonly singleProcess?: boolean;
}

export async function runCommand(options: RunOptions): Promise<void> {
  const config = loadSettings(options);
  await requireCapture(config.capture.backend);
  const log = createLogger(config.log.level);
  process.once('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a bug ended the agent; please report it');
    process.exit(EXIT.internal);
  });
  const openStation = options.singleProcess === true ? stationHere : stationApart;
  const station = await openStation(config, log, options.json === true);
  const agent = new Agent(config, station.sender, log, station.memory);
  station.onCollect((request) => agent.collect(request));
  agent.start();
  log.info(
    { version: version(), store: config.store.path, influxdb: config.influxdb.url ?? 'off' },
    'bridgewatch runs',
  );
  station.watch(() => ({ problems: agent.problems(), metrics: agent.metrics() }));
  // Without a list there is nothing to read again, and the signal keeps its meaning: the terminal went.
  // Whoever rotates logs sends it to everybody. A terminal sends it when it is closed, and means the end.
  if (process.stdin.isTTY !== true || config.threat_lists.lists.length > 0)
    process.on('SIGHUP', () => agent.reloadThreatLists());
  const signal = await endSignal();
  log.info({ signal }, 'stopping');
  await agent.stop();
  await station.stop();
}

/** A second signal while stopping ends at once. */
function endSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(130));
        resolve(name);
      });
    }
  });
}
