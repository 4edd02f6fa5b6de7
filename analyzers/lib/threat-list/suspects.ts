/**
 * Addresses that DNS gave to listed names, as numbers: who connects to one is worth a record, in which it stands what that
 * container had resolved. A hint only, shared by all containers; two addresses may have one number.
 */
import type { IpWords } from '../../../src/model/ip.ts';

const MAX_SUSPECTS = 4096;

export class Suspects {
  readonly #hashes = new Set<number>();
  readonly #onForgotten: (count: number) => void;

  /** `onForgotten`: so many had to go at once, because there is no telling which are old. */
  constructor(onForgotten: (count: number) => void) {
    this.#onForgotten = onForgotten;
  }

  add(ip: IpWords): void {
    const hash = hashOf(ip);
    if (this.#hashes.size >= MAX_SUSPECTS && !this.#hashes.has(hash)) {
      this.#onForgotten(this.#hashes.size);
      this.#hashes.clear();
    }
    this.#hashes.add(hash);
  }

  mayBe(ip: IpWords): boolean {
    return this.#hashes.size > 0 && this.#hashes.has(hashOf(ip));
  }
}

function hashOf([w0, w1, w2, w3]: IpWords): number {
  return (Math.imul(w0, 31) ^ Math.imul(w1, 17) ^ w2 ^ w3) >>> 0;
}
