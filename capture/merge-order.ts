/** The files that are open, so that the one with the earliest packet is first: a binary heap. */
import type { Micros } from '../src/model/time.ts';

export interface Ordered {
  /** Of the packet at hand. */
  time: Micros;
  /** Decides between equal times. */
  readonly rank: number;
}

export class MergeOrder<Item extends Ordered> {
  readonly items: Item[] = [];

  get first(): Item | undefined {
    return this.items[0];
  }

  /** Of all but the first. */
  get secondTime(): Micros {
    const { items } = this;
    return Math.min(items[1]?.time ?? Number.POSITIVE_INFINITY, items[2]?.time ?? Number.POSITIVE_INFINITY);
  }

  add(item: Item): void {
    this.items.push(item);
    this.#up(this.items.length - 1);
  }

  /** Its time has changed. */
  moved(item: Item): void {
    const at = this.items.indexOf(item);
    if (this.#up(at) === at) this.#down(at);
  }

  remove(item: Item): void {
    const at = this.items.indexOf(item);
    const last = this.items.pop()!;
    if (last === item) return;
    this.items[at] = last;
    if (this.#up(at) === at) this.#down(at);
  }

  #up(start: number): number {
    const { items } = this;
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(items[at]!, items[parent]!)) break;
      this.#swap(at, parent);
      at = parent;
    }
    return at;
  }

  #down(start: number): void {
    const { items } = this;
    let at = start;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < items.length && isBefore(items[left]!, items[least]!)) least = left;
      if (right < items.length && isBefore(items[right]!, items[least]!)) least = right;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const item = this.items[a]!;
    this.items[a] = this.items[b]!;
    this.items[b] = item;
  }
}

function isBefore(a: Ordered, b: Ordered): boolean {
  return a.time < b.time || (a.time === b.time && a.rank < b.rank);
}
