/**
 * A live tap that is read from its opening on, though nobody takes its frames yet. They cannot stay in the kernel: its
 * ring has few blocks (two of 256 KiB by default), and one that holds a single frame is closed when the read timeout
 * ends, so three frames 100 ms apart are too many for a ring that nobody empties. Bounded; what does not fit counts
 * as dropped.
 */
import {
  allocateBatch,
  type CaptureStats,
  type EndReason,
  type FrameBatch,
  type PacketSource,
} from '../../../capture/source.ts';

/** What the arrays of a batch take for each frame. */
const BYTES_A_FRAME = 6 * Uint32Array.BYTES_PER_ELEMENT;

/** `maxBytes`: kept until `run` is called, which hands them over at once. */
export function readAhead(source: PacketSource, maxBytes: number): PacketSource {
  return new ReadAhead(source, maxBytes);
}

class ReadAhead implements PacketSource {
  readonly #source: PacketSource;
  readonly #ended: Promise<EndReason>;
  #held: FrameBatch[] = [];
  #room: number;
  #missed = 0;
  #onBatch: ((batch: FrameBatch) => void) | undefined;

  constructor(source: PacketSource, maxBytes: number) {
    this.#source = source;
    this.#room = maxBytes;
    this.#ended = source.run((batch) => {
      if (this.#onBatch === undefined) this.#hold(batch);
      else this.#onBatch(batch);
    });
    // Whoever runs it hears of it; nobody may.
    this.#ended.catch(() => {});
  }

  get backend(): PacketSource['backend'] {
    return this.#source.backend;
  }

  get interfaces(): PacketSource['interfaces'] {
    return this.#source.interfaces;
  }

  async run(onBatch: (batch: FrameBatch) => void): Promise<EndReason> {
    const held = this.#held;
    this.#held = [];
    this.#onBatch = onBatch;
    for (const batch of held) onBatch(batch);
    return this.#ended;
  }

  stats(): CaptureStats {
    const stats = this.#source.stats();
    if (this.#missed === 0) return stats;
    return { ...stats, droppedByKernel: (stats.droppedByKernel ?? 0) + this.#missed };
  }

  drain(): void {
    if (this.#source.drain === undefined) this.#source.close();
    else this.#source.drain();
  }

  close(): void {
    this.#source.close();
  }

  #hold(batch: FrameBatch): void {
    const count = this.#fitting(batch);
    this.#missed += batch.count - count;
    if (count > 0) this.#held.push(copyOf(batch, count));
  }

  /** How many of its frames there is room for, taken. */
  #fitting({ capLen, count }: FrameBatch): number {
    let i = 0;
    for (; i < count; i++) {
      const needed = capLen[i]! + BYTES_A_FRAME;
      if (needed > this.#room) break;
      this.#room -= needed;
    }
    return i;
  }
}

/** Its first `count` frames, in memory of their own. */
function copyOf(batch: FrameBatch, count: number): FrameBatch {
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += batch.capLen[i]!;
  const copy = allocateBatch(bytes, count);
  const from = new Uint8Array(batch.data.buffer, batch.data.byteOffset, batch.data.byteLength);
  const to = new Uint8Array(copy.data.buffer);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = batch.capLen[i]!;
    to.set(from.subarray(batch.offset[i]!, batch.offset[i]! + length), at);
    copy.offset[i] = at;
    at += length;
  }
  for (const array of ['capLen', 'wireLen', 'tsSec', 'tsNsec', 'ifIndex'] as const) {
    copy[array].set(batch[array].subarray(0, count));
  }
  copy.count = count;
  return copy;
}
