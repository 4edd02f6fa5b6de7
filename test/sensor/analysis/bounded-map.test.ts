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
