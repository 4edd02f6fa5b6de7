/**
 * What a file format must do for the file source: find the frames in a slab of bytes. A reader keeps only what
 * its headers said; it never copies a frame, never allocates by a length that the file claims, never throws for
 * what the file holds.
 */
import type { CaptureInterface, FrameBatch } from './source.ts';

/** MAXIMUM_SNAPLEN of libpcap and WTAP_MAX_PACKET_SIZE_STANDARD of Wireshark: a longer frame is a corrupt length. */
export const MAX_FRAME_BYTES = 262_144;

/** The longest record that may straddle two slabs: a frame of the longest kind with 256 KiB of headers and options. */
export const MAX_RECORD_BYTES = 2 * MAX_FRAME_BYTES;

/**
 * `full`: the batch is. `more`: the record at `position` is not whole in this slab. `corrupt`: it cannot be
 * right, and since lengths lead from record to record nothing after it can be found.
 */
export type ScanEnd = 'full' | 'more' | 'corrupt';

export interface FormatReader {
  readonly interfaces: readonly CaptureInterface[];
  /** Index in the slab after the last whole record of the latest scan. */
  readonly position: number;
  /** Bytes of a record without frames that the reader skips and has not seen yet. */
  readonly owedBytes: number;
  /** What is wrong at `position`; present after `corrupt`. */
  readonly problem: string | undefined;
  /** Losses that the capturing program wrote into the file; `undefined` where it wrote none. */
  readonly droppedByKernel: number | undefined;
  readonly droppedByInterface: number | undefined;
  /** What tells the capture apart that these count from the beginning of, over all of its files; absent where unknown. */
  readonly countedSince?: string | undefined;
  /** Reads records from slab[start, end) and appends their frames to the batch. */
  scan(slab: DataView, start: number, end: number, batch: FrameBatch): ScanEnd;
}
