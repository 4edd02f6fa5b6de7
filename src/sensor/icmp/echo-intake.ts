/**
 * Counts the echo messages of each flow, ICMP and ICMPv6: whether replies return what was asked, and whether the data is
 * any ping's (RFC 792, RFC 4443 4.1). It judges nothing. A message allocates nothing; a record is made at the first
 * oddity of a flow, then at most once a second.
 *
 * Memory: 4,096 flows of 140 bytes and 16,384 requests of 44, whatever comes. Beyond it the flow goes that has shown
 * least, of eight; it is counted, and so is each reply that finds its request gone.
 */
import type { EchoTally } from '../../model/echo.ts';
import type { FlowRecord } from '../../model/flow.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { LAYER, type PacketView } from '../decode/packet-view.ts';
import { EchoPayload, TOOL } from './echo-payload.ts';
import { ANSWER, EchoRequests } from './echo-requests.ts';

const MAX_FLOWS = 4096;
const LOOK_AT = 8;
const MAX_SIZES = 16;
/** Replies to requests that were not seen, because the flow was under way before it was looked at. */
const GRACE: Micros = 5 * MICROS_PER_SECOND;

const ICMP_REPLY = 0;
const ICMP_REQUEST = 8;
const ICMPV6_REQUEST = 128;
const ICMPV6_REPLY = 129;

export interface EchoIntakeOptions {
  readonly recordOf: (slot: number) => FlowRecord;
  readonly onTally: (tally: EchoTally) => void;
  /** Of the hash. */
  readonly seed: number;
}

export class EchoIntake {
  /** Flows whose counts were given up for want of room, and replies whose request was. */
  lost = 0;
  readonly #options: EchoIntakeOptions;
  readonly #payload: EchoPayload;
  readonly #requests = new EchoRequests((row, flow) => this.#onForgotten(row, flow));
  /** Row of a flow's slot. */
  readonly #rows = new Map<number, number>();
  readonly #slot = new Int32Array(MAX_FLOWS).fill(-1);
  /** Tells the flow in a row from those before. */
  readonly #flow = new Int32Array(MAX_FLOWS);
  readonly #counts = new Uint32Array(MAX_FLOWS * COUNTS);
  readonly #oddBytes = new Float64Array(MAX_FLOWS);
  readonly #sizes = new Uint16Array(MAX_FLOWS * MAX_SIZES);
  readonly #sequence = new Int32Array(MAX_FLOWS);
  readonly #tail = new Int32Array(MAX_FLOWS);
  readonly #marks = new Uint8Array(MAX_FLOWS);
  readonly #last = new Float64Array(MAX_FLOWS);
  readonly #toldAt = new Float64Array(MAX_FLOWS);
  readonly #graceUntil = new Float64Array(MAX_FLOWS);
  #flows = 0;
  #used = 0;
  readonly #free: number[] = [];
  #hand = 0;
  /** Rows that have more to tell than was told. */
  readonly #due = new Set<number>();

  constructor(options: EchoIntakeOptions) {
    this.#options = options;
    this.#payload = new EchoPayload(options.seed);
  }

