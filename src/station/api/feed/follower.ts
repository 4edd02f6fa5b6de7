/** A client of the live feed and how far it was told. */
import type { Micros } from '../../../model/time.ts';
import type { Selection } from './selection.ts';
import type { Wire } from './wire.ts';

export interface Follower {
  readonly wire: Wire;
  readonly selection: Selection;
  /** All of its kinds up to here was written to it; the tail's place counts while it is among those who keep up. */
  place: number;
  /** Until it has caught up: only what is not older. */
  since: Micros | undefined;
  /** It knows that of what was up to here some expired. */
  toldExpired: number;
}
