/**
 * Who has tried what lately, in numbers alone: asked for every flow before there is a record of it, so that answered
 * flows of quiet hosts cost some multiplications. A group is one source with one host, or one source with one port; its
 * items are the ports, or the hosts. Who answered is a bit map: two items may share a bit, which makes it miss, never
 * accuse.
 *
 * Fixed memory: 8192 rows of 64 bytes. A row that must go is the one silent longest, where each item that ever answered
 * counts as a minute: a monitor's rows outlive those of a thousand passing clients.
 */
import type { IpWords } from '../../../src/model/ip.ts';

const ROWS = 8192;
const WAYS = 4;
/**
 * One unused, so that a row is a line of the processor's cache; second of last use, started this minute and the one before,
 * minute, quarter of an hour, 4 last failed, 6 of answered.
 */
const WORDS = 16;
const USED = 1;
const STARTED = 2;
const STARTED_BEFORE = 3;
const MINUTE = 4;
const QUARTER = 5;
const FAILED = 6;
const FAILED_WORDS = 4;
const ANSWERED = 10;
const ANSWERED_WORDS = WORDS - ANSWERED;
const ANSWERED_BITS = ANSWERED_WORDS * 32;
const MINUTE_SECS = 60;
const QUARTER_SECS = 900;
/** What answered longer ago than this and was not heard of since may have become another's. */
const FORGET_SECS = 86_400;
/** First contacts within one or two minutes from which on a group is worth a record each. */
const HOT_FROM = 4;
/** Answers worth a word when they are forgotten. */
const MANY_ANSWERED = 8;

export class ContactFilter {
  readonly #rows = new Int32Array(ROWS * WORDS);
  /** Whose each row is; apart, so that looking for a group does not fetch the rows of others. */
  readonly #tags = new Int32Array(ROWS);
  #nowSecs = 0;
  /** Rows that were given up while they knew of failures, or of many answers. */
  lost = 0;

  /** Packet time in seconds; may be set back. */
  setNow(secs: number): void {
    this.#nowSecs = secs | 0;
  }

  /** A first contact begins. True when the group began several lately. */
  start(group: number, item: number): boolean {
    const row = this.#row(group);
    this.#rows[row + STARTED]! |= 1 << (item & 31);
    return this.#isHotRow(row);
  }

  isHot(group: number): boolean {
    const row = this.#find(group);
    return row >= 0 && this.#isHotRow(row);
  }

  /** True unless the item is among the last four that failed: who insists on a few that are down is not heard of again. */
  fail(group: number, item: number): boolean {
    const rows = this.#rows;
    const at = this.#row(group) + FAILED;
    const mark = item | 1;
    for (let i = at; i < at + FAILED_WORDS; i++) if (rows[i] === mark) return false;
    rows.copyWithin(at + 1, at, at + FAILED_WORDS - 1);
    rows[at] = mark;
    return true;
  }

  accept(group: number, item: number): void {
    const at = item >>> 0;
    const place = at % ANSWERED_BITS;
    this.#rows[this.#row(group) + ANSWERED + (place >>> 5)]! |= 1 << (place & 31);
  }

  /** Whether the item answered this source before: then it is no first contact. */
  isKnown(group: number, item: number): boolean {
    const row = this.#find(group);
    if (row < 0) return false;
    const place = (item >>> 0) % ANSWERED_BITS;
    return (this.#rows[row + ANSWERED + (place >>> 5)]! & (1 << (place & 31))) !== 0;
  }

  /** How many items answered, estimated by linear counting (Whang et al. 1990). */
  answered(group: number): number {
    const row = this.#find(group);
    if (row < 0) return 0;
    const free = Math.max(ANSWERED_BITS - this.#answeredBits(row), 0.5);
    return Math.round(ANSWERED_BITS * Math.log(ANSWERED_BITS / free));
  }

  #isHotRow(row: number): boolean {
    return bitsIn(this.#rows[row + STARTED]! | this.#rows[row + STARTED_BEFORE]!) >= HOT_FROM;
  }

  #answeredBits(row: number): number {
    let bits = 0;
    for (let i = 0; i < ANSWERED_WORDS; i++) bits += bitsIn(this.#rows[row + ANSWERED + i]!);
    return bits;
  }

  #find(group: number): number {
    const tags = this.#tags;
    const tag = group | 1;
    const first = firstOf(group);
    for (let way = first; way < first + WAYS; way++) {
      if (tags[way] === tag) return way * WORDS;
    }
    return -1;
  }

  /** The group's row, made when there is none, with its minutes brought up to now. */
  #row(group: number): number {
    let row = this.#find(group);
    if (row < 0) row = this.#take(group);
    const rows = this.#rows;
    const now = this.#nowSecs;
    const minute = (now / MINUTE_SECS) | 0;
    if (rows[row + MINUTE] !== minute) {
      rows[row + STARTED_BEFORE] = rows[row + MINUTE] === minute - 1 ? rows[row + STARTED]! : 0;
      rows[row + STARTED] = 0;
      rows[row + MINUTE] = minute;
    }
    const quarter = (now / QUARTER_SECS) | 0;
    if (rows[row + QUARTER] !== quarter) {
      rows.fill(0, row + FAILED, row + FAILED + FAILED_WORDS);
      rows[row + QUARTER] = quarter;
    }
    // Before the first tick of packet time it is second 0.
    if (rows[row + USED] !== 0 && Math.abs(now - rows[row + USED]!) > FORGET_SECS)
      rows.fill(0, row + ANSWERED, row + ANSWERED + ANSWERED_WORDS);
    rows[row + USED] = now;
    return row;
  }

  #take(group: number): number {
    const rows = this.#rows;
    const first = firstOf(group);
    let victim = first * WORDS;
    let least = Number.POSITIVE_INFINITY;
    for (let way = first; way < first + WAYS; way++) {
      const row = way * WORDS;
      const isFree = this.#tags[way] === 0;
      // Its bits, which take longer to count, can only add to that.
      if (!isFree && rows[row + USED]! >= least) continue;
      const worth = isFree ? -1 : rows[row + USED]! + MINUTE_SECS * this.#answeredBits(row);
      if (worth >= least) continue;
      victim = row;
      least = worth;
    }
    if (rows[victim + FAILED] !== 0 || this.#answeredBits(victim) >= MANY_ANSWERED) this.lost++;
    rows.fill(0, victim, victim + WORDS);
    this.#tags[victim / WORDS] = group | 1;
    rows[victim + USED] = this.#nowSecs;
    return victim;
  }
}

/** The first of the rows in which the group may be. */
function firstOf(group: number): number {
  return (group >>> 1) & (ROWS - 1) & ~(WAYS - 1);
}

/** Bits that are set (Warren, Hacker's Delight, 5-1). */
function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** One number of an address and a little more, mixed as MurmurHash3 mixes. */
export function hashOf(ip: IpWords, more: number): number {
  let h = Math.imul(ip[3] ^ 0x9747b28c, 0x85ebca6b);
  h = Math.imul((h ^ (h >>> 15)) + ip[2], 0xc2b2ae35);
  h = Math.imul((h ^ (h >>> 13)) + ip[1], 0x27d4eb2f);
  h = Math.imul((h ^ (h >>> 16)) + ip[0], 0x165667b1);
  h = Math.imul((h ^ (h >>> 15)) + more, 0x9e3779b1);
  return h ^ (h >>> 14);
}
