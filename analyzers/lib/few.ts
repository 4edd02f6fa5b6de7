/**
 * A set of texts that holds a handful as a rule: a list until it is longer than that, because an empty `Set` alone takes
 * 300 bytes, and tallies have several each. In the order in which they were added.
 */

/** Looking through so many costs less than a hash. */
const MAX_LISTED = 8;
/** Shared: the first text takes its place. */
const NONE: readonly string[] = [];

export class FewTexts implements Iterable<string> {
  #listed: readonly string[] = NONE;
  #set: Set<string> | undefined;

  get size(): number {
    return this.#set?.size ?? this.#listed.length;
  }

  has(text: string): boolean {
    return this.#set?.has(text) ?? this.#listed.includes(text);
  }

  add(text: string): void {
    if (this.#set !== undefined) {
      this.#set.add(text);
    } else if (!this.#listed.includes(text)) {
      if (this.#listed.length < MAX_LISTED) {
        // Exactly as long as needed: what is pushed makes room for seventeen.
        this.#listed = this.#listed.concat(text);
        return;
      }
      this.#set = new Set(this.#listed).add(text);
      this.#listed = NONE;
    }
  }

  clear(): void {
    this.#listed = NONE;
    this.#set = undefined;
  }

  [Symbol.iterator](): Iterator<string> {
    return (this.#set ?? this.#listed)[Symbol.iterator]();
  }
}
