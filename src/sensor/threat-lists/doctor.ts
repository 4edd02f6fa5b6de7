/** Whether the lists that the configuration names can be used, what they hold, and what of them was passed over. */
import type { Diagnosis } from '../../model/diagnosis.ts';
import type { ThreatListConfig, ThreatListsConfig } from './config.ts';
import { asListError, readListFile } from './list-file.ts';
import { ageProblem, remarksOn } from './threat-lists.ts';

/** `now`: wall clock, milliseconds. */
export async function diagnoseThreatLists(config: ThreatListsConfig, now: number): Promise<Diagnosis[]> {
  if (config.lists.length === 0) {
    const detail = 'off; name files in threat_lists.lists to be told who talks with what they list';
    return [{ check: 'threat lists', outcome: 'ok', detail }];
  }
  const found: Diagnosis[] = [];
  for (const list of config.lists) found.push(await one(list, config, now));
  return found;
}

async function one(list: ThreatListConfig, config: ThreatListsConfig, now: number): Promise<Diagnosis> {
  const check = `threat list ${list.name}`;
  try {
    const { set, format, version } = await readListFile(list, {
      maxFileBytes: config.max_file_bytes,
      maxIndicators: config.max_indicators,
    });
    const changed = new Date(version.mtimeMs).toISOString().slice(0, 16);
    const held = `${format}: addresses ${set.addressCount}, networks ${set.networkCount}, names ${set.nameCount}; changed ${changed}Z`;
    const old = ageProblem(list, version, now);
    const remarks = [...remarksOn(set), ...(old === undefined ? [] : [old])];
    if (remarks.length === 0) return { check, outcome: 'ok', detail: held };
    return {
      check,
      outcome: 'warn',
      detail: `${held}. ${remarks.join('; ')}`,
      advice: `look at the lines of ${list.path}; what is understood is used all the same`,
    };
  } catch (error) {
    // It says what to do itself.
    return { check, outcome: 'fail', detail: asListError(list.path, error).message };
  }
}
