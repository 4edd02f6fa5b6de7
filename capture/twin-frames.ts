/** Whether two frames are two recordings of one packet; asked only where their times are the same. */
import type { FrameBatch } from './source.ts';

/** As many bytes as both have are the same, and it was as long on the wire. */
export function isSameFrame(a: FrameBatch, i: number, b: FrameBatch, j: number): boolean {
  if (a.wireLen[i] !== b.wireLen[j] || a.tsSec[i] !== b.tsSec[j]) return false;
  if (microsOf(a, i) !== microsOf(b, j)) return false;
  const length = Math.min(a.capLen[i]!, b.capLen[j]!);
  const ours = a.offset[i]!;
  const theirs = b.offset[j]!;
  for (let at = 0; at < length; at++) {
    if (a.data.getUint8(ours + at) !== b.data.getUint8(theirs + at)) return false;
  }
  return true;
}

/** Files of the same capture may keep nanoseconds or only microseconds. */
function microsOf(batch: FrameBatch, i: number): number {
  return Math.floor(batch.tsNsec[i]! / 1000);
}
