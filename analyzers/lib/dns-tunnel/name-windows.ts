/**
 * Distinct bytes of one zone over one span of packet time, as two half windows that take turns: the answer covers
 * between half and the whole of the span. Exactness is bought only when it matters: the sum of both halves is an
 * upper bound, and only when that reaches the threshold are repeats between the halves taken out.
 */
import type { ClockStep, Micros } from '../../../src/model/time.ts';
import { DistinctBytes } from './distinct-bytes.ts';

export class NameWindow {
  readonly #half: Micros;
  #turn = Number.NEGATIVE_INFINITY;
  #current: DistinctBytes | undefined;
  #previous: DistinctBytes | undefined;

  constructor(span: Micros) {
    this.#half = span / 2;
  }

  /** Returns false for a name that this half has seen. */
  add(now: Micros, slot: number): boolean {
    this.#rotate(now);
    this.#current ??= new DistinctBytes();
    return this.#current.add(slot);
  }

  /** How likely it is that a name of this weight is kept, were it new. */
  chanceOf(weight: number): number {
    return this.#current?.chanceOf(weight) ?? 1;
  }

  /** Never below `sum().bytes`, and cheap. */
  upperBound(now: Micros): number {
    this.#rotate(now);
    return (this.#current?.bytes ?? 0) + (this.#previous?.bytes ?? 0);
  }

  sum(): { readonly bytes: number; readonly names: number } {
    const one = this.#current ?? this.#previous;
    if (one === undefined) return { bytes: 0, names: 0 };
    if (this.#current === undefined || this.#previous === undefined)
      return { bytes: one.bytes, names: one.names };
    const both = new DistinctBytes();
    both.merge(this.#previous);
    both.merge(this.#current);
    return { bytes: both.bytes, names: both.names };
  }

  /** What was said stays in its half. */
  clockSet({ from, to }: ClockStep): void {
    this.#turn += Math.floor(to / this.#half) - Math.floor(from / this.#half);
  }

  /** Time that runs backwards (reordered packets) stays in the newest half. */
  #rotate(now: Micros): void {
    const turn = Math.floor(now / this.#half);
    if (turn <= this.#turn) return;
    this.#previous = turn === this.#turn + 1 ? this.#current : undefined;
    this.#current = undefined;
    this.#turn = turn;
  }
}
