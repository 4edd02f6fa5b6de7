/**
 * The flow table: who talks with whom, how much, and in what state. Driven by packet time alone; bounded by
 * construction: when it is full the flow least worth keeping goes, and is counted.
 *
 * Memory: 192 bytes a flow at the limit (a row of 184, 8 of index), reserved at the start and touched as it fills. A packet allocates nothing and costs 100-140 ns where few flows are active at a
 * time, two or three times that where it must wait for memory each time (see `warm`).
 */
import type { IpWords } from '../../model/ip.ts';
import type { ClockStep, Micros } from '../../model/time.ts';
import { LAYER, type PacketView, TCP_FLAG } from '../decode/packet-view.ts';
import { PacketClock } from './clock.ts';
import { isAnswer } from './direction.ts';
import { addFlip, addHistory, HISTORY } from './history.ts';
import { FlowIndex, MAX_FLOWS } from './key.ts';
import { FlowLists, LIST, LIST_COUNT } from './lists.ts';
import { FlowReader } from './reader.ts';
import {
  type Allocate,
  allocatePlain,
  CD,
  COLD_DOUBLES,
  COLD_WORDS,
  CW,
  D,
  FLOW_FLAG,
  FlowRows,
  FREE_ROW,
  LIST_MASK,
  LIST_SHIFT,
  ROW_DOUBLES,
  ROW_WORDS,
  W,
} from './rows.ts';
import { followTcp } from './tcp-follow.ts';
import { origState, respState, TCP_PAIR_MASK, TCP_STATE } from './tcp-state.ts';

export type FlowEnd = 'closed' | 'idle' | 'evicted' | 'tap-ended' | 'shutdown';

export interface FlowTableOptions {
  /** At most 4,194,302. */
  readonly maxFlows?: number;
  /** A flow that lasts is reported each time this has passed, if it spoke. */
  readonly activeTimeoutSecs?: number;
  /** After FIN from both sides or RST. */
  readonly tcpOverSecs?: number;
  /** SYN without an answer. Linux sends it again after 1, 2, 4 and 8 s. */
  readonly tcpAttemptSecs?: number;
  /** One side closed, or only one side seen. */
  readonly tcpPartialSecs?: number;
  /** Long, because connection pools keep quiet connections, and a flow taken up midstream has lost who opened it. */
  readonly tcpEstablishedSecs?: number;
  readonly datagramOneWaySecs?: number;
  readonly datagramAnsweredSecs?: number;
  readonly otherSecs?: number;
  /** Of the hash. Random for live traffic, so that nobody can choose colliding keys. */
  readonly seed?: number;
  /** Where its memory comes from; huge pages are worth a fifth of the time with 100,000 flows (docs/benchmarks.md). */
  readonly allocate?: Allocate;
}

/** Datagrams as nf_conntrack_udp_timeout and nf_conntrack_udp_timeout_stream; TCP_OVER as Zeek's tcp_close_delay. */
export const FLOW_DEFAULTS: Required<FlowTableOptions> = {
  maxFlows: 131_072,
  activeTimeoutSecs: 300,
  tcpOverSecs: 5,
  tcpAttemptSecs: 20,
  tcpPartialSecs: 120,
  tcpEstablishedSecs: 3600,
  datagramOneWaySecs: 30,
  datagramAnsweredSecs: 120,
  otherSecs: 300,
  seed: 0,
  allocate: allocatePlain,
};

/** What `observe` noticed, as bits in `events`. */
export const FLOW_EVENT = {
  NEW: 1,
  /** The responder's first packet. */
  FIRST_ANSWER: 2,
  /** TCP: closed by both sides, or reset. The end follows when the stragglers have had their time. */
  OVER: 4,
  /** Payload of a flow whose content is still asked for (see `openContent`). */
  CONTENT: 8,
} as const;

export interface FlowListener {
  /** The slot may be read during the call; afterwards it is another flow's. */
  onEnd(slot: number, reason: FlowEnd): void;
}

export interface ReleasedAddress {
  readonly ifIndex: number;
  readonly ip: IpWords;
}

