/**
 * Which evidence goes first when there is too much. Least severe first, and of the same severity the oldest: by age
 * alone, whoever causes many small findings would push out what a grave one left behind. What somebody asked for counts
 * as high: it was wanted, and is there to be copied out. Age alone decides in the end (store.evidence_retention_days).
 */
import { SEVERITIES } from '../../model/finding.ts';
import type { EvidenceRow } from '../store/evidence-rows.ts';

const ASKED_FOR = SEVERITIES.indexOf('high');

/** For `sort`. */
export function goesBefore(a: EvidenceRow, b: EvidenceRow): number {
  return rankOf(a) - rankOf(b) || a.time - b.time || (a.id < b.id ? -1 : 1);
}

function rankOf({ severity }: EvidenceRow): number {
  return severity ?? ASKED_FOR;
}