  /** A message of ICMP or ICMPv6. `isNew`: the flow's first packet. The slab is borrowed for the call. */
  onPacket(data: DataView, p: PacketView, time: Micros, slot: number, isNew: boolean): void {
    const isV6 = (p.layers & LAYER.ICMPV6) !== 0;
    const isRequest = p.icmpType === (isV6 ? ICMPV6_REQUEST : ICMP_REQUEST);
    if (!isRequest && p.icmpType !== (isV6 ? ICMPV6_REPLY : ICMP_REPLY)) return;
    const payload = this.#payload;
    payload.read(data, p);
    const row = this.#rows.get(slot) ?? this.#begin(slot, time, isNew && isRequest);
    this.#last[row] = time;
    if (payload.tool !== TOOL.NONE) this.#marks[row] = (this.#marks[row]! & ~TOOL_MASK) | payload.tool;
    this.#addSize(row, payload.length);
    const idSeq = (p.icmpId << 16) | p.icmpSeq;
    if (isRequest) this.#onRequest(row, idSeq, time);
    else this.#onReply(row, idSeq, time);
    if (this.#isOdd(row)) this.#tellOrWait(row, time);
  }

  /** Once a second of packet time: what came since the last word, where nothing comes any more. */
  tick(time: Micros): void {
    for (const row of this.#due) if (time - this.#toldAt[row]! >= MICROS_PER_SECOND) this.#tell(row);
  }

  /** Input has ended. */
  finish(): void {
    for (const row of this.#due) this.#tell(row);
  }

  /** The slot will be another flow's. */
  onFlowEnd(slot: number): void {
    if (this.#rows.size === 0) return;
    const row = this.#rows.get(slot);
    if (row === undefined) return;
    if (this.#due.has(row)) this.#tell(row);
    this.#release(row);
    this.#free.push(row);
  }

  clockSet({ from, to }: ClockStep): void {
    const step = to - from;
    for (const row of this.#rows.values()) {
      this.#last[row]! += step;
      this.#toldAt[row]! += step;
      this.#graceUntil[row]! += step;
    }
    this.#requests.clockSet(Math.round(step / MICROS_PER_SECOND));
  }

  #onRequest(row: number, idSeq: number, time: Micros): void {
    const payload = this.#payload;
    const at = row * COUNTS;
    this.#counts[at + C.REQUESTS]!++;
    const sequence = idSeq & 0xffff;
    if (this.#sequence[row] === sequence) this.#counts[at + C.REPEATED_SEQUENCES]!++;
    this.#sequence[row] = sequence;
    // What is sent again and again, whatever it is, tells nobody anything.
    if (payload.isOdd && payload.tail !== this.#tail[row]) {
      this.#counts[at + C.ODD]!++;
      this.#addOddBytes(row);
    }
    this.#tail[row] = payload.tail;
    this.#requests.add(this.#flow[row]!, row, idSeq, secsOf(time), payload);
  }

  #onReply(row: number, idSeq: number, time: Micros): void {
    const at = row * COUNTS;
    this.#counts[at + C.REPLIES]!++;
    switch (this.#requests.answer(this.#flow[row]!, idSeq, this.#payload)) {
      case ANSWER.ALTERED:
        this.#counts[at + C.ALTERED]!++;
        this.#addOddBytes(row);
        return;
      case ANSWER.REPEATED_ALTERED:
        this.#addOddBytes(row);
        this.#counts[at + C.UNASKED]!++;
        return;
      case ANSWER.REPEATED:
        this.#counts[at + C.UNASKED]!++;
        return;
      case ANSWER.UNASKED:
        this.#onUnasked(row, time);
        return;
    }
  }

  #onUnasked(row: number, time: Micros): void {
    const at = row * COUNTS;
    if (time < this.#graceUntil[row]!) return;
    if (this.#counts[at + C.FORGOTTEN]! > 0) {
      this.#counts[at + C.FORGOTTEN]!--;
      this.lost++;
      return;
    }
    this.#counts[at + C.UNASKED]!++;
    if (this.#payload.isOdd) this.#addOddBytes(row);
  }

  #addOddBytes(row: number): void {
    this.#oddBytes[row]! += Math.max(this.#payload.length, 0);
  }

  #isOdd(row: number): boolean {
    const at = row * COUNTS;
    const counts = this.#counts;
    return (
      (counts[at + C.ALTERED]! | counts[at + C.UNASKED]! | counts[at + C.ODD]!) !== 0 ||
      (this.#marks[row]! & TOOL_MASK) !== TOOL.NONE
    );
  }

  #tellOrWait(row: number, time: Micros): void {
    if (time - this.#toldAt[row]! >= MICROS_PER_SECOND) this.#tell(row);
    else this.#due.add(row);
  }

  #tell(row: number): void {
    this.#due.delete(row);
    this.#toldAt[row] = this.#last[row]!;
    const at = row * COUNTS;
    const counts = this.#counts;
    const tool = this.#marks[row]! & TOOL_MASK;
    this.#options.onTally({
      time: this.#last[row]!,
      flow: this.#options.recordOf(this.#slot[row]!),
      requests: counts[at + C.REQUESTS]!,
      replies: counts[at + C.REPLIES]!,
      alteredReplies: counts[at + C.ALTERED]!,
      unaskedReplies: counts[at + C.UNASKED]!,
      oddPayloads: counts[at + C.ODD]!,
      oddBytes: this.#oddBytes[row]!,
      payloadSizes: this.#marks[row]! >>> SIZES_SHIFT,
      repeatedSequences: counts[at + C.REPEATED_SEQUENCES]!,
      ...(tool === TOOL.NONE ? {} : { tool: tool === TOOL.PTUNNEL ? 'ptunnel' : 'ptunnel-ng' }),
    });
  }

  #addSize(row: number, length: number): void {
    if (length < 0) return;
    const count = this.#marks[row]! >>> SIZES_SHIFT;
    if (count === MAX_SIZES) return;
    const from = row * MAX_SIZES;
    for (let i = from; i < from + count; i++) if (this.#sizes[i] === length) return;
    this.#sizes[from + count] = length;
    this.#marks[row]! += 1 << SIZES_SHIFT;
  }

  #onForgotten(row: number, flow: number): void {
    if (this.#flow[row] === flow) this.#counts[row * COUNTS + C.FORGOTTEN]!++;
  }

  /** `isWhole`: nothing of the flow was missed. */
  #begin(slot: number, time: Micros, isWhole: boolean): number {
    const row = this.#free.pop() ?? (this.#used < MAX_FLOWS ? this.#used++ : this.#giveUp());
    this.#rows.set(slot, row);
    this.#slot[row] = slot;
    this.#flow[row] = this.#flows = (this.#flows + 1) & 0x7fff_ffff;
    this.#counts.fill(0, row * COUNTS, (row + 1) * COUNTS);
    this.#oddBytes[row] = 0;
    this.#sequence[row] = -1;
    this.#tail[row] = 0;
    this.#marks[row] = 0;
    this.#toldAt[row] = Number.NEGATIVE_INFINITY;
    this.#graceUntil[row] = isWhole ? Number.NEGATIVE_INFINITY : time + GRACE;
    return row;
  }

