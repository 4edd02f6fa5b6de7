import type { Config } from '../config/schema.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import { escapeText } from '../model/escape.ts';
import { printableJson } from '../model/serialize.ts';
import { diagnoseSensor } from '../sensor/doctor.ts';
import { diagnoseStation } from '../station/doctor.ts';
import { createLogger } from '../telemetry/logger.ts';
import { EXIT } from './exit-codes.ts';
import { HEARTBEAT_STALE_MS, heartbeatPath, readHeartbeat } from './heartbeat.ts';
import { printLine } from './output.ts';
import type { DiagnosisRecord } from './records.ts';
import { loadSettings, type SettingsOptions } from './settings.ts';
import { asSinkUser } from './sink-files.ts';
import { diagnoseStationUser, stationProcessOf } from './station-user.ts';

/** Names of networks have no limit. */
const MAX_CHECK_WIDTH = 40;

interface DoctorOptions extends SettingsOptions {
  readonly health?: boolean;
  readonly json?: boolean;
}

/** Exit 1 when something does not work; warnings are limits, not failures. */
export async function doctorCommand(options: DoctorOptions): Promise<void> {
  const config = loadSettings(options);
  const found = options.health === true ? [health(config.store.path)] : await diagnoseAll(config);
  if (options.json === true) {
    for (const diagnosis of found) {
      const record: DiagnosisRecord = { kind: 'diagnosis', ...diagnosis };
      printLine(printableJson(record));
    }
  } else printLine(diagnosesText(found));
  if (found.some(({ outcome }) => outcome === 'fail')) process.exitCode = EXIT.negative;
}

async function diagnoseAll(config: Config): Promise<readonly Diagnosis[]> {
  const sensor = await diagnoseSensor(config);
  const stationProcess = stationProcessOf(config);
  const station = await diagnoseStation(config, createLogger('silent'));
  return [
    ...sensor,
    diagnoseStationUser(stationProcess),
    ...asSinkUser(station, config, stationProcess.user),
  ];
}

/** Outcome, check and detail in columns; below a detail what to do about it. */
function diagnosesText(found: readonly Diagnosis[]): string {
  const checks = found.map(({ check }) => escapeText(check, MAX_CHECK_WIDTH));
  const width = Math.max(...checks.map(({ length }) => length));
  return found
    .flatMap(({ outcome, detail, advice }, i) => {
      const line = `${outcome.padEnd(4)}  ${checks[i]!.padEnd(width)}  ${escapeText(detail, 2000)}`;
      return advice === undefined ? [line] : [line, `${' '.repeat(width + 8)}-> ${escapeText(advice, 500)}`];
    })
    .join('\n');
}

function health(storePath: string): Diagnosis {
  const check = 'agent';
  const heartbeat = readHeartbeat(heartbeatPath(storePath));
  if ('missing' in heartbeat) return { check, outcome: 'fail', detail: heartbeat.missing };
  const age = Date.now() - heartbeat.time;
  const { pid, problems } = heartbeat;
  if (age > HEARTBEAT_STALE_MS) {
    return {
      check,
      outcome: 'fail',
      detail: `pid ${pid} gave its last sign of life ${Math.round(age / 1000)} s ago`,
    };
  }
  if (problems.length > 0)
    return { check, outcome: 'warn', detail: `pid ${pid} lives; ${problems.join('; ')}` };
  return { check, outcome: 'ok', detail: `pid ${pid} lives` };
}
