/**
 * One doubly linked list a time-out, in the order in which flows were last heard, so that the head is always the next
 * to expire and expiry costs O(1) a flow. A row keeps its place for a while before it moves to the end, so that most
 * packets touch no neighbour; the order is exact to that while.
 */
import { type FlowRows, LIST_MASK, LIST_SHIFT, ROW_WORDS, W } from './rows.ts';

export const LIST = {
  /** Both sides closed or one reset; waits for stragglers. */
  TCP_OVER: 0,
  /** SYN without an answer. */
  TCP_ATTEMPT: 1,
  /** Seen from one side only, or closed by one side only. */
  TCP_PARTIAL: 2,
  TCP_ESTABLISHED: 3,
  /** UDP and ICMP that nobody answered. */
  DATAGRAM_ONE_WAY: 4,
  DATAGRAM_ANSWERED: 5,
  OTHER: 6,
} as const;

export const LIST_COUNT = 7;

/** A row keeps its place for this share of its time-out after a packet; expiry is late by at most as much. */
const PLACE_SHARE = 16;
const MAX_PLACE_MS = 10_000;

export class FlowLists {
  readonly heads = new Int32Array(LIST_COUNT).fill(-1);
  readonly tails = new Int32Array(LIST_COUNT).fill(-1);
  readonly lengths = new Int32Array(LIST_COUNT);
  /** How long a row may keep its place after a packet. */
  readonly placeMs = new Int32Array(LIST_COUNT);
  /** Silence after which a flow has surely ended: its time-out, and the place it may have kept. */
  readonly expiryMs = new Int32Array(LIST_COUNT);
  readonly #words: Int32Array;

  constructor(rows: FlowRows, timeoutsSecs: readonly number[]) {
    this.#words = rows.words;
    for (let list = 0; list < LIST_COUNT; list++) {
      const timeoutMs = timeoutsSecs[list]! * 1000;
      this.placeMs[list] = Math.min(timeoutMs / PLACE_SHARE, MAX_PLACE_MS);
      this.expiryMs[list] = timeoutMs + this.placeMs[list]!;
    }
  }

  /** To the end of a list; the row must be in none. */
  append(slot: number, list: number, nowMs: number): void {
    const words = this.#words;
    const base = slot * ROW_WORDS;
    const tail = this.tails[list]!;
    words[base + W.NEXT] = -1;
    words[base + W.PREV] = tail;
    words[base + W.LISTED_AT] = nowMs;
    words[base + W.STATE] = (words[base + W.STATE]! & ~(LIST_MASK << LIST_SHIFT)) | (list << LIST_SHIFT);
    if (tail >= 0) words[tail * ROW_WORDS + W.NEXT] = slot;
    else this.heads[list] = slot;
    this.tails[list] = slot;
    this.lengths[list]!++;
  }

  remove(slot: number): void {
    const words = this.#words;
    const base = slot * ROW_WORDS;
    const list = (words[base + W.STATE]! >>> LIST_SHIFT) & LIST_MASK;
    const next = words[base + W.NEXT]!;
    const prev = words[base + W.PREV]!;
    if (prev >= 0) words[prev * ROW_WORDS + W.NEXT] = next;
    else this.heads[list] = next;
    if (next >= 0) words[next * ROW_WORDS + W.PREV] = prev;
    else this.tails[list] = prev;
    this.lengths[list]!--;
  }

  /** A packet was heard: to the end of its list, or of another. */
  touch(slot: number, list: number, nowMs: number): void {
    const base = slot * ROW_WORDS;
    const current = (this.#words[base + W.STATE]! >>> LIST_SHIFT) & LIST_MASK;
    // Milliseconds wrap after 49 days; the difference does not.
    const waited = (nowMs - this.#words[base + W.LISTED_AT]!) | 0;
    if (current === list && waited < this.placeMs[list]!) return;
    this.remove(slot);
    this.append(slot, list, nowMs);
  }
}
