/**
 * First contacts that fail, out of all flows. A flow is a failure when it is refused, when nothing came back in three
 * seconds, or when it goes to an address that, by Docker's own list, nobody holds. A target that ever answered the same
 * source is no first contact: what is down now and was up before is an outage (Jung et al. 2004 count first contacts).
 *
 * Records are asked for sparingly: of failures that are new, and of the beginnings of flows by those who begin many.
 */
import { isVacant } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { type IpWords, isIpv4Words, parseIp } from '../../../src/model/ip.ts';
import { type Opening, openingOf } from '../../../src/model/opening.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import type { FlowGlance, Handlers } from '../../../src/sensor/analysis/analyzer.ts';
import { ContactFilter, hashOf } from './contact-filter.ts';
import { FairBudget } from './fair-budget.ts';

/** TCP's first repetition comes after 1 s, the second after 3 (RFC 6298); a service in the same house answers in ms. */
const ANSWER_WITHIN: Micros = 3 * MICROS_PER_SECOND;
/** At the end of the input nobody can wait longer; a second is more than the way round the earth. */
const ANSWER_WITHIN_AT_END: Micros = MICROS_PER_SECOND;
/**
 * Records asked for in a second, some microseconds each: of failures of those who try little, of those who try much, and of
 * beginnings, whose failure is else told when the flow ends. A scan that is faster is found by these alone; a second
 * one in the same second by its own.
 */
const MAX_ASKED_A_SECOND = { each: 200, all: 2000 };
/** Waiting for their answer, about 1 KB each. */
const MAX_WAITING = 1000;

export type Failure = 'refused' | 'unanswered' | 'vacant';

/** What a group is, and what is counted in it. */
export type Grouping = 'ports-of-host' | 'hosts-on-port';

interface Contact {
  /** One source with one host, or one source with one port. */
  readonly group: number;
  readonly item: number;
  readonly source: number;
}

