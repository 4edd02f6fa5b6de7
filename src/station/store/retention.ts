/**
 * Keeps the database within its age and its size. Works in small transactions with a budget of time, because
 * SQLite is synchronous and the process has captures to serve. Flows and DNS go first, then other events, then leases,
 * then findings, and the audit trail last: what was decided about them, whose packets were put aside. A durable record
 * that a sink has not taken is never deleted (the bound on those is the outbox's), nor is a lease that is still held, nor
 * the record of a file of evidence that is there.
 */
import type { Database } from 'better-sqlite3';
import type { DurableLane } from '../../model/lane.ts';
import type { RecordKind } from '../../model/record.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { StoreConfig } from '../config.ts';
import { deleteOldestFlows } from './flow-index/expiry.ts';

/** Highest place in the log that every sink has taken, for each lane. */
export type Delivered = Readonly<Record<DurableLane, number>>;

const ROWS_PER_STEP = 500;
const PAGES_PER_STEP = 256;
/** Deleting stops that far below the limit, so that it does not begin again at once. */
const SIZE_TARGET = 0.95;
/** Beyond this deleting does not keep pace with what comes. */
const SIZE_HARD_LIMIT = 1.2;
const DAY: Micros = 86_400 * MICROS_PER_SECOND;

const EVENT_KINDS: readonly RecordKind[] = [
  'loss',
  'anomaly',
  'inventory',
  'coverage',
  'no-route',
  'blocked',
  'listener',
  'lease',
  'spoof',
  'audit-run',
];

export interface Room {
  /** There is more to delete than there was time for. */
  readonly isBehind: boolean;
  /** The database is so much too big that flows and DNS must be refused. */
  readonly isOverHardLimit: boolean;
}

/**
 * `budgetMs`: how long it may take; a step that has begun is ended, and `leastRows` go in any case: on a busy machine the same
 * time is less work, and what is written must not outrun what is deleted.
 */
export function keepWithinBounds(
  db: Database,
  config: StoreConfig,
  now: Micros,
  delivered: Delivered,
  budgetMs: number,
  leastRows = 0,
): Room {
  const until = performance.now() + budgetMs;
  let deleted = 0;
  const step = (work: () => number) => {
    const rows = work();
    deleted += rows;
    return rows > 0 && (deleted < leastRows || performance.now() < until);
  };
  while (step(() => deleteExpired(db, config, now, delivered)));
  const maxBytes = config.max_bytes;
  if (usedBytes(db) > maxBytes) {
    while (usedBytes(db) > maxBytes * SIZE_TARGET && step(() => deleteOldest(db, delivered)));
  }
  const isBehind = performance.now() >= until;
  // What is written next takes the free pages; to give them back meanwhile would be work for nothing.
  if (!isBehind) returnPages(db);
  return { isBehind, isOverHardLimit: usedBytes(db) > maxBytes * SIZE_HARD_LIMIT };
}

/** Bytes of the pages that hold something. Beside the file there is the write-ahead log, usually below 8 MiB. */
export function usedBytes(db: Database): number {
  const pages = db.pragma('page_count', { simple: true }) as number;
  const pageBytes = db.pragma('page_size', { simple: true }) as number;
  return (pages - freePages(db)) * pageBytes;
}

/** Deletes what is too old, one step; returns how many rows. */
function deleteExpired(db: Database, config: StoreConfig, now: Micros, delivered: Delivered): number {
  let deleted = deleteOldestBulk(db, 'flows', now - config.flow_retention_days * DAY);
  deleted += deleteOldestBulk(db, 'dns', now - config.dns_retention_days * DAY);
  const eventLimit = now - config.event_retention_days * DAY;
  for (const kind of EVENT_KINDS) deleted += deleteOldestEvents(db, kind, eventLimit, delivered.event);
  const leaseLimit = now - config.lease_retention_days * DAY;
  deleted += deleteOldestLeases(db, leaseLimit) + deleteOldNetworks(db, leaseLimit);
  const findingLimit = now - config.finding_retention_days * DAY;
  deleted += deleteOldestEvents(db, 'finding', findingLimit, delivered.finding);
  return deleted + deleteOldestOfTrail(db, findingLimit, delivered.event);
}

