/**
 * A YAML file as a tree that can be merged: every value with the place where it stands, and with the variables that it
 * waits for. Immutable, so that an alias is the very value that it names, however often it is named.
 */
import type { Place } from './problem.ts';

interface Common {
  readonly place: Place;
  /** Compose's own: what an overriding file does to the value under it. */
  readonly tag?: '!reset' | '!override';
  /** Values in it, itself counted, each as often as it is reached. */
  readonly size: number;
}

export interface Scalar extends Common {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** Variables in it that nobody has set: a default, or nothing, stands for them. */
  readonly unset: readonly string[];
}

export interface List extends Common {
  readonly kind: 'list';
  readonly items: readonly Item[];
}

export interface Entry {
  /** Where the key stands. */
  readonly at: Place;
  readonly value: Item;
}

export interface Dict extends Common {
  readonly kind: 'dict';
  readonly entries: ReadonlyMap<string, Entry>;
}

export type Item = Scalar | List | Dict;

type Tag = Common['tag'];

export function scalar(
  value: Scalar['value'],
  place: Place,
  unset: readonly string[] = [],
  tag?: Tag,
): Scalar {
  return { kind: 'scalar', value, place, unset, size: 1, ...(tag === undefined ? {} : { tag }) };
}

export function list(items: readonly Item[], place: Place, tag?: Tag): List {
  const size = items.reduce((sum, item) => sum + item.size, 1);
  return { kind: 'list', items, place, size, ...(tag === undefined ? {} : { tag }) };
}

export function dict(entries: ReadonlyMap<string, Entry>, place: Place, tag?: Tag): Dict {
  let size = 1;
  for (const { value } of entries.values()) size += value.size;
  return { kind: 'dict', entries, place, size, ...(tag === undefined ? {} : { tag }) };
}

export function get(item: Item | undefined, key: string): Item | undefined {
  return item?.kind === 'dict' ? item.entries.get(key)?.value : undefined;
}

/** As Compose takes it for a text: numbers and booleans are texts too. Undefined for null, lists and mappings. */
export function textOf(item: Item | undefined): string | undefined {
  return item?.kind === 'scalar' && item.value !== null ? String(item.value) : undefined;
}

export function isNull(item: Item): boolean {
  return item.kind === 'scalar' && item.value === null;
}

/** Variables that nobody has set, in all of it. */
export function unsetIn(item: Item | undefined): readonly string[] {
  if (item === undefined) return [];
  const found = new Set<string>();
  const waiting: Item[] = [item];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.kind === 'scalar') for (const name of next.unset) found.add(name);
    else if (next.kind === 'list') for (const each of next.items) waiting.push(each);
    else for (const { value } of next.entries.values()) waiting.push(value);
  }
  return [...found];
}

/** Whether both say the same, wherever they stand. */
export function isSame(a: Item, b: Item): boolean {
  if (a === b) return true;
  if (a.kind === 'scalar') return b.kind === 'scalar' && a.value === b.value;
  if (a.kind === 'list')
    return (
      b.kind === 'list' &&
      a.items.length === b.items.length &&
      a.items.every((item, i) => isSame(item, b.items[i]!))
    );
  if (b.kind !== 'dict' || a.entries.size !== b.entries.size) return false;
  return [...a.entries].every(([key, { value }]) => {
    const other = b.entries.get(key);
    return other !== undefined && isSame(value, other.value);
  });
}

/** For messages. */
export function kindText(item: Item): string {
  if (item.kind === 'list') return 'a list';
  if (item.kind === 'dict') return 'a mapping';
  if (item.value === null) return 'nothing';
  return typeof item.value === 'string' ? 'a text' : `a ${typeof item.value}`;
}
