/**
 * Who sent how much to whom, over any number of flows. Totals by direction are exact. Pairs are told apart while there
 * is room: beyond 8,000 (some 0.6 KiB each) the half that sent least is summed up in one, so that what is large stays.
 */
import { escapeText } from '../model/escape.ts';
import type { PublicEndpoint, PublicFlow } from '../model/serialize.ts';
import type { Sums } from './case.ts';
import { caseEnd, endLabel } from './ends.ts';

const MAX_PAIRS = 8000;
/** Flows that go on, 0.15 KiB each; beyond that one is counted when it ends. */
const MAX_RUNNING = 20_000;
const MAX_SERVICES = 4;

/** Two ends on one network; `who` is the inside one where only one is, else who opened it. */
export interface Pair {
  readonly who: string;
  readonly whoIp: string;
  whom: string;
  readonly whomIp: string;
  readonly place: string | undefined;
  readonly network: string;
  readonly direction: string;
  readonly services: string[];
  /** Beyond those. */
  moreServices: number;
  flows: number;
  bytesOut: number;
  bytesIn: number;
  first: string;
  last: string;
}

interface Counted {
  bytesOut: number;
  bytesIn: number;
}

export class FlowSums {
  readonly #maxPairs: number;
  readonly #pairs = new Map<string, Pair>();
  /** What was counted so far of a flow that goes on: its records tell of its whole life each time. */
  readonly #running = new Map<string, Counted>();
  readonly #byDirection = new Map<string, Counted & { flows: number }>();
  readonly #rest = new Map<string, Counted & { flows: number; pairs: number }>();
  #flows = 0;

  constructor(maxPairs = MAX_PAIRS) {
    this.#maxPairs = maxPairs;
  }

  /** Different ones. */
  get flows(): number {
    return this.#flows;
  }

  add(flow: PublicFlow): void {
    const before = this.#running.get(flow.uid);
    if (flow.reason === 'active') {
      if (before === undefined && this.#running.size >= MAX_RUNNING) return;
      this.#running.set(flow.uid, { bytesOut: flow.origBytes, bytesIn: flow.respBytes });
    } else this.#running.delete(flow.uid);
    const sent = Math.max(0, flow.origBytes - (before?.bytesOut ?? 0));
    const received = Math.max(0, flow.respBytes - (before?.bytesIn ?? 0));
    const isNew = before === undefined ? 1 : 0;
    this.#flows += isNew;
    const total = this.#byDirection.get(flow.direction) ?? { flows: 0, bytesOut: 0, bytesIn: 0 };
    this.#byDirection.set(flow.direction, total);
    total.flows += isNew;
    total.bytesOut += sent;
    total.bytesIn += received;
    const pair = this.#pairOf(flow);
    const isInward = flow.direction === 'ingress';
    pair.flows += isNew;
    pair.bytesOut += isInward ? received : sent;
    pair.bytesIn += isInward ? sent : received;
    if (flow.start < pair.first) pair.first = flow.start;
    if (flow.end > pair.last) pair.last = flow.end;
    addService(pair, flow);
    if (this.#pairs.size > this.#maxPairs) this.#foldSmallHalf();
  }

  /** Those that sent most first. */
  pairs(): Pair[] {
    return [...this.#pairs.values()].sort(bySent);
  }

  byDirection(): (Sums & { readonly direction: string })[] {
    return [...this.#byDirection]
      .map(([direction, sums]) => ({ direction, ...sums }))
      .sort((a, b) => b.bytesOut - a.bytesOut || (a.direction < b.direction ? -1 : 1));
  }

  /** Pairs of these directions that are told apart no more. */
  folded(directions: readonly string[]): Sums & { readonly pairs: number } {
    const sum = { flows: 0, bytesOut: 0, bytesIn: 0, pairs: 0 };
    for (const direction of directions) {
      const rest = this.#rest.get(direction);
      if (rest === undefined) continue;
      sum.flows += rest.flows;
      sum.bytesOut += rest.bytesOut;
      sum.bytesIn += rest.bytesIn;
      sum.pairs += rest.pairs;
    }
    return sum;
  }

  #pairOf(flow: PublicFlow): Pair {
    const opener = flow.nat?.client ?? flow.orig;
    const [inner, outer] = flow.direction === 'ingress' ? [flow.resp, opener] : [opener, flow.resp];
    const network = flow.network?.name ?? flow.interface;
    const key = JSON.stringify([flow.direction, network, keyOf(inner), keyOf(outer)]);
    const known = this.#pairs.get(key);
    if (known !== undefined) {
      // A name may become known later.
      if (outer.names.length > 0) known.whom = endLabel(outer);
      return known;
    }
    const pair: Pair = {
      who: endLabel(inner),
      whoIp: escapeText(inner.ip),
      whom: endLabel(outer),
      whomIp: escapeText(outer.ip),
      place: caseEnd(outer).place,
      network: escapeText(network, 100),
      direction: flow.direction,
      services: [],
      moreServices: 0,
      flows: 0,
      bytesOut: 0,
      bytesIn: 0,
      first: flow.start,
      last: flow.end,
    };
    this.#pairs.set(key, pair);
    return pair;
  }

  #foldSmallHalf(): void {
    const sorted = [...this.#pairs].sort(([, a], [, b]) => bySent(a, b));
    for (const [key, pair] of sorted.slice(Math.ceil(sorted.length / 2))) {
      this.#pairs.delete(key);
      const rest = this.#rest.get(pair.direction) ?? { flows: 0, bytesOut: 0, bytesIn: 0, pairs: 0 };
      this.#rest.set(pair.direction, rest);
      rest.flows += pair.flows;
      rest.bytesOut += pair.bytesOut;
      rest.bytesIn += pair.bytesIn;
      rest.pairs += 1;
    }
  }
}

function bySent(a: Pair, b: Pair): number {
  return b.bytesOut - a.bytesOut || b.flows - a.flows || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
}

function keyOf({ workload, ip }: PublicEndpoint): string {
  return workload?.containerId ?? ip;
}

function addService(pair: Pair, { protocol, service, portHint, resp }: PublicFlow): void {
  const port = resp.port === undefined ? '' : `/${resp.port}`;
  const name = service ?? (portHint === undefined ? '' : `?${portHint}`);
  const text = escapeText(`${protocol}${port}${name === '' ? '' : ` ${name}`}`, 40);
  if (pair.services.includes(text)) return;
  if (pair.services.length < MAX_SERVICES) pair.services.push(text);
  else pair.moreServices += 1;
}
