/**
 * What one client asked of one zone: how much it said, channel by channel over three spans, and the circumstances that
 * decide what that means. Bounded; what most zones never need is made when it is needed.
 */
import type { DnsRecord } from '../../../src/model/dns.ts';
import { latin1Lower, type ZoneOfName } from '../../../src/model/dns-zone.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import { networkOf } from '../asker.ts';
import { knownZone } from '../known-zones.ts';
import { AnsweredNames, type Contacted } from './answered-names.ts';
import type { AskedName } from './asked-names.ts';
import { type CarrierShare, Carriers } from './carriers.ts';
import type { CaseCounts } from './case-patterns.ts';
import type { Weight } from './circumstances.ts';
import type { DnsClient } from './client.ts';
import { DistinctHistory, type Novelty, type SampleBudget } from './distinct-history.ts';
import { DownlinkBytes, isAddressType } from './downlink-bytes.ts';
import type { End } from './ends.ts';
import type { LatelyAnswered } from './lately-answered.ts';
import { startsWithAddress } from './name-weight.ts';
import { Rhythm } from './rhythm.ts';
import { RollingBytes } from './rolling-bytes.ts';
import { type Repeat, SequenceBits } from './sequence-bits.ts';
import type { PerSpan, Span } from './spans.ts';
import type { Verdict } from './thresholds.ts';
import { TypeTally } from './type-tally.ts';

const SAMPLES = 3;
const DAY: Micros = 86_400 * MICROS_PER_SECOND;
/** A quiet day of fewer questions teaches nothing. */
const LEARNED_QUESTIONS = 20;
/** Repeats before their order is looked at. */
const REPEATS = 16;
/** Before that many questions, addresses and aliases in the answers are not worth remembering. */
const QUESTIONS_BEFORE_ANSWERS = 8;

/** What the order of names says that a search list repeats; the same as for what they say. */
const SEARCHED_SEQUENCE = 1 / 16;

const NOTHING_COMMON: readonly string[] = [];
const NEVER_CONTACTED: Contacted = { share: 0, names: 0, addresses: 0 };

/** What is said with a name: all labels left of the zone, or what stands for them. */
export interface SaidName {
  readonly own: number;
  /** An integer below 2^53. */
  readonly hash: number;
  readonly weight: number;
}

/** Bytes that one channel said within a span. */
export interface UplinkBytes {
  readonly names: number;
  readonly sequence: number;
  readonly case: number;
  readonly edns: number;
  readonly trailing: number;
  readonly distinctNames: number;
}

export class ClientZone implements CaseCounts {
  readonly client: DnsClient;
  readonly kind: ZoneOfName['kind'] | 'no-zone';
  readonly zone: string;
  /** It ships with Bridgewatch as a known service. */
  readonly isKnown: boolean;
  readonly types = new TypeTally();
  network: string | undefined;
  first: Micros;
  last: Micros;
  /**
   * When it was first asked; infinite once there was a finding, and then nothing is learned of it any more. Minus infinity
   * once it is learned, be it by an earlier run.
   */
  quietSince: Micros;
  queries = 0;
  serviceQueries = 0;
  /** Questions for names that begin with `_` (RFC 8552). */
  underscored = 0;
  /** Names that were asked for without this zone too: a search list. */
  searched = 0;
  names = 0;
  noErrors = 0;
  nameErrors = 0;
  /** Answers of nothing but 127.0.0.0/8: how block lists and reputation services say what they think (RFC 5782). */
  verdicts = 0;
  /** New names that begin with an IPv4 address. */
  addressNames = 0;
  rhythm: Rhythm | undefined;
  bytesUp = 0;
  bytesDown = 0;
  caseable = 0;
  mixedCase = 0;
  samples: string[] | undefined;
  /** The first that an answer gave; zones that share it belong together. */
  address: string | undefined;
  /** Set while a finding of it may be open. */
  reportedAt: Micros | undefined;
  #key: string | undefined;
  reportedRatio = 0;
  /** What the thresholds of the open finding were multiplied by, up and down: never more, once it is open. */
  toldUp: Weight | undefined;
  toldDown: Weight | undefined;
  /** How near a threshold it was when it was last judged to be quiet. */
  judged = 0;
  answered: AnsweredNames | undefined;
  downlink: DownlinkBytes | undefined;
  #place: End;
  readonly #resolver: End;
  readonly #budget: SampleBudget;
  readonly #said: DistinctHistory;
  #sequence: SequenceBits | undefined;
  #sequenceBytes: RollingBytes | undefined;
  #case: DistinctHistory | undefined;
  #edns: DistinctHistory | undefined;
  #trailing: RollingBytes | undefined;
  #carriersUp: Carriers | undefined;
  #carriersDown: Carriers | undefined;
  /** Labels next to the zone that all names share, nearest first; undefined before the first name. */
  #common: readonly string[] | undefined;
  #repeats = 0;

