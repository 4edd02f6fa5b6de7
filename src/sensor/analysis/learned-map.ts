/**
 * A bounded map whose entries outlive the agent: what changed is told as records once in a while, which the station
 * keeps and gives back at the next start. What cannot be read back is forgotten there too. It must never tell more than
 * its bound has room for, nor an entry that did not change.
 */
import type { Json, LearnedRecord } from '../../model/learned.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { LearnedMap, LearnedMapOptions } from './analyzer.ts';
import { LruMap } from './bounded-map.ts';

const DEFAULT_SAVE_SECS = 60;
/** Told at once, so that packets never wait for more than some milliseconds; the others with the next ticks. */
const KEYS_PER_TICK = 250;

/** An entry knows its key, because a bounded map tells only the value of what it gives up. */
interface Kept<V> {
  readonly key: string;
  readonly value: V;
}

export interface LearnedMapDeps {
  readonly analyzer: string;
  /** Of this map, from the runs before; in the order of their times. */
  readonly history: readonly LearnedRecord[];
  readonly remember: (learned: LearnedRecord) => void;
  readonly onEvict: () => void;
  /** What was kept is of no form that this version knows. */
  readonly onUnreadable: () => void;
}

export class SavedMap<V> implements LearnedMap<V> {
  readonly #options: LearnedMapOptions<V>;
  readonly #deps: LearnedMapDeps;
  readonly #entries: LruMap<Kept<V>>;
  /** Keys whose entry is another than the station has, or is gone. */
  readonly #changed = new Set<string>();
  /** Those of them whose turn has come. */
  readonly #due = new Set<string>();
  #savedAt: Micros = Number.NEGATIVE_INFINITY;

  constructor(options: LearnedMapOptions<V>, deps: LearnedMapDeps) {
    this.#options = options;
    this.#deps = deps;
    const { worth, maxKeys } = options;
    this.#entries = new LruMap<Kept<V>>(
      maxKeys,
      ({ key }) => {
        this.#changed.add(key);
        deps.onEvict();
      },
      worth === undefined ? undefined : ({ value }) => worth(value),
    );
    for (const { key, value } of deps.history) this.#load(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  ensure(key: string, create: () => V): V {
    return this.#entries.ensure(key, () => {
      this.#changed.add(key);
      return { key, value: create() };
    }).value;
  }

  delete(key: string): void {
    if (this.#entries.get(key) === undefined) return;
    this.#entries.delete(key);
    this.#changed.add(key);
  }

  *entries(): IterableIterator<[string, V]> {
    for (const [key, { value }] of this.#entries.entries()) yield [key, value];
  }

  changed(key: string): void {
    this.#changed.add(key);
  }

  /** Tells what changed, when it is time to. */
  tick(now: Micros): void {
    if (now - this.#savedAt >= (this.#options.saveSecs ?? DEFAULT_SAVE_SECS) * MICROS_PER_SECOND)
      this.#begin(now);
    this.#tell(now, KEYS_PER_TICK);
  }

  /** Tells all that changed. */
  save(now: Micros): void {
    this.#begin(now);
    this.#tell(now, Number.POSITIVE_INFINITY);
  }

  #begin(now: Micros): void {
    this.#savedAt = now;
    for (const key of this.#changed) this.#due.add(key);
    this.#changed.clear();
  }

  #tell(now: Micros, most: number): void {
    if (this.#due.size === 0) return;
    const { analyzer, remember } = this.#deps;
    const { name: map, save } = this.#options;
    const step = new Map<string, Kept<V> | undefined>();
    for (const key of this.#due) {
      if (step.size >= most) break;
      step.set(key, undefined);
      this.#due.delete(key);
    }
    // Not by key: to be saved is no use of an entry.
    for (const [key, kept] of this.#entries.entries()) if (step.has(key)) step.set(key, kept);
    for (const [key, kept] of step) {
      const value = kept === undefined ? undefined : save(kept.value);
      remember({ kind: 'learned', time: now, analyzer, map, key, ...(value === undefined ? {} : { value }) });
    }
  }

  /** The next saving is due by the new clock. */
  clockSet(): void {
    this.#savedAt = Number.NEGATIVE_INFINITY;
  }

  #load(key: string, saved: Json | undefined): void {
    if (saved === undefined) return;
    const value = this.#options.load(saved);
    if (value === undefined) {
      this.#deps.onUnreadable();
      this.#changed.add(key);
      return;
    }
    this.#entries.ensure(key, () => ({ key, value }));
  }
}
