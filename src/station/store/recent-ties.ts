/** Which numbers within a microsecond are taken, of late; see `Delivery.tie`. */
import type { Database } from 'better-sqlite3';
import type { DurableLane } from '../../model/lane.ts';
import type { Micros } from '../../model/time.ts';

/** As many as a tie breaker remembers, and some. */
const ROWS = 5000;

export interface FreeTie {
  readonly lane: DurableLane;
  readonly time: Micros;
  readonly freeTie: number;
}

export function recentTies(db: Database): FreeTie[] {
  return db
    .prepare(
      `SELECT lane, time_us AS time, max(tie) + 1 AS freeTie
       FROM (SELECT iif(kind = 'finding', 'finding', 'event') AS lane, time_us, tie
             FROM events ORDER BY seq DESC LIMIT ?)
       GROUP BY lane, time_us ORDER BY time_us`,
    )
    .all(ROWS) as FreeTie[];
}
