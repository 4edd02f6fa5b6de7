/**
 * Whether an update is worth a message to people: that a count rose is not, that severity or kind did is, and that it
 * was muted or no longer is. While somebody is on it no update is. What was told of each open finding is remembered in
 * memory only, so after a restart the next update of each is told.
 */
import { type PublicFinding, parseRecord } from '../../../model/serialize.ts';
import type { Delivery } from '../../entry.ts';

/** As many findings as are open at once by default (findings.max_open), at some 100 bytes each. */
const MAX_KNOWN = 10_000;

export class ToldFindings {
  readonly #told = new Map<string, string>();

  /** The batch without updates that say nothing new to who is told the records before them. */
  worthTelling(batch: readonly Delivery[]): readonly Delivery[] {
    const inBatch = new Map<string, string>();
    return batch.filter(({ text }) => {
      const finding = parseRecord(text) as PublicFinding;
      if (isTakenCareOf(finding)) return false;
      const gist = gistOf(finding);
      const isRepeat =
        finding.status === 'update' && (inBatch.get(finding.id) ?? this.#told.get(finding.id)) === gist;
      inBatch.set(finding.id, gist);
      return !isRepeat;
    });
  }

  /** They arrived. */
  told(deliveries: readonly Delivery[]): void {
    for (const { text } of deliveries) this.#tell(parseRecord(text) as PublicFinding);
  }

  #tell(finding: PublicFinding): void {
    this.#told.delete(finding.id);
    if (finding.status === 'closed') return;
    this.#told.set(finding.id, gistOf(finding));
    if (this.#told.size <= MAX_KNOWN) return;
    for (const oldest of this.#told.keys()) {
      this.#told.delete(oldest);
      break;
    }
  }
}

/** A rise in severity ends the acknowledgement, as its return does: those records do not bear it. */
function isTakenCareOf({ status, acknowledged, muted }: PublicFinding): boolean {
  return status === 'update' && acknowledged !== undefined && muted?.begins !== true;
}

function gistOf({ severity, message, muted }: PublicFinding): string {
  return `${severity} ${message} ${muted?.id ?? ''}`;
}
