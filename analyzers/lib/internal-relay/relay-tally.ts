/** What one finding of a relay says: totals of the exchanges of all its members that were relayed. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import { addressLabel, endpointLabel } from '../../../src/model/endpoint.ts';
import { type ClockStep, formatMicros, type Micros } from '../../../src/model/time.ts';
import type { Exchange } from './exchange.ts';
import type { Match } from './outer-log.ts';

/** Lags of the latest exchanges, for their median. */
const LAGS = 64;

/** What was exchanged since it was last told of. */
export interface Passed {
  since: Micros;
  exchanges: number;
  matched: number;
  innerOut: number;
  outerOut: number;
  innerIn: number;
  outerIn: number;
  fromInside: number;
  readonly lags: number[];
}

export function nothingPassed(since: Micros): Passed {
  return {
    since,
    exchanges: 0,
    matched: 0,
    innerOut: 0,
    outerOut: 0,
    innerIn: 0,
    outerIn: 0,
    fromInside: 0,
    lags: [],
  };
}

export function addMatch(passed: Passed, inner: Exchange, { outer, lag }: Match): void {
  passed.matched++;
  passed.innerOut += inner.outBytes;
  passed.outerOut += outer.outBytes;
  passed.innerIn += inner.inBytes;
  passed.outerIn += outer.inBytes;
  if (inner.isFromInside) passed.fromInside++;
  if (passed.lags.length >= LAGS) passed.lags.shift();
  passed.lags.push(lag);
}

export class RelayTally {
  /** When the same was first told, where that was in an earlier finding. */
  readonly knownSince: Micros | undefined;
  readonly #sampleSize: number;
  readonly #total: Passed;
  readonly #members = new Map<string, Endpoint>();
  readonly #destinations = new Map<string, Endpoint>();
  #last: Micros;
  /** Of the member for whom it is clearest. */
  #decades = 0;

  constructor(since: Micros, knownSince: Micros | undefined, sampleSize: number) {
    this.#total = nothingPassed(since);
    this.#last = since;
    this.knownSince = knownSince;
    this.#sampleSize = sampleSize;
  }

  get since(): Micros {
    return this.#total.since;
  }

  get peers(): readonly Endpoint[] {
    return [...this.#members.values(), ...this.#destinations.values()];
  }

  add(passed: Passed, member: Endpoint, destination: Endpoint, last: Micros, decades: number): void {
    const total = this.#total;
    total.since = Math.min(total.since, passed.since);
    total.exchanges += passed.exchanges;
    total.matched += passed.matched;
    total.innerOut += passed.innerOut;
    total.outerOut += passed.outerOut;
    total.innerIn += passed.innerIn;
    total.outerIn += passed.outerIn;
    total.fromInside += passed.fromInside;
    total.lags.push(...passed.lags);
    if (total.lags.length > LAGS) total.lags.splice(0, total.lags.length - LAGS);
    this.#last = Math.max(this.#last, last);
    this.#decades = Math.max(this.#decades, decades);
    this.#note(this.#members, endpointLabel(member), member);
    this.#note(this.#destinations, placeOf(destination), destination);
  }

  evidence() {
    const { exchanges, matched, innerOut, outerOut, innerIn, outerIn, fromInside, lags, since } = this.#total;
    const sorted = [...lags].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    return {
      members: [...this.#members.keys()],
      destinations: [...this.#destinations.keys()],
      exchanges,
      matchedExchanges: matched,
      coincidence: Math.round((matched / exchanges) * 100) / 100,
      innerOutBytes: innerOut,
      outerOutBytes: outerOut,
      innerInBytes: innerIn,
      outerInBytes: outerIn,
      startedInside: fromInside,
      startedOutside: matched - fromInside,
      medianLagMs: Math.round(median / 100) / 10,
      chance: `1e-${Math.floor(this.#decades)}`,
      firstExchange: formatMicros(since),
      lastExchange: formatMicros(this.#last),
      ...(this.knownSince === undefined ? {} : { knownSince: formatMicros(this.knownSince) }),
    };
  }

  clockSet({ from, to }: ClockStep): void {
    this.#total.since += to - from;
    this.#last += to - from;
  }

  #note(sample: Map<string, Endpoint>, label: string, endpoint: Endpoint): void {
    if (sample.size < this.#sampleSize || sample.has(label)) sample.set(label, endpoint);
  }
}

/** With its port, which tells what it is for. */
function placeOf(endpoint: Endpoint): string {
  const { workload, port } = endpoint;
  const name = workload === undefined ? addressLabel(endpoint) : endpointLabel(endpoint);
  return port === undefined ? name : `${name} port ${port}`;
}
