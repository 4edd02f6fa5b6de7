/**
 * Messages on a byte stream: a length of four bytes, big-endian, then so many bytes. A stream cuts where it likes, so the
 * reader collects; a length that no message of ours has ends the conversation instead of filling the memory.
 */

const HEADER_BYTES = 4;

export function framed(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** The other end says what cannot be said. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly code = 'CHANNEL_BAD_FRAME';
}

export class FrameReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The messages that are whole now, in order. Throws a FrameError; nothing more can be read then. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const messages: Buffer[] = [];
    for (;;) {
      const length = this.#nextLength();
      if (length === undefined || this.#bytes < HEADER_BYTES + length) return messages;
      const whole = this.#take(HEADER_BYTES + length);
      messages.push(whole.subarray(HEADER_BYTES));
    }
  }

  #nextLength(): number | undefined {
    if (this.#bytes < HEADER_BYTES) return undefined;
    if (this.#chunks[0]!.length < HEADER_BYTES) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = this.#chunks[0]!.readUInt32BE(0);
    if (length > this.#maxBytes)
      throw new FrameError(`a message of ${length} bytes was announced, more than ${this.#maxBytes}`);
    return length;
  }

  #take(bytes: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = all.length === bytes ? [] : [all.subarray(bytes)];
    this.#bytes -= bytes;
    return all.subarray(0, bytes);
  }
}
