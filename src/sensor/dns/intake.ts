/**
 * From packets to DNS records, for flows and for containers' namespaces alike: messages are cut out (messages.ts),
 * questions told at once and joined with their answers (exchanges.ts), and what two taps saw of one question made one
 * (views.ts). Makes strings only once a message. Never trusts a byte of it.
 */
import type { DnsRecord } from '../../model/dns.ts';
import type { ClockStep, Micros } from '../../model/time.ts';
import type { DnsQuery, NotDns } from '../analysis/analyzer.ts';
import type { DnsConfig } from '../config.ts';
import { DnsView, dnsLabels, dnsOptions } from '../decode/dns.ts';
import { MAX_OPTIONS, readDnsContent } from '../decode/dns-record.ts';
import type { PacketView } from '../decode/packet-view.ts';
import type { AddressNames } from '../flow-facts.ts';
import type { Tap } from '../taps/tap.ts';
import { FlowConversation, type FlowEnds, NamespaceConversation } from './conversation.ts';
import { Exchanges } from './exchanges.ts';
import { type ExpectedTaps, NO_TAPS_EXPECTED } from './expected-taps.ts';
import { localRecords } from './local.ts';
import { Messages } from './messages.ts';
import { DNS_PORT, protocolOf } from './ports.ts';
import { type Carrier, resolvedAgain } from './record.ts';
import { Views } from './views.ts';

export interface DnsIntakeOptions {
  readonly config: DnsConfig;
  readonly names: AddressNames;
  readonly expectedTaps?: ExpectedTaps | undefined;
  readonly endsOf: (slot: number) => FlowEnds;
  /** Tells the flow in a slot from those that were there before. */
  readonly flowNumber: (slot: number) => number;
  /** A question as it passes. */
  readonly onQuestion: (query: DnsQuery) => void;
  /** A question with its answer, as soon as both were seen; it may be recorded a moment later. */
  readonly onAnswered: (record: DnsRecord) => void;
  /** A question with its answer, or without when none came; an answer alone when its question was not seen. */
  readonly onRecord: (record: DnsRecord) => void;
  /** One packet's, or one stretch of a stream's, bytes that are no DNS message. */
  readonly onNotDns: (event: NotDns) => void;
  /** Whether anybody listens, as of now. */
  readonly wants: { readonly notDns: boolean };
}

export class DnsIntake {
  /** Questions told; retransmissions and second views are none. */
  questions = 0;
  readonly #options: DnsIntakeOptions;
  readonly #view = new DnsView();
  readonly #flow: FlowConversation;
  readonly #namespace: NamespaceConversation;
  readonly #carrier: Carrier;
  readonly #messages: Messages;
  readonly #exchanges: Exchanges;
  readonly #views: Views;
  readonly #namespaceTaps = new Set<Tap>();

