/**
 * How far one run of the sensor was heard: the number of its last record in each lane, kept in the same transaction as
 * the records, so that a record that is told again after an accident is known, whatever died when.
 */
import type { Database } from 'better-sqlite3';
import type { DurableLane } from '../../model/lane.ts';

/** The lane under which the watch that goes on is kept. */
const WATCH = 'watch';

export class Progress {
  readonly run: string;
  /** The database knew this run already: the sensor goes on, only the station is new. */
  readonly goesOn: boolean;
  readonly #heard = { finding: 0, event: 0 };

  constructor(db: Database, run: string) {
    this.run = run;
    const rows = db.prepare('SELECT lane, seq FROM progress WHERE run = ?').all(run) as {
      lane: string;
      seq: number;
    }[];
    this.goesOn = rows.length > 0;
    for (const { lane, seq } of rows) if (lane === 'finding' || lane === 'event') this.#heard[lane] = seq;
  }

  /** False for what was heard before. */
  hear(lane: DurableLane, seq: number): boolean {
    if (seq <= this.#heard[lane]) return false;
    this.#heard[lane] = seq;
    return true;
  }

  /** Of another run nothing will be told again. */
  begin(db: Database): void {
    db.prepare('DELETE FROM progress WHERE run != ?').run(this.run);
    for (const lane of ['finding', 'event'] as const) this.write(db, lane, this.#heard[lane]);
  }

  /** In the transaction that holds the record. */
  write(db: Database, lane: DurableLane, seq: number): void {
    this.#put(db, lane, seq);
  }

  /** The row of the watch that goes on; 0 while no engine tells. */
  writeWatch(db: Database, id: number): void {
    this.#put(db, WATCH, id);
  }

  readWatch(db: Database): number {
    const seq = db
      .prepare('SELECT seq FROM progress WHERE run = ? AND lane = ?')
      .pluck()
      .get(this.run, WATCH);
    return typeof seq === 'number' ? seq : 0;
  }

  #put(db: Database, lane: string, seq: number): void {
    db.prepare(
      `INSERT INTO progress (run, lane, seq) VALUES (?, ?, ?)
       ON CONFLICT (run, lane) DO UPDATE SET seq = excluded.seq`,
    ).run(this.run, lane, seq);
  }
}
