/**
 * Leases that an earlier run left open: between its last sign of life and the next list nobody knows who held what.
 * They are closed as uncertain when the next station starts, and given to the sensor, which may find them unchanged
 * and go on with them under the same id.
 */
import type { Database } from 'better-sqlite3';
import type { LeaseHistory, LeaseRecord } from '../../model/lease.ts';
import type { Micros } from '../../model/time.ts';
import { readLease } from './lease-rows.ts';
import { lastWatch } from './watch-log.ts';

/** To be read before they are closed. `closedSince`: how old the ends of the others may be. */
export function readHistory(db: Database, closedSince: Micros): LeaseHistory {
  const rows = db
    .prepare('SELECT facts FROM leases WHERE to_us IS NULL OR to_us >= ? ORDER BY from_us, seq')
    .pluck()
    .all(closedSince) as string[];
  const leases = rows.map(readLease);
  const knownUntil = lastSign(db, leases);
  return { leases, ...(knownUntil === undefined ? {} : { knownUntil }) };
}

/** What stands for those left open until somebody says more. `now` is when it is written. */
export function* closedAsUncertain(history: LeaseHistory, now: Micros): Generator<LeaseRecord> {
  for (const lease of history.leases) {
    if (lease.to !== undefined) continue;
    // An interval never ends before it began, whatever two clocks say.
    yield {
      ...lease,
      time: now,
      to: Math.max(history.knownUntil ?? lease.time, lease.from),
      uncertain: true,
    };
  }
}

/** Networks that were there when the earlier run ended; those that still are will be told again. */
export function forgetPresence(db: Database, at: Micros): void {
  db.prepare('UPDATE networks SET removed_us = max(?, seen_us) WHERE removed_us IS NULL').run(at);
}

/** Something that was told of an open lease after the last sign is a sign too. */
function lastSign(db: Database, leases: readonly LeaseRecord[]): Micros | undefined {
  const told = leases.filter(({ to }) => to === undefined).map(({ time }) => time);
  const watch = lastWatch(db);
  if (watch !== undefined) told.push(watch.aliveAt);
  return told.length === 0 ? undefined : told.reduce((a, b) => Math.max(a, b));
}
