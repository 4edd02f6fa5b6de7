/**
 * What the analyzers have learned, one row a key, the latest stands. What waits to be written is the latest of each key
 * only, so that a slow disk costs no more memory than the analyzers' own bounds.
 */
import type { Database } from 'better-sqlite3';
import type { Json, LearnedRecord } from '../../model/learned.ts';

/** A transaction of that many takes some milliseconds, in which nothing else in the process runs. */
const ROWS_PER_STEP = 500;
/** A NUL is in no analyzer's id, nor in the name of a map. */
const SEPARATOR = '\0';

export class LearnedRows {
  readonly #waiting = new Map<string, LearnedRecord>();

  get waiting(): number {
    return this.#waiting.size;
  }

  add(record: LearnedRecord): void {
    this.#waiting.set([record.analyzer, record.map, record.key].join(SEPARATOR), record);
  }

  /** Throws when the disk refuses; all that was to be written waits on then. */
  writeSome(db: Database): void {
    if (this.#waiting.size === 0) return;
    const step = [...this.#waiting].slice(0, ROWS_PER_STEP);
    const keep = db.prepare(
      `INSERT INTO learned (analyzer, map, key, time_us, value) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (analyzer, map, key) DO UPDATE SET time_us = excluded.time_us, value = excluded.value`,
    );
    const forget = db.prepare('DELETE FROM learned WHERE analyzer = ? AND map = ? AND key = ?');
    db.transaction(() => {
      for (const [, { analyzer, map, key, time, value }] of step) {
        if (value === undefined) forget.run(analyzer, map, key);
        else keep.run(analyzer, map, key, time, JSON.stringify(value));
      }
    })();
    for (const [key, record] of step) {
      // What came while the disk was asked is newer, and waits.
      if (this.#waiting.get(key) === record) this.#waiting.delete(key);
    }
  }
}

interface Row {
  readonly analyzer: string;
  readonly map: string;
  readonly key: string;
  readonly time: number;
  readonly value: string;
}

/** In the order of their times, so that a map with less room than before keeps the newest. */
export function readLearned(db: Database): LearnedRecord[] {
  const rows = db
    .prepare(
      'SELECT analyzer, map, key, time_us AS time, value FROM learned ORDER BY time_us, analyzer, map, key',
    )
    .all() as Row[];
  return rows.map(({ value, ...row }) => ({ kind: 'learned', ...row, value: JSON.parse(value) as Json }));
}
