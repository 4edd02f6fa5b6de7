/** `audit --against FILE` and `--save FILE`: what is held against the host, and what is kept of it. */
import { hostname } from 'node:os';
import { counted } from '../../model/readable.ts';
import { wallMicros } from '../../model/time.ts';
import type { Audit } from '../../sensor/audit/audit.ts';
import {
  readSavedState,
  type SavedState,
  StateFileError,
  writeSavedState,
} from '../../sensor/audit/drift/saved-state.ts';
import { type AuditFacts, known } from '../../sensor/audit/facts.ts';
import { complain } from '../lib/output.ts';

/** Before anything else is done: who names a file wants it compared, and no audit without. */
export async function baselineFrom(file: string): Promise<() => Promise<AuditFacts['baseline']>> {
  const { host, savedAt, state }: SavedState = await readSavedState(file);
  if (host !== hostname()) complain(`${file} was saved on ${host}, and this is ${hostname()}`);
  return async () => known({ file, savedAt, state });
}

/** A state with something missing would have it come back as a change: then nothing is kept. */
export async function keepState(file: string, { state, engineVersion }: Audit): Promise<void> {
  if (!state.ok)
    throw new StateFileError(`the state is not saved in ${file}: ${state.reason}. ${state.remedy}`);
  const { networks, services } = state.value;
  await writeSavedState(file, {
    ...{ savedAt: wallMicros(), host: hostname(), state: state.value },
    ...(engineVersion === undefined ? {} : { engineVersion }),
  });
  const what = `${counted(networks.length, 'network')} and ${counted(services.length, 'service')}`;
  complain(`the state of ${what} is saved in ${file}; compare with --against ${file}`);
}
