/**
 * Which addresses were ever added, in 2 KB whatever their number: a Bloom filter (Bloom 1970). It may take an address for
 * a known one, never a known one for unknown, so that a full memory makes its owner miss something and accuse nobody.
 */

/** 2^14 bits, 4 of them an address: 2.4 % of strangers pass for known at 2,048 addresses, 16 % at 4,096. */
const BITS = 1 << 14;
const HASHES = 4;
/** From here on it says nothing any more. */
const MAX_COUNT = 4096;
const FNV_PRIME = 0x0100_0193;

export class AddressFilter {
  readonly #bits = new Uint32Array(BITS / 32);
  #count = 0;

  /** Different addresses added, those that passed for known left out. */
  get count(): number {
    return this.#count;
  }

  /** So many were added that every address passes for known. */
  get isFull(): boolean {
    return this.#count >= MAX_COUNT;
  }

  add(address: string): void {
    if (this.isFull) return;
    const [first, step] = hashes(address);
    let isNew = false;
    for (let i = 0; i < HASHES; i++) {
      const bit = (first + i * step) & (BITS - 1);
      const mask = 1 << (bit & 31);
      if ((this.#bits[bit >>> 5]! & mask) !== 0) continue;
      this.#bits[bit >>> 5]! |= mask;
      isNew = true;
    }
    if (isNew) this.#count += 1;
  }

  has(address: string): boolean {
    if (this.isFull) return true;
    const [first, step] = hashes(address);
    for (let i = 0; i < HASHES; i++) {
      const bit = (first + i * step) & (BITS - 1);
      if ((this.#bits[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

/** Two of FNV-1a, combined as by Kirsch and Mitzenmacher (2006); an odd step visits different bits. */
function hashes(text: string): readonly [first: number, step: number] {
  let first = 0x811c_9dc5;
  let second = 0x9dc5_811c;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    first = Math.imul(first ^ code, FNV_PRIME);
    second = Math.imul(second ^ (code + 0x5b), FNV_PRIME);
  }
  return [mixed(first), mixed(second) | 1];
}

/** FNV's low bits know little of the last characters: the finaliser of MurmurHash3 spreads them. */
function mixed(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85eb_ca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