export type DeltaVisitor = (
  slot: number,
  origBytes: number,
  respBytes: number,
  origPackets: number,
  respPackets: number,
  isNew: boolean,
) => void;

/** A second SYN this long after the last packet, with another sequence number, is another connection. */
const REUSE_AFTER_MICROS = 1_000_000;
/** Expiry looks this often, and ends at most so many flows at once: a packet must stay cheap. */
const EXPIRE_EVERY_MS = 100;
const EXPIRE_AT_ONCE = 256;
/** Lists in the order in which their flows are given up when the table is full. */
const EVICTION_ORDER = [
  LIST.TCP_OVER,
  LIST.TCP_ATTEMPT,
  LIST.DATAGRAM_ONE_WAY,
  LIST.TCP_PARTIAL,
  LIST.OTHER,
  LIST.DATAGRAM_ANSWERED,
  LIST.TCP_ESTABLISHED,
] as const;
/** A list that holds less than this share is spared: its flows are the ones just beginning. */
const EVICTION_SHARE = 16;

/** A power of two; 4 KB stay in the nearest cache. */
const MARKS = 4096;

export class FlowTable extends FlowReader {
  /** FLOW_EVENT bits of the last `observe`. */
  events = 0;
  /** Of the last `observe`: the packet came from the originator. */
  fromOrig = true;
  /** Flows seen since the start. */
  created = 0;
  /** Flows given up because the table was full. */
  evicted = 0;
  /** Packets counted to no flow: not IP. */
  ignored = 0;

  readonly #index: FlowIndex;
  readonly #lists: FlowLists;
  readonly #clock = new PacketClock();
  readonly #listener: FlowListener;
  readonly #activeMicros: number;
  readonly #youngMicros: number;
  #nowMs = 0;
  #nextExpiryMs = 0;
  #drainedAtMs = 0;

  constructor(listener: FlowListener, options: FlowTableOptions = {}) {
    const settings = { ...FLOW_DEFAULTS, ...options };
    if (!(settings.maxFlows >= 1 && settings.maxFlows <= MAX_FLOWS)) {
      throw new RangeError(`maxFlows must be 1..${MAX_FLOWS}, not ${settings.maxFlows}`);
    }
    const rows = new FlowRows(settings.maxFlows, settings.allocate);
    super(rows);
    this.#index = new FlowIndex(rows, settings.seed);
    this.#lists = new FlowLists(rows, timeoutsSecs(settings));
    this.#listener = listener;
    this.#activeMicros = settings.activeTimeoutSecs * 1e6;
    this.#youngMicros = settings.datagramAnsweredSecs * 1e6;
  }

  /** Slots are below this. */
  get maxFlows(): number {
    return this.rows.capacity;
  }

  /** Live flows. */
  get size(): number {
    return this.rows.used;
  }

  /** Steps of packet time that were clamped (see clock.ts). */
  get timeJumps(): number {
    return this.#clock.jumps;
  }

