/** As whom the station's process is run: the same answer for `run`, which starts it, and for `doctor`, which tells. */
import { type UnprivilegedCommand, unprivilegedCommand } from '../../channel/unprivileged.ts';
import type { Config } from '../../config/schema.ts';
import type { Diagnosis } from '../../model/diagnosis.ts';

/** Where the configured user does not exist: every system has it. */
const LAST_RESORT = 'nobody';

export function stationProcessOf({ station, store }: Pick<Config, 'station' | 'store'>): UnprivilegedCommand {
  return unprivilegedCommand({
    file: process.execPath,
    args: [...process.execArgv, process.argv[1]!, 'station'],
    users: [station.user, LAST_RESORT],
    storePath: store.path,
    uid: process.getuid?.(),
  });
}

/** As an agent would do it that is started by who asks. */
export function diagnoseStationUser({
  user,
  notice,
}: Pick<UnprivilegedCommand, 'user' | 'notice'>): Diagnosis {
  const check = 'station';
  // It says what to do itself.
  if (notice !== undefined) return { check, outcome: 'warn', detail: notice };
  const who = user === undefined ? 'as the user of the agent' : `as ${user.name} (uid ${user.uid})`;
  return { check, outcome: 'ok', detail: `a process of its own, ${who}, without capabilities` };
}
