/**
 * Which zones were asked about, by whom. Bounded: beyond 4,000 pairs (some 0.4 KiB each) the half that asked least goes,
 * counted; a flood of made-up zones takes the place of made-up zones.
 */
import { zoneOfText } from '../model/dns-zone.ts';
import { escapedText } from '../model/escape.ts';
import type { PublicDns } from '../model/serialize.ts';
import type { LookUp } from './case.ts';
import { endLabel } from './ends.ts';

const MAX_PAIRS = 4000;
const MAX_NAME_CHARS = 120;

type Sum = { -readonly [K in keyof LookUp]: LookUp[K] };

export class LookUpBook {
  readonly #max: number;
  readonly #sums = new Map<string, Sum>();
  #questions = 0;
  #forgotten = 0;

  constructor(max = MAX_PAIRS) {
    this.#max = max;
  }

  get questions(): number {
    return this.#questions;
  }

  /** Pairs of asker and zone that are not known any more; one may be counted more than once. */
  get forgotten(): number {
    return this.#forgotten;
  }

  add(dns: PublicDns): void {
    this.#questions += 1;
    const who = endLabel(dns.client);
    const name = dns.query.toLowerCase();
    const found = zoneOfText(name);
    const zone = escapedText(
      found === undefined || found.kind === 'bare' || found.zone === '' ? name : found.zone,
      MAX_NAME_CHARS,
    );
    const key = JSON.stringify([who, zone]);
    const sum: Sum = this.#sums.get(key) ?? {
      ...{ who, zone, questions: 0, failed: 0, unanswered: 0 },
      sample: escapedText(dns.query, MAX_NAME_CHARS),
      first: dns.time,
      last: dns.time,
    };
    this.#sums.set(key, sum);
    sum.questions += 1;
    if (dns.rcode !== undefined && dns.rcode !== 'NOERROR') sum.failed += 1;
    // Nobody owes an answer to mDNS and LLMNR.
    if (dns.rcode === undefined && dns.protocol === 'dns') sum.unanswered += 1;
    if (dns.time < sum.first) sum.first = dns.time;
    if (dns.time > sum.last) sum.last = dns.time;
    if (this.#sums.size > this.#max) this.#forgetQuietHalf();
  }

  /** Those with the most questions first. */
  lookUps(): LookUp[] {
    return [...this.#sums.values()].sort(byQuestions);
  }

  #forgetQuietHalf(): void {
    const sorted = [...this.#sums].sort(([, a], [, b]) => byQuestions(a, b));
    const gone = sorted.slice(Math.ceil(sorted.length / 2));
    for (const [key] of gone) this.#sums.delete(key);
    this.#forgotten += gone.length;
  }
}

function byQuestions(a: LookUp, b: LookUp): number {
  return b.questions - a.questions || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
}
