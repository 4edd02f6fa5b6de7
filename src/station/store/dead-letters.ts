/**
 * What a sink's peer refused for good, with the peer's words; the latest 1,000 of each sink. Each once, though a kill
 * between keeping it and remembering that it was dealt with brings it again. While the disk refuses, they wait in memory.
 */
import type { Database } from 'better-sqlite3';
import { Fifo } from '../../model/fifo.ts';
import type { Micros } from '../../model/time.ts';
import type { Delivery } from '../entry.ts';

const MAX_DEAD_LETTERS = 1000;

interface DeadLetter {
  readonly sink: string;
  readonly at: Micros;
  readonly delivery: Delivery;
  readonly reason: string;
}

export class DeadLetters {
  readonly #waiting = new Fifo<DeadLetter>();

  add(letter: DeadLetter): void {
    this.#waiting.push(letter);
    // The table would not keep more of them either.
    if (this.#waiting.length > MAX_DEAD_LETTERS) this.#waiting.shift();
  }

  /** Throws when the disk refuses; what is not written waits on then. */
  writeAll(db: Database): void {
    for (let next = this.#waiting.at(0); next !== undefined; next = this.#waiting.at(0)) {
      write(db, next);
      this.#waiting.shift();
    }
  }
}

function write(db: Database, { sink, at, delivery, reason }: DeadLetter): void {
  const { kind, time, tie, text } = delivery;
  db.prepare(
    `INSERT INTO dead_letters (sink, at_us, kind, time_us, tie, reason, record)
     SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS
       (SELECT 1 FROM dead_letters WHERE sink = ? AND kind = ? AND time_us = ? AND tie = ? AND record = ?)`,
  ).run(sink, at, kind, time, tie, reason, text, sink, kind, time, tie, text);
  db.prepare(
    `DELETE FROM dead_letters WHERE sink = ? AND id <=
       (SELECT id FROM dead_letters WHERE sink = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
  ).run(sink, sink, MAX_DEAD_LETTERS);
}
