/** 53-bit hashes of DNS names and of what comes with them, from bytes. Not for secrets. */

/** What one pass over a name tells. Borrowed: the next call overwrites it. */
export interface NameFacts {
  /** Of the labels left of the zone, letters folded to lower case (RFC 4343). */
  own: number;
  /** Of the whole name, folded. */
  full: number;
  /** Of the first label, the first two and so on, without the whole; the length of the array is of no meaning. */
  readonly prefixes: number[];
  letters: number;
  upper: number;
}

const FACTS: NameFacts = { own: 0, full: 0, prefixes: [], letters: 0, upper: 0 };

const BASIS_A = 0x811c_9dc5;
const BASIS_B = 0x9747_b28c;
const PRIME_A = 0x0100_0193;
const PRIME_B = 0x5bd1_e995;

/** Two 32-bit FNV-1a lanes with different primes, finished as MurmurHash3 does, joined to 53 bits. */
export function factsOfName(labels: readonly Uint8Array[], ownLabels: number): Readonly<NameFacts> {
  let a = BASIS_A;
  let b = BASIS_B;
  let letters = 0;
  let upper = 0;
  for (let i = 0; i < labels.length; i++) {
    if (i > 0) FACTS.prefixes[i - 1] = joined(a, b);
    const label = labels[i]!;
    const length = label.length;
    // The length keeps `ab.c` and `a.bc` apart.
    a = Math.imul(a ^ length, PRIME_A);
    b = Math.imul(b ^ length, PRIME_B);
    for (let j = 0; j < length; j++) {
      let byte = label[j]!;
      const letter = (byte | 0x20) - 0x61;
      if (letter >= 0 && letter < 26) {
        letters += 1;
        if (byte < 0x61) {
          upper += 1;
          byte += 0x20;
        }
      }
      a = Math.imul(a ^ byte, PRIME_A);
      b = Math.imul(b ^ byte, PRIME_B) ^ (b >>> 15);
    }
  }
  FACTS.full = joined(a, b);
  FACTS.own = ownLabels < labels.length ? (FACTS.prefixes[ownLabels - 1] ?? 0) : FACTS.full;
  FACTS.letters = letters;
  FACTS.upper = upper;
  return FACTS;
}

/** Labels [from, to), folded: what `factsOfName` says of the same labels. */
export function hashLabels(labels: readonly Uint8Array[], from: number, to: number): number {
  let a = BASIS_A;
  let b = BASIS_B;
  for (let i = from; i < to; i++) {
    const label = labels[i]!;
    a = Math.imul(a ^ label.length, PRIME_A);
    b = Math.imul(b ^ label.length, PRIME_B);
    for (let j = 0; j < label.length; j++) {
      const byte = label[j]! >= 0x41 && label[j]! <= 0x5a ? label[j]! + 0x20 : label[j]!;
      a = Math.imul(a ^ byte, PRIME_A);
      b = Math.imul(b ^ byte, PRIME_B) ^ (b >>> 15);
    }
  }
  return joined(a, b);
}

/** The whole name with its letter case. */
export function hashWithCase(labels: readonly Uint8Array[]): number {
  let hash = 0;
  for (const label of labels) hash = hashBytes(label, hash);
  return hash;
}

/** `seed` keeps apart what has the same bytes but is not the same. */
export function hashBytes(data: Uint8Array, seed: number): number {
  let a = Math.imul(BASIS_A ^ seed, PRIME_A) ^ Math.floor(seed / 2 ** 32);
  let b = Math.imul(BASIS_B ^ data.length, PRIME_B);
  for (let i = 0; i < data.length; i++) {
    const byte = data[i]!;
    a = Math.imul(a ^ byte, PRIME_A);
    b = Math.imul(b ^ byte, PRIME_B) ^ (b >>> 15);
  }
  return joined(a, b);
}

export function hashText(text: string, seed: number): number {
  let a = Math.imul(BASIS_A ^ seed, PRIME_A) ^ Math.floor(seed / 2 ** 32);
  let b = Math.imul(BASIS_B ^ text.length, PRIME_B);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, PRIME_A);
    b = Math.imul(b ^ unit, PRIME_B) ^ (b >>> 15);
  }
  return joined(a, b);
}

function joined(a: number, b: number): number {
  return (finish(b ^ a) & 0x1f_ffff) * 2 ** 32 + (finish(a) >>> 0);
}

function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return h ^ (h >>> 16);
}
