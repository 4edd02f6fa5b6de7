import type { Diagnosis } from '../model/diagnosis.ts';
import { escapeText } from '../model/escape.ts';
import { printableJson } from '../model/serialize.ts';
import { diagnoseSensor } from '../sensor/doctor.ts';
import { diagnoseStation } from '../station/doctor.ts';
import { createLogger } from '../telemetry/logger.ts';
import { EXIT } from './exit-codes.ts';
import { HEARTBEAT_STALE_MS, heartbeatPath, readHeartbeat } from './heartbeat.ts';
import { printLine } from './output.ts';
import { loadSettings, type SettingsOptions } from './settings.ts';

interface DoctorOptions extends SettingsOptions {
  readonly health?: boolean;
  readonly json?: boolean;
}

/** Exit 1 when something does not work; warnings are limits, not failures. */
export async function doctorCommand(options: DoctorOptions): Promise<void> {
  const config = loadSettings(options);
  const found =
    options.health === true
      ? [health(config.store.path)]
      : [...(await diagnoseSensor(config)), ...(await diagnoseStation(config, createLogger('silent')))];
  for (const diagnosis of found) {
    printLine(
      options.json === true ? printableJson({ kind: 'diagnosis', ...diagnosis }) : diagnosisText(diagnosis),
    );
  }
  if (found.some(({ outcome }) => outcome === 'fail')) process.exitCode = EXIT.negative;
}

function diagnosisText({ check, outcome, detail, advice }: Diagnosis): string {
  const line = `${outcome.padEnd(5)} ${escapeText(check)}: ${escapeText(detail, 2000)}`;
  return advice === undefined ? line : `${line}\n      -> ${escapeText(advice, 500)}`;
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
