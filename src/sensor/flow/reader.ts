/**
 * Reading a flow by its slot, for records: everything here may make strings and arrays, nothing here changes a flow.
 * A slot is valid from `observe` until the end of the flow's `onEnd`.
 */
import type { ConnState, Coverage, TcpProbe } from '../../model/flow.ts';
import { formatIp, type IpWords } from '../../model/ip.ts';
import type { Opening } from '../../model/opening.ts';
import type { Micros } from '../../model/time.ts';
import { TCP_FLAG } from '../decode/packet-view.ts';
import { communityId } from './community-id.ts';
import { formatHistory, HISTORY, hasHistory } from './history.ts';
import {
  CD,
  COLD_DOUBLES,
  COLD_WORDS,
  CW,
  D,
  FLOW_FLAG,
  type FlowRows,
  KEY_FLAG,
  ROW_DOUBLES,
  ROW_WORDS,
  W,
} from './rows.ts';
import { TCP_PAIR_MASK, tcpConnState } from './tcp-state.ts';
import { FlowTexts, WordTexts } from './texts.ts';

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
const SCTP = 132;
/** Types of echo requests: RFC 792, RFC 4443. */
const ICMP_ECHO = 8;
const ICMPV6_ECHO = 128;

export class FlowReader {
  protected readonly rows: FlowRows;
  protected readonly words: Int32Array;
  protected readonly doubles: Float64Array;
  protected readonly coldWords: Int32Array;
  protected readonly coldDoubles: Float64Array;
  readonly #addresses = new WordTexts(formatIp);
  readonly #texts = new FlowTexts();

  constructor(rows: FlowRows) {
    this.rows = rows;
    this.words = rows.words;
    this.doubles = rows.doubles;
    this.coldWords = rows.coldWords;
    this.coldDoubles = rows.coldDoubles;
  }

  /** Base-36, unique for this table: the time of the first packet and the flow's number. */
  uid(slot: number): string {
    const first = this.first(slot);
    const number = this.number(slot);
    const texts = this.#texts.of(first, number);
    texts.uid ??= first.toString(36).padStart(10, '0') + number.toString(36);
    return texts.uid;
  }

  /** Tells the flow in this slot from those that were there before: flows are counted, modulo 2^32. */
  number(slot: number): number {
    return this.coldWords[slot * COLD_WORDS + CW.NUMBER]! >>> 0;
  }

  origWords(slot: number): IpWords {
    return this.#address(slot, W.ORIG);
  }

  respWords(slot: number): IpWords {
    return this.#address(slot, W.RESP);
  }

  origIp(slot: number): string {
    return this.#ipText(slot, W.ORIG);
  }

  respIp(slot: number): string {
    return this.#ipText(slot, W.RESP);
  }

  /** Absent for protocols without ports and for fragments whose first was never seen. */
  origPort(slot: number): number | undefined {
    return this.#hasPorts(slot) ? this.#word(slot, W.PORTS) >>> 16 : undefined;
  }

  respPort(slot: number): number | undefined {
    return this.#hasPorts(slot) ? this.#word(slot, W.PORTS) & 0xffff : undefined;
  }

  /** IANA number. */
  protocol(slot: number): number {
    return this.#word(slot, W.META) & 0xff;
  }

  /** `tcp`, `udp`, `icmp`, `icmp6`, or `ip-<number>`. */
  protocolName(slot: number): string {
    const protocol = this.protocol(slot);
    switch (protocol) {
      case TCP:
        return 'tcp';
      case UDP:
        return 'udp';
      case ICMP:
        return 'icmp';
      case ICMPV6:
        return 'icmp6';
      default:
        return `ip-${protocol}`;
    }
  }

  ifIndex(slot: number): number {
    return this.#word(slot, W.INTERFACE);
  }

