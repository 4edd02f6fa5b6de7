/**
 * One sink's place in the log of durable records. Findings are in the database before a sink is given them, so they
 * outlive an outage and a restart; the place moves only when the sink has taken them (at least once, never less).
 * While the disk refuses writes, the log continues in the write buffer: a full disk must not silence a finding.
 */
import type { Database } from 'better-sqlite3';
import type { Fifo } from '../../model/fifo.ts';
import type { DurableLane } from '../../model/lane.ts';
import type { RecordKind } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import type { Delivery } from '../entry.ts';
import type { DurableEntry } from './rows.ts';

export interface DurableDelivery extends Delivery {
  readonly seq: number;
}

/** What an outbox needs of the store. */
export interface DurableLog {
  /** Absent while the database cannot be opened. */
  readonly db: Database | undefined;
  readonly isFailing: boolean;
  /** Accepted, not yet written. */
  unwritten(lane: DurableLane): Fifo<DurableEntry>;
  /** Highest number given so far. */
  readonly lastSeq: number;
  reportFailure(error: unknown): void;
}

export interface Skipped {
  readonly count: number;
  readonly first: Micros;
  readonly last: Micros;
}

export interface Waiting {
  readonly count: number;
  /** Of the records, not of their coming. */
  readonly oldest: Micros | undefined;
}

const NOBODY_WAITS: Waiting = { count: 0, oldest: undefined };

interface Row {
  readonly seq: number;
  readonly kind: RecordKind;
  readonly time_us: Micros;
  readonly tie: number;
  readonly record: string;
}

export class Outbox {
  readonly sink: string;
  readonly lane: DurableLane;
  readonly #log: DurableLog;
  readonly #kinds: ReadonlySet<RecordKind>;
  #cursor: number;
  #isSaved = true;

  constructor(
    log: DurableLog,
    sink: string,
    lane: DurableLane,
    kinds: ReadonlySet<RecordKind>,
    cursor: number,
  ) {
    this.#log = log;
    this.sink = sink;
    this.lane = lane;
    this.#kinds = kinds;
    this.#cursor = cursor;
  }

  /** Everything up to here was taken, or skipped by the bound. */
  get cursor(): number {
    // Who wants nothing of this lane keeps nothing in it from expiring.
    return this.#kinds.size === 0 ? this.#log.lastSeq : this.#cursor;
  }

