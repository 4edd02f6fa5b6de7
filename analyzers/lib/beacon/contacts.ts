/** The last contacts of one container with one outside place: when they began and what was sent, 64 connections back. */
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

const REMEMBERED = 64;
/** Connections that begin within it belong together: a program opens several at once, a resolver gives two families. */
const TOGETHER_SECS = 1;

export interface Series {
  /** Seconds since the first, ascending. */
  readonly times: Float64Array;
  /** IP bytes sent, a contact each. */
  readonly sizes: Float64Array;
  readonly first: Micros;
  readonly last: Micros;
}

export class Contacts {
  /** Rings that grow: most places are contacted a few times. */
  readonly #starts: number[] = [];
  readonly #bytes: number[] = [];
  #added = 0;
  #judgedAt = 0;
  first: Micros;
  answered = 0;

  constructor(first: Micros) {
    this.first = first;
  }

  get connections(): number {
    return this.#added;
  }

  /** True when enough is new that another look is worth its price: each time at first, then each eighth. */
  add(start: Micros, bytes: number, isAnswered: boolean): boolean {
    const at = this.#added % REMEMBERED;
    this.#starts[at] = start;
    this.#bytes[at] = bytes;
    this.#added += 1;
    if (isAnswered) this.answered += 1;
    if (this.#added > REMEMBERED && this.#added - this.#judgedAt < REMEMBERED / 8) return false;
    this.#judgedAt = this.#added;
    return true;
  }

  /** Those since `since`, in the order in which they began; connections are told in the order in which they end. */
  series(since: Micros): Series {
    const count = Math.min(this.#added, REMEMBERED);
    const order = Array.from({ length: count }, (_, i) => i)
      .filter((i) => this.#starts[i]! >= since)
      .sort((a, b) => this.#starts[a]! - this.#starts[b]!);
    const times: number[] = [];
    const sizes: number[] = [];
    const first = order.length === 0 ? since : this.#starts[order[0]!]!;
    for (const i of order) {
      const secs = (this.#starts[i]! - first) / MICROS_PER_SECOND;
      const before = times.at(-1);
      if (before !== undefined && secs - before < TOGETHER_SECS) sizes[sizes.length - 1]! += this.#bytes[i]!;
      else {
        times.push(secs);
        sizes.push(this.#bytes[i]!);
      }
    }
    return {
      times: Float64Array.from(times),
      sizes: Float64Array.from(sizes),
      first,
      last: first + (times.at(-1) ?? 0) * MICROS_PER_SECOND,
    };
  }

  clockSet({ from, to }: ClockStep): void {
    this.first += to - from;
    for (let i = 0; i < this.#starts.length; i++) this.#starts[i]! += to - from;
  }
}