  /** The outermost tag; absent on untagged frames. */
  vlan(slot: number): number | undefined {
    const id = (this.#word(slot, W.META) >>> 8) & 0xfff;
    return id === 0 ? undefined : id;
  }

  /** VXLAN network identifier of the tunnel in which the flow was seen. */
  vni(slot: number): number | undefined {
    const stored = this.#word(slot, W.TUNNEL) & 0x1ffffff;
    return stored === 0 ? undefined : stored - 1;
  }

  /** Time of the first packet. */
  first(slot: number): Micros {
    return this.coldDoubles[slot * COLD_DOUBLES + CD.FIRST]!;
  }

  last(slot: number): Micros {
    return this.doubles[slot * ROW_DOUBLES + D.LAST]!;
  }

  /** IP bytes, headers included. */
  origBytes(slot: number): number {
    return this.doubles[slot * ROW_DOUBLES + D.ORIG_BYTES]!;
  }

  respBytes(slot: number): number {
    return this.doubles[slot * ROW_DOUBLES + D.RESP_BYTES]!;
  }

  origPackets(slot: number): number {
    return this.#word(slot, W.ORIG_PACKETS) >>> 0;
  }

  respPackets(slot: number): number {
    return this.#word(slot, W.RESP_PACKETS) >>> 0;
  }

  connState(slot: number): ConnState {
    const state = this.#word(slot, W.STATE);
    if (this.protocol(slot) === TCP && this.#hasPorts(slot)) {
      return tcpConnState(state & TCP_PAIR_MASK, this.history(slot));
    }
    if ((state & FLOW_FLAG.ORIG_SPOKE) === 0) return 'SHR';
    return (state & FLOW_FLAG.RESP_SPOKE) === 0 ? 'S0' : 'SF';
  }

  history(slot: number): string {
    return formatHistory(this.rows, slot);
  }

  /** The flow was turned round, or is TCP without its SYN. */
  startedMidstream(slot: number): boolean {
    return (this.#word(slot, W.STATE) & FLOW_FLAG.MIDSTREAM) !== 0;
  }

  /** TCP bytes, of both directions, that were acknowledged and never passed the capture. Stops at 2^32 - 1. */
  missedBytes(slot: number): number {
    return this.coldWords[slot * COLD_WORDS + CW.MISSED_BYTES]! >>> 0;
  }

  /** Whether bytes of this direction have not passed the capture so far: what passes now need not be its beginning. */
  lacksBytes(slot: number, fromOrig: boolean): boolean {
    const holeBytes = this.#word(slot, (fromOrig ? W.ORIG_SEQ : W.RESP_SEQ) + 2);
    return holeBytes !== 0 || this.startedMidstream(slot) || this.missedBytes(slot) > 0;
  }

  coverage(slot: number): Coverage {
    if (this.missedBytes(slot) > 0) return 'lossy';
    return this.startedMidstream(slot) ? 'started-midstream' : 'whole';
  }

  /** Of the first message; absent for other protocols. */
  icmp(slot: number): { readonly type: number; readonly code: number } | undefined {
    const protocol = this.protocol(slot);
    if (protocol !== ICMP && protocol !== ICMPV6) return undefined;
    if ((this.#word(slot, W.TUNNEL) & KEY_FLAG.PORTLESS) !== 0) return undefined;
    const word = this.#word(slot, W.ICMP_ACTIVE);
    return { type: (word >>> 8) & 0xff, code: word & 0xff };
  }

  /** What the first segment was when no stack sends it; absent otherwise. */
  probe(slot: number): TcpProbe | undefined {
    if (!this.startedMidstream(slot) || this.protocol(slot) !== TCP || !this.#hasPorts(slot))
      return undefined;
    const flags = this.#word(slot, W.ICMP_ACTIVE) & 0xff;
    if ((flags & (TCP_FLAG.SYN | TCP_FLAG.RST | TCP_FLAG.ACK)) !== 0) return undefined;
    if ((flags & TCP_FLAG.FIN) === 0) return 'null';
    return (flags & (TCP_FLAG.PSH | TCP_FLAG.URG)) === 0 ? 'fin' : 'xmas';
  }

  /** As `openingOf` says of the record, without a record. */
  opening(slot: number): Opening | undefined {
    const isAnswered = this.respPackets(slot) > 0;
    switch (this.protocol(slot)) {
      case TCP:
        return this.#tcpOpening(slot, isAnswered);
      case UDP:
        return isAnswered ? 'accepted' : 'unanswered';
      case ICMP:
      case ICMPV6: {
        const type = (this.#word(slot, W.ICMP_ACTIVE) >>> 8) & 0xff;
        if (type !== (this.protocol(slot) === ICMP ? ICMP_ECHO : ICMPV6_ECHO)) return undefined;
        return isAnswered ? 'accepted' : 'unanswered';
      }
      default:
        return undefined;
    }
  }

  #tcpOpening(slot: number, isAnswered: boolean): Opening | undefined {
    const { rows } = this;
    if (this.startedMidstream(slot)) return this.probe(slot) === undefined ? undefined : 'probe';
    if (!hasHistory(rows, slot, HISTORY.SYN, true)) return undefined;
    if (!hasHistory(rows, slot, HISTORY.SYN_ACK, false)) {
      if (hasHistory(rows, slot, HISTORY.RST, false)) return 'refused';
      return isAnswered ? 'accepted' : 'unanswered';
    }
    const isClosed =
      hasHistory(rows, slot, HISTORY.ZERO_WINDOW, false) &&
      !hasHistory(rows, slot, HISTORY.DATA, true) &&
      !hasHistory(rows, slot, HISTORY.DATA, false);
    return isClosed ? 'refused' : 'accepted';
  }

  /** Community ID v1, seed 0; absent where ports belong to the protocol and were not seen. */
  communityId(slot: number): string | undefined {
    const texts = this.#texts.of(this.first(slot), this.number(slot));
    if (texts.communityId === undefined) texts.communityId = this.#communityId(slot) ?? null;
    return texts.communityId ?? undefined;
  }

  #communityId(slot: number): string | undefined {
    const protocol = this.protocol(slot);
    const src = this.origWords(slot);
    const dst = this.respWords(slot);
    if ((this.#word(slot, W.TUNNEL) & KEY_FLAG.PORTLESS) !== 0) {
      const needsPorts = [ICMP, TCP, UDP, ICMPV6, SCTP].includes(protocol);
      return needsPorts ? undefined : communityId({ src, dst, protocol });
    }
    const ports = this.#word(slot, W.PORTS);
    return communityId({ src, dst, protocol, srcPort: ports >>> 16, dstPort: ports & 0xffff });
  }

  #hasPorts(slot: number): boolean {
    const protocol = this.protocol(slot);
    if (protocol === ICMP || protocol === ICMPV6) return false;
    return (this.#word(slot, W.TUNNEL) & KEY_FLAG.PORTLESS) === 0;
  }

  #address(slot: number, at: number): IpWords {
    const base = slot * ROW_WORDS + at;
    const words = this.words;
    return [words[base]! >>> 0, words[base + 1]! >>> 0, words[base + 2]! >>> 0, words[base + 3]! >>> 0];
  }

  #ipText(slot: number, at: number): string {
    const base = slot * ROW_WORDS + at;
    const words = this.words;
    return this.#addresses.of(
      words[base]! >>> 0,
      words[base + 1]! >>> 0,
      words[base + 2]! >>> 0,
      words[base + 3]! >>> 0,
    );
  }

  #word(slot: number, at: number): number {
    return this.words[slot * ROW_WORDS + at]!;
  }
}
