/**
 * The beginning of one direction of a TCP connection, put together in order: what one segment did not hold whole.
 * Bounded, and no general reassembly: a segment ahead of its turn is left out, and what follows it with it.
 */
export class StreamPrefix {
  /** Valid are [0, filled). */
  bytes: Uint8Array = NOTHING;
  filled = 0;
  readonly #maxBytes: number;
  #next: number | undefined;

  /** `next`: sequence number of the first byte wanted; undefined takes the first segment that comes. */
  constructor(maxBytes: number, next?: number) {
    this.#maxBytes = maxBytes;
    this.#next = next;
  }

  get isFull(): boolean {
    return this.filled === this.#maxBytes;
  }

  /** Returns whether there is more than before. */
  push(seq: number, data: DataView, at: number, end: number): boolean {
    this.#next ??= seq;
    // Bytes seen already are skipped; bytes ahead of what is missing cannot be used.
    const skip = (this.#next - seq) | 0;
    if (skip < 0 || skip >= end - at) return false;
    const from = at + skip;
    const take = Math.min(end - from, this.#maxBytes - this.filled);
    if (take <= 0) return false;
    this.#reserve(this.filled + take);
    this.bytes.set(new Uint8Array(data.buffer, data.byteOffset + from, take), this.filled);
    this.filled += take;
    this.#next = (this.#next + (end - from)) >>> 0;
    return true;
  }

  #reserve(wanted: number): void {
    if (wanted <= this.bytes.length) return;
    const grown = new Uint8Array(Math.min(Math.max(wanted * 2, 1024), this.#maxBytes));
    grown.set(this.bytes.subarray(0, this.filled));
    this.bytes = grown;
  }
}

const NOTHING = new Uint8Array(0);
