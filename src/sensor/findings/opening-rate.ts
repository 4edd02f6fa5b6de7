/**
 * Whether findings open faster than a person can read: more than `limit` within a minute of packet time. It goes on until
 * a minute has no more than half as many, so that a rate at the limit does not flicker. Exact, and bounded: the last
 * `limit` times, 8 bytes each.
 */
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';

export const MINUTE: Micros = 60 * MICROS_PER_SECOND;

export class OpeningRate {
  /** A ring; what was never noted is infinitely long ago. */
  readonly #times: Float64Array;
  #next = 0;
  #isStorm = false;

  constructor(limit: number) {
    this.#times = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
  }

  /** No more than this within a minute end it. */
  get calm(): number {
    return Math.floor(this.#times.length / 2);
  }

  get isStorm(): boolean {
    return this.#isStorm;
  }

  /** One more; whether it is too much. Times never fall, but by `clockSet`. */
  note(now: Micros): boolean {
    this.#isStorm = this.#within(now, this.#isStorm ? this.calm : this.#times.length);
    this.#add(now);
    return this.#isStorm;
  }

  /** Only what fits is noted: whether it does. */
  takes(now: Micros): boolean {
    if (this.#within(now, this.#times.length)) return false;
    this.#add(now);
    return true;
  }

  /** Whether the storm is over as of now, said once. */
  calms(now: Micros): boolean {
    if (!this.#isStorm || this.#within(now, this.calm + 1)) return false;
    this.#isStorm = false;
    return true;
  }

  clockSet(shift: Micros): void {
    for (let i = 0; i < this.#times.length; i++) this.#times[i]! += shift;
  }

  #add(now: Micros): void {
    this.#times[this.#next] = now;
    this.#next = (this.#next + 1) % this.#times.length;
  }

  /** Whether the last `count` of them are all less than a minute old. */
  #within(now: Micros, count: number): boolean {
    if (count === 0) return true;
    const at = (this.#next - count + this.#times.length) % this.#times.length;
    return now - this.#times[at]! < MINUTE;
  }
}
