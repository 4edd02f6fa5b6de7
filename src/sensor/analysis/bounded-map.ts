/**
 * The only map an analyzer may keep. JavaScript's Map remembers insertion order, so re-inserting on each touch
 * makes its first key the one touched longest ago: that one goes when the bound is reached, and is counted.
 */
import type { BoundedMap } from './analyzer.ts';

export class LruMap<V> implements BoundedMap<V> {
  readonly #entries = new Map<string, V>();
  readonly #maxKeys: number;
  readonly #onEvict: () => void;

  constructor(maxKeys: number, onEvict: () => void) {
    if (!Number.isInteger(maxKeys) || maxKeys < 1)
      throw new RangeError(`maxKeys must be at least 1, not ${maxKeys}`);
    this.#maxKeys = maxKeys;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.#touch(key, value);
    return value;
  }

  ensure(key: string, create: () => V): V {
    const known = this.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#maxKeys) this.#evictOldest();
    const value = create();
    this.#entries.set(key, value);
    return value;
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  entries(): IterableIterator<[string, V]> {
    return this.#entries.entries();
  }

  #touch(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
  }

  #evictOldest(): void {
    const oldest = this.#entries.keys().next();
    if (oldest.done === true) return;
    this.#entries.delete(oldest.value);
    this.#onEvict();
  }
}
