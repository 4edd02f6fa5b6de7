/**
 * Bytes summed over the three spans, as two half windows each that take turns: a sum covers between half and the whole
 * of its span. For channels where every occurrence counts, a repeat too.
 */
import type { ClockStep, Micros } from '../../../src/model/time.ts';
import { type PerSpan, SPANS, type Span, spanMicros } from './spans.ts';

/** Three numbers a span: which half it is, the bytes of this half, those of the one before. */
const TURN = 0;
const CURRENT = 1;
const PREVIOUS = 2;
const PER_SPAN = 3;

export class RollingBytes {
  readonly #cells: number[] = [-1, 0, 0, -1, 0, 0, -1, 0, 0];

  /** Begins with what was counted elsewhere before, as if it had all been now. */
  constructor(before?: PerSpan, now: Micros = 0) {
    if (before === undefined) return;
    for (const span of SPANS) {
      this.#rotate(span, now);
      this.#cells[span * PER_SPAN + CURRENT] = before[span];
    }
  }

  add(now: Micros, bytes: number): void {
    for (const span of SPANS) {
      this.#rotate(span, now);
      this.#cells[span * PER_SPAN + CURRENT]! += bytes;
    }
  }

  sum(span: Span, now: Micros): number {
    this.#rotate(span, now);
    return this.#cells[span * PER_SPAN + CURRENT]! + this.#cells[span * PER_SPAN + PREVIOUS]!;
  }

  /** What was counted stays in its half. */
  clockSet({ from, to }: ClockStep): void {
    for (const span of SPANS) {
      const half = spanMicros(span) / 2;
      this.#cells[span * PER_SPAN + TURN]! += Math.floor(to / half) - Math.floor(from / half);
    }
  }

  /** Time that runs backwards (reordered packets) stays in the newest half. */
  #rotate(span: Span, now: Micros): void {
    const at = span * PER_SPAN;
    const turn = Math.floor(now / (spanMicros(span) / 2));
    const last = this.#cells[at + TURN]!;
    if (turn <= last) return;
    this.#cells[at + PREVIOUS] = turn === last + 1 ? this.#cells[at + CURRENT]! : 0;
    this.#cells[at + CURRENT] = 0;
    this.#cells[at + TURN] = turn;
  }
}
