/**
 * The frames of the last moments, of all taps, in memory that is allocated once. A batch is copied in as it lies, so that
 * a frame costs its bytes and a few numbers; whose it is, is looked at when somebody asks. The oldest make room, a segment
 * at a time. It reads no clock and decodes nothing.
 *
 *   segments   [ 3 ][ 4 ][ 5 ][ 0 ][ 1 ][ 2 ]      each a batch like those that sources hand over
 *                          ^newest  ^oldest
 *   frames     are numbered from 0 since the start: a reader stands at a number, and what it missed is a difference
 *
 * Age is counted from when a frame arrived here, by a clock that nobody sets, not by its own time: a host's clock that
 * jumps makes no frame older than it is.
 */
import { streamCopy } from '../../../capture/native/index.ts';
import type { FrameBatch } from '../../../capture/source.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { allocateHuge } from '../huge-memory.ts';

export interface RingOptions {
  /** All that it holds, tables included. */
  readonly maxBytes: number;
  /** Bytes kept of each frame; absent: all that were captured. */
  readonly snaplenBytes?: number | undefined;
  /** When it begins, by the clock that `append` goes by. */
  readonly beginsSecs: number;
}

/** Some frames in the order in which they came, borrowed until the next `append`. */
export interface RingSlice {
  /** A segment; `ifIndex` is the place that was given with each frame. */
  readonly frames: FrameBatch;
  /** Of the segment's frames those from here on. */
  readonly from: number;
  /** And before here. */
  readonly to: number;
  /** Number of the frame at `from`. */
  readonly number: number;
}

/** The least that is forgotten at once. A frame of 262,144 bytes, the largest that is captured, fits four times. */
const SEGMENT_BYTES = 1024 * 1024;
/** Frames of 128 bytes fill bytes and tables alike. */
const SEGMENT_FRAMES = 8192;
/** The six tables of a batch, and when each frame arrived. */
const SEGMENT_COST = SEGMENT_BYTES + SEGMENT_FRAMES * 7 * Uint32Array.BYTES_PER_ELEMENT;
const MIN_SEGMENTS = 2;

/** Padding between the frames of a slab; more than that is not worth copying. */
const MAX_GAP_SHARE = 0.25;

interface Segment {
  readonly frames: FrameBatch;
  /** Whole seconds, rounded down. */
  readonly arrivedSecs: Uint32Array;
  used: number;
  /** Number of its first frame. */
  first: number;
}

export class PacketRing {
  readonly #segments: readonly Segment[];
  readonly #snaplenBytes: number;
  /** Of the segment that frames go into. */
  #at = 0;
  #end = 0;
  #keptSince: number;

  constructor({ maxBytes, snaplenBytes = Number.POSITIVE_INFINITY, beginsSecs }: RingOptions) {
    const count = Math.max(MIN_SEGMENTS, Math.floor(maxBytes / SEGMENT_COST));
    this.#snaplenBytes = Math.min(snaplenBytes, SEGMENT_BYTES);
    this.#keptSince = beginsSecs;
    // In one piece and with huge pages: among pages of 4 KiB, each of which is written once a round of the ring, a packet of
    // 90 bytes cost 51 ns, most of it to find the pages; so it costs 15.
    const memory = allocateHuge(count * SEGMENT_COST);
    this.#segments = Array.from({ length: count }, (_, i) => segmentIn(memory, i * SEGMENT_COST));
  }

  /** What it takes of memory once it has been full, tables included. */
  get capacityBytes(): number {
    return this.#segments.length * SEGMENT_COST;
  }

  /** Number that the next frame will have. */
  get end(): number {
    return this.#end;
  }

  /** Number of the oldest frame that is still here; `end` while there is none. */
  get begin(): number {
    return this.#oldest().first;
  }

  /** All that arrived from then on is still here; before that something may be gone, or nobody listened. */
  get keptSinceSecs(): number {
    return this.#keptSince;
  }

  /** Frames of one tap, which arrived now; `place` names the tap in what is read later. */
  append(place: number, batch: FrameBatch, nowSecs: number): void {
    if (batch.count === 0) return;
    const isCompact = this.#isCompact(batch);
    for (let from = 0; from < batch.count; ) {
      const segment = this.#segments[this.#at]!;
      const had = segment.frames.count;
      const to = isCompact ? copyTogether(segment, batch, from) : this.#copyEach(segment, batch, from);
      segment.frames.ifIndex.fill(place, had, segment.frames.count);
      segment.arrivedSecs.fill(nowSecs, had, segment.frames.count);
      this.#end += to - from;
      from = to;
      if (from < batch.count) this.#beginSegment();
    }
  }

  /** Number of the oldest frame that is here and arrived then or later; `end` where there is none. */
  firstSince(secs: number): number {
    const count = this.#segments.length;
    for (let i = 1; i <= count; i++) {
      const { frames, arrivedSecs, first } = this.#segments[(this.#at + i) % count]!;
      if (frames.count === 0 || arrivedSecs[frames.count - 1]! < secs) continue;
      let at = 0;
      while (arrivedSecs[at]! < secs) at += 1;
      return first + at;
    }
    return this.#end;
  }

