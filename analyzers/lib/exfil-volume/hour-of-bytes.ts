/**
 * Bytes out and in of one destination, minute by minute over the last hour. Only minutes in which anything was said take
 * room: most destinations are spoken to in a few.
 */
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

const MINUTES = 60;
export const MINUTE: Micros = 60 * MICROS_PER_SECOND;

/** Number of the minute, bytes out, bytes in. */
const MINUTE_AT = 0;
const OUT = 1;
const IN = 2;
const PER_MINUTE = 3;

export class HourOfBytes {
  /** Three numbers a minute, oldest first. */
  #said: number[] = [];
  #minute: number;
  /** Of the whole hour: asked for with each record of a flow. Sums of whole numbers are exact. */
  #outInAll = 0;

  constructor(now: Micros) {
    this.#minute = Math.floor(now / MINUTE);
  }

  /** What comes late counts as of now. */
  add(time: Micros, out: number, back: number): void {
    this.#turn(Math.floor(time / MINUTE));
    const said = this.#said;
    const last = said.length - PER_MINUTE;
    this.#outInAll += out;
    if (last >= 0 && said[last + MINUTE_AT] === this.#minute) {
      said[last + OUT]! += out;
      said[last + IN]! += back;
    } else {
      // Exactly as long as needed, because what is pushed makes room for half as many again and sixteen.
      this.#said = said.concat([this.#minute, out, back]);
    }
  }

  /** As `sum` of all its minutes says. */
  get out(): number {
    return this.#outInAll;
  }

  /** Of the last `minutes`, the present one included. */
  sum(minutes: number): { out: number; back: number } {
    let out = 0;
    let back = 0;
    const from = this.#minute - minutes;
    for (let at = this.#said.length - PER_MINUTE; at >= 0; at -= PER_MINUTE) {
      if (this.#said[at + MINUTE_AT]! <= from) break;
      out += this.#said[at + OUT]!;
      back += this.#said[at + IN]!;
    }
    return { out, back };
  }

  /** What is in the window stays as old as it was, to the minute. */
  clockSet({ from, to }: ClockStep): void {
    const moved = Math.floor(to / MINUTE) - Math.floor(from / MINUTE);
    for (let at = 0; at < this.#said.length; at += PER_MINUTE) this.#said[at + MINUTE_AT]! += moved;
    this.#minute += moved;
  }

  #turn(minute: number): void {
    if (minute <= this.#minute) return;
    this.#minute = minute;
    const oldest = minute - MINUTES;
    let gone = 0;
    while (gone < this.#said.length && this.#said[gone + MINUTE_AT]! <= oldest) {
      this.#outInAll -= this.#said[gone + OUT]!;
      gone += PER_MINUTE;
    }
    if (gone > 0) this.#said = this.#said.slice(gone);
  }
}
