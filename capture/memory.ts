/** A source of packets that a test wrote down. It behaves as a file does: batches, then the end. */
import {
  allocateBatch,
  type CaptureInterface,
  type CaptureStats,
  type EndReason,
  type FrameBatch,
  type PacketSource,
} from './source.ts';

export interface MemoryFrame {
  readonly data: Uint8Array;
  /** Since the epoch; whole microseconds, as packet time is in this project. */
  readonly time: number;
  /** The length of `data` when absent. */
  readonly wireLen?: number;
  /** Index into `interfaces`, 0 when absent. */
  readonly interface?: number;
}

export interface MemoryOptions {
  /** One Ethernet interface, `mem0`, when absent. */
  readonly interfaces?: readonly CaptureInterface[];
  /** All frames in one batch when absent. */
  readonly framesPerBatch?: number;
  /** How the source ends when nobody closes it. */
  readonly end?: EndReason;
  readonly stats?: Partial<CaptureStats>;
}

const MICROS_PER_SECOND = 1_000_000;
const ETHERNET = 1;

export function openMemory(frames: readonly MemoryFrame[], options: MemoryOptions = {}): PacketSource {
  const framesPerBatch = options.framesPerBatch ?? Math.max(1, frames.length);
  let started = false;
  let closed = false;
  let received = 0;
  return {
    backend: 'memory',
    interfaces: options.interfaces ?? [{ name: 'mem0', linkType: ETHERNET }],
    async run(onBatch) {
      if (closed) return { reason: 'closed' };
      if (started) throw new Error('run() was called twice');
      started = true;
      for (let from = 0; from < frames.length && !closed; from += framesPerBatch) {
        // As a real source does, it lets timers and sockets have their turn between two batches.
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (closed) break;
        const batch = batchOf(frames.slice(from, from + framesPerBatch));
        received += batch.count;
        onBatch(batch);
      }
      return closed ? { reason: 'closed' } : (options.end ?? { reason: 'end-of-file' });
    },
    stats: () => ({ ...options.stats, received }),
    close() {
      closed = true;
    },
  };
}

/** The frames in one slab of exactly their size, so that reading past the last one is noticed. */
export function batchOf(frames: readonly MemoryFrame[]): FrameBatch {
  const slabBytes = frames.reduce((sum, frame) => sum + frame.data.length, 0);
  const batch = allocateBatch(slabBytes, frames.length);
  const bytes = new Uint8Array(batch.data.buffer);
  let at = 0;
  for (const frame of frames) {
    const i = batch.count++;
    bytes.set(frame.data, at);
    batch.offset[i] = at;
    batch.capLen[i] = frame.data.length;
    batch.wireLen[i] = frame.wireLen ?? frame.data.length;
    batch.tsSec[i] = Math.floor(frame.time / MICROS_PER_SECOND);
    batch.tsNsec[i] = (frame.time % MICROS_PER_SECOND) * 1000;
    batch.ifIndex[i] = frame.interface ?? 0;
    at += frame.data.length;
  }
  return batch;
}
