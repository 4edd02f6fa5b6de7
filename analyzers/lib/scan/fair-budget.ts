/**
 * So many in a second for each source and so many for all, so that one that is loud does not hide another that begins
 * in the same second. Sources share places by their hash; memory is fixed.
 */
const PLACES = 256;

export class FairBudget {
  readonly #each: number;
  readonly #all: number;
  readonly #left = new Uint16Array(PLACES);
  #leftOfAll = 0;

  /** `each`: for one source, at most 65,535. */
  constructor(each: number, all: number) {
    this.#each = each;
    this.#all = all;
    this.refill();
  }

  /** A second has passed. */
  refill(): void {
    this.#left.fill(this.#each);
    this.#leftOfAll = this.#all;
  }

  take(source: number): boolean {
    const place = (source ^ (source >>> 8)) & (PLACES - 1);
    const left = this.#left[place]!;
    if (left === 0 || this.#leftOfAll === 0) return false;
    this.#left[place] = left - 1;
    this.#leftOfAll -= 1;
    return true;
  }
}
