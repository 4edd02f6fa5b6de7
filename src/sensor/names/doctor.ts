/** Whether the .mmdb files that the configuration names can be used, and how old they are. */
import { basename } from 'node:path';
import type { Diagnosis } from '../../model/diagnosis.ts';
import type { GeoConfig } from '../config.ts';
import { openMmdb } from './mmdb-file.ts';

const DAY_MS = 86_400_000;

/** `now`: wall clock, milliseconds. */
export function diagnoseGeo(config: GeoConfig, now: number): Diagnosis[] {
  if (config.databases.length === 0) {
    const detail = 'off; name .mmdb files in geo.databases to see country and operator of outside addresses';
    return [{ check: 'geo', outcome: 'ok', detail }];
  }
  return config.databases.map((path) => one(path, config.max_age_days, now));
}

function one(path: string, maxAgeDays: number, now: number): Diagnosis {
  const check = `geo ${basename(path)}`;
  try {
    const { type, builtAt } = openMmdb(path);
    const ageDays = Math.floor((now - builtAt) / DAY_MS);
    const built = new Date(builtAt).toISOString().slice(0, 10);
    const detail = `${type} of ${built}`;
    if (ageDays <= maxAgeDays) return { check, outcome: 'ok', detail };
    return {
      check,
      outcome: 'warn',
      detail: `${detail}, ${ageDays} days old: some addresses have moved since`,
      advice: `put a newer one at ${path}; it is taken up within a minute, without a restart (geo.max_age_days is ${maxAgeDays})`,
    };
  } catch (error) {
    // It says what to do itself.
    return { check, outcome: 'fail', detail: error instanceof Error ? error.message : String(error) };
  }
}
