/** Different texts, the first few kept and a bounded number told apart: what evidence shows of a set without end. */

import { FewTexts } from './few.ts';

const MAX_TOLD_APART = 256;

export class Sample {
  readonly #size: number;
  readonly #maxToldApart: number;
  readonly #known = new FewTexts();
  isMinimum = false;

  /** `size`: how many are shown. `maxToldApart`: after so many, others are not counted. */
  constructor(size: number, maxToldApart = MAX_TOLD_APART) {
    this.#size = size;
    this.#maxToldApart = maxToldApart;
  }

  get count(): number {
    return this.#known.size;
  }

  add(text: string): void {
    if (this.#known.has(text)) return;
    if (this.#known.size >= this.#maxToldApart) this.isMinimum = true;
    else this.#known.add(text);
  }

  clear(): void {
    this.#known.clear();
    this.isMinimum = false;
  }

  first(): string[] {
    const shown: string[] = [];
    for (const text of this.#known) {
      if (shown.length >= this.#size) break;
      shown.push(text);
    }
    return shown;
  }
}
