/**
 * One client's response: what it has not taken yet is bounded by whoever looks at `isFull` before writing, and a client
 * that takes nothing for a minute is cut off. It knows nothing of what is written.
 */
import type { ServerResponse } from 'node:http';

/** Then nothing more is written until all of it is taken; with the page on its way that makes 256 KiB at most. */
const FULL_BYTES = 128 * 1024;

export class Wire {
  readonly #out: ServerResponse;
  readonly #stallMs: number;
  #isGone = false;
  #wroteSinceSweep = true;
  /** Bytes that the kernel took, and when that was seen to grow last. */
  #taken = 0;
  #progressAt: number;

  constructor(out: ServerResponse, { stallMs, onGone }: { stallMs: number; onGone: () => void }) {
    this.#out = out;
    this.#stallMs = stallMs;
    this.#progressAt = performance.now();
    // A client that goes away in the middle of a write is no fault.
    out.on('error', () => {});
    out.once('close', () => {
      this.#isGone = true;
      onGone();
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  get isFull(): boolean {
    return this.#out.writableLength >= FULL_BYTES;
  }

  /** Bytes that it has not taken. */
  get waitingBytes(): number {
    return this.#out.writableLength;
  }

  write(bytes: Buffer | string): void {
    if (this.#isGone) return;
    this.#wroteSinceSweep = true;
    this.#out.write(bytes);
  }

  /** Calls once all that waits is taken; never when the client goes before. */
  whenDrained(call: () => void): void {
    if (this.#isGone) return;
    if (this.#out.writableNeedDrain) this.#out.once('drain', call);
    else setImmediate(call);
  }

  /** To be called at intervals. Returns whether nothing was written since, or else cuts off whoever takes nothing. */
  sweep(now: number): 'quiet' | 'busy' | 'cut' {
    const { socket } = this.#out;
    const waiting = socket?.writableLength ?? 0;
    const taken = (socket?.bytesWritten ?? 0) - waiting;
    if (waiting === 0 || taken > this.#taken) this.#progressAt = now;
    this.#taken = taken;
    if (now - this.#progressAt >= this.#stallMs) {
      this.#out.destroy();
      return 'cut';
    }
    const isQuiet = !this.#wroteSinceSweep && waiting === 0;
    this.#wroteSinceSweep = false;
    return isQuiet ? 'quiet' : 'busy';
  }

  /** In good order: the client comes back by itself. */
  end(): void {
    if (!this.#isGone) this.#out.end();
  }
}
