/**
 * From packets on port 53 to DNS records: messages cut out of UDP and TCP, questions told at once, answers joined with
 * them. Makes strings only here, once a message that somebody listens to. Never trusts a byte of it.
 */
import type { DnsRecord } from '../../model/dns.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { Network } from '../../model/network.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { DnsQuery } from '../analysis/analyzer.ts';
import type { DnsConfig } from '../config.ts';
import { DnsView, decodeDns, dnsLabels } from '../decode/dns.ts';
import { dnsOpcodeName } from '../decode/dns-mnemonics.ts';
import { type DnsContent, readDnsContent } from '../decode/dns-record.ts';
import { DnsTcpReassembler } from '../decode/dns-tcp.ts';
import { FRAGMENT, LAYER, type PacketView, TCP_FLAG } from '../decode/packet-view.ts';
import type { Tap } from '../tap.ts';
import { DnsPairing } from './pairing.ts';

/** Both ends of a flow, and the network that carries it. */
export interface FlowEnds {
  readonly orig: Endpoint;
  readonly resp: Endpoint;
  readonly network: Network | undefined;
}

export interface DnsIntakeOptions {
  readonly config: DnsConfig;
  readonly endsOf: (slot: number) => FlowEnds;
  /** Tells the flow in a slot from those that were there before. */
  readonly flowNumber: (slot: number) => number;
  /** A question as it passes. */
  readonly onQuestion: (query: DnsQuery) => void;
  /** A question with its answer, or without when none came; an answer alone when its question was not seen. */
  readonly onRecord: (record: DnsRecord) => void;
}

/** The packet whose messages are being read: one at a time, so that reading allocates nothing for it. */
interface Carrier {
  tap: Tap;
  slot: number;
  time: Micros;
  fromOrig: boolean;
  transport: DnsRecord['transport'];
}

/** A question that waits, and which end of which flow may answer it. */
interface Asked {
  readonly record: DnsRecord;
  readonly flow: number;
  readonly byOrig: boolean;
}

const NO_ANSWERS: DnsRecord['answers'] = [];

export class DnsIntake {
  /** Questions seen, retransmissions aside. */
  questions = 0;
  readonly #options: DnsIntakeOptions;
  readonly #view = new DnsView();
  readonly #tcp = new DnsTcpReassembler();
  readonly #pairing: DnsPairing<Asked>;
  #carrier: Carrier | undefined;

