/**
 * What people decided, put on findings as they are kept: the marks `muted` and `acknowledged`. It holds what is decided
 * now; how that is said, kept and ended is decisions.ts.
 */
import { type Finding, SEVERITIES, type Severity } from '../../model/finding.ts';
import type { Micros } from '../../model/time.ts';
import { Mutes } from './mutes.ts';

export interface Acknowledgement {
  readonly id: string;
  readonly finding: string;
  readonly at: Micros;
  readonly by: string;
  readonly note?: string | undefined;
  /** Of the finding then: graver, it is told again. */
  readonly severity: Severity;
}

export interface Marked {
  readonly finding: Finding;
  /** The acknowledgement came to its end with this record, and why. */
  readonly ended?: { readonly acknowledgement: Acknowledgement; readonly why: string } | undefined;
}

/** Twice what findings are open at once by default; some 100 bytes each. Beyond it the oldest is taken for told. */
const MAX_QUIET = 20_000;

export class Marks {
  readonly mutes = new Mutes();
  readonly acknowledgements = new Map<string, Acknowledgement>();
  /** Open findings whose last record is muted: who is not told of those knows that they ended. */
  readonly #quiet = new Set<string>();

  /** What the sensor, or the end of it, tells of a finding. `isAbandoned`: nobody saw its end. */
  mark(told: Finding, now: Micros, { isAbandoned = false } = {}): Marked {
    if (told.muted !== undefined) this.setQuiet(told.id);
    const acknowledgement = this.acknowledgements.get(told.id);
    const why = acknowledgement && endOf(acknowledgement, told, isAbandoned);
    const isStillMeant = why === undefined || told.status === 'closed';
    const finding = this.#withMute(
      { ...told, acknowledged: isStillMeant ? markOf(acknowledgement) : undefined },
      now,
    );
    if (acknowledgement === undefined || why === undefined) return { finding };
    this.acknowledgements.delete(told.id);
    return { finding, ended: { acknowledgement, why } };
  }

  /** The same finding with the marks that it should have now; undefined when it has them. */
  remarked(stored: Finding, now: Micros): Finding | undefined {
    const mute = this.mutes.of(stored, now);
    const acknowledged = markOf(this.acknowledgements.get(stored.id));
    const isSame =
      mute?.id === stored.muted?.id &&
      acknowledged?.at === stored.acknowledged?.at &&
      acknowledged?.by === stored.acknowledged?.by;
    if (stored.muted !== undefined) this.setQuiet(stored.id);
    if (isSame) return undefined;
    return this.#withMute({ ...stored, status: 'update', acknowledged }, now);
  }

  /** The last record of this one is muted. */
  setQuiet(id: string): void {
    this.#quiet.add(id);
    if (this.#quiet.size <= MAX_QUIET) return;
    for (const oldest of this.#quiet) {
      this.#quiet.delete(oldest);
      return;
    }
  }

  #withMute(finding: Finding, now: Micros): Finding {
    const { id, status } = finding;
    const mute = this.mutes.of(finding, now);
    const wasQuiet = this.#quiet.delete(id);
    if (mute === undefined) return { ...finding, muted: undefined };
    if (status !== 'closed') this.setQuiet(id);
    const begins = !wasQuiet && (status === 'update' || status === 'closed') ? true : undefined;
    return { ...finding, muted: { id: mute.id, reason: mute.reason, until: mute.until, begins } };
  }
}

function endOf(
  { severity }: Acknowledgement,
  { status, severity: now }: Finding,
  isAbandoned: boolean,
): string | undefined {
  if (SEVERITIES.indexOf(now) > SEVERITIES.indexOf(severity))
    return `severity rose from ${severity} to ${now}`;
  return status === 'closed' && !isAbandoned ? 'the finding closed' : undefined;
}

function markOf(acknowledgement: Acknowledgement | undefined): Finding['acknowledged'] {
  if (acknowledgement === undefined) return undefined;
  const { at, by, note } = acknowledgement;
  return { at, by, note };
}
