/**
 * A queue whose entries may leave from anywhere. A Set keeps that order too, but finds its first entry by walking over
 * all that have left: some microseconds with thousands, for each question.
 */

/** Entries that have been taken off the front before the array is cut. */
const MIN_CUT = 1024;

export class WaitingLine<T> {
  readonly #hasLeft: (entry: T) => boolean;
  #entries: T[] = [];
  #head = 0;
  #size = 0;

  /** `hasLeft` is asked when an entry comes to the front; it must be true from `leave` on. */
  constructor(hasLeft: (entry: T) => boolean) {
    this.#hasLeft = hasLeft;
  }

  get size(): number {
    return this.#size;
  }

  push(entry: T): void {
    this.#entries.push(entry);
    this.#size++;
  }

  first(): T | undefined {
    const entries = this.#entries;
    while (this.#head < entries.length && this.#hasLeft(entries[this.#head]!)) this.#head++;
    if (this.#head >= MIN_CUT && this.#head * 2 >= entries.length) {
      this.#entries = entries.slice(this.#head);
      this.#head = 0;
    }
    return this.#entries[this.#head];
  }

  /** An entry that is in the line goes: the caller makes `hasLeft` true of it. */
  leave(): void {
    this.#size--;
  }
}