  /**
   * Counts a decoded packet; returns its flow's slot, or -1 when it has none (not IP). Ends of other flows may be
   * told during the call. Carried frames (`view.inner`) are flows of their own: observe them too.
   */
  observe(p: PacketView, time: Micros, ifIndex: number): number {
    this.events = 0;
    if ((p.layers & LAYER.IP) === 0) {
      this.ignored++;
      return -1;
    }
    this.advance(time);

    const index = this.#index;
    index.read(p, ifIndex);
    let slot = index.find(p);
    if (slot >= 0) {
      const ended = this.#endedBefore(slot, p, time);
      if (ended !== undefined) {
        this.#end(slot, ended);
        slot = -1;
      }
    }
    let fromOrig = !index.reversed;
    if (slot < 0) {
      const flip = isAnswer(p, this.#clock.elapsedMicros < this.#youngMicros);
      slot = this.#create(p, time, flip);
      fromOrig = !flip;
      this.events = FLOW_EVENT.NEW;
    }
    this.fromOrig = fromOrig;
    this.#count(slot, p, time, fromOrig);
    return slot;
  }

  /**
   * A hint: fetches the rows of up to 64 decoded packets together before they are observed one by one. Worth a quarter
   * to a half of the time when packets of 100,000 flows are mixed at random.
   */
  warm(views: readonly PacketView[], count: number, ifIndexes: ArrayLike<number>): void {
    this.#index.warm(views, count, ifIndexes);
  }

  /** From now on this flow's packets with payload raise FLOW_EVENT.CONTENT. Costs the others nothing. */
  openContent(slot: number): void {
    this.words[slot * ROW_WORDS + W.STATE]! |= FLOW_FLAG.CONTENT_OPEN;
  }

  closeContent(slot: number): void {
    this.words[slot * ROW_WORDS + W.STATE]! &= ~FLOW_FLAG.CONTENT_OPEN;
  }

  /** Lets packet time pass without a packet. Ends at most 256 flows a call. */
  advance(time: Micros): void {
    // Kept as a 32-bit integer: it wraps after 49 days of traffic, differences do not.
    this.#nowMs = (this.#clock.advance(time) / 1000) | 0;
    if (((this.#nowMs - this.#nextExpiryMs) | 0) >= 0) this.#expire();
  }

  /**
   * The clock was set: flows stay as silent as they were, and go on. Their begin stays as it was recorded, and none
   * ends before it. Visits every flow: some milliseconds when the table is full.
   */
  clockSet({ from, to }: ClockStep): void {
    for (let list = 0; list < LIST_COUNT; list++) {
      for (let slot = this.#lists.heads[list]!; slot >= 0; ) {
        const base = slot * ROW_WORDS;
        const last = slot * ROW_DOUBLES + D.LAST;
        this.doubles[last] = Math.max(this.first(slot), this.doubles[last]! + to - from);
        // How many active time-outs were reported says nothing about the new clock.
        this.words[base + W.ICMP_ACTIVE]! &= 0xffff;
        this.#isActiveDue(slot);
        slot = this.words[base + W.NEXT]!;
      }
    }
  }

  /** Ends every flow. */
  flush(reason: FlowEnd = 'shutdown'): void {
    for (let list = 0; list < LIST_COUNT; list++) {
      for (let slot = this.#lists.heads[list]!; slot >= 0; slot = this.#lists.heads[list]!) {
        this.#end(slot, reason);
      }
    }
  }

  /**
   * Ends the flows of addresses that were given back, because what comes from them next is another's. Visits every row
   * once, however many addresses there are, in the order of memory: 2 ms for 131,072 flows, a tenth of what following
   * the lists costs.
   */
  endFlowsOf(released: readonly ReleasedAddress[]): void {
    const words = this.words;
    const marked = new Uint8Array(MARKS);
    for (const { ifIndex, ip } of released) marked[markOf(ip[3], ifIndex)] = 1;
    // A row keeps its place while others end.
    for (let base = 0, end = this.rows.fresh * ROW_WORDS; base < end; base += ROW_WORDS) {
      const ifIndex = words[base + W.INTERFACE]!;
      const orig = marked[markOf(words[base + W.ORIG + 3]!, ifIndex)]!;
      const resp = marked[markOf(words[base + W.RESP + 3]!, ifIndex)]!;
      if ((orig | resp) === 0 || ifIndex === FREE_ROW) continue;
      const isReleased = released.some(
        (one) =>
          one.ifIndex === ifIndex &&
          (isAddress(words, base + W.ORIG, one.ip) || isAddress(words, base + W.RESP, one.ip)),
      );
      if (isReleased) this.#end(base / ROW_WORDS, 'closed');
    }
  }

  /**
   * Ends flows of an interface that is seen no more, `atOnce` at most; true when none is left. Visits every flow: some
   * milliseconds when the table is full.
   */
  endInterface(ifIndex: number, atOnce: number): boolean {
    const words = this.words;
    let left = atOnce;
    for (let list = 0; list < LIST_COUNT; list++) {
      for (let slot = this.#lists.heads[list]!, next = -1; slot >= 0; slot = next) {
        const base = slot * ROW_WORDS;
        next = words[base + W.NEXT]!;
        if (words[base + W.INTERFACE] !== ifIndex) continue;
        if (left-- === 0) return false;
        this.#end(slot, 'tap-ended');
      }
    }
    return true;
  }

  /**
   * Visits the flows that spoke since the last drain, with what they added; an ended flow's rest is to be had from
   * `takeDelta` inside `onEnd`. `onActive` hears of flows whose active time-out has passed. Neither may change the
   * table.
   */
  drainTouched(visit: DeltaVisitor, onActive?: (slot: number) => void): void {
    const words = this.words;
    const drainedAt = this.#drainedAtMs;
    this.#drainedAtMs = this.#nowMs;
    for (let list = 0; list < LIST_COUNT; list++) {
      const oldest = drainedAt - this.#lists.placeMs[list]!;
      let slot = this.#lists.tails[list]!;
      // The list is in the order of last packets, exact to placeMs: beyond this row nobody spoke.
      while (slot >= 0 && ((words[slot * ROW_WORDS + W.LISTED_AT]! - oldest) | 0) >= 0) {
        const spoke = this.takeDelta(slot, visit);
        if (spoke && onActive !== undefined && this.#isActiveDue(slot)) onActive(slot);
        slot = words[slot * ROW_WORDS + W.PREV]!;
      }
    }
  }

  /** What a flow added since the last drain; false when nothing, and then nothing is visited. */
  takeDelta(slot: number, visit: DeltaVisitor): boolean {
    const words = this.words;
    const cold = this.coldWords;
    const base = slot * ROW_WORDS;
    const coldBase = slot * COLD_WORDS;
    const origPackets = (words[base + W.ORIG_PACKETS]! - cold[coldBase + CW.DRAINED_ORIG_PACKETS]!) >>> 0;
    const respPackets = (words[base + W.RESP_PACKETS]! - cold[coldBase + CW.DRAINED_RESP_PACKETS]!) >>> 0;
    if (origPackets === 0 && respPackets === 0) return false;
    cold[coldBase + CW.DRAINED_ORIG_PACKETS] = words[base + W.ORIG_PACKETS]!;
    cold[coldBase + CW.DRAINED_RESP_PACKETS] = words[base + W.RESP_PACKETS]!;
    const isNew = (words[base + W.STATE]! & FLOW_FLAG.DRAINED) === 0;
    words[base + W.STATE]! |= FLOW_FLAG.DRAINED;
    const drained = this.coldDoubles;
    const at = slot * COLD_DOUBLES;
    const origBytes = this.origBytes(slot) - drained[at + CD.DRAINED_ORIG_BYTES]!;
    const respBytes = this.respBytes(slot) - drained[at + CD.DRAINED_RESP_BYTES]!;
    drained[at + CD.DRAINED_ORIG_BYTES] = this.origBytes(slot);
    drained[at + CD.DRAINED_RESP_BYTES] = this.respBytes(slot);
    visit(slot, origBytes, respBytes, origPackets, respPackets, isNew);
    return true;
  }

  /** Whole active time-outs since the flow's first packet, against those already reported (16 bits of them). */
  #isActiveDue(slot: number): boolean {
    const word = slot * ROW_WORDS + W.ICMP_ACTIVE;
    const passed = Math.floor((this.last(slot) - this.first(slot)) / this.#activeMicros);
    const due = Math.min(passed, 0xffff);
    if (due <= this.words[word]! >>> 16) return false;
    this.words[word] = (this.words[word]! & 0xffff) | (due << 16);
    return true;
  }

  /** Why the row that matches a packet is an older flow's, if it is. */
  #endedBefore(slot: number, p: PacketView, time: Micros): FlowEnd | undefined {
    const state = this.words[slot * ROW_WORDS + W.STATE]!;
    const list = (state >>> LIST_SHIFT) & LIST_MASK;
    const last = this.doubles[slot * ROW_DOUBLES + D.LAST]!;
    // Below zero where the clock was set back beyond the flow's begin (see clockSet).
    const silence = time - last;
    // The table's clock is clamped, so a flow may stand here that true packet time has long ended.
    if (silence > this.#lists.expiryMs[list]! * 1000) {
      return list === LIST.TCP_OVER ? 'closed' : 'idle';
    }
    if ((p.layers & LAYER.TCP) === 0 || (p.tcpFlags & (TCP_FLAG.SYN | TCP_FLAG.ACK)) !== TCP_FLAG.SYN) {
      return undefined;
    }
    if ((p.tcpFlags & (TCP_FLAG.FIN | TCP_FLAG.RST)) !== 0) return undefined;
    if (list === LIST.TCP_OVER) return 'closed';
    const pair = state & TCP_PAIR_MASK;
    const established = origState(pair) >= TCP_STATE.ESTABLISHED && respState(pair) >= TCP_STATE.ESTABLISHED;
    if (!established || Math.abs(silence) < REUSE_AFTER_MICROS) return undefined;
    return this.#isSequenceOf(slot, p) ? undefined : 'idle';
  }

  /** Whether a late SYN is the flow's own, sent or seen again. */
  #isSequenceOf(slot: number, p: PacketView): boolean {
    const at = slot * ROW_WORDS + (this.#index.reversed ? W.RESP_SEQ : W.ORIG_SEQ);
    return ((p.words[8]! + 1 - this.words[at]!) | 0) === 0;
  }

  #create(p: PacketView, time: Micros, flip: boolean): number {
    let slot = this.rows.take();
    if (slot < 0) {
      this.#evict();
      slot = this.rows.take();
    }
    const index = this.#index;
    const words = this.words;
    const base = slot * ROW_WORDS;
    const orig = base + (flip ? W.RESP : W.ORIG);
    const resp = base + (flip ? W.ORIG : W.RESP);
    for (let i = 0; i < 4; i++) {
      words[orig + i] = p.words[i]!;
      words[resp + i] = p.words[4 + i]!;
    }
    words[base + W.PORTS] = flip ? (index.ports << 16) | (index.ports >>> 16) : index.ports;
    words[base + W.META] = index.meta;
    words[base + W.TUNNEL] = index.tunnel;
    words[base + W.INTERFACE] = index.ifIndex;
    this.coldWords[slot * COLD_WORDS + CW.NUMBER] = this.created;
    this.created++;
    this.coldDoubles[slot * COLD_DOUBLES + CD.FIRST] = time;
    this.doubles[slot * ROW_DOUBLES + D.LAST] = time;
    const isTcp = (p.layers & LAYER.TCP) !== 0;
    words[base + W.ICMP_ACTIVE] = isTcp ? p.tcpFlags : (p.icmpType << 8) | p.icmpCode;
    if (flip || (isTcp && (p.tcpFlags & TCP_FLAG.SYN) === 0)) words[base + W.STATE] = FLOW_FLAG.MIDSTREAM;
    if (flip) addFlip(this.rows, slot);
    index.insert(slot);
    this.#lists.append(slot, LIST.OTHER, this.#nowMs);
    return slot;
  }

  #count(slot: number, p: PacketView, time: Micros, fromOrig: boolean): void {
    const words = this.words;
    const doubles = this.doubles;
    const base = slot * ROW_WORDS;
    const at = slot * ROW_DOUBLES;
    if (time > doubles[at + D.LAST]!) doubles[at + D.LAST] = time;
    if ((words[base + W.STATE]! & FLOW_FLAG.CONTENT_OPEN) !== 0 && p.payloadEnd > p.payloadAt) {
      this.events |= FLOW_EVENT.CONTENT;
    }
    if (fromOrig) {
      doubles[at + D.ORIG_BYTES]! += p.ipTotalLength;
      words[base + W.ORIG_PACKETS]!++;
      words[base + W.STATE]! |= FLOW_FLAG.ORIG_SPOKE;
    } else {
      doubles[at + D.RESP_BYTES]! += p.ipTotalLength;
      words[base + W.RESP_PACKETS]!++;
      if ((words[base + W.STATE]! & FLOW_FLAG.RESP_SPOKE) === 0) {
        words[base + W.STATE]! |= FLOW_FLAG.RESP_SPOKE;
        this.events |= FLOW_EVENT.FIRST_ANSWER;
      }
    }
    this.#lists.touch(slot, this.#follow(slot, p, fromOrig), this.#nowMs);
  }

  /** Protocol state; returns the list in which the flow now waits. */
  #follow(slot: number, p: PacketView, fromOrig: boolean): number {
    const at = slot * ROW_WORDS + W.STATE;
    if ((p.layers & LAYER.TCP) !== 0) {
      const before = (this.words[at]! >>> LIST_SHIFT) & LIST_MASK;
      const list = followTcp(this.rows, slot, p, fromOrig);
      if (list === LIST.TCP_OVER && before !== LIST.TCP_OVER) this.events |= FLOW_EVENT.OVER;
      return list;
    }
    if ((p.layers & (LAYER.UDP | LAYER.ICMP | LAYER.ICMPV6)) !== 0) {
      if ((p.layers & LAYER.UDP) !== 0 && p.payloadLength > 0) {
        addHistory(this.rows, slot, HISTORY.DATA, fromOrig);
      }
      const both = FLOW_FLAG.ORIG_SPOKE | FLOW_FLAG.RESP_SPOKE;
      return (this.words[at]! & both) === both ? LIST.DATAGRAM_ANSWERED : LIST.DATAGRAM_ONE_WAY;
    }
    // A later fragment, a cut header, or a protocol that we do not follow: it changes nothing but the counts.
    return (this.words[at]! >>> LIST_SHIFT) & LIST_MASK;
  }

  #expire(): void {
    const lists = this.#lists;
    let budget = EXPIRE_AT_ONCE;
    for (let list = 0; list < LIST_COUNT; list++) {
      const timeout = lists.expiryMs[list]!;
      for (let slot = lists.heads[list]!; slot >= 0; slot = lists.heads[list]!) {
        const waited = (this.#nowMs - this.words[slot * ROW_WORDS + W.LISTED_AT]!) | 0;
        if (waited < timeout) break;
        // Out of budget: go on with the next packet.
        if (budget-- === 0) return;
        this.#end(slot, list === LIST.TCP_OVER ? 'closed' : 'idle');
      }
    }
    this.#nextExpiryMs = (this.#nowMs + EXPIRE_EVERY_MS) | 0;
  }

  /** The longest silent flow of the least valuable list that is no small one. Lists are 7, so one holds a sixteenth. */
  #evict(): void {
    const lists = this.#lists;
    for (const list of EVICTION_ORDER) {
      if (lists.lengths[list]! * EVICTION_SHARE < this.rows.used) continue;
      this.evicted++;
      this.#end(lists.heads[list]!, 'evicted');
      return;
    }
  }

