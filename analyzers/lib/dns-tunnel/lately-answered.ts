/**
 * Addresses that watched names were answered with lately: a connection to any other explains no name, so no record of it
 * is needed. A bit for each, which others may share: it may take an address for one of them, never one of them for another.
 * No time in it but that of its turns.
 */
import { type IpWords, parseIp } from '../../../src/model/ip.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

const BITS = 1 << 16;
/** Twice what a connection may come after its answer, because packets of different bridges come out of order. */
const TURN: Micros = 120 * MICROS_PER_SECOND;

export class LatelyAnswered {
  #current = new Uint32Array(BITS / 32);
  #previous = new Uint32Array(BITS / 32);
  #turned: Micros = Number.NEGATIVE_INFINITY;

  add(address: string): void {
    const words = parseIp(address);
    if (words === undefined) return;
    const bit = bitOf(words);
    this.#current[bit >>> 5]! |= 1 << (bit & 31);
  }

  has(words: IpWords): boolean {
    const bit = bitOf(words);
    const mask = 1 << (bit & 31);
    return ((this.#current[bit >>> 5]! | this.#previous[bit >>> 5]!) & mask) !== 0;
  }

  /** What was added stays for one turn at least. */
  tick(now: Micros): void {
    if (now - this.#turned < TURN) return;
    this.#turned = now;
    const emptied = this.#previous;
    this.#previous = this.#current;
    this.#current = emptied.fill(0);
  }

  clockSet({ from, to }: ClockStep): void {
    this.#turned += to - from;
  }
}

/** The finaliser of MurmurHash3, over words that are not all alike. */
function bitOf([w0, w1, w2, w3]: IpWords): number {
  let hash = w3 ^ Math.imul(w2, 0x85eb_ca6b) ^ Math.imul(w1, 0xc2b2_ae35) ^ Math.imul(w0, 0x27d4_eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) & (BITS - 1);
}
