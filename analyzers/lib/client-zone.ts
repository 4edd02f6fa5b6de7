/**
 * What one client asked of one zone: distinct names over three spans, and the circumstances that decide what they
 * mean. Bounded: measured 3 KB for a quiet zone, 7 KB when all windows are full, and up to 9 KB of answers.
 */
import type { DnsRecord } from '../../src/model/dns.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { ClockStep, Micros } from '../../src/model/time.ts';
import { latin1Lower, type ZoneOfName } from './dns-zone.ts';
import { NameWindow } from './name-windows.ts';

const MAX_TYPES = 12;
const SAMPLES = 3;
const MAX_ANSWERS = 64;
const MAX_ADDRESSES = 8;
/** One connection vouches for this many names at most: A and AAAA, a CNAME, a retry. */
const NAMES_PER_CONTACT = 4;

interface AnsweredName {
  readonly name: string;
  time: Micros;
  readonly addresses: string[];
  isContacted: boolean;
}

export class ClientZone {
  readonly client: string;
  readonly kind: ZoneOfName['kind'] | 'no-zone';
  readonly zone: string;
  readonly windows: readonly NameWindow[];
  readonly types = new Map<string, number>();
  readonly samples: string[] = [];
  subject: Endpoint;
  resolver: Endpoint;
  network: string | undefined;
  first: Micros;
  last: Micros;
  queries = 0;
  serviceQueries = 0;
  noErrors = 0;
  nameErrors = 0;
  /** Set while a finding of it may be open. */
  reportedAt: Micros | undefined;
  reportedRatio = 0;
  /** Upper bound at which each window was last judged to be quiet. */
  readonly judged: number[];
  /** Labels next to the zone that all names share, nearest first; undefined before the first name. */
  #common: string[] | undefined;
  #answers: AnsweredName[] = [];

  constructor(
    client: string,
    zone: Pick<ClientZone, 'kind' | 'zone'>,
    spans: readonly Micros[],
    record: DnsRecord,
  ) {
    this.client = client;
    this.kind = zone.kind;
    this.zone = zone.zone;
    this.windows = spans.map((span) => new NameWindow(span));
    this.judged = spans.map(() => 0);
    this.subject = record.client;
    this.resolver = record.server;
    this.network = record.network?.name;
    this.first = record.time;
    this.last = record.time;
  }

  /** The finding of it was closed: what is told next begins now. The windows go on, they forget by themselves. */
  restart(now: Micros): void {
    this.reportedAt = undefined;
    this.reportedRatio = 0;
    this.first = now;
    this.queries = 0;
    this.serviceQueries = 0;
    this.types.clear();
    this.samples.length = 0;
  }

  /** All that was seen is told by the clock as it is now. */
  clockSet(step: ClockStep): void {
    const shift = step.to - step.from;
    this.first += shift;
    this.last += shift;
    if (this.reportedAt !== undefined) this.reportedAt += shift;
    for (const answer of this.#answers) answer.time += shift;
    for (const window of this.windows) window.clockSet(step);
  }

  note(record: DnsRecord, isService: boolean): void {
    this.last = record.time;
    this.queries += 1;
    this.subject = record.client;
    this.resolver = record.server;
    this.network = record.network?.name ?? this.network;
    if (isService) {
      this.serviceQueries += 1;
      return;
    }
    const type = this.types.has(record.qtype) || this.types.size < MAX_TYPES ? record.qtype : 'other';
    this.types.set(type, (this.types.get(type) ?? 0) + 1);
  }

  addName(labels: readonly Uint8Array[], ownLabels: number, record: DnsRecord, slot: number): boolean {
    let isNew = false;
    for (const window of this.windows) isNew = window.add(record.time, slot) || isNew;
    if (!isNew) return false;
    this.#shareLabels(labels, ownLabels);
    if (this.samples.length < SAMPLES && !this.samples.includes(record.query))
      this.samples.push(record.query);
    return true;
  }

  /** Bytes that every name repeats next to the zone (`.t` of a tunnel, `.corp` of a search domain): they say nothing. */
  get commonBytes(): number {
    return (this.#common ?? []).reduce((sum, label) => sum + label.length + 1, 0);
  }

  /** The zone with the labels all names share: `pirate.sea` where the zone is `sea`. */
  get parent(): string {
    return [...(this.#common ?? [])].reverse().concat(this.zone).join('.');
  }

  /** What the names of one window say, without what they all repeat. */
  said(window: NameWindow): { readonly bytes: number; readonly names: number } {
    const { bytes, names } = window.sum();
    // One name alone repeats nothing yet.
    return { bytes: names < 2 ? bytes : bytes - names * this.commonBytes, names };
  }

  shareOf(types: ReadonlySet<string>): number {
    let all = 0;
    let chosen = 0;
    for (const [type, count] of this.types) {
      all += count;
      if (types.has(type)) chosen += count;
    }
    return all === 0 ? 0 : chosen / all;
  }

  noteAnswer(record: DnsRecord): void {
    if (record.rcode === 'NOERROR') this.noErrors += 1;
    else if (record.rcode === 'NXDOMAIN') this.nameErrors += 1;
    const addresses = record.answers
      .filter(({ type }) => type === 'A' || type === 'AAAA')
      .map(({ data }) => data);
    if (addresses.length === 0) return;
    const known = this.#answers.findLast(({ name }) => name === record.query);
    if (known !== undefined) {
      for (const address of addresses) {
        if (known.addresses.length < MAX_ADDRESSES && !known.addresses.includes(address))
          known.addresses.push(address);
      }
      return;
    }
    if (this.#answers.length >= MAX_ANSWERS) this.#answers.shift();
    this.#answers.push({
      name: record.query,
      time: record.time,
      addresses: addresses.slice(0, MAX_ADDRESSES),
      isContacted: false,
    });
  }

  get hasAddresses(): boolean {
    return this.#answers.length > 0;
  }

  /** The client opened a flow to `ip`. */
  noteContact(ip: string, now: Micros, within: Micros): void {
    let left = NAMES_PER_CONTACT;
    for (let i = this.#answers.length - 1; i >= 0 && left > 0; i--) {
      const answer = this.#answers[i]!;
      if (now - answer.time > within) return;
      if (answer.isContacted || !answer.addresses.includes(ip)) continue;
      answer.isContacted = true;
      left -= 1;
    }
  }

  /** Share of the answered names that were contacted; names younger than `grace` are not judged yet. */
  contacted(now: Micros, grace: Micros): { readonly share: number; readonly names: number } {
    let names = 0;
    let contacted = 0;
    for (const answer of this.#answers) {
      if (!answer.isContacted && now - answer.time < grace) continue;
      names += 1;
      if (answer.isContacted) contacted += 1;
    }
    return { share: names === 0 ? 0 : contacted / names, names };
  }

  #shareLabels(labels: readonly Uint8Array[], ownLabels: number): void {
    const common = this.#common;
    if (common === undefined) {
      this.#common = [];
      for (let i = ownLabels - 1; i > 0; i--) this.#common.push(latin1Lower(labels[i]!));
      return;
    }
    for (let i = 0; i < common.length; i++) {
      const at = ownLabels - 1 - i;
      if (at > 0 && latin1Lower(labels[at]!) === common[i]) continue;
      common.length = i;
      return;
    }
  }
}