  #end(slot: number, reason: FlowEnd): void {
    this.#listener.onEnd(slot, reason);
    this.#index.remove(slot);
    this.#lists.remove(slot);
    this.rows.give(slot);
  }
}

/** Of an address's last word and its interface: most rows are none of the released ones', and one byte tells. */
function markOf(lastWord: number, ifIndex: number): number {
  return (lastWord ^ (lastWord >>> 8) ^ Math.imul(ifIndex, 0x9e5)) & (MARKS - 1);
}

function isAddress(words: Int32Array, at: number, ip: IpWords): boolean {
  return (
    words[at + 3] === (ip[3] | 0) &&
    words[at + 2] === (ip[2] | 0) &&
    words[at + 1] === (ip[1] | 0) &&
    words[at] === (ip[0] | 0)
  );
}

function timeoutsSecs(settings: Required<FlowTableOptions>): number[] {
  const secs = new Array<number>(LIST_COUNT);
  secs[LIST.TCP_OVER] = settings.tcpOverSecs;
  secs[LIST.TCP_ATTEMPT] = settings.tcpAttemptSecs;
  secs[LIST.TCP_PARTIAL] = settings.tcpPartialSecs;
  secs[LIST.TCP_ESTABLISHED] = settings.tcpEstablishedSecs;
  secs[LIST.DATAGRAM_ONE_WAY] = settings.datagramOneWaySecs;
  secs[LIST.DATAGRAM_ANSWERED] = settings.datagramAnsweredSecs;
  secs[LIST.OTHER] = settings.otherSecs;
  return secs;
}