  /** The row of eight that has shown least: a flood of pings takes the places of pings. */
  #giveUp(): number {
    let row = this.#hand;
    for (let i = 1; i < LOOK_AT; i++) {
      const other = (this.#hand + i) % MAX_FLOWS;
      if (this.#worth(other) < this.#worth(row)) row = other;
    }
    this.#hand = (this.#hand + LOOK_AT) % MAX_FLOWS;
    this.lost++;
    this.#release(row);
    return row;
  }

  #worth(row: number): number {
    const at = row * COUNTS;
    return this.#counts[at + C.ALTERED]! * 1000 + this.#oddBytes[row]! + this.#counts[at + C.REQUESTS]!;
  }

  #release(row: number): void {
    this.#due.delete(row);
    this.#rows.delete(this.#slot[row]!);
    this.#slot[row] = -1;
    this.#flow[row] = -1;
  }
}

/** Counters of a row. */
const C = {
  REQUESTS: 0,
  REPLIES: 1,
  ALTERED: 2,
  UNASKED: 3,
  ODD: 4,
  REPEATED_SEQUENCES: 5,
  /** Requests that wait and are known no more: so many replies are not unasked. */
  FORGOTTEN: 6,
} as const;
const COUNTS = 7;

/** TOOL in bits 0..1, distinct sizes in 2..6. */
const TOOL_MASK = 3;
const SIZES_SHIFT = 2;

function secsOf(time: Micros): number {
  return Math.floor(time / MICROS_PER_SECOND) | 0;
}
