/**
 * The only map an analyzer may keep: bounded, and what was touched longest ago goes first, counted; or, where its owner
 * tells the worth of an entry, the one worth least among a few of the oldest. A ring of entries beside the Map, because
 * a Map's own order costs a scan over deleted entries each time its first one is asked for.
 */
import type { BoundedMap } from './analyzer.ts';

/** How many of the oldest compete when entries have a worth: the others are young again then, as in CLOCK. */
const CANDIDATES = 8;

interface Entry<V> {
  readonly key: string;
  readonly value: V;
  older: Entry<V>;
  younger: Entry<V>;
}

export class LruMap<V> implements BoundedMap<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #maxKeys: number;
  readonly #onEvict: (value: V) => void;
  readonly #worth: ((value: V) => number) | undefined;
  /** Any entry of the ring names both ends: the youngest's `younger` is the oldest. */
  #youngest: Entry<V> | undefined;

  constructor(maxKeys: number, onEvict: (value: V) => void, worth?: (value: V) => number) {
    if (!Number.isInteger(maxKeys) || maxKeys < 1)
      throw new RangeError(`maxKeys must be at least 1, not ${maxKeys}`);
    this.#maxKeys = maxKeys;
    this.#onEvict = onEvict;
    this.#worth = worth;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry !== this.#youngest) {
      this.#unlink(entry);
      this.#link(entry);
    }
    return entry.value;
  }

  /** As `get`, but the entry does not become younger by it. */
  peek(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  ensure(key: string, create: () => V): V {
    const known = this.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#maxKeys) {
      const victim = this.#victim(this.#youngest!.younger);
      this.#remove(victim);
      this.#onEvict(victim.value);
    }
    const entry = { key, value: create() } as Entry<V>;
    this.#entries.set(key, entry);
    this.#link(entry);
    return entry.value;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
  }

  /** Takes out what was touched longest ago; undefined when there is nothing. */
  takeOldest(): V | undefined {
    const oldest = this.#youngest?.younger;
    if (oldest !== undefined) this.#remove(oldest);
    return oldest?.value;
  }

  clear(): void {
    this.#entries.clear();
    this.#youngest = undefined;
  }

  /** In order of creation. */
  *entries(): IterableIterator<[string, V]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  /** Each candidate that stays becomes young, so that the next ones are others and all entries have their turn. */
  #victim(oldest: Entry<V>): Entry<V> {
    const worth = this.#worth;
    if (worth === undefined) return oldest;
    let victim = oldest;
    let least = worth(oldest.value);
    let entry = oldest.younger;
    for (let i = 1; i < CANDIDATES && entry !== oldest; i++, entry = entry.younger) {
      const value = worth(entry.value);
      if (value >= least) continue;
      victim = entry;
      least = value;
    }
    // `younger` of the youngest is the oldest: moving that name moves all that was looked at to the young end.
    this.#youngest = entry.older;
    return victim;
  }

  #remove(entry: Entry<V>): void {
    this.#entries.delete(entry.key);
    this.#unlink(entry);
  }

  #link(entry: Entry<V>): void {
    const youngest = this.#youngest;
    if (youngest === undefined) {
      entry.older = entry;
      entry.younger = entry;
    } else {
      entry.older = youngest;
      entry.younger = youngest.younger;
      youngest.younger.older = entry;
      youngest.younger = entry;
    }
    this.#youngest = entry;
  }

  #unlink(entry: Entry<V>): void {
    entry.older.younger = entry.younger;
    entry.younger.older = entry.older;
    if (entry === this.#youngest) this.#youngest = entry.older === entry ? undefined : entry.older;
  }
}
