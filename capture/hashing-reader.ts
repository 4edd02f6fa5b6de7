/** SHA-256 of a file's bytes, computed as they are read. */
import { createHash } from 'node:crypto';
import type { ByteReader } from './byte-reader.ts';

const DRAIN_BYTES = 256 * 1024;

export class HashingByteReader implements ByteReader {
  readonly #input: ByteReader;
  readonly #hash = createHash('sha256');
  #isAtEnd = false;

  constructor(input: ByteReader) {
    this.#input = input;
  }

  get consumedBytes(): number {
    return this.#input.consumedBytes;
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    const count = await this.#input.read(into, at);
    if (count === 0) this.#isAtEnd = true;
    else this.#hash.update(into.subarray(at, at + count));
    return count;
  }

  /** Reads what is left, behind the place where the capture turned out corrupt. Once; undefined where it cannot be read. */
  async digest(): Promise<string | undefined> {
    const rest = new Uint8Array(DRAIN_BYTES);
    try {
      while (!this.#isAtEnd) await this.read(rest, 0);
      return this.#hash.digest('hex');
    } catch {
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#input.close();
  }
}
