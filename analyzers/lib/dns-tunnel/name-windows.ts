/**
 * Distinct bytes of one zone over one span of packet time, as two half windows that take turns: the answer covers
 * between half and the whole of the span. Exactness is bought only when it matters: the sum of both halves is an
 * upper bound, and only when that reaches the threshold are repeats between the halves taken out.
 */
import type { ClockStep, Micros } from '../../../src/model/time.ts';
import { DistinctBytes } from './distinct-bytes.ts';

interface Both {
  readonly bytes: number;
  readonly names: number;
  readonly version: number;
  readonly current: DistinctBytes;
  /** Nothing is added to it any more. */
  readonly previous: DistinctBytes;
}

export class NameWindow {
  readonly #half: Micros;
  #turn = Number.NEGATIVE_INFINITY;
  #current: DistinctBytes | undefined;
  #previous: DistinctBytes | undefined;
  /** Of both halves together, as they were when it was made: a zone is looked at by its neighbours too. */
  #both: Both | undefined;

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
    return this.#merged(this.#current, this.#previous);
  }

  #merged(current: DistinctBytes, previous: DistinctBytes): Both {
    const known = this.#both;
    if (known?.version === current.version && known.current === current && known.previous === previous)
      return known;
    const both = new DistinctBytes();
    both.merge(previous);
    both.merge(current);
    const { version } = current;
    this.#both = { bytes: both.bytes, names: both.names, version, current, previous };
    return this.#both;
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