  /** From frame `number` to the end of its segment; undefined where there is none yet. One that is gone: the oldest. */
  slice(number: number): RingSlice | undefined {
    const wanted = Math.max(number, this.begin);
    if (wanted >= this.#end) return undefined;
    const segment = this.#segments.find(
      ({ first, frames }) => wanted >= first && wanted < first + frames.count,
    )!;
    const { frames, first } = segment;
    return { frames, from: wanted - first, to: frames.count, number: wanted };
  }

  #oldest(): Segment {
    const count = this.#segments.length;
    for (let i = 1; i < count; i++) {
      const segment = this.#segments[(this.#at + i) % count]!;
      if (segment.frames.count > 0) return segment;
    }
    return this.#segments[this.#at]!;
  }

  /** The next one, emptied: what it held is gone. */
  #beginSegment(): void {
    this.#at = (this.#at + 1) % this.#segments.length;
    const segment = this.#segments[this.#at]!;
    const { count } = segment.frames;
    // Of the same second others may be here still; that second is not whole any more.
    if (count > 0) this.#keptSince = segment.arrivedSecs[count - 1]! + 1;
    segment.frames.count = 0;
    segment.used = 0;
    segment.first = this.#end;
  }

  /** Whether a batch can be taken as it lies: in order, no frame to be cut, and little lies between them. */
  #isCompact({ count, offset, capLen }: FrameBatch): boolean {
    let payload = 0;
    let end = offset[0]!;
    for (let i = 0; i < count; i++) {
      const length = capLen[i]!;
      if (length > this.#snaplenBytes || offset[i]! < end) return false;
      payload += length;
      end = offset[i]! + length;
    }
    const span = end - offset[0]!;
    return span - payload <= span * MAX_GAP_SHARE;
  }

  /** One after the other, cut to the snaplen; returns the first for which there was no room. */
  #copyEach(segment: Segment, batch: FrameBatch, from: number): number {
    const { frames } = segment;
    let i = from;
    for (; i < batch.count && frames.count < SEGMENT_FRAMES; i++) {
      const capLen = Math.min(batch.capLen[i]!, this.#snaplenBytes);
      if (segment.used + capLen > SEGMENT_BYTES) break;
      copyBytes(batch.data, batch.offset[i]!, frames.data, segment.used, capLen);
      const at = frames.count++;
      frames.offset[at] = segment.used;
      frames.capLen[at] = capLen;
      frames.wireLen[at] = batch.wireLen[i]!;
      frames.tsSec[at] = batch.tsSec[i]!;
      frames.tsNsec[at] = batch.tsNsec[i]!;
      segment.used += capLen;
    }
    return i;
  }
}

/** Bytes first, then the tables. */
function segmentIn(memory: ArrayBuffer, begin: number): Segment {
  const tables = begin + SEGMENT_BYTES;
  const table = (n: number) =>
    new Uint32Array(memory, tables + n * SEGMENT_FRAMES * Uint32Array.BYTES_PER_ELEMENT, SEGMENT_FRAMES);
  return {
    frames: {
      data: new DataView(memory, begin, SEGMENT_BYTES),
      count: 0,
      ...{ offset: table(0), capLen: table(1), wireLen: table(2), tsSec: table(3), tsNsec: table(4) },
      ifIndex: table(5),
    },
    arrivedSecs: table(6),
    used: 0,
    first: 0,
  };
}

/** As many as there is room for, bytes and tables in one piece each; returns the first for which there was none. */
function copyTogether(segment: Segment, batch: FrameBatch, from: number): number {
  const { frames } = segment;
  const at = frames.count;
  const begin = batch.offset[from]!;
  const last = begin + SEGMENT_BYTES - segment.used;
  const most = Math.min(batch.count, from + SEGMENT_FRAMES - at);
  const shift = segment.used - begin;
  let to = from;
  let end = begin;
  for (; to < most; to++) {
    const frameEnd = batch.offset[to]! + batch.capLen[to]!;
    if (frameEnd > last) break;
    frames.offset[at + to - from] = batch.offset[to]! + shift;
    end = frameEnd;
  }
  if (to === from) return from;
  const { buffer, byteOffset } = batch.data;
  const { data } = frames;
  // What is seldom read is not to take the place of flows in the caches.
  streamCopy(data.buffer, data.byteOffset + segment.used, buffer, byteOffset + begin, end - begin);
  frames.capLen.set(batch.capLen.subarray(from, to), at);
  frames.wireLen.set(batch.wireLen.subarray(from, to), at);
  frames.tsSec.set(batch.tsSec.subarray(from, to), at);
  frames.tsNsec.set(batch.tsNsec.subarray(from, to), at);
  frames.count += to - from;
  segment.used += end - begin;
  return to;
}

/** By words, because a view for each frame would be an object a packet; in the processor's own order of bytes. */
function copyBytes(source: DataView, from: number, target: DataView, to: number, length: number): void {
  let i = 0;
  for (; i + 4 <= length; i += 4) target.setUint32(to + i, source.getUint32(from + i, true), true);
  for (; i < length; i++) target.setUint8(to + i, source.getUint8(from + i));
}

export function frameTime({ tsSec, tsNsec }: FrameBatch, i: number): Micros {
  return tsSec[i]! * MICROS_PER_SECOND + Math.floor(tsNsec[i]! / 1000);
}
