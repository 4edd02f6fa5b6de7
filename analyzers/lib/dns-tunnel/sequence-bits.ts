/**
 * What the order of repeated questions can carry: names that were said before, asked again in an order that nobody could
 * predict. Charged as an order-1 code does it (the estimator of Krichevsky and Trofimov), so that a program's rounds
 * through its hosts cost nothing once they are known, and a fixed alphabet its full log2.
 *
 * Only what leaves is charged: a repeat within the time to live of its answer is answered by the resolver's cache.
 */
import type { Micros } from '../../../src/model/time.ts';

/** Codewords told apart; the rest are charged as if each of them were as likely as any other. */
const MAX_CODEWORDS = 32;
/** What an unusual type, class, opcode or flag says beside a known name: the 16 bits of the type field. */
const UNUSUAL_BITS = 16;
/** The row of what comes after something that is no codeword. */
const NONE = 0;
const HALVE_AT = 4096;
/** Repeats that show whether there is a pattern, and the share of the full bits from which there is none. */
const CHANCE_REPEATS = 128;
const CHANCE = 0.8;

export interface Repeat {
  /** Of name, and of type, class, opcode and flags. */
  readonly codeword: number;
  /** Hash of the name alone. */
  readonly name: number;
  /** An address look-up as all programs make them. */
  readonly isPlain: boolean;
  /** Whether a cache stands between the client and the zone's servers. */
  readonly isCached: boolean;
  /** Asked for without the zone just before, by a search list: its place follows from that of the other question. */
  readonly isSearched?: boolean;
  /** Of the zone. */
  readonly distinctNames: number;
}

export class SequenceBits {
  readonly #codewords: number[] = [];
  readonly #names: number[] = [];
  readonly #keptUntil: Micros[] = [];
  /** How often a codeword came after another: rows and columns from 1, column 0 the row's sum. */
  #counts: number[] = [];
  #side = 0;
  #previous = NONE;
  #repeats = 0;
  #bitsOfRepeats = 0;

  /** Returns the bits that this question says. */
  note(repeat: Repeat, now: Micros): number {
    const { codeword, isPlain } = repeat;
    const known = this.#codewords.indexOf(codeword);
    if (known < 0) {
      const isFull = this.#codewords.length >= MAX_CODEWORDS;
      this.#previous = isFull ? NONE : this.#learn(repeat);
      if (!isPlain) return UNUSUAL_BITS;
      return isFull ? Math.log2(Math.max(2, repeat.distinctNames)) : 0;
    }
    if (repeat.isCached && now < this.#keptUntil[known]!) return 0;
    const column = known + 1;
    const bits = this.#bits(this.#previous, column);
    this.#count(this.#previous, column);
    this.#previous = column;
    this.#repeats += 1;
    this.#bitsOfRepeats += bits;
    return bits;
  }

  /** The order has next to no pattern: each repeat could have been any of many. Programs have rounds, pairs and favourites. */
  get isChance(): boolean {
    const most = Math.log2(this.#codewords.length);
    return (
      this.#repeats >= CHANCE_REPEATS && most >= 3 && this.#bitsOfRepeats > this.#repeats * most * CHANCE
    );
  }

  /** Something that is no repeat: the next codeword follows nothing known. */
  interrupt(): void {
    this.#previous = NONE;
  }

  /** An answer with records came: caches keep it for `ttlSecs`. */
  answered(name: number, ttlSecs: number, now: Micros): void {
    for (let i = 0; i < this.#names.length; i++) {
      if (this.#names[i] !== name) continue;
      this.#keptUntil[i] = Math.max(this.#keptUntil[i]!, now + ttlSecs * 1_000_000);
    }
  }

  clockSet(shift: Micros): void {
    for (let i = 0; i < this.#keptUntil.length; i++) this.#keptUntil[i]! += shift;
  }

  #bits(row: number, column: number): number {
    const alphabet = this.#codewords.length;
    if (alphabet < 2) return 0;
    const seen = this.#counts[row * this.#side + column]!;
    const all = this.#counts[row * this.#side]!;
    return -Math.log2((seen + 0.5) / (all + alphabet / 2));
  }

  #count(row: number, column: number): void {
    const at = row * this.#side;
    this.#counts[at + column]! += 1;
    this.#counts[at]! += 1;
    if (this.#counts[at]! < HALVE_AT) return;
    let sum = 0;
    for (let i = 1; i < this.#side; i++) {
      this.#counts[at + i] = this.#counts[at + i]! >> 1;
      sum += this.#counts[at + i]!;
    }
    this.#counts[at] = sum;
  }

  #learn({ codeword, name }: Repeat): number {
    this.#codewords.push(codeword);
    this.#names.push(name);
    this.#keptUntil.push(0);
    if (this.#codewords.length >= this.#side) this.#widen();
    return this.#codewords.length;
  }

  /** Most zones have two or three codewords: room for 32 is made in steps. */
  #widen(): void {
    const side = Math.max(4, this.#side * 2);
    const counts = new Array<number>(side * side).fill(0);
    for (let row = 0; row < this.#side; row++) {
      for (let i = 0; i < this.#side; i++) counts[row * side + i] = this.#counts[row * this.#side + i]!;
    }
    this.#counts = counts;
    this.#side = side;
  }
}
