/**
 * What the analyzers have learned, one row a key, the latest stands. What waits to be written is the latest of each key
 * only, so that a slow disk costs no more memory than the analyzers' own bounds.
 */
import type { Database } from 'better-sqlite3';
import type { Json, LearnedRecord } from '../../model/learned.ts';

/** A transaction of that many takes some milliseconds, in which nothing else in the process runs. */
const ROWS_PER_STEP = 250;
const TEXT_PER_STEP = 100_000;
/** A NUL is in no analyzer's id, nor in the name of a map. */
const SEPARATOR = '\0';

interface Step {
  readonly id: string;
  readonly record: LearnedRecord;
  /** Absent when it was forgotten. */
  readonly text: string | undefined;
}

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
    const step = this.#step();
    const keep = db.prepare(
      `INSERT INTO learned (analyzer, map, key, time_us, value) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (analyzer, map, key) DO UPDATE SET time_us = excluded.time_us, value = excluded.value`,
    );
    const forget = db.prepare('DELETE FROM learned WHERE analyzer = ? AND map = ? AND key = ?');
    db.transaction(() => {
      for (const { record, text } of step) {
        const { analyzer, map, key, time } = record;
        if (text === undefined) forget.run(analyzer, map, key);
        else keep.run(analyzer, map, key, time, text);
      }
    })();
    for (const { id, record } of step) {
      // What came while the disk was asked is newer, and waits.
      if (this.#waiting.get(id) === record) this.#waiting.delete(id);
    }
  }

  #step(): Step[] {
    const step: Step[] = [];
    let length = 0;
    for (const [id, record] of this.#waiting) {
      if (step.length >= ROWS_PER_STEP || length >= TEXT_PER_STEP) break;
      const text = record.value === undefined ? undefined : JSON.stringify(record.value);
      step.push({ id, record, text });
      length += text?.length ?? 0;
    }
    return step;
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
