/** Bytes out and in of one destination, minute by minute over the last hour, and the largest hour before. */
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

const MINUTES = 60;
export const MINUTE: Micros = 60 * MICROS_PER_SECOND;

export class HourOfBytes {
  readonly #out = new Float64Array(MINUTES);
  readonly #in = new Float64Array(MINUTES);
  #minute: number;
  /** Of the whole hour: asked for with each record of a flow. Sums of whole numbers are exact. */
  #outInAll = 0;

  constructor(now: Micros) {
    this.#minute = Math.floor(now / MINUTE);
  }

  add(time: Micros, out: number, back: number): void {
    this.#turn(Math.floor(time / MINUTE));
    this.#out[slotOf(this.#minute)]! += out;
    this.#outInAll += out;
    this.#in[slotOf(this.#minute)]! += back;
  }

  /** As `sum` of all its minutes says. */
  get out(): number {
    return this.#outInAll;
  }

  /** Of the last `minutes`, the present one included. */
  sum(minutes: number): { out: number; back: number } {
    let out = 0;
    let back = 0;
    for (let i = 0; i < minutes; i++) {
      out += this.#out[slotOf(this.#minute - i)]!;
      back += this.#in[slotOf(this.#minute - i)]!;
    }
    return { out, back };
  }

  /** What is in the window stays as old as it was, to the minute. */
  clockSet({ from, to }: ClockStep): void {
    const moved = Math.floor(to / MINUTE) - Math.floor(from / MINUTE);
    const out = this.#out.slice();
    const back = this.#in.slice();
    for (let i = 0; i < MINUTES; i++) {
      this.#out[slotOf(i + moved)] = out[i]!;
      this.#in[slotOf(i + moved)] = back[i]!;
    }
    this.#minute += moved;
  }

  #turn(minute: number): void {
    if (minute <= this.#minute) return;
    for (let i = 0; i < Math.min(minute - this.#minute, MINUTES); i++) {
      this.#outInAll -= this.#out[slotOf(minute - i)]!;
      this.#out[slotOf(minute - i)] = 0;
      this.#in[slotOf(minute - i)] = 0;
    }
    this.#minute = minute;
  }
}

function slotOf(minute: number): number {
  return ((minute % MINUTES) + MINUTES) % MINUTES;
}