  constructor(
    client: DnsClient,
    zone: Pick<ClientZone, 'kind' | 'zone'>,
    record: DnsRecord,
    budget: SampleBudget,
  ) {
    this.client = client;
    this.kind = zone.kind;
    this.zone = zone.zone;
    this.isKnown = knownZone(zone.zone) !== undefined;
    this.#place = client.places.of(record.client);
    this.#resolver = client.servers.of(record.server);
    this.network = networkOf(record).network;
    this.first = record.time;
    this.last = record.time;
    this.quietSince = record.time;
    this.#budget = budget;
    this.#said = new DistinctHistory(budget);
  }

  get subject(): Endpoint {
    return this.#place.endpoint;
  }

  /** The first that carried something; `carriers` tells of more. */
  get resolver(): Endpoint {
    return this.#resolver.endpoint;
  }

  /** Of its finding. */
  get key(): string {
    this.#key ??= `${this.client.key} ${this.zone}`;
    return this.#key;
  }

  /** The finding of it was closed: what is told next begins now. The windows go on, they forget by themselves. */
  restart(now: Micros): void {
    this.reportedAt = undefined;
    this.reportedRatio = 0;
    this.toldUp = undefined;
    this.toldDown = undefined;
    this.first = now;
    this.queries = 0;
    this.serviceQueries = 0;
    this.bytesUp = 0;
    this.bytesDown = 0;
    this.types.clear();
    this.samples = undefined;
  }

  /** A finding of it is open from now on. */
  noteReport(verdict: Verdict, now: Micros): void {
    this.reportedAt = now;
    this.quietSince = Number.POSITIVE_INFINITY;
    this.reportedRatio = Math.max(this.reportedRatio, verdict.ratio);
    if (verdict.channel === 'answers') this.toldDown = verdict;
    else this.toldUp = verdict;
  }