  constructor(options: DnsIntakeOptions) {
    this.#options = options;
    this.#pairing = new DnsPairing({
      maxPending: options.config.max_pending,
      timeoutMicros: options.config.answer_timeout_secs * MICROS_PER_SECOND,
      onUnanswered: ({ record }) => options.onRecord(record),
    });
  }

  /** A packet with port 53 at either end, of the flow in `slot`. The slab is borrowed for the call. */
  onPacket(data: DataView, p: PacketView, time: Micros, tap: Tap, slot: number, fromOrig: boolean): void {
    // A later fragment holds no header of its own; what it carries cannot be read alone.
    if (p.fragment === FRAGMENT.LATER) return;
    if ((p.layers & LAYER.UDP) !== 0) {
      this.#carrier = { tap, slot, time, fromOrig, transport: 'udp' };
      const complete = p.fragment === FRAGMENT.NONE && p.payloadEnd - p.payloadAt === p.payloadLength;
      this.#onMessage(data, p.payloadAt, p.payloadEnd, complete);
    } else if ((p.layers & LAYER.TCP) !== 0) {
      this.#carrier = { tap, slot, time, fromOrig, transport: 'tcp' };
      const isSyn = (p.tcpFlags & TCP_FLAG.SYN) !== 0;
      this.#tcp.push(slot, fromOrig, p.words[8]!, isSyn, data, p.payloadAt, p.payloadEnd, this.#onTcpMessage);
    }
  }

  /** The flow in this slot has ended; the slot will be another's. */
  onFlowEnd(slot: number): void {
    this.#tcp.end(slot);
  }

  expire(now: Micros): void {
    this.#pairing.expire(now);
  }

  /** Questions asked before keep their record's time; how long their answers took cannot be known any more. */
  clockSet(step: ClockStep): void {
    this.#pairing.clockSet(step);
  }

  flush(): void {
    this.#pairing.flush();
  }

  /** Messages given up: connections or bytes beyond the reassembler's bounds, and holes in streams. */
  get lost(): number {
    return this.#tcp.evicted + this.#tcp.gaps;
  }

  readonly #onTcpMessage = (data: DataView, at: number, end: number): void =>
    this.#onMessage(data, at, end, true);

  #onMessage(data: DataView, at: number, end: number, complete: boolean): void {
    const m = this.#view;
    const carrier = this.#carrier!;
    m.anomalyCounts = carrier.tap.decoder.anomalyCounts;
    decodeDns(data, at, end, complete, m);
    // Something else on port 53; its anomalies are counted.
    if (!m.hasQuestion && !m.isResponse) return;
    const content = readDnsContent(data, m);
    // A flow is one pair of addresses and ports, so that with the id it names the exchange.
    const key = carrier.slot * 0x10000 + m.id;
    if (m.isResponse) this.#onResponse(key, content, carrier);
    else this.#onQuery(key, content, carrier, dnsLabels(data, m));
  }

  #onQuery(key: number, content: DnsContent, carrier: Carrier, labels: readonly Uint8Array[]): void {
    const record = this.#record(content, carrier);
    const pending = this.#pairing.peek(key);
    // Ids are the client's to choose, and the flow's slot may be another's by now: only the same question is a repeat.
    if (pending !== undefined && !isRepeat(pending.record, record)) {
      this.#pairing.answer(key);
      this.#options.onRecord(pending.record);
    }
    const asked = { record, flow: this.#options.flowNumber(carrier.slot), byOrig: carrier.fromOrig };
    if (!this.#pairing.ask(key, asked, carrier.time)) return;
    this.questions++;
    this.#options.onQuestion({ time: carrier.time, record, labels, options: [] });
  }

  #onResponse(key: number, content: DnsContent, carrier: Carrier): void {
    const asked = this.#pairing.peek(key);
    // Another question under the same id is somebody else's answer: forged, or too late.
    if (asked === undefined || !answers(asked.record, content) || !this.#isFromServer(asked, carrier)) {
      if (content.question !== undefined) this.#options.onRecord(this.#record(content, carrier));
      return;
    }
    // Not the record's time: the clock was set since, and the difference says nothing.
    const { record } = asked;
    const isSameClock = this.#pairing.askedAt(key) === record.time;
    this.#pairing.answer(key);
    this.#options.onRecord(answered(record, content, isSameClock ? carrier.time - record.time : undefined));
  }

  /** A client can send what looks like an answer too, and the slot may be another flow's by now. */
  #isFromServer({ record, flow, byOrig }: Asked, { slot, fromOrig }: Carrier): boolean {
    if (flow === this.#options.flowNumber(slot)) return fromOrig !== byOrig;
    // The flow may have ended between the two, because the clock was set.
    const { orig, resp } = this.#options.endsOf(slot);
    const [sender, receiver] = fromOrig ? [orig, resp] : [resp, orig];
    return isSameEnd(sender, record.server) && isSameEnd(receiver, record.client);
  }

  #record(content: DnsContent, { tap, slot, time, fromOrig, transport }: Carrier): DnsRecord {
    const { orig, resp, network } = this.#options.endsOf(slot);
    const sentByClient = !content.isResponse;
    const clientIsOrig = fromOrig === sentByClient;
    const { question } = content;
    return {
      kind: 'dns',
      time,
      network,
      interface: tap.interface,
      client: clientIsOrig ? orig : resp,
      server: clientIsOrig ? resp : orig,
      vantage: tap.vantage,
      protocol: 'dns',
      transport,
      opcode: dnsOpcodeName(content.opcode),
      id: content.id,
      query: question?.query ?? '',
      qtype: question?.qtype ?? '',
      qclass: question?.qclass ?? '',
      rcode: content.rcode,
      answers: content.isResponse ? content.answers : NO_ANSWERS,
      rtt: undefined,
      flags: content.flags,
      edns: content.isResponse ? undefined : content.edns,
      trailingBytes: content.trailingBytes === 0 ? undefined : content.trailingBytes,
      anomalies: content.anomalies,
    };
  }
}

/** Field by field: spreading one object into another costs as much as all the rest that is done for a message. */
function answered(asked: DnsRecord, content: DnsContent, rtt: Micros | undefined): DnsRecord {
  return {
    kind: 'dns',
    time: asked.time,
    network: asked.network,
    interface: asked.interface,
    client: asked.client,
    server: asked.server,
    vantage: asked.vantage,
    protocol: asked.protocol,
    transport: asked.transport,
    opcode: asked.opcode,
    id: asked.id,
    query: asked.query,
    qtype: asked.qtype,
    qclass: asked.qclass,
    rcode: content.rcode,
    answers: content.answers,
    rtt,
    flags: content.flags,
    edns: asked.edns,
    trailingBytes: asked.trailingBytes,
    anomalies: asked.anomalies.length === 0 ? content.anomalies : [...asked.anomalies, ...content.anomalies],
  };
}

/** Names compare without case (RFC 4343); some servers leave the question out. */
function answers(asked: DnsRecord, { question }: DnsContent): boolean {
  if (question === undefined) return true;
  return question.qtype === asked.qtype && question.query.toLowerCase() === asked.query.toLowerCase();
}

/** A client that asks again, having heard nothing. */
function isRepeat(asked: DnsRecord, again: DnsRecord): boolean {
  const sameClient = isSameEnd(asked.client, again.client);
  return sameClient && asked.qtype === again.qtype && asked.query.toLowerCase() === again.query.toLowerCase();
}

function isSameEnd(a: Endpoint, b: Endpoint): boolean {
  return a.ip === b.ip && a.port === b.port;
}
