/** What one sender has said so far, and the gravest of it: the numbers of a finding, bounded by its samples. */
import type { Severity } from '../../../src/model/finding.ts';
import type { RouterClaim } from '../../../src/model/neighbor.ts';
import { type ClockStep, formatMicros, type Micros } from '../../../src/model/time.ts';
import { Sample } from '../sample.ts';
import type { Judged } from './judge.ts';

const RANKS: readonly Severity[] = ['informational', 'low', 'medium', 'high', 'critical'];

export class ClaimTally {
  first: Micros;
  readonly #routers: Sample;
  readonly #resolvers: Sample;
  readonly #prefixes: Sample;
  #messages = 0;
  #last: Micros;
  #lifetimeSecs: number | undefined;
  #networkGateways: readonly string[] | undefined;
  #gravest: Judged | undefined;

  constructor(claim: RouterClaim, sampleSize: number) {
    this.first = claim.time;
    this.#last = claim.time;
    this.#routers = new Sample(sampleSize);
    this.#resolvers = new Sample(sampleSize);
    this.#prefixes = new Sample(sampleSize);
  }

  add(claim: RouterClaim): void {
    this.#last = Math.max(this.#last, claim.time);
    this.#messages += claim.count;
    for (const router of claim.routers) this.#routers.add(router);
    for (const resolver of claim.resolvers) this.#resolvers.add(resolver);
    for (const prefix of claim.prefixes) this.#prefixes.add(prefix);
    this.#lifetimeSecs = claim.lifetimeSecs ?? this.#lifetimeSecs;
    this.#networkGateways = claim.network?.gateways ?? this.#networkGateways;
  }

  /** A server that once led somebody away stays one that did. */
  gravest(judged: Judged): Judged {
    const known = this.#gravest;
    if (known === undefined || RANKS.indexOf(judged.severity) >= RANKS.indexOf(known.severity)) {
      this.#gravest = judged;
    }
    return this.#gravest ?? judged;
  }

  evidence() {
    return {
      routers: this.#routers.first(),
      resolvers: this.#resolvers.first(),
      prefixes: this.#prefixes.first(),
      ...(this.#networkGateways === undefined ? {} : { networkGateways: [...this.#networkGateways] }),
      ...(this.#lifetimeSecs === undefined ? {} : { lifetimeSecs: this.#lifetimeSecs }),
      messages: this.#messages,
      firstMessage: formatMicros(this.first),
      lastMessage: formatMicros(this.#last),
    };
  }

  clockSet({ from, to }: ClockStep): void {
    this.first += to - from;
    this.#last += to - from;
  }
}
