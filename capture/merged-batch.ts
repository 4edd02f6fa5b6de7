/** Frames of several files on their way out, as they lie in the slabs of those; nothing of a frame is copied. */
import type { FrameBatch } from './source.ts';

const MAX_FRAMES = 4096;

interface MutableBatch extends FrameBatch {
  data: DataView;
}

export class MergedBatch {
  readonly #batch: MutableBatch;
  readonly #onBatch: (batch: FrameBatch) => void;
  delivered = 0;

  constructor(onBatch: (batch: FrameBatch) => void) {
    this.#onBatch = onBatch;
    this.#batch = {
      data: new DataView(new ArrayBuffer(0)),
      count: 0,
      offset: new Uint32Array(MAX_FRAMES),
      capLen: new Uint32Array(MAX_FRAMES),
      wireLen: new Uint32Array(MAX_FRAMES),
      tsSec: new Uint32Array(MAX_FRAMES),
      tsNsec: new Uint32Array(MAX_FRAMES),
      ifIndex: new Uint32Array(MAX_FRAMES),
    };
  }

  /** @param taps by the interface index of `from`. */
  add(from: FrameBatch, start: number, end: number, taps: ArrayLike<number>): void {
    const to = this.#batch;
    // A batch has one memory.
    if (to.data !== from.data) {
      this.flush();
      to.data = from.data;
    }
    for (let at = start; at < end; ) {
      if (to.count === MAX_FRAMES) this.flush();
      const stop = Math.min(end, at + MAX_FRAMES - to.count);
      this.#copy(from, at, stop, taps);
      at = stop;
    }
  }

  /** Before the memory of any frame in it is used again. */
  flush(): void {
    const batch = this.#batch;
    if (batch.count === 0) return;
    this.delivered += batch.count;
    this.#onBatch(batch);
    batch.count = 0;
  }

  #copy(from: FrameBatch, start: number, end: number, taps: ArrayLike<number>): void {
    const { offset, capLen, wireLen, tsSec, tsNsec, ifIndex } = this.#batch;
    let count = this.#batch.count;
    for (let i = start; i < end; i++) {
      offset[count] = from.offset[i]!;
      capLen[count] = from.capLen[i]!;
      wireLen[count] = from.wireLen[i]!;
      tsSec[count] = from.tsSec[i]!;
      tsNsec[count] = from.tsNsec[i]!;
      ifIndex[count] = taps[from.ifIndex[i]!]!;
      count++;
    }
    this.#batch.count = count;
  }
}