  constructor(options: DnsIntakeOptions) {
    this.#options = options;
    this.#flow = new FlowConversation(options.endsOf, options.flowNumber);
    this.#namespace = new NamespaceConversation(options.names);
    this.#carrier = {
      tap: undefined as unknown as Tap,
      conversation: this.#flow,
      time: 0,
      fromOrig: true,
      protocol: 'dns',
      transport: 'udp',
    };
    this.#views = new Views({
      maxHeld: options.config.max_pending,
      expectedTaps: options.expectedTaps ?? NO_TAPS_EXPECTED,
      resolveAgain: (record) => resolvedAgain(record, options.names),
      onQuestion: (query) => this.#onQuestion(query),
      onRecord: options.onRecord,
    });
    this.#exchanges = new Exchanges({
      config: options.config,
      views: this.#views,
      onAnswered: options.onAnswered,
    });
    this.#messages = new Messages({
      carrier: this.#carrier,
      view: this.#view,
      onMessage: (data) => this.#onMessage(data),
      onNotDns: (bytes) => this.#onNotDns(bytes),
    });
  }

  /** A packet with a port of DNS at either end, of the flow in `slot`. The slab is borrowed for the call. */
  onPacket(data: DataView, p: PacketView, time: Micros, tap: Tap, slot: number, fromOrig: boolean): void {
    const carrier = this.#carrier;
    this.#flow.key = slot;
    carrier.conversation = this.#flow;
    carrier.fromOrig = fromOrig;
    carrier.protocol = protocolOf(p);
    carrier.tap = tap;
    carrier.time = time;
    this.#messages.onPacket(data, p);
  }

  /** A packet of a container's own namespace; what is not Docker's embedded resolver's is passed over. */
  onNamespacePacket(data: DataView, p: PacketView, time: Micros, tap: Tap): void {
    if (!this.#namespace.set(tap, p, time)) return;
    const carrier = this.#carrier;
    carrier.conversation = this.#namespace;
    carrier.fromOrig = this.#namespace.isFromClient;
    carrier.protocol = 'dns';
    carrier.tap = tap;
    carrier.time = time;
    this.#messages.onPacket(data, p);
  }

  /** The flow in this slot has ended; the slot will be another's. */
  onFlowEnd(slot: number): void {
    this.#messages.endOne(slot);
  }

  beginTap(tap: Tap): void {
    if (tap.asker === undefined) return;
    this.#namespaceTaps.add(tap);
    this.#views.watch(tap);
  }

  /** What was asked in its namespace gets no answer that anybody would see. Flows end by themselves. */
  endTap(tap: Tap): void {
    const keys = this.#namespace.release(tap);
    if (keys !== undefined) {
      this.#messages.end(...keys);
      this.#exchanges.end(...keys);
    }
    this.#namespaceTaps.delete(tap);
  }

  /** Packet time at which `settle` has something to do; infinite when nothing waits. */
  get due(): Micros {
    return this.#views.due;
  }

  /** Live: every tap has been read up to this packet time. */
  heardUpTo(time: Micros): void {
    this.#views.heardUpTo(time);
  }

  /** Tells what has waited long enough for its other view. */
  settle(now: Micros): void {
    this.#views.settle(now);
  }

  expire(now: Micros): void {
    this.#views.watchOnly(this.#namespaceTaps);
    this.#exchanges.expire(now);
  }

  clockSet(step: ClockStep): void {
    this.#exchanges.clockSet(step);
    this.#views.clockSet(step);
  }

  flush(): void {
    this.#exchanges.flush();
    this.#views.flush();
  }

  /** Messages given up: connections or bytes beyond the reassembler's bounds, and holes in streams. */
  get lost(): number {
    return this.#messages.lost;
  }

  /** What is kept at the moment: questions without an answer, and what waits for its other view. */
  get kept(): number {
    return this.#exchanges.pending + this.#views.held;
  }

  /** Questions told as unanswered before their answer could come, for want of room. */
  get givenUp(): number {
    return this.#exchanges.givenUp;
  }

  /** Told before their other view could come, for want of room. */
  get hurried(): number {
    return this.#views.hurried;
  }

  #onMessage(data: DataView): void {
    const m = this.#view;
    const carrier = this.#carrier;
    if (carrier.protocol !== 'dns') {
      localRecords(data, m, carrier, this.#views);
      return;
    }
    // Neither asks nor answers: an operation without a question.
    if (!m.hasQuestion && !m.isResponse) return;
    const content = readDnsContent(data, m);
    if (m.isResponse) this.#exchanges.onAnswer(content, carrier);
    else this.#exchanges.onQuestion(content, carrier, dnsLabels(data, m), dnsOptions(data, m, MAX_OPTIONS));
  }

  #onQuestion(query: DnsQuery): void {
    this.questions++;
    this.#options.onQuestion(query);
  }

  #onNotDns(bytes: number): void {
    const { onNotDns, wants } = this.#options;
    if (!wants.notDns) return;
    const { conversation, time, fromOrig, transport } = this.#carrier;
    const { orig, resp, network, networks } = conversation.ends();
    // The client is whoever speaks with port 53; from 53 to 53 it is who spoke first.
    const clientIsOrig = resp.port === DNS_PORT || orig.port !== DNS_PORT;
    onNotDns({
      time,
      client: clientIsOrig ? orig : resp,
      server: clientIsOrig ? resp : orig,
      network,
      networks,
      transport,
      fromClient: fromOrig === clientIsOrig,
      bytes,
    });
  }
}
