/**
 * The most frequent of many, in bounded room: Space-Saving (Metwally, Agrawal, El Abbadi 2005). Whoever makes more than one
 * in `ROOM` is among them, whatever the others are; how often is known from below. Deterministic.
 */

/** Entries, some 200 bytes each with what they hold. So few are looked through faster than hashed. */
const ROOM = 32;

interface Entry<V> {
  value: V;
  /** With what may have been others'. */
  count: number;
  /** Of the count, what may have been others'. */
  over: number;
}

export interface Frequent<V> {
  readonly value: V;
  readonly atLeast: number;
}

export class MostFrequent<V> {
  readonly #keys: string[] = [];
  readonly #entries: Entry<V>[] = [];

  add(key: string, value: V): void {
    const at = this.#keys.indexOf(key);
    if (at < 0) {
      this.#replace(key, value);
      return;
    }
    const entry = this.#entries[at]!;
    entry.count += 1;
    entry.value = value;
  }

  /** The most frequent first. */
  top(count: number): Frequent<V>[] {
    return this.#entries
      .map(({ value, count: sum, over }) => ({ value, atLeast: sum - over }))
      .sort((a, b) => b.atLeast - a.atLeast)
      .slice(0, count);
  }

  #replace(key: string, value: V): void {
    const entries = this.#entries;
    if (entries.length < ROOM) {
      this.#keys.push(key);
      entries.push({ value, count: 1, over: 0 });
      return;
    }
    let least = 0;
    for (let i = 1; i < ROOM; i++) if (entries[i]!.count < entries[least]!.count) least = i;
    const entry = entries[least]!;
    this.#keys[least] = key;
    entry.value = value;
    entry.over = entry.count;
    entry.count += 1;
  }
}
