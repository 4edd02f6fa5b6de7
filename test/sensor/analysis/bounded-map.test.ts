import { describe, expect, it } from 'vitest';
import { LruMap } from '../../../src/sensor/analysis/bounded-map.ts';

function filled(maxKeys: number, keys: string): { map: LruMap<string>; evictions: () => number } {
  let evicted = 0;
  const map = new LruMap<string>(maxKeys, () => {
    evicted += 1;
  });
  for (const key of keys) map.ensure(key, () => key.toUpperCase());
  return { map, evictions: () => evicted };
}

const keysOf = (map: LruMap<string>) => [...map.entries()].map(([key]) => key).join('');

describe('bounded map', () => {
  it('holds as many as its bound, and evicts nothing before', () => {
    const { map, evictions } = filled(3, 'abc');

    expect(map.size).toBe(3);
    expect(evictions()).toBe(0);
  });

  it('gives up the entry touched longest ago, one for one, and counts it', () => {
    const { map, evictions } = filled(3, 'abc');
    map.get('a');
    map.ensure('b', () => 'never');
    map.ensure('d', () => 'D');

    expect(keysOf(map)).toBe('abd');
    expect(evictions()).toBe(1);
  });

  it('does not make a value it has', () => {
    expect(filled(2, 'a').map.ensure('a', () => 'other')).toBe('A');
  });

  it('forgets what is deleted, first, last and in the middle, without counting it as lost', () => {
    const { map, evictions } = filled(4, 'abcd');
    for (const key of 'bda') map.delete(key);
    for (const key of 'efg') map.ensure(key, () => key);
    map.ensure('h', () => 'h');

    expect(keysOf(map)).toBe('efgh');
    expect(evictions()).toBe(1);
  });

  it('works with a bound of one, and after it was emptied', () => {
    const { map, evictions } = filled(1, 'ab');
    map.delete('b');
    map.ensure('c', () => 'C');

    expect(keysOf(map)).toBe('c');
    expect(evictions()).toBe(1);
  });

  it('refuses a bound below one', () => {
    expect(() => new LruMap(0, () => {})).toThrow(RangeError);
  });
});

describe('bounded map whose entries have a worth', () => {
  interface Entry {
    readonly key: string;
    worth: number;
  }

  function worthy(maxKeys: number) {
    const evicted: string[] = [];
    let looks = 0;
    const map = new LruMap<Entry>(
      maxKeys,
      ({ key }) => evicted.push(key),
      ({ worth }) => {
        looks += 1;
        return worth;
      },
    );
    const add = (key: string, worth: number) => map.ensure(key, () => ({ key, worth }));
    return { map, add, evicted, looks: () => looks };
  }

  it('gives up the one worth least of the eight oldest, and not a lesser one that is younger', () => {
    const { add, evicted } = worthy(10);
    for (const [i, worth] of [9, 9, 9, 2, 9, 9, 9, 3, 0, 0].entries()) add(`${i}`, worth);

    add('a', 9);

    expect(evicted).toEqual(['3']);
  });

  it('gives up the oldest of those that are worth the same', () => {
    const { add, evicted } = worthy(4);
    for (const key of 'abcd') add(key, 1);

    for (const key of 'ef') add(key, 1);

    expect(evicted).toEqual(['a', 'b']);
  });

  it('spares those that were compared: the next eight are others', () => {
    const { add, evicted } = worthy(16);
    for (let i = 0; i < 16; i++) add(`${i}`, i === 0 || i === 8 ? 1 : 5);

    add('a', 5);
    add('b', 5);

    expect(evicted).toEqual(['0', '8']);
  });

  it('keeps what is worth something through a flood of worthless keys, wherever it stood', () => {
    const { map, add } = worthy(256);
    for (let i = 0; i < 256; i++) add(`old ${i}`, i % 16 === 0 ? 10 : 0);

    for (let i = 0; i < 100_000; i++) add(`flood ${i}`, 0);

    const kept = [...map.entries()].filter(([, { worth }]) => worth > 0);
    expect(kept).toHaveLength(16);
    expect(map.size).toBe(256);
  });

  it('takes from the valuable only when nothing else is left, and stays within its bound', () => {
    const { map, add, evicted } = worthy(8);
    for (let i = 0; i < 8; i++) add(`${i}`, 10 + i);

    add('a', 1);
    add('b', 1);

    expect(evicted).toEqual(['0', 'a']);
    expect(map.size).toBe(8);
  });

  it('goes by what an entry is worth now', () => {
    const { map, add, evicted } = worthy(3);
    for (const key of 'abc') add(key, 5);
    map.get('b')!.worth = 0;

    add('d', 5);

    expect(evicted).toEqual(['b']);
  });

  it('never asks the worth of more than eight entries a key, and of none before it is full', () => {
    const { add, looks } = worthy(1000);
    for (let i = 0; i < 1000; i++) add(`${i}`, i);
    const before = looks();

    for (let i = 0; i < 1000; i++) add(`more ${i}`, i);

    expect(before).toBe(0);
    expect(looks()).toBeLessThanOrEqual(8 * 1000);
  });

  it('works with fewer entries than are compared, down to one', () => {
    for (const maxKeys of [1, 2, 7]) {
      const { map, add, evicted } = worthy(maxKeys);
      for (let i = 0; i < 50; i++) add(`${i}`, i);

      expect(map.size).toBe(maxKeys);
      expect(evicted).toHaveLength(50 - maxKeys);
      expect(new Set(evicted).size).toBe(evicted.length);
    }
  });

  it('tells of an eviction after the entry is gone, so that its owner may look', () => {
    const sizes: number[] = [];
    const map: LruMap<number> = new LruMap<number>(
      2,
      () => sizes.push(map.size),
      () => 0,
    );
    for (const key of 'abcd') map.ensure(key, () => 0);

    expect(sizes).toEqual([1, 1]);
  });
});
