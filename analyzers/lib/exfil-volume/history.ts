/**
 * How much an owner sent to its busiest destination in each finished interval: what is usual for it. Robust statistics,
 * so that a few large transfers do not become the rule and one does not hide in their spread.
 */
import type { ClockStep, Micros } from '../../../src/model/time.ts';

/** Makes the median absolute deviation comparable with a standard deviation of normal data (1/Phi^-1(3/4)). */
const MAD_TO_SIGMA = 1.4826;

export interface Usual {
  readonly median: number;
  /** 1.4826 x median absolute deviation. */
  readonly deviation: number;
  /** Of the finished intervals that are remembered, without the last one: what goes on may have begun in it. */
  readonly largest: number;
  readonly intervals: number;
}

export class History {
  readonly #interval: Micros;
  readonly #values: Float64Array;
  /** Finished intervals, also those that the ring forgot. */
  #finished = 0;
  #bin: number;
  #current = 0;

  constructor(first: Micros, interval: Micros, size: number) {
    this.#interval = interval;
    this.#values = new Float64Array(size);
    this.#bin = Math.floor(first / interval);
  }

  /** The sum that one destination has reached in the interval of `time`. */
  note(time: Micros, sum: number): void {
    this.#turn(time);
    if (sum > this.#current) this.#current = sum;
  }

  usual(now: Micros): Usual {
    this.#turn(now);
    const count = Math.min(this.#finished, this.#values.length);
    const values = this.#values.slice(0, count);
    const last = count === 0 ? -1 : (this.#finished - 1) % this.#values.length;
    const largest = values.reduce((most, value, i) => (i === last ? most : Math.max(most, value)), 0);
    const median = medianOf(values);
    const deviation = MAD_TO_SIGMA * medianOf(values.map((value) => Math.abs(value - median)));
    return { median, deviation, largest, intervals: count };
  }

  clockSet({ from, to }: ClockStep): void {
    this.#bin += Math.floor(to / this.#interval) - Math.floor(from / this.#interval);
  }

  /** Intervals in which nothing was sent are intervals of nothing. */
  #turn(time: Micros): void {
    const bin = Math.floor(time / this.#interval);
    if (bin <= this.#bin) return;
    this.#push(this.#current);
    this.#current = 0;
    const empty = bin - this.#bin - 1;
    for (let i = 0; i < Math.min(empty, this.#values.length); i++) this.#push(0);
    this.#bin = bin;
  }

  #push(value: number): void {
    this.#values[this.#finished % this.#values.length] = value;
    this.#finished += 1;
  }
}

function medianOf(values: Float64Array): number {
  if (values.length === 0) return 0;
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
