/**
 * Which findings are told by themselves, and which are folded into one that tells of many: by analyzer, and over all, for
 * whoever makes each of them fire a little. What is graver than all that a storm has told goes through, and so do critical
 * findings, up to a bound of their own. Exceptions, which wake nobody, are counted apart. Packet time only.
 */
import type { Severity } from '../../model/finding.ts';
import type { Micros } from '../../model/time.ts';
import { OpeningRate } from './opening-rate.ts';
import { rankOf, type Storm } from './storm.ts';

const CRITICAL = rankOf('critical');

export interface StormLimits {
  /** Findings of one analyzer that may open within a minute. */
  readonly perMinute: number;
  /** Of all together. */
  readonly totalPerMinute: number;
  /** Critical ones that go through a storm within a minute. */
  readonly criticalPerMinute: number;
}

export interface Arrival {
  readonly analyzer: string;
  readonly severity: Severity;
  readonly isException: boolean;
}

/** One analyzer, or all of them. There are as many as analyzers, twice, and two more. */
export class StormWatch {
  /** Key of the finding that tells of its storms. */
  readonly key: string;
  readonly limit: number;
  readonly rate: OpeningRate;
  /** As long as the finding that tells of it is open. */
  storm: Storm | undefined;

  constructor(key: string, limit: number) {
    this.key = key;
    this.limit = limit;
    this.rate = new OpeningRate(limit);
  }

  /** Something graver than all that was told so far; it is told now. */
  isSurpassed(rank: number): boolean {
    if (this.storm === undefined || rank <= this.storm.told) return false;
    this.storm.told = rank;
    return true;
  }
}

export class Storms {
  readonly #limits: StormLimits;
  readonly #watches = new Map<string, StormWatch>();
  readonly #critical: OpeningRate;

  constructor(limits: StormLimits) {
    this.#limits = limits;
    this.#critical = new OpeningRate(limits.criticalPerMinute);
  }

  /** A finding opens, opens again, or became graver than it was when it was folded. Undefined: it is told by itself. */
  admit(arrival: Arrival, now: Micros): StormWatch | undefined {
    const { perMinute, totalPerMinute } = this.#limits;
    const kind = arrival.isException ? ' exceptions' : '';
    const own = this.#watch(`${arrival.analyzer}${kind}`, perMinute);
    if (own.rate.note(now) && !this.#goesThrough(own, arrival, now)) return own;
    const goesThrough = own.rate.isStorm;
    const all = this.#watch(`all analyzers${kind}`, totalPerMinute);
    const isTooMuch = all.rate.note(now);
    if (!isTooMuch || goesThrough || this.#goesThrough(all, arrival, now)) return undefined;
    return all;
  }

  /** Those whose storm has ended by now, each once. */
  *calmed(now: Micros): Generator<StormWatch> {
    for (const watch of this.#watches.values()) if (watch.rate.calms(now)) yield watch;
  }

  clockSet(shift: Micros): void {
    this.#critical.clockSet(shift);
    for (const { rate } of this.#watches.values()) rate.clockSet(shift);
  }

  #goesThrough(watch: StormWatch, { severity }: Arrival, now: Micros): boolean {
    const rank = rankOf(severity);
    // What is critical has a bound of its own, whatever was told before.
    if (rank === CRITICAL) {
      if (!this.#critical.takes(now)) return false;
      watch.isSurpassed(rank);
      return true;
    }
    return watch.isSurpassed(rank);
  }

  #watch(key: string, limit: number): StormWatch {
    let watch = this.#watches.get(key);
    if (watch === undefined) {
      watch = new StormWatch(key, limit);
      this.#watches.set(key, watch);
    }
    return watch;
  }
}
