import type { Config } from '../config/schema.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import { printableJson } from '../model/serialize.ts';
import { diagnoseSensor } from '../sensor/doctor.ts';
import { diagnoseStation } from '../station/doctor.ts';
import { createLogger } from '../telemetry/logger.ts';
import { diagnoseHeartbeat, diagnoseRunningAgent } from './doctor/running-agent.ts';
import { diagnosesText } from './lib/diagnoses-text.ts';
import { EXIT } from './lib/exit-codes.ts';
import { printLine } from './lib/output.ts';
import type { DiagnosisRecord } from './lib/records.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { asSinkUser } from './run/sink-files.ts';
import { diagnoseStationUser, stationProcessOf } from './run/station-user.ts';

interface DoctorOptions extends SettingsOptions {
  readonly health?: boolean;
  readonly json?: boolean;
}

/** Exit 1 when something does not work; warnings are limits, not failures. */
export async function doctorCommand(options: DoctorOptions): Promise<void> {
  const config = loadSettings(options);
  const found = options.health === true ? [diagnoseHeartbeat(config.store.path)] : await diagnoseAll(config);
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
    ...(await diagnoseRunningAgent(config.store.path, config.audit)),
  ];
}
