/**
 * The memory of the flow table, rows in two arrays: what every packet touches lies together in 128 bytes a flow, two
 * cache lines, because with 100,000 flows waiting for memory is most of the cost; what is rarely touched takes 56
 * more elsewhere. Pages of rows never used are never touched, so a high limit costs address space only.
 */

/** 128 bytes: 32 words of 32 bits, of which three pairs are doubles. */
export const ROW_WORDS = 32;
export const ROW_DOUBLES = ROW_WORDS / 2;
/** 56 bytes. */
export const COLD_WORDS = 14;
export const COLD_DOUBLES = COLD_WORDS / 2;

/** Word offsets in a row. */
export const W = {
  /** Four words each, most significant first, IPv4 in mapped form. */
  ORIG: 0,
  RESP: 4,
  /** Originator's port in the upper half. ICMP: type, and the type of the answer or the code. */
  PORTS: 8,
  /** Protocol in bits 0..7, outer VLAN 8..19, inner VLAN 20..31. */
  META: 9,
  /** VNI + 1 in bits 0..24 (0: no tunnel), KEY_FLAG above. */
  TUNNEL: 10,
  /** FREE_ROW while the row is nobody's. */
  INTERFACE: 11,
  /** TCP pair in bits 0..11, list in 12..14, FLOW_FLAG above. */
  STATE: 12,
  HISTORY_MASK: 13,
  /** Modulo 2^32. */
  ORIG_PACKETS: 14,
  RESP_PACKETS: 15,
  // 16..21 are the doubles of D.
  /** Next sequence number expected, then start and size of what is missing before it. */
  ORIG_SEQ: 22,
  RESP_SEQ: 25,
  /** Milliseconds on the table's clock at which the row last moved in its list. */
  LISTED_AT: 28,
  NEXT: 29,
  PREV: 30,
  /** Of the first packet ICMP's type and code, or TCP's flags, in the lower half, active time-outs reported in the upper. */
  ICMP_ACTIVE: 31,
} as const;

/** No interface has this index: tells free rows from live ones to who visits rows in the order of memory. */
export const FREE_ROW = -1;

/** Double offsets in a row. */
export const D = { LAST: 8, ORIG_BYTES: 9, RESP_BYTES: 10 } as const;

/** Double offsets in a cold row: first packet, and bytes at the last roll-up. */
export const CD = { FIRST: 0, DRAINED_ORIG_BYTES: 1, DRAINED_RESP_BYTES: 2 } as const;

/** Word offsets in a cold row. */
export const CW = {
  /** Four words of letters. */
  HISTORY: 6,
  DRAINED_ORIG_PACKETS: 10,
  DRAINED_RESP_PACKETS: 11,
  MISSED_BYTES: 12,
  NUMBER: 13,
} as const;

/** Part of the key: what the numbers in PORTS mean. */
export const KEY_FLAG = {
  /** Neither ports nor ICMP: a protocol without them, or fragments whose first was never seen. */
  PORTLESS: 1 << 25,
  /** An ICMP message that has no answer: the other direction is another flow. */
  ONE_WAY: 1 << 26,
} as const;

export const LIST_SHIFT = 12;
export const LIST_MASK = 7;

export const FLOW_FLAG = {
  MIDSTREAM: 1 << 15,
  DRAINED: 1 << 16,
  ORIG_SPOKE: 1 << 17,
  RESP_SPOKE: 1 << 18,
  ORIG_SEQ_KNOWN: 1 << 19,
  RESP_SEQ_KNOWN: 1 << 20,
  /** Somebody waits for its first bytes: packets with payload raise FLOW_EVENT.CONTENT. */
  CONTENT_OPEN: 1 << 21,
} as const;

/**
 * Large blocks come from the allocator 16 bytes into a page, so 48 more put rows on cache lines. Where that does not
 * hold, nothing but speed is lost.
 */
const LINE_OFFSET = 48;

/** Where the table's memory comes from. Must be zeroed. */
export type Allocate = (bytes: number) => ArrayBuffer;

export const allocatePlain: Allocate = (bytes) => new ArrayBuffer(bytes);

export class FlowRows {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly coldWords: Int32Array;
  readonly coldDoubles: Float64Array;
  /** The hash index over the rows; belongs to FlowIndex. */
  readonly entries: Int32Array;
  readonly capacity: number;
  /** Rows in use. */
  used = 0;
  #fresh = 0;
  #freed = -1;

  constructor(capacity: number, allocate: Allocate = allocatePlain) {
    const entries = indexEntries(capacity);
    const coldAt = LINE_OFFSET + capacity * ROW_WORDS * 4;
    const indexAt = coldAt + capacity * COLD_WORDS * 4;
    // One block, so that the allocator may back it with few large pages.
    const block = allocate(indexAt + entries * 4);
    this.words = new Int32Array(block, LINE_OFFSET, capacity * ROW_WORDS);
    this.doubles = new Float64Array(block, LINE_OFFSET, capacity * ROW_DOUBLES);
    this.coldWords = new Int32Array(block, coldAt, capacity * COLD_WORDS);
    this.coldDoubles = new Float64Array(block, coldAt, capacity * COLD_DOUBLES);
    this.entries = new Int32Array(block, indexAt, entries);
    this.capacity = capacity;
  }

  /** Rows that were ever in use: the first ones. */
  get fresh(): number {
    return this.#fresh;
  }

  /** A row of zeros, or -1 when all are in use. */
  take(): number {
    let slot = this.#freed;
    if (slot >= 0) {
      const base = slot * ROW_WORDS;
      this.#freed = this.words[base + W.NEXT]!;
      this.words.fill(0, base, base + ROW_WORDS);
      this.coldWords.fill(0, slot * COLD_WORDS, (slot + 1) * COLD_WORDS);
    } else {
      if (this.#fresh === this.capacity) return -1;
      slot = this.#fresh++;
    }
    this.used++;
    return slot;
  }

  give(slot: number): void {
    this.words[slot * ROW_WORDS + W.NEXT] = this.#freed;
    this.words[slot * ROW_WORDS + W.INTERFACE] = FREE_ROW;
    this.#freed = slot;
    this.used--;
  }
}

/** A power of two, at most half full, so that a probe is short. */
function indexEntries(capacity: number): number {
  let entries = 16;
  while (entries < capacity * 2) entries *= 2;
  return entries;
}
