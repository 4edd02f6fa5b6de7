/**
 * What the data of one echo message is: a pattern that some ping sends, or somebody's own bytes; and numbers by which a
 * reply is compared with its request without keeping either. One object, read anew for every message.
 */
import { FRAGMENT, type PacketView } from '../decode/packet-view.ts';

/** Timestamps, sequence numbers and identifiers of ping programs stand before this (pro-bing: 8 + 16 bytes). */
const STAMP_BYTES = 24;
/** Up to here nobody is asked what it is: the data of a default ping, 56 bytes, and of Go's and Windows' fit in. */
const PLAIN_BYTES = 64;
/** How much two messages must share to be the same data cut short: iputils' timestamp, or a tunnel's own header. */
const HEAD_BYTES = 16;
/** `ping -p` takes 16 bytes; Windows repeats `abcdefghijklmnopqrstuvw`. */
const PERIODS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 23, 26] as const;

/** By the four bytes at the beginning. */
export const TOOL = { NONE: 0, PTUNNEL: 1, PTUNNEL_NG: 2 } as const;
const PTUNNEL_MAGIC = 0xd5200880;
/** As Debian's ptunnel-ng 1.42 sends it. */
const PTUNNEL_NG_MAGIC = 0xdeadc0de;

export class EchoPayload {
  /** On the wire; -1 when it is not known: a fragment. */
  length = 0;
  /** All of it was captured. */
  isWhole = false;
  /** Of all that was captured. */
  hash = 0;
  /** Of the first 16 bytes; where `hasHead`. */
  head = 0;
  hasHead = false;
  /** Of what stands behind a ping's timestamp; 0 where `isOdd` is false. */
  tail = 0;
  /** Longer than an ordinary ping's, and no pattern. False where too little was captured to say so. */
  isOdd = false;
  /** TOOL. */
  tool: number = TOOL.NONE;
  readonly #seed: number;

  /** `seed`: so that nobody can choose data with the same hash. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  read(data: DataView, p: PacketView): void {
    const { payloadAt: at, payloadEnd: end } = p;
    const captured = end - at;
    const isFragment = p.fragment !== FRAGMENT.NONE;
    this.length = isFragment ? -1 : p.payloadLength;
    this.isWhole = !isFragment && captured === p.payloadLength;
    this.hash = this.#hash(data, at, end);
    this.hasHead = captured >= HEAD_BYTES;
    this.head = this.hasHead ? this.#hash(data, at, at + HEAD_BYTES) : 0;
    const from = at + STAMP_BYTES;
    this.isOdd = p.payloadLength > PLAIN_BYTES && end - from > STAMP_BYTES && !isPattern(data, from, end);
    this.tail = this.isOdd ? this.#hash(data, from, end) : 0;
    this.tool = captured >= 4 ? toolOf(data.getUint32(at)) : TOOL.NONE;
  }

  /** Multiply and fold, four bytes at a time. */
  #hash(data: DataView, at: number, end: number): number {
    let h = this.#seed ^ (end - at);
    let i = at;
    for (; i + 4 <= end; i += 4) {
      h = Math.imul(h ^ data.getInt32(i), 0x9e3779b1);
      h ^= h >>> 15;
    }
    for (; i < end; i++) {
      h = Math.imul(h ^ data.getUint8(i), 0x85ebca6b);
      h ^= h >>> 13;
    }
    return h;
  }
}

function toolOf(magic: number): number {
  if (magic === PTUNNEL_MAGIC) return TOOL.PTUNNEL;
  return magic === PTUNNEL_NG_MAGIC ? TOOL.PTUNNEL_NG : TOOL.NONE;
}

/** Counts up (iputils, BSD), or repeats itself (fill bytes, alphabets). Random bytes are told after a few of them. */
function isPattern(data: DataView, from: number, end: number): boolean {
  if (countsUp(data, from, end)) return true;
  for (const period of PERIODS) if (hasPeriod(data, from, end, period)) return true;
  return false;
}

function countsUp(data: DataView, from: number, end: number): boolean {
  for (let i = from + 1; i < end; i++) {
    if (data.getUint8(i) !== ((data.getUint8(i - 1) + 1) & 0xff)) return false;
  }
  return true;
}

function hasPeriod(data: DataView, from: number, end: number, period: number): boolean {
  for (let i = from + period; i < end; i++) {
    if (data.getUint8(i) !== data.getUint8(i - period)) return false;
  }
  return true;
}
