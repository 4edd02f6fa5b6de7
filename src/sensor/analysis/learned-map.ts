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
  /** The station has it, or something older by its key. */
  isKept: boolean;
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
  #changed = new Set<string>();
  /** What had changed when the last saving began, as far as it is not told yet. */
  #due: Iterator<string> = [].values();
  #isTelling = false;
  #savedAt: Micros = Number.NEGATIVE_INFINITY;

  constructor(options: LearnedMapOptions<V>, deps: LearnedMapDeps) {
    this.#options = options;
    this.#deps = deps;
    const { worth, maxKeys } = options;
    this.#entries = new LruMap<Kept<V>>(
      maxKeys,
      (kept) => {
        this.#gone(kept);
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
      // What is gone here and is still to be forgotten there.
      const isKept = this.#changed.has(key);
      this.#changed.add(key);
      return { key, value: create(), isKept };
    }).value;
  }

  delete(key: string): void {
    const kept = this.#entries.peek(key);
    if (kept === undefined) return;
    this.#entries.delete(key);
    this.#gone(kept);
  }

  *entries(): IterableIterator<[string, V]> {
    for (const [key, { value }] of this.#entries.entries()) yield [key, value];
  }

  changed(key: string): void {
    this.#changed.add(key);
  }

  /** Tells what changed, when it is time to: some now, and the others with the next ticks. */
  tick(now: Micros): void {
    const isTime = now - this.#savedAt >= (this.#options.saveSecs ?? DEFAULT_SAVE_SECS) * MICROS_PER_SECOND;
    if (isTime && !this.#isTelling) this.#begin(now);
    if (this.#isTelling) this.#tell(now, KEYS_PER_TICK);
  }

  /** Tells all that changed. */
  save(now: Micros): void {
    this.#tell(now, Number.POSITIVE_INFINITY);
    this.#begin(now);
    this.#tell(now, Number.POSITIVE_INFINITY);
  }

  #begin(now: Micros): void {
    this.#savedAt = now;
    if (this.#changed.size === 0) return;
    this.#due = this.#changed.values();
    this.#changed = new Set();
    this.#isTelling = true;
  }

  /** Costs what it tells, whatever the size of the map. */
  #tell(now: Micros, most: number): void {
    const { analyzer, remember } = this.#deps;
    const { name: map, save } = this.#options;
    for (let told = 0; told < most; told++) {
      const { value: key, done } = this.#due.next();
      if (done === true) {
        this.#isTelling = false;
        return;
      }
      // Without touching it: to be saved is no use of an entry.
      const kept = this.#entries.peek(key);
      const value = kept === undefined ? undefined : save(kept.value);
      if (kept !== undefined) kept.isKept = true;
      remember({ kind: 'learned', time: now, analyzer, map, key, ...(value === undefined ? {} : { value }) });
    }
  }

  /** What the station never had need not be forgotten there: a flood of new entries leaves nothing behind. */
  #gone({ key, isKept }: Kept<V>): void {
    if (isKept) this.#changed.add(key);
    else this.#changed.delete(key);
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
    this.#entries.ensure(key, () => ({ key, value, isKept: true }));
  }
}
