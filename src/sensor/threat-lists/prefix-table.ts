/**
 * Prefixes of one length, by hash: open addressing in typed arrays, because a Map of a million entries takes 60 bytes
 * each and more. It must never allocate when it is asked. The hash is seeded: who writes a list must not choose chains.
 */
import { randomInt } from 'node:crypto';
import { V4_MAPPED_WORD } from '../../model/ip.ts';

const SEED = randomInt(2 ** 31);
/** Power of two. */
const FIRST_CAPACITY = 16;
const MAX_LOAD = 0.7;
/** No entry. */
export const NONE = -1;

export class PrefixTable {
  /** Words a key takes: one for IPv4, four for IPv6. */
  readonly #width: 1 | 4;
  #mask = FIRST_CAPACITY - 1;
  /** Entry id plus one, 0 for an empty place, then its key: side by side, so that a look-up meets one cache line. */
  #places: Uint32Array;
  #size = 0;

  constructor(width: 1 | 4) {
    this.#width = width;
    this.#places = new Uint32Array(FIRST_CAPACITY * (width + 1));
  }

  get bytes(): number {
    return this.#places.byteLength;
  }

  find(w0: number, w1: number, w2: number, w3: number): number {
    return this.#places[this.#place(w0, w1, w2, w3)]! - 1;
  }

  /** The id that stands there: the given one, or the one that was there before. */
  ensure(w0: number, w1: number, w2: number, w3: number, id: number): number {
    const at = this.#place(w0, w1, w2, w3);
    const known = this.#places[at]!;
    if (known !== 0) return known - 1;
    this.#put(at, w0, w1, w2, w3, id + 1);
    this.#size += 1;
    if (this.#size > (this.#mask + 1) * MAX_LOAD) this.#grow();
    return id;
  }

  /** Calls with the words of each entry from place `from` on, so many places; the next place, or undefined at the end. */
  walk(
    from: number,
    count: number,
    each: (w0: number, w1: number, w2: number, w3: number) => void,
  ): number | undefined {
    const end = Math.min(this.#mask + 1, from + count);
    this.#each(this.#places, from, end, each);
    return end > this.#mask ? undefined : end;
  }

  #each(
    places: Uint32Array,
    from: number,
    end: number,
    each: (w0: number, w1: number, w2: number, w3: number, id: number) => void,
  ): void {
    const step = this.#width + 1;
    for (let at = from * step; at < end * step; at += step) {
      const id = places[at]!;
      if (id === 0) continue;
      if (this.#width === 1) each(0, 0, V4_MAPPED_WORD, places[at + 1]!, id);
      else each(places[at + 1]!, places[at + 2]!, places[at + 3]!, places[at + 4]!, id);
    }
  }

  /** Where the key stands, or the empty place where it would. */
  #place(w0: number, w1: number, w2: number, w3: number): number {
    const places = this.#places;
    const mask = this.#mask;
    if (this.#width === 1) {
      let i = mixed(w3) & mask;
      while (places[2 * i] !== 0 && places[2 * i + 1] !== w3) i = (i + 1) & mask;
      return 2 * i;
    }
    let i = mixed(w3 ^ mixed(w2 ^ mixed(w1 ^ mixed(w0)))) & mask;
    for (; ; i = (i + 1) & mask) {
      const at = 5 * i;
      if (places[at] === 0) return at;
      if (places[at + 4] === w3 && places[at + 3] === w2 && places[at + 2] === w1 && places[at + 1] === w0)
        return at;
    }
  }

  #put(at: number, w0: number, w1: number, w2: number, w3: number, id: number): void {
    const places = this.#places;
    places[at] = id;
    if (this.#width === 1) {
      places[at + 1] = w3;
      return;
    }
    places[at + 1] = w0;
    places[at + 2] = w1;
    places[at + 3] = w2;
    places[at + 4] = w3;
  }

  #grow(): void {
    const before = this.#places;
    const capacity = this.#mask + 1;
    this.#mask = capacity * 2 - 1;
    this.#places = new Uint32Array(before.length * 2);
    this.#each(before, 0, capacity, (w0, w1, w2, w3, id) => {
      this.#put(this.#place(w0, w1, w2, w3), w0, w1, w2, w3, id);
    });
  }
}

/** The finalizer of MurmurHash3 (public domain): each bit of the input changes half of the output's. */
function mixed(value: number): number {
  let h = value ^ SEED;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