  /** All that was seen is told by the clock as it is now. */
  clockSet(step: ClockStep): void {
    const shift = step.to - step.from;
    this.first += shift;
    this.last += shift;
    this.quietSince += shift;
    if (this.reportedAt !== undefined) this.reportedAt += shift;
    this.rhythm?.clockSet();
    this.answered?.clockSet(shift);
    this.#sequence?.clockSet(shift);
    for (const channel of this.#channels()) channel?.clockSet(step);
    this.#carriersUp?.clockSet(step);
    this.#carriersDown?.clockSet(step);
  }

  /** Given up: what it took of the shared budget is free again. */
  release(): void {
    this.#said.release();
    this.#case?.release();
    this.#edns?.release();
    this.downlink?.release();
  }

  note(record: DnsRecord, place: End, name: AskedName, bytes: number): void {
    this.last = record.time;
    this.queries += 1;
    this.bytesUp += bytes;
    this.#place = place;
    if (record.network !== undefined) this.network = record.network.name;
    if (name.isUnderscored) this.underscored += 1;
    if (name.isService) this.serviceQueries += 1;
    else this.types.note(record.qtype);
  }

  addName(labels: readonly Uint8Array[], said: SaidName, record: DnsRecord): Novelty {
    const carried = this.#carriesUp(record.server, record.time);
    const novelty = this.#addTo(this.#said, carried, record.server, record.time, said.hash, said.weight);
    if (novelty !== 'new') return novelty;
    this.names += 1;
    // Most zones have one name, ever.
    if (this.names > 1) this.rhythm ??= new Rhythm();
    this.rhythm?.note(record.time);
    if (startsWithAddress(labels, said.own)) this.addressNames += 1;
    this.#sequence?.interrupt();
    this.#shareLabels(labels, said.own);
    this.#sample(record.query);
    return novelty;
  }

  /** A question whose name was asked before. Whether its place in the order is worth looking at. */
  countRepeat(isPlain: boolean): boolean {
    this.#repeats += 1;
    return this.#sequence !== undefined || !isPlain || this.#repeats >= REPEATS;
  }

  /** Returns the bits that its place in the order says. */
  addRepeat(repeat: Repeat, server: Endpoint, now: Micros): number {
    this.#sequence ??= new SequenceBits();
    const bits = this.#sequence.note(repeat, now) * (repeat.isSearched === true ? SEARCHED_SEQUENCE : 1);
    if (bits === 0) return 0;
    this.#carriesUp(server, now)?.add(server, bits / 8, now);
    this.#sequenceBytes ??= new RollingBytes();
    this.#sequenceBytes.add(now, bits / 8);
    return bits;
  }

  get isOrderChance(): boolean {
    return this.#sequence?.isChance === true;
  }

  addCase(server: Endpoint, now: Micros, hash: number, bytes: number): Novelty {
    this.#case ??= new DistinctHistory(this.#budget);
    return this.#addTo(this.#case, this.#carriesUp(server, now), server, now, hash, bytes);
  }

  addOption(server: Endpoint, now: Micros, hash: number, bytes: number): Novelty {
    this.#edns ??= new DistinctHistory(this.#budget);
    return this.#addTo(this.#edns, this.#carriesUp(server, now), server, now, hash, bytes);
  }

  addTrailing(server: Endpoint, now: Micros, bytes: number): void {
    this.#carriesUp(server, now)?.add(server, bytes, now);
    this.#trailing ??= new RollingBytes();
    this.#trailing.add(now, bytes);
  }

  /** False while one server carries all, whatever the span. */
  isSpread(direction: 'up' | 'down'): boolean {
    return (direction === 'up' ? this.#carriersUp : this.#carriersDown) !== undefined;
  }

  get hasManyCarriers(): boolean {
    return this.#carriersUp !== undefined || this.#carriersDown !== undefined;
  }

  /** Who carried what was said to the zone (`up`) or came from it, most first. */
  carriers(direction: 'up' | 'down', span: Span, now: Micros): readonly CarrierShare[] {
    const carriers = direction === 'up' ? this.#carriersUp : this.#carriersDown;
    const shares = carriers?.shares(span, now) ?? [];
    return shares.length > 0 ? shares : [{ server: this.resolver, isMixed: false, share: 1 }];
  }

  /** Never below the sum of `said`, and cheap. */
  upperBound(span: Span, now: Micros): number {
    let bytes = this.#said.upperBound(span, now);
    if (this.#sequenceBytes !== undefined) bytes += this.#sequenceBytes.sum(span, now);
    if (this.#case !== undefined) bytes += this.#case.upperBound(span, now);
    if (this.#edns !== undefined) bytes += this.#edns.upperBound(span, now);
    if (this.#trailing !== undefined) bytes += this.#trailing.sum(span, now);
    return bytes;
  }

  /** What left within a span, names without what they all repeat. */
  said(span: Span, now: Micros): UplinkBytes {
    const { bytes, names } = this.#said.sum(span, now);
    return {
      names: this.#ownBytes(bytes, names),
      sequence: this.#sequenceBytes?.sum(span, now) ?? 0,
      case: this.#case?.sum(span, now).bytes ?? 0,
      edns: this.#edns?.sum(span, now).bytes ?? 0,
      trailing: this.#trailing?.sum(span, now) ?? 0,
      distinctNames: names,
    };
  }

  /** Of the names of a day, without what they all repeat; 0 without any. */
  meanLength(now: Micros): number {
    const { bytes, names } = this.#said.sum(2, now);
    return names === 0 ? 0 : this.#ownBytes(bytes, names) / names;
  }

  /** What would be lost with it: bytes of a day, both ways; nothing when it was quiet for one. */
  worth(now: Micros): number {
    return this.upperBound(2, now) + (this.downlink?.upperBound(2, now) ?? 0) / 4;
  }

  /** Bytes that every name repeats next to the zone (`.t` of a tunnel, `.corp` of a search domain): they say nothing. */
  get commonBytes(): number {
    // Nibbles and octets count what they hold, not their text.
    if (this.kind === 'reverse') return 0;
    let bytes = 0;
    for (const label of this.#common ?? []) bytes += label.length + 1;
    return bytes;
  }

  /** The zone with the labels all names share: `pirate.sea` where the zone is `sea`. */
  get parent(): string {
    return [...(this.#common ?? [])].reverse().concat(this.zone).join('.');
  }

  /** Asked for a day and more, and never above a threshold. */
  isLearned(now: Micros): boolean {
    if (this.quietSince === Number.NEGATIVE_INFINITY) return true;
    return now - this.quietSince >= DAY && this.queries >= LEARNED_QUESTIONS;
  }

  isNewlyLearned(now: Micros): boolean {
    return this.quietSince !== Number.NEGATIVE_INFINITY && this.isLearned(now);
  }

  /** What is known of it for good, until there is a finding. */
  recall(isQuiet: boolean): void {
    this.quietSince = isQuiet ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  get hasAddresses(): boolean {
    return this.address !== undefined;
  }

  /** `full` is the hash of the name, as far as it is known. Returns whether the answer said something new. */
  noteAnswer(record: DnsRecord, full: number | undefined): boolean {
    if (record.rcode === 'NOERROR') this.noErrors += 1;
    else if (record.rcode === 'NXDOMAIN') this.nameErrors += 1;
    if (record.answers.length === 0) return false;
    let ttlSecs = Number.POSITIVE_INFINITY;
    let isData = false;
    let isVerdict = true;
    for (const { type, ttl, bytes, data } of record.answers) {
      ttlSecs = Math.min(ttlSecs, ttl);
      this.bytesDown += bytes;
      if (type !== 'A' || !data.startsWith('127.')) isVerdict = false;
      if (isAddressType(type)) this.address ??= data;
      else if (type !== 'CNAME' && type !== 'HTTPS') isData = true;
    }
    if (isVerdict) this.verdicts += 1;
    this.answered?.note(record);
    if (full !== undefined) this.#sequence?.answered(full, ttlSecs, record.time);
    if (this.downlink === undefined && !isData && this.queries < QUESTIONS_BEFORE_ANSWERS) return false;
    // Reverse names are answered with names: a sweep of them is a log processor's work.
    if (this.kind === 'reverse') return false;
    this.downlink ??= new DownlinkBytes(this.#budget);
    const { downlink } = this;
    const { server, time } = record;
    if (server.ip !== this.resolver.ip)
      this.#carriersDown ??= new Carriers(
        this.resolver,
        perSpan((span) => downlink.upperBound(span, time)),
        time,
      );
    const before = this.#carriersDown === undefined ? 0 : downlink.upperBound(2, time);
    const isNew = downlink.note(record);
    this.#carriersDown?.add(server, Math.max(0, downlink.upperBound(2, time) - before), time);
    return isNew;
  }

  /** From now on its answers are remembered, because connections to them are looked at. */
  watchAnswers(addresses: LatelyAnswered): void {
    this.answered = new AnsweredNames(addresses);
  }

  unwatchAnswers(): void {
    this.answered = undefined;
  }

  contacted(now: Micros): Contacted {
    return this.answered?.contacted(now) ?? NEVER_CONTACTED;
  }

  /** One name alone repeats nothing yet. */
  #ownBytes(bytes: number, names: number): number {
    return names < 2 ? bytes : Math.max(0, bytes - names * this.commonBytes);
  }

  #addTo(
    history: DistinctHistory,
    carriers: Carriers | undefined,
    server: Endpoint,
    now: Micros,
    hash: number,
    bytes: number,
  ): Novelty {
    if (carriers === undefined) return history.add(now, hash, bytes);
    const standsFor = history.standsFor(bytes);
    const novelty = history.add(now, hash, bytes);
    if (novelty !== 'known') carriers.add(server, standsFor, now);
    return novelty;
  }

  /** Undefined while one resolver carries all. */
  #carriesUp(server: Endpoint, now: Micros): Carriers | undefined {
    if (this.#carriersUp === undefined && server.ip !== this.resolver.ip)
      this.#carriersUp = new Carriers(
        this.resolver,
        perSpan((span) => this.upperBound(span, now)),
        now,
      );
    return this.#carriersUp;
  }

  /** Made anew, because what is pushed to an array takes room for seventeen. */
  #sample(query: string): void {
    if (this.samples === undefined) this.samples = [query];
    else if (this.samples.length < SAMPLES && !this.samples.includes(query))
      this.samples = [...this.samples, query];
  }

  #channels() {
    return [this.#said, this.#sequenceBytes, this.#case, this.#edns, this.#trailing, this.downlink];
  }

  #shareLabels(labels: readonly Uint8Array[], ownLabels: number): void {
    const common = this.#common;
    if (common === undefined) {
      const inner = labels.slice(1, Math.max(1, ownLabels));
      this.#common = inner.length === 0 ? NOTHING_COMMON : inner.reverse().map(latin1Lower);
      return;
    }
    for (let i = 0; i < common.length; i++) {
      const at = ownLabels - 1 - i;
      if (at > 0 && isLabel(labels[at]!, common[i]!)) continue;
      this.#common = i === 0 ? NOTHING_COMMON : common.slice(0, i);
      return;
    }
  }
}

function perSpan(bytes: (span: Span) => number): PerSpan {
  return [bytes(0), bytes(1), bytes(2)];
}

/** Without making a string of it: names that share labels are the usual case. */
function isLabel(label: Uint8Array, lowerCase: string): boolean {
  return label.length === lowerCase.length && latin1Lower(label) === lowerCase;
}