  /** The next records in order, without taking them; at least one when there is any. */
  read(maxRecords: number, maxBytes: number): readonly DurableDelivery[] {
    const { db, isFailing } = this.#log;
    const found: DurableDelivery[] = [];
    if (db !== undefined) {
      try {
        let bytes = 0;
        const select = db.prepare<[number, number], Row>(this.#selectSql('seq, kind, time_us, tie, record'));
        for (const row of select.iterate(this.#cursor, maxRecords)) {
          bytes += row.record.length;
          if (found.length > 0 && bytes > maxBytes) return found;
          found.push({ seq: row.seq, kind: row.kind, time: row.time_us, tie: row.tie, text: row.record });
        }
      } catch (error) {
        this.#log.reportFailure(error);
        return [];
      }
    }
    if (found.length >= maxRecords) return found;
    if (isFailing) this.#readUnwritten(found, maxRecords, maxBytes);
    else if (found.length === 0) this.#moveTo(this.#caughtUpSeq());
    return found;
  }

  /** The sink has these; returns how many of them had not been skipped meanwhile. */
  settle(deliveries: readonly DurableDelivery[]): number {
    const taken = deliveries.filter(({ seq }) => seq > this.#cursor).length;
    const last = deliveries.at(-1);
    if (last !== undefined) this.#moveTo(last.seq);
    this.save();
    return taken;
  }

  /** How many wait. Reads an index of that many entries; for status and bounds, not for each record. */
  count(): number {
    return this.waiting().count;
  }

  /** How many wait, and the time of the oldest of them. As costly as `count`. */
  waiting(): Waiting {
    const { db } = this.#log;
    let { count, oldest } = db === undefined ? NOBODY_WAITS : this.#waitingInFile(db);
    const unwritten = this.#log.unwritten(this.lane);
    for (let i = 0; i < unwritten.length; i++) {
      const entry = unwritten.at(i)!;
      if (entry.seq <= this.#cursor || !this.#kinds.has(entry.kind)) continue;
      count += 1;
      oldest = Math.min(oldest ?? entry.time, entry.time);
    }
    return { count, oldest };
  }

  #waitingInFile(db: Database): Waiting {
    const { count, oldest } = db
      .prepare(
        `SELECT count(*) AS count, min(time_us) AS oldest FROM events
         WHERE kind IN (${this.#kindList()}) AND +seq > ?`,
      )
      .get(this.#cursor) as { count: number; oldest: Micros | null };
    return { count, oldest: oldest ?? undefined };
  }

  /** Gives up the oldest beyond `max`, so that a sink that never comes back cannot fill the disk. */
  skipBeyond(max: number): Skipped | undefined {
    const { db, lastSeq } = this.#log;
    // Numbers are given in order, so this difference is an upper bound that costs nothing.
    if (db === undefined || lastSeq - this.#cursor <= max) return undefined;
    const excess = this.count() - max;
    if (excess <= 0) return undefined;
    const row = db
      .prepare(
        `SELECT count(*) AS count, min(time_us) AS first, max(time_us) AS last, max(seq) AS seq
         FROM (${this.#selectSql('seq, time_us')})`,
      )
      .get(this.#cursor, excess) as { count: number; first: Micros; last: Micros; seq: number | null };
    if (row.seq === null) return undefined;
    this.#moveTo(row.seq);
    this.save();
    return { count: row.count, first: row.first, last: row.last };
  }

  /** Passes over what is stored already: for a sink that is new and wants only what comes. */
  skipBacklog(): void {
    this.#moveTo(this.#log.lastSeq);
    // Where it began is to be known even when nothing was stored: it is not new at the next start.
    this.#isSaved = false;
    this.save();
  }

  /** Without a wait for the disk: losing it means sending a batch twice, which overwrites itself. */
  save(): void {
    const { db, isFailing } = this.#log;
    if (this.#isSaved || db === undefined || isFailing || this.#kinds.size === 0) return;
    try {
      db.prepare(
        `INSERT INTO cursors (sink, lane, seq) VALUES (?, ?, ?)
         ON CONFLICT (sink, lane) DO UPDATE SET seq = excluded.seq`,
      ).run(this.sink, this.lane, this.#cursor);
      this.#isSaved = true;
    } catch (error) {
      this.#log.reportFailure(error);
    }
  }

  #moveTo(seq: number): void {
    if (seq <= this.#cursor) return;
    this.#cursor = seq;
    this.#isSaved = false;
  }

  /** The place before the first record of this lane that is not in the database. */
  #caughtUpSeq(): number {
    const first = this.#log.unwritten(this.lane).at(0);
    return first === undefined ? this.#log.lastSeq : first.seq - 1;
  }

  #readUnwritten(found: DurableDelivery[], maxRecords: number, maxBytes: number): void {
    const unwritten = this.#log.unwritten(this.lane);
    let bytes = found.reduce((sum, { text }) => sum + text.length, 0);
    for (let i = 0; i < unwritten.length && found.length < maxRecords; i++) {
      const entry = unwritten.at(i)!;
      if (entry.seq <= this.#cursor || !this.#kinds.has(entry.kind)) continue;
      bytes += entry.text.length;
      if (found.length > 0 && bytes > maxBytes) return;
      const { seq, kind, time, tie, text } = entry;
      found.push({ seq, kind, time, tie, text });
    }
  }

  #selectSql(columns: string): string {
    return `SELECT ${columns} FROM events WHERE seq > ? AND kind IN (${this.#kindList()}) ORDER BY seq LIMIT ?`;
  }

  /** Kinds are words of ours, never input. */
  #kindList(): string {
    return [...this.#kinds].map((kind) => `'${kind}'`).join(', ');
  }
}

/** Undefined for a sink that is new. */
export function savedCursor(db: Database, sink: string, lane: DurableLane): number | undefined {
  const seq = db.prepare('SELECT seq FROM cursors WHERE sink = ? AND lane = ?').pluck().get(sink, lane);
  return typeof seq === 'number' ? seq : undefined;
}

/** Deletes the places of all other sinks and returns their names. */
export function forgetCursors(db: Database, keep: readonly string[]): string[] {
  const known = db.prepare('SELECT DISTINCT sink FROM cursors').pluck().all() as string[];
  const gone = known.filter((sink) => !keep.includes(sink));
  for (const sink of gone) db.prepare('DELETE FROM cursors WHERE sink = ?').run(sink);
  return gone;
}