export interface AttemptsOptions {
  readonly grouping: Grouping;
  readonly onFailure: (flow: FlowRecord, how: Failure, time: Micros) => void;
  /** Whether a segment that only scanners send is to be told, by its first packet. */
  readonly onProbe?: (flow: FlowRecord) => void;
  readonly lost: (what: string, count?: number) => void;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #filter = new ContactFilter();
  /** Who begins many flows of all kinds; only where hosts are counted, to tell a sweep from a swarm of peers. */
  readonly #sources: ContactFilter | undefined;
  #waiting: FlowRecord[] = [];
  readonly #asks = newBudget();
  readonly #hotAsks = newBudget();
  readonly #beginnings = newBudget();
  #lostRows = 0;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    if (options.grouping === 'hosts-on-port') this.#sources = new ContactFilter();
  }

  /** How many items of the flow's group ever answered. */
  answeredBeside(flow: FlowRecord): number {
    const contact = this.#contactOf(flow);
    return contact === undefined ? 0 : this.#filter.answered(contact.group);
  }

  readonly handlers = {
    choosesFlow: (flow) => this.#chooses(flow),
    onFlowStart: (flow) => this.#onStart(flow),
    onFlowAnswered: (flow) => this.#onOutcome(flow, flow.end),
    onFlowActive: (flow) => this.#onOutcome(flow, flow.end),
    onFlowEnd: (flow) => this.#onOutcome(flow, flow.start + ANSWER_WITHIN),
    onTick: (now) => this.#onTick(now),
    onEnd: (now) => this.#settle(now, ANSWER_WITHIN_AT_END),
    onClockSet: (step) => this.#clockSet(step),
  } satisfies Handlers;

  #chooses(flow: FlowGlance): boolean {
    const { opening } = flow;
    if (opening === undefined) return false;
    if (opening === 'probe') return flow.event === 'start' && this.#options.onProbe !== undefined;
    const { respWords } = flow;
    if (isToMany(respWords)) return false;
    const contact = this.#contact(flow.protocol, flow.origWords, respWords, flow.respPort);
    if (flow.event === 'start') return this.#begins(contact);
    return this.#fails(contact, opening, flow.event);
  }

  #begins(contact: Contact): boolean {
    if (this.#filter.isKnown(contact.group, contact.item)) return false;
    const isHot = this.#filter.start(contact.group, contact.item);
    const isMany = this.#sources?.start(contact.source, contact.group ^ contact.item) === true;
    return (isHot || isMany) && this.#beginnings.take(contact.source);
  }

  /** Whether this event tells of a failure that is worth a record. */
  #fails({ group, item, source }: Contact, opening: Opening, event: FlowGlance['event']): boolean {
    if (opening === 'accepted') {
      this.#filter.accept(group, item);
      return false;
    }
    if (event === 'active' || this.#filter.isKnown(group, item)) return false;
    if (!this.#filter.fail(group, item)) return false;
    const budget = this.#filter.isHot(group) ? this.#hotAsks : this.#asks;
    if (budget.take(source)) return true;
    this.#options.lost('failures');
    return false;
  }

  #onStart(flow: FlowRecord): void {
    const opening = openingOf(flow);
    if (opening === 'probe') this.#options.onProbe?.(flow);
    if (opening !== 'unanswered') return;
    const contact = this.#contactOf(flow);
    if (contact === undefined || this.#filter.isKnown(contact.group, contact.item)) return;
    if (isVacant(flow.resp)) {
      this.#options.onFailure(flow, 'vacant', flow.start);
      return;
    }
    if (!this.#filter.isHot(contact.group) && this.#sources?.isHot(contact.source) !== true) return;
    // Beyond it the flow's own end tells.
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(flow);
  }

  /** `time`: when it was known. */
  #onOutcome(flow: FlowRecord, time: Micros): void {
    const opening = openingOf(flow);
    if (opening === undefined || opening === 'probe' || flow.reason === 'active') return;
    const contact = this.#contactOf(flow);
    if (contact === undefined) return;
    if (opening === 'accepted') this.#filter.accept(contact.group, contact.item);
    else if (!this.#isCutShort(flow, opening) && !this.#filter.isKnown(contact.group, contact.item)) {
      const silent = isVacant(flow.resp) ? 'vacant' : 'unanswered';
      this.#options.onFailure(flow, opening === 'refused' ? 'refused' : silent, Math.max(time, flow.start));
    }
  }

  /** Its end is ours: given up for want of room, with its tap, or at the end of the input before an answer was due. */
  #isCutShort(flow: FlowRecord, opening: Opening): boolean {
    if (opening !== 'unanswered' || isVacant(flow.resp)) return false;
    return flow.reason === 'evicted' || flow.reason === 'tap-ended' || flow.reason === 'shutdown';
  }

  #onTick(now: Micros): void {
    const secs = Math.floor(now / MICROS_PER_SECOND);
    this.#filter.setNow(secs);
    this.#sources?.setNow(secs);
    this.#asks.refill();
    this.#hotAsks.refill();
    this.#beginnings.refill();
    this.#settle(now, ANSWER_WITHIN);
    const lostRows = this.#filter.lost + (this.#sources?.lost ?? 0);
    if (lostRows > this.#lostRows) this.#options.lost('contacts', lostRows - this.#lostRows);
    this.#lostRows = lostRows;
  }

  /** In the order in which they began. */
  #settle(now: Micros, within: Micros): void {
    let due = 0;
    for (const flow of this.#waiting) {
      if (flow.start + within > now) break;
      due++;
      const contact = this.#contactOf(flow);
      if (contact !== undefined && !this.#filter.isKnown(contact.group, contact.item))
        this.#options.onFailure(flow, 'unanswered', flow.start + within);
    }
    if (due > 0) this.#waiting.splice(0, due);
  }

  #clockSet({ to }: ClockStep): void {
    // What waits began by the old clock; it is told at its end.
    this.#waiting = [];
    const secs = Math.floor(to / MICROS_PER_SECOND);
    this.#filter.setNow(secs);
    this.#sources?.setNow(secs);
  }

  #contactOf({ protocol, orig, resp }: FlowRecord): Contact | undefined {
    const from = parseIp(orig.ip);
    const to = parseIp(resp.ip);
    if (from === undefined || to === undefined || resp.scope === 'multicast' || isToMany(to))
      return undefined;
    return this.#contact(protocol, from, to, resp.port);
  }

  #contact(protocol: string, from: IpWords, to: IpWords, port: number | undefined): Contact {
    const portNumber = (port ?? 0x10000) + (protocol === 'udp' ? 0x20000 : 0);
    const source = hashOf(from, 0);
    if (this.#options.grouping === 'ports-of-host')
      return { group: source ^ hashOf(to, 1), item: Math.imul(portNumber, 0x9e3779b1) >>> 7, source };
    return { group: hashOf(from, portNumber), item: hashOf(to, 2), source };
  }
}

function newBudget(): FairBudget {
  return new FairBudget(MAX_ASKED_A_SECOND.each, MAX_ASKED_A_SECOND.all);
}

/** 224.0.0.0/4, 255.255.255.255, ff00::/8. */
function isToMany(ip: IpWords): boolean {
  if (!isIpv4Words(ip[0], ip[1], ip[2])) return ip[0] >>> 24 === 0xff;
  const w3 = ip[3];
  return w3 >>> 28 >= 0xe && (w3 >>> 28 === 0xe || w3 === 0xffff_ffff);
}
