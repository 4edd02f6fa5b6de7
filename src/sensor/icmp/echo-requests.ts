/**
 * Echo requests that wait for their reply, by flow, identifier and sequence number: a table of fixed size in which the
 * younger takes the place of the older. Of each key the data of the last two requests is known, because a ping with a
 * constant sequence number may have two on their way. Whoever asks hears `unknown` rather than a guess.
 *
 * A key has four places; one whose request was answered goes first, else the oldest.
 */
import type { EchoPayload } from './echo-payload.ts';

/** A power of two. 44 bytes each. */
const ENTRIES = 16_384;
const PLACES = 4;
/** Two requests with the same key. */
const KEPT = 2;
/** An older one was lost on its way, and nobody waits for it. */
const WAITS_SECS = 10;

export const ANSWER = {
  /** The data of the request, or the beginning of it: some hosts send no more back. */
  SAME: 0,
  ALTERED: 1,
  /** Not all of it was captured, or more were on their way than are kept. */
  UNKNOWN: 2,
  /** Its request was answered before; with the same data, or with other data. */
  REPEATED: 3,
  REPEATED_ALTERED: 4,
  /** No such request. */
  UNASKED: 5,
} as const;

export class EchoRequests {
  // A flow is known by a number that is never used again, and by its row in the tallies.
  readonly #flow = new Int32Array(ENTRIES).fill(-1);
  readonly #row = new Int32Array(ENTRIES);
  readonly #idSeq = new Int32Array(ENTRIES);
  readonly #secs = new Int32Array(ENTRIES);
  readonly #waiting = new Uint8Array(ENTRIES);
  /** Which of the two is the younger, in bit 0; how many there are, above. */
  readonly #kept = new Uint8Array(ENTRIES);
  readonly #length = new Int32Array(ENTRIES * KEPT);
  readonly #hash = new Int32Array(ENTRIES * KEPT);
  readonly #head = new Int32Array(ENTRIES * KEPT);
  /** WHOLE and HEAD. */
  readonly #known = new Uint8Array(ENTRIES * KEPT);
  /** A request was given up for another within the time in which a reply comes. */
  readonly #onForgotten: (row: number, flow: number) => void;

  constructor(onForgotten: (row: number, flow: number) => void) {
    this.#onForgotten = onForgotten;
  }

  add(flow: number, row: number, idSeq: number, secs: number, payload: EchoPayload): void {
    let entry = this.#find(flow, idSeq);
    if (entry < 0) {
      entry = this.#placeFor(flow, idSeq);
      this.#giveUp(entry, secs);
      this.#flow[entry] = flow;
      this.#row[entry] = row;
      this.#idSeq[entry] = idSeq;
      this.#waiting[entry] = 0;
      this.#kept[entry] = 0;
    }
    this.#secs[entry] = secs;
    if (this.#waiting[entry]! < 0xff) this.#waiting[entry]!++;
    const kept = this.#kept[entry]!;
    const next = kept === 0 ? 0 : (kept & 1) ^ 1;
    this.#kept[entry] = next | (kept === 0 ? 2 : 4);
    const at = entry * KEPT + next;
    this.#length[at] = payload.length;
    this.#hash[at] = payload.hash;
    this.#head[at] = payload.head;
    this.#known[at] = (payload.isWhole ? WHOLE : 0) | (payload.hasHead ? HEAD : 0);
  }

  /** ANSWER. */
  answer(flow: number, idSeq: number, payload: EchoPayload): number {
    const entry = this.#find(flow, idSeq);
    if (entry < 0) return ANSWER.UNASKED;
    const waiting = this.#waiting[entry]!;
    const likeness = this.#compare(entry, payload);
    if (waiting === 0) return likeness === ANSWER.ALTERED ? ANSWER.REPEATED_ALTERED : ANSWER.REPEATED;
    this.#waiting[entry]!--;
    return likeness === ANSWER.ALTERED && waiting > KEPT ? ANSWER.UNKNOWN : likeness;
  }

  clockSet(stepSecs: number): void {
    for (let entry = 0; entry < ENTRIES; entry++) this.#secs[entry]! += stepSecs;
  }

  /** The place of the key, or -1. */
  #find(flow: number, idSeq: number): number {
    const first = firstPlace(flow, idSeq);
    for (let entry = first; entry < first + PLACES; entry++) {
      if (this.#flow[entry] === flow && this.#idSeq[entry] === idSeq) return entry;
    }
    return -1;
  }

  #placeFor(flow: number, idSeq: number): number {
    const first = firstPlace(flow, idSeq);
    let oldest = first;
    for (let entry = first; entry < first + PLACES; entry++) {
      if (this.#flow[entry]! < 0 || this.#waiting[entry] === 0) return entry;
      if (this.#secs[entry]! < this.#secs[oldest]!) oldest = entry;
    }
    return oldest;
  }

  #giveUp(entry: number, secs: number): void {
    if (this.#flow[entry]! < 0 || this.#waiting[entry] === 0) return;
    if (secs - this.#secs[entry]! > WAITS_SECS) return;
    this.#onForgotten(this.#row[entry]!, this.#flow[entry]!);
  }

  /** With the likest of those kept. */
  #compare(entry: number, payload: EchoPayload): number {
    const kept = this.#kept[entry]!;
    const younger = entry * KEPT + (kept & 1);
    const likeness = this.#likeness(younger, payload);
    if (likeness === ANSWER.SAME || kept >>> 1 < 2) return likeness;
    const older = this.#likeness(entry * KEPT + ((kept & 1) ^ 1), payload);
    if (older === ANSWER.SAME) return ANSWER.SAME;
    return likeness === ANSWER.ALTERED && older === ANSWER.ALTERED ? ANSWER.ALTERED : ANSWER.UNKNOWN;
  }

  #likeness(at: number, reply: EchoPayload): number {
    const length = this.#length[at]!;
    const known = this.#known[at]!;
    const areLengthsKnown = length >= 0 && reply.length >= 0;
    if (areLengthsKnown && reply.length > length) return ANSWER.ALTERED;
    if (length === reply.length && (known & WHOLE) !== 0 && reply.isWhole) {
      return this.#hash[at] === reply.hash ? ANSWER.SAME : ANSWER.ALTERED;
    }
    // Cut short by who answers (some public resolvers do), or by the snaplen.
    if ((known & HEAD) !== 0 && reply.hasHead) {
      if (this.#head[at] !== reply.head) return ANSWER.ALTERED;
      return areLengthsKnown && reply.length < length ? ANSWER.SAME : ANSWER.UNKNOWN;
    }
    return ANSWER.UNKNOWN;
  }
}

const WHOLE = 1;
const HEAD = 2;

function firstPlace(flow: number, idSeq: number): number {
  const h = Math.imul(flow ^ Math.imul(idSeq, 0x85ebca6b), 0x9e3779b1);
  return (h ^ (h >>> 15)) & (ENTRIES - PLACES);
}
