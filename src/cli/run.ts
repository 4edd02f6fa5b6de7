/** The agent: both wings in one process, until SIGINT or SIGTERM. Findings go to stdout, the log to stderr. */
import { localChannel } from '../channel/ports.ts';
import type { AgentRecord } from '../model/record.ts';
import { type PublicFinding, parseRecord, serializeRecord } from '../model/serialize.ts';
import { Agent } from '../sensor/agent.ts';
import { requireCapture } from '../sensor/privileges.ts';
import { Station } from '../station/station.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { version } from '../version.ts';
import { EXIT } from './exit-codes.ts';
import { findingText } from './finding-text.ts';
import { heartbeatPath, startHeartbeat } from './heartbeat.ts';
import { printLine } from './output.ts';
import { loadSettings, type SettingsOptions } from './settings.ts';

interface RunOptions extends SettingsOptions {
  readonly json?: boolean;
}

export async function runCommand(options: RunOptions): Promise<void> {
  const config = loadSettings(options);
  await requireCapture(config.capture.backend);
  const log = createLogger(config.log.level);
  process.once('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a bug ended the agent; please report it');
    process.exit(EXIT.internal);
  });
  const audience = watchAudience(log);
  const station = new Station(config, {
    logger: log,
    onRecord: (record) => {
      if (audience.isThere) show(record, options.json === true);
    },
  });
  await station.start();
  const agent = new Agent(config, localChannel(station), log, {
    leases: station.leaseHistory(),
    learned: station.learned(),
  });
  agent.start();
  log.info(
    { version: version(), store: config.store.path, influxdb: config.influxdb.url ?? 'off' },
    'bridgewatch runs',
  );
  const stopHeartbeat = startHeartbeat(
    heartbeatPath(config.store.path),
    () => [...agent.problems(), ...stationProblems(station)],
    (error) => log.warn({ err: error }, 'the heartbeat file cannot be written; the health check will fail'),
  );
  // Without a list there is nothing to read again, and the signal keeps its meaning: the terminal went.
  if (config.threat_lists.lists.length > 0) process.on('SIGHUP', () => agent.reloadThreatLists());
  const signal = await endSignal();
  log.info({ signal }, 'stopping');
  await agent.stop();
  await station.stop();
  stopHeartbeat();
}

/** Other commands end with the reader of their stdout; the agent goes on without one. */
function watchAudience(log: Logger): { isThere: boolean } {
  const audience = { isThere: true };
  process.stdout.removeAllListeners('error');
  process.stdout.on('error', (error) => {
    if (audience.isThere)
      log.warn({ err: error }, 'nobody reads stdout any more; findings go to the database');
    audience.isThere = false;
  });
  return audience;
}

/** Findings as they come. stdout is for people and pipes; the store keeps everything. */
function show(record: AgentRecord, json: boolean): void {
  if (record.kind !== 'finding') return;
  const text = serializeRecord(record);
  printLine(json ? text : findingText(parseRecord(text) as PublicFinding));
}

function stationProblems(station: Station): string[] {
  const status = station.status();
  if (status === undefined) return [];
  const store = status.store.problem === undefined ? [] : [status.store.problem];
  return [
    ...store,
    ...status.sinks.flatMap(({ sink, problem }) => (problem === undefined ? [] : [`${sink}: ${problem}`])),
  ];
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
