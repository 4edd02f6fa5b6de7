/** What a sink's peer refused for good, with the peer's words; the latest 1,000 of each sink. */
import type { Database } from 'better-sqlite3';
import type { Micros } from '../../model/time.ts';
import type { Delivery } from '../entry.ts';

const MAX_DEAD_LETTERS = 1000;

export function addDeadLetter(
  db: Database,
  sink: string,
  at: Micros,
  delivery: Delivery,
  reason: string,
): void {
  const { kind, time, tie, text } = delivery;
  db.prepare(
    'INSERT INTO dead_letters (sink, at_us, kind, time_us, tie, reason, record) VALUES (?, ?, ?, ?, ?, ?, ?)',
  ).run(sink, at, kind, time, tie, reason, text);
  db.prepare(
    `DELETE FROM dead_letters WHERE sink = ? AND id <=
       (SELECT id FROM dead_letters WHERE sink = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
  ).run(sink, sink, MAX_DEAD_LETTERS);
}
