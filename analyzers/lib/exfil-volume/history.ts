/**
 * How much an owner sent to its busiest destination in each finished interval: what is usual for it. Robust statistics,
 * so that a few large transfers do not become the rule and one does not hide in their spread.
 */
import { z } from 'zod';
import type { Json } from '../../../src/model/learned.ts';
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

const form = z.strictObject({
  bin: z.number().int(),
  finished: z.number().int().nonnegative(),
  current: z.number().nonnegative(),
  /** In the order of the ring; a negative number stands for so many intervals of nothing. */
  values: z.array(z.number()),
});

export class History {
  readonly #interval: Micros;
  /** A ring of `size` once it is full: a service that was seen for an hour takes the room of one. */
  #values: number[] = [];
  readonly #size: number;
  /** Finished intervals, also those that the ring forgot. */
  #finished = 0;
  #bin: number;
  #current = 0;

  constructor(first: Micros, interval: Micros, size: number) {
    this.#interval = interval;
    this.#size = size;
    this.#bin = Math.floor(first / interval);
  }

  /** The sum that one destination has reached in the interval of `time`. */
  note(time: Micros, sum: number): void {
    this.#turn(time);
    if (sum > this.#current) this.#current = sum;
  }

  usual(now: Micros): Usual {
    this.#turn(now);
    const values = Float64Array.from(this.#values);
    const count = values.length;
    const last = count === 0 ? -1 : (this.#finished - 1) % this.#size;
    const largest = values.reduce((most, value, i) => (i === last ? most : Math.max(most, value)), 0);
    const median = medianOf(values);
    const deviation = MAD_TO_SIGMA * medianOf(values.map((value) => Math.abs(value - median)));
    return { median, deviation, largest, intervals: count };
  }

  clockSet({ from, to }: ClockStep): void {
    this.#bin += Math.floor(to / this.#interval) - Math.floor(from / this.#interval);
  }

  /** Nobody watched between what was noted last and now. */
  resume(now: Micros): void {
    const bin = Math.floor(now / this.#interval);
    if (bin === this.#bin) return;
    this.#push(this.#current);
    this.#current = 0;
    this.#bin = bin;
  }

  /** As of `now`, until when it was watched. */
  finish(now: Micros): void {
    this.#turn(now);
  }

  save(): Json {
    const values: number[] = [];
    for (const value of this.#values) {
      const last = values.at(-1);
      if (value !== 0) values.push(value);
      else if (last !== undefined && last < 0) values[values.length - 1] = last - 1;
      else values.push(-1);
    }
    return { bin: this.#bin, finished: this.#finished, current: this.#current, values };
  }

  /** Undefined where it is of another form. */
  static load(saved: unknown, interval: Micros, size: number): History | undefined {
    const { data } = form.safeParse(saved);
    if (data === undefined) return undefined;
    const values: number[] = [];
    for (const value of data.values) {
      if (value >= 0) values.push(value);
      else for (let i = 0; i < Math.min(-value, size + 1); i++) values.push(0);
      if (values.length > size) return undefined;
    }
    if (values.length !== Math.min(data.finished, size)) return undefined;
    const history = new History(data.bin * interval, interval, size);
    history.#values = values.slice();
    history.#finished = data.finished;
    history.#current = data.current;
    return history;
  }

  /** Intervals in which nothing was sent are intervals of nothing. */
  #turn(time: Micros): void {
    const bin = Math.floor(time / this.#interval);
    if (bin <= this.#bin) return;
    this.#push(this.#current);
    this.#current = 0;
    const empty = bin - this.#bin - 1;
    for (let i = 0; i < Math.min(empty, this.#size); i++) this.#push(0);
    this.#bin = bin;
  }

  #push(value: number): void {
    this.#values[this.#finished % this.#size] = value;
    this.#finished += 1;
  }
}

function medianOf(values: Float64Array): number {
  if (values.length === 0) return 0;
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
