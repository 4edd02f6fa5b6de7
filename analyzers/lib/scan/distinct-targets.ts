/** Different targets that failed, each with the time of its first failure: how many there were lately, and a few names. */
import type { ClockStep, Micros } from '../../../src/model/time.ts';
import { FewTexts } from '../few.ts';

/** Told apart exactly; it bounds an object at some 10 KB. */
const MAX_NAMES = 128;
/** Times kept; no threshold may be higher. */
export const MAX_COUNTED = 64;

export class DistinctTargets {
  readonly #names = new FewTexts();
  /** The latest, in order of arrival. */
  #times: Micros[] = [];
  #isMinimum = false;

  /** False when it was known. Beyond what can be told apart each one counts as new: whoever gets there scans. */
  note(name: string, time: Micros): boolean {
    if (this.#names.has(name)) return false;
    if (this.#names.size < MAX_NAMES) this.#names.add(name);
    else this.#isMinimum = true;
    // Exactly as long as needed, because what is pushed makes room for seventeen.
    this.#times = this.#times.concat(time);
    if (this.#times.length > MAX_COUNTED) this.#times.shift();
    return true;
  }

  get count(): number {
    return this.#names.size;
  }

  /** Counting stopped there. */
  get isMinimum(): boolean {
    return this.#isMinimum;
  }

  /** At most 64. */
  countSince(time: Micros): number {
    let count = 0;
    for (const at of this.#times) if (at >= time) count++;
    return count;
  }

  get last(): Micros {
    return this.#times.at(-1) ?? 0;
  }

  first(size: number): string[] {
    const shown: string[] = [];
    for (const name of this.#names) {
      if (shown.length >= size) break;
      shown.push(name);
    }
    return shown;
  }

  clockSet({ from, to }: ClockStep): void {
    this.#times = this.#times.map((time) => time + to - from);
  }
}
