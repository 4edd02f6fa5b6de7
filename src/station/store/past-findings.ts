/** What the sensor is told of the findings before it, so that it goes on with those that it sees again. */
import type { Database } from 'better-sqlite3';
import { MAX_PAST_FINDINGS, type PastFinding } from '../../model/past-finding.ts';
import { type PublicFinding, parseRecord } from '../../model/serialize.ts';
import { type Micros, parseMicros } from '../../model/time.ts';
import { ABANDONED } from './leftover-findings.ts';

/** In the order in which they were told last: the latest, where there are more. */
export function pastFindings(db: Database, since: Micros, max = MAX_PAST_FINDINGS): PastFinding[] {
  const rows = db
    .prepare<[Micros, number], string>(
      `SELECT events.record FROM findings JOIN events ON events.seq = findings.seq
       WHERE events.time_us >= ? ORDER BY findings.seq DESC LIMIT ?`,
    )
    .pluck();
  const found: PastFinding[] = [];
  for (const record of rows.iterate(since, max)) {
    const { id, analyzer, key, firstSeen, lastSeen, count, severity, exception, status, reason } =
      parseRecord(record) as PublicFinding;
    found.push({
      id,
      analyzer,
      key,
      firstSeen: parseMicros(firstSeen)!,
      lastSeen: parseMicros(lastSeen)!,
      count,
      severity: exception?.severity ?? severity,
      wasOpen: status !== 'closed' || reason === ABANDONED,
    });
  }
  return found.reverse();
}
