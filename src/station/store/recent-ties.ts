/** Which numbers within a microsecond are taken, of late; see `Delivery.tie`. */
import type { Database } from 'better-sqlite3';
import type { Micros } from '../../model/time.ts';

/** As many as a tie breaker remembers, and some. */
const ROWS = 5000;

export function recentTies(db: Database): { readonly time: Micros; readonly freeTie: number }[] {
  return db
    .prepare(
      `SELECT time_us AS time, max(tie) + 1 AS freeTie
       FROM (SELECT time_us, tie FROM events ORDER BY seq DESC LIMIT ?) GROUP BY time_us ORDER BY time_us`,
    )
    .all(ROWS) as { time: Micros; freeTie: number }[];
}
