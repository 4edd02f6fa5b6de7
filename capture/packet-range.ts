/** Packets of a range of time, taken out of a batch in place before a filter sees them. */
import type { Micros } from '../src/model/time.ts';
import type { FrameBatch } from './source.ts';

/** [since, until) */
export interface PacketRange {
  readonly since?: Micros;
  readonly until?: Micros;
}

const MICROS_PER_SECOND = 1_000_000;
const NSEC_PER_MICRO = 1000;

/** As records have it: exact in a double. */
export function timeOfFrame(batch: FrameBatch, i: number): Micros {
  return batch.tsSec[i]! * MICROS_PER_SECOND + Math.floor(batch.tsNsec[i]! / NSEC_PER_MICRO);
}

export function keepWithin(batch: FrameBatch, range: PacketRange): void {
  const since = range.since ?? Number.NEGATIVE_INFINITY;
  const until = range.until ?? Number.POSITIVE_INFINITY;
  const { offset, capLen, wireLen, tsSec, tsNsec, ifIndex, count } = batch;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const time = timeOfFrame(batch, i);
    if (time < since || time >= until) continue;
    offset[kept] = offset[i]!;
    capLen[kept] = capLen[i]!;
    wireLen[kept] = wireLen[i]!;
    tsSec[kept] = tsSec[i]!;
    tsNsec[kept] = tsNsec[i]!;
    ifIndex[kept] = ifIndex[i]!;
    kept++;
  }
  batch.count = kept;
}