/** Deletes the oldest that may go, one step; 0 means that nothing may. */
function deleteOldest(db: Database, delivered: Delivered): number {
  const flow = oldestTime(db, 'flows');
  const dns = oldestTime(db, 'dns');
  if (flow !== undefined || dns !== undefined) {
    const table = (flow ?? Number.POSITIVE_INFINITY) <= (dns ?? Number.POSITIVE_INFINITY) ? 'flows' : 'dns';
    return deleteOldestBulk(db, table, Number.MAX_SAFE_INTEGER);
  }
  for (const kind of EVENT_KINDS) {
    const deleted = deleteOldestEvents(db, kind, Number.MAX_SAFE_INTEGER, delivered.event);
    if (deleted > 0) return deleted;
  }
  const leases = deleteOldestLeases(db, Number.MAX_SAFE_INTEGER);
  if (leases > 0) return leases;
  const findings = deleteOldestEvents(db, 'finding', Number.MAX_SAFE_INTEGER, delivered.finding);
  if (findings > 0) return findings;
  return deleteOldestOfTrail(db, Number.MAX_SAFE_INTEGER, delivered.event);
}

/** Gives free pages back to the file system, one step. A few stay, the next rows need them. */
function returnPages(db: Database): void {
  if (freePages(db) > PAGES_PER_STEP) db.pragma(`incremental_vacuum(${PAGES_PER_STEP})`);
}

function freePages(db: Database): number {
  return db.pragma('freelist_count', { simple: true }) as number;
}

function oldestTime(db: Database, table: 'flows' | 'dns'): Micros | undefined {
  const time = db.prepare(`SELECT min(time_us) FROM ${table}`).pluck().get() as Micros | null;
  return time ?? undefined;
}

function deleteOldestBulk(db: Database, table: 'flows' | 'dns', before: Micros): number {
  if (table === 'flows') return deleteOldestFlows(db, before, ROWS_PER_STEP);
  return db
    .prepare('DELETE FROM dns WHERE seq IN (SELECT seq FROM dns WHERE time_us < ? ORDER BY time_us LIMIT ?)')
    .run(before, ROWS_PER_STEP).changes;
}

/** Those that are over; comparing with null is never true, so what is held stays. */
function deleteOldestLeases(db: Database, before: Micros): number {
  return db
    .prepare(
      'DELETE FROM leases WHERE seq IN (SELECT seq FROM leases WHERE to_us < ? ORDER BY to_us LIMIT ?)',
    )
    .run(before, ROWS_PER_STEP).changes;
}

/** Networks and watches that ended; few, and of no use without the leases of their time. */
function deleteOldNetworks(db: Database, before: Micros): number {
  const networks = db
    .prepare(
      'DELETE FROM networks WHERE id IN (SELECT id FROM networks WHERE removed_us < ? ORDER BY removed_us LIMIT ?)',
    )
    .run(before, ROWS_PER_STEP).changes;
  const watches = db
    .prepare(
      'DELETE FROM watches WHERE id IN (SELECT id FROM watches WHERE alive_us < ? ORDER BY id LIMIT ?)',
    )
    .run(before, ROWS_PER_STEP).changes;
  return networks + watches;
}

/** Those that hold no more, and whose finding is gone: the audit trail outlives what it is about. */
function deleteOldestOfTrail(db: Database, before: Micros, upToSeq: number): number {
  return db
    .prepare(
      `DELETE FROM events WHERE seq IN (
         SELECT seq FROM events WHERE kind IN ('decision', 'evidence') AND time_us < ? AND seq <= ?
           AND (finding_id IS NULL OR finding_id NOT IN (SELECT id FROM findings))
           AND json_extract(record, '$.id') NOT IN (SELECT id FROM mutes)
           AND seq NOT IN (SELECT seq FROM evidence)
         ORDER BY time_us LIMIT ?)`,
    )
    .run(before, upToSeq, ROWS_PER_STEP).changes;
}

function deleteOldestEvents(db: Database, kind: RecordKind, before: Micros, upToSeq: number): number {
  return db.transaction(() => {
    const seqs = db
      .prepare('SELECT seq FROM events WHERE kind = ? AND time_us < ? AND seq <= ? ORDER BY time_us LIMIT ?')
      .pluck()
      .all(kind, before, upToSeq, ROWS_PER_STEP) as number[];
    const dropEvent = db.prepare('DELETE FROM events WHERE seq = ?');
    const dropState = db.prepare('DELETE FROM findings WHERE seq = ?');
    for (const seq of seqs) {
      dropEvent.run(seq);
      if (kind === 'finding') dropState.run(seq);
    }
    return seqs.length;
  })();
}
