/** One outside destination of one owner: since when, what went there in the last hour, and the most of any hour before. */
import { z } from 'zod';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { Json } from '../../../src/model/learned.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import { HourOfBytes } from './hour-of-bytes.ts';

export const FIVE_MINUTES: Micros = 300 * MICROS_PER_SECOND;
export const HOUR: Micros = 3600 * MICROS_PER_SECOND;
const MAX_PEERS = 8;

const form = z.tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number()]);

export class Destination {
  readonly hour: HourOfBytes;
  peers: readonly Endpoint[] = [];
  first: Micros;
  flows = 0;
  readonly #five = new Bin(FIVE_MINUTES);
  readonly #hours = new Bin(HOUR);

  constructor(first: Micros) {
    this.first = first;
    this.hour = new HourOfBytes(first);
  }

  add(peer: Endpoint, time: Micros, out: number, back: number): void {
    this.hour.add(time, out, back);
    this.#five.add(time, out);
    this.#hours.add(time, out);
    if (this.peers.length < MAX_PEERS && !this.peers.some(({ ip }) => ip === peer.ip))
      this.peers = this.peers.concat(peer);
  }

  /** In the interval of the clock that goes on. */
  get outInFive(): number {
    return this.#five.sum;
  }

  get outInHour(): number {
    return this.#hours.sum;
  }

  /** Of the finished hours, without the one just before: what goes on may have begun in it. */
  get largestHour(): number {
    return this.#hours.largest;
  }

  /** Without the last hour minute by minute, and without addresses: what goes on is counted anew after a restart. */
  save(): Json {
    return [this.first, this.flows, ...this.#hours.save()];
  }

  /** Undefined where it is of another form. */
  static load(saved: unknown): Destination | undefined {
    const { data } = form.safeParse(saved);
    if (data === undefined) return undefined;
    const [first, flows, ...hours] = data;
    const destination = new Destination(first);
    destination.flows = flows;
    destination.#hours.restore(hours);
    return destination;
  }

  clockSet(step: ClockStep): void {
    this.first += step.to - step.from;
    this.hour.clockSet(step);
    this.#five.clockSet(step);
    this.#hours.clockSet(step);
  }
}

class Bin {
  readonly #interval: Micros;
  #bin = Number.NEGATIVE_INFINITY;
  sum = 0;
  #before = 0;
  largest = 0;

  constructor(interval: Micros) {
    this.#interval = interval;
  }

  add(time: Micros, bytes: number): void {
    const bin = Math.floor(time / this.#interval);
    if (bin > this.#bin) {
      this.largest = Math.max(this.largest, this.#before);
      if (bin > this.#bin + 1) this.largest = Math.max(this.largest, this.sum);
      this.#before = bin === this.#bin + 1 ? this.sum : 0;
      this.sum = 0;
      this.#bin = bin;
    }
    this.sum += bytes;
  }

  save(): readonly [bin: number, sum: number, before: number, largest: number] {
    return [this.#bin, this.sum, this.#before, this.largest];
  }

  restore([bin, sum, before, largest]: ReturnType<Bin['save']>): void {
    this.#bin = bin;
    this.sum = sum;
    this.#before = before;
    this.largest = largest;
  }

  clockSet({ from, to }: ClockStep): void {
    this.#bin += Math.floor(to / this.#interval) - Math.floor(from / this.#interval);
  }
}
