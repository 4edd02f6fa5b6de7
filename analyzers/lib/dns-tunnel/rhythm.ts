/**
 * Whether new names come by the clock. People and programs ask in bursts or by chance; who checks in with somebody asks
 * again and again after the same time, and says something new each time.
 */
import { MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

/** Intervals that must have been seen. */
const ENOUGH = 9;
/** Standard deviation over mean: chance (exponential gaps) has 1, a fifth of jitter either way has 0.12. */
const REGULAR = 0.25;
/** Faster than this is traffic, which the thresholds meet soon enough. */
const MIN_SECS = 3;
/** Slower than this, cron jobs and monitors keep time too. */
const MAX_SECS = 120;

export class Rhythm {
  #last: Micros | undefined;
  #intervals = 0;
  #mean = 0;
  /** Sum of squared differences from the mean (Welford). */
  #squares = 0;

  note(now: Micros): void {
    if (this.#last !== undefined) {
      const secs = (now - this.#last) / MICROS_PER_SECOND;
      this.#intervals += 1;
      const difference = secs - this.#mean;
      this.#mean += difference / this.#intervals;
      this.#squares += difference * (secs - this.#mean);
    }
    this.#last = now;
  }

  get isRegular(): boolean {
    if (this.#intervals < ENOUGH || this.#mean < MIN_SECS || this.#mean > MAX_SECS) return false;
    return Math.sqrt(this.#squares / this.#intervals) < this.#mean * REGULAR;
  }

  /** The gap across a clock that was set is none. */
  clockSet(): void {
    this.#last = undefined;
  }
}
