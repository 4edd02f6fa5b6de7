/** Times in which nobody told us what changed. Bounded: the oldest are forgotten. */
import { formatMicros, type Micros } from '../../model/time.ts';

export interface Gap {
  readonly from: Micros;
  /** Infinity while it lasts. */
  readonly to: Micros;
  /** Up to here it was the agent that did not run; after it, and where this is absent, the engine did not answer. */
  readonly absentUntil?: Micros;
}

const MAX_GAPS = 100;

export class Gaps {
  readonly #gaps: Gap[] = [];

  get all(): readonly Gap[] {
    return this.#gaps;
  }

  at(time: Micros): Gap | undefined {
    return this.#gaps.find((gap) => time >= gap.from && time < gap.to);
  }

  /** The one that lasts. */
  get current(): Gap | undefined {
    const last = this.#gaps.at(-1);
    return last?.to === Number.POSITIVE_INFINITY ? last : undefined;
  }

  begin(from: Micros): void {
    if (this.current !== undefined) return;
    if (this.#gaps.length >= MAX_GAPS) this.#gaps.shift();
    this.#gaps.push({ from, to: Number.POSITIVE_INFINITY });
  }

  /** It lasted until now. */
  end(now: Micros): void {
    const gap = this.current;
    if (gap !== undefined) this.#replaceLast({ ...gap, to: now });
  }

  /** An earlier run ended at `from`, and what it knew is all that is known since: that is a gap too. */
  absent(from: Micros, to: Micros): void {
    const gap = this.current;
    if (gap === undefined) {
      if (from < to) this.#gaps.push({ from, to, absentUntil: to });
    } else if (from < gap.from) {
      // When this run began, the engine did not answer.
      this.#replaceLast({ ...gap, from, absentUntil: gap.from });
    }
  }

  clockSetBack(now: Micros): void {
    const gap = this.current;
    if (gap !== undefined) this.#replaceLast({ ...gap, from: Math.min(gap.from, now) });
  }

  #replaceLast(gap: Gap): void {
    this.#gaps[this.#gaps.length - 1] = gap;
  }
}

/** Why nobody told us what changed at `time`, which is inside of it. */
export function gapText({ from, to, absentUntil }: Gap, time: Micros): string {
  if (absentUntil === Number.POSITIVE_INFINITY) return `no agent was running since ${formatMicros(from)}`;
  if (absentUntil !== undefined && time < absentUntil) {
    return `the agent was not running between ${formatMicros(from)} and ${formatMicros(absentUntil)}`;
  }
  const since = formatMicros(absentUntil ?? from);
  return to === Number.POSITIVE_INFINITY
    ? `the Docker engine has not answered since ${since}`
    : `the Docker engine did not answer between ${since} and ${formatMicros(to)}`;
}
