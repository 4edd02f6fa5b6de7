/**
 * Sums over any number of values in bounded memory: how many distinct ones, which are the most frequent, and where the
 * median lies. Each says whether it had to estimate.
 */

/**
 * Distinct texts, exactly up to a bound; beyond it by adaptive sampling (Wegman; Flajolet, Computing 43, 1990): of the
 * hashes only those that end in more and more zero bits are kept. Standard error 1.2 / sqrt(bound): 5 % at 512.
 */
export class DistinctCount {
  readonly #bound: number;
  #kept = new Set<number>();
  #zeroBits = 0;

  constructor(bound = 512) {
    this.#bound = bound;
  }

  get isEstimated(): boolean {
    return this.#zeroBits > 0;
  }

  get value(): number {
    return this.#kept.size * 2 ** this.#zeroBits;
  }

  add(text: string): void {
    this.#addHash(hashOf(text));
  }

  addAll(other: DistinctCount): void {
    if (other.#zeroBits > this.#zeroBits) this.#sampleTo(other.#zeroBits);
    for (const hash of other.#kept) this.#addHash(hash);
  }

  #addHash(hash: number): void {
    if (!isSampled(hash, this.#zeroBits)) return;
    this.#kept.add(hash);
    while (this.#kept.size > this.#bound) this.#sampleTo(this.#zeroBits + 1);
  }

  #sampleTo(zeroBits: number): void {
    this.#zeroBits = zeroBits;
    this.#kept = new Set([...this.#kept].filter((hash) => isSampled(hash, zeroBits)));
  }
}

function isSampled(hash: number, zeroBits: number): boolean {
  return zeroBits < 32 && (hash & (2 ** zeroBits - 1)) === 0;
}

/** FNV-1a of the UTF-16 units, finished as MurmurHash3 does so that the low bits are as good as the high ones. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export interface Counted {
  readonly value: string;
  readonly count: number;
}

/**
 * The most frequent texts (Space-Saving, Metwally et al., ICDT 2005). Told is what each was surely counted: exact as long
 * as there are no more than the bound, never too high, and too low by at most the number of all through the bound.
 */
export class TopCount {
  readonly #bound: number;
  /** `over`: what it may have taken over from others. */
  readonly #counts = new Map<string, { count: number; over: number }>();

  constructor(bound = 64) {
    this.#bound = bound;
  }

  add(value: string): void {
    this.#add(value, 1, 0);
  }

  addAll(other: TopCount): void {
    for (const [value, { count, over }] of other.#counts) this.#add(value, count, over);
  }

  top(many: number): Counted[] {
    return [...this.#counts]
      .map(([value, { count, over }]) => ({ value, count: count - over }))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
      .slice(0, many);
  }

  #add(value: string, count: number, over: number): void {
    const known = this.#counts.get(value);
    if (known !== undefined) {
      known.count += count;
      known.over += over;
    } else if (this.#counts.size < this.#bound) {
      this.#counts.set(value, { count, over });
    } else {
      const [rarest, least] = this.#rarest();
      this.#counts.delete(rarest);
      this.#counts.set(value, { count: count + least, over: over + least });
    }
  }

  #rarest(): [value: string, count: number] {
    let rarest: [string, number] = ['', Number.POSITIVE_INFINITY];
    for (const [value, { count }] of this.#counts) if (count < rarest[1]) rarest = [value, count];
    return rarest;
  }
}

/** Steps of an eighth of a doubling: what is read back is at most 4.5 % off. */
const STEPS_PER_DOUBLING = 8;

/** Latencies in microseconds. */
export class LatencyHistogram {
  readonly #steps = new Map<number, number>();
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  add(micros: number): void {
    const step = Math.floor(Math.log2(Math.max(1, micros)) * STEPS_PER_DOUBLING);
    this.#steps.set(step, (this.#steps.get(step) ?? 0) + 1);
    this.#count += 1;
    this.#max = Math.max(this.#max, micros);
  }

  addAll(other: LatencyHistogram): void {
    for (const [step, count] of other.#steps) this.#steps.set(step, (this.#steps.get(step) ?? 0) + count);
    this.#count += other.#count;
    this.#max = Math.max(this.#max, other.#max);
  }

  /** The value that this share of all does not exceed; undefined when there is none. */
  quantile(share: number): number | undefined {
    let left = Math.ceil(this.#count * share);
    for (const [step, count] of [...this.#steps].sort(([a], [b]) => a - b)) {
      left -= count;
      if (left <= 0) return Math.min(this.#max, Math.round(2 ** ((step + 0.5) / STEPS_PER_DOUBLING)));
    }
    return undefined;
  }
}
