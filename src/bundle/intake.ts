/** The bytes of an archive in order, as many as are asked for, counted and hashed; holds no more than one piece of them. */
import { createHash } from 'node:crypto';

export class Intake {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #hash = createHash('sha256');
  #piece: Buffer = Buffer.alloc(0);
  #isOver = false;
  /** Taken so far. */
  at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** So many, or fewer where it ends. For small amounts: they are copied. */
  async take(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    await this.pass(bytes, (chunk) => parts.push(Buffer.from(chunk)));
    return Buffer.concat(parts);
  }

  /** Hands on so many in pieces, valid until `onChunk` returns; returns how many there were. */
  async pass(bytes: number, onChunk: (chunk: Buffer) => void): Promise<number> {
    let passed = 0;
    while (passed < bytes) {
      if (this.#piece.length === 0 && !(await this.#next())) break;
      const chunk = this.#piece.subarray(0, bytes - passed);
      this.#piece = this.#piece.subarray(chunk.length);
      onChunk(chunk);
      passed += chunk.length;
    }
    this.at += passed;
    return passed;
  }

  /** To be taken again. */
  putBack(bytes: Buffer): void {
    this.#piece = Buffer.concat([bytes, this.#piece]);
    this.at -= bytes.length;
  }

  /** Passes over everything that is left; returns how many bytes that were. */
  rest(): Promise<number> {
    return this.pass(Number.POSITIVE_INFINITY, () => {});
  }

  /** Of the whole source, to its end. */
  async finish(): Promise<{ readonly sha256: string; readonly bytes: number }> {
    await this.rest();
    return { sha256: this.#hash.digest('hex'), bytes: this.at };
  }

  async #next(): Promise<boolean> {
    while (!this.#isOver && this.#piece.length === 0) {
      const { value, done } = await this.#source.next();
      if (done === true) {
        this.#isOver = true;
        break;
      }
      this.#hash.update(value);
      this.#piece = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    return this.#piece.length > 0;
  }
}
