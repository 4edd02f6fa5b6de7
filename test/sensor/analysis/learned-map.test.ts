import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { LearnedRecord } from '../../../src/model/learned.ts';
import { MICROS_PER_SECOND } from '../../../src/model/time.ts';
import { SavedMap } from '../../../src/sensor/analysis/learned-map.ts';

const T0 = 1_700_000_000 * MICROS_PER_SECOND;

interface Habit {
  port: number;
}

/** A map with what it told, and how much it gave up. */
function mapWith({ history = [] as readonly LearnedRecord[], maxKeys = 10 } = {}) {
  const told: LearnedRecord[] = [];
  const lost = { evicted: 0, unreadable: 0 };
  const map = new SavedMap<Habit>(
    {
      name: 'habits',
      maxKeys,
      save: ({ port }) => ({ port }),
      load: (saved) => z.strictObject({ port: z.number() }).safeParse(saved).data,
    },
    {
      analyzer: 'test',
      history,
      remember: (record) => told.push(record),
      onEvict: () => (lost.evicted += 1),
      onUnreadable: () => (lost.unreadable += 1),
    },
  );
  return { map, told, lost };
}

function learned(key: string, value: LearnedRecord['value']): LearnedRecord {
  return { kind: 'learned', time: T0, analyzer: 'test', map: 'habits', key, value };
}

describe('what an analyzer has learned', () => {
  it('is told once, when it is new and when it changed', () => {
    const { map, told } = mapWith();
    const habit = map.ensure('web', () => ({ port: 80 }));
    map.tick(T0);
    map.get('web');
    map.ensure('web', () => ({ port: 1 }));
    map.tick(T0 + 100 * MICROS_PER_SECOND);
    expect(told).toEqual([{ ...learned('web', { port: 80 }), time: T0 }]);

    habit.port = 81;
    map.changed('web');
    map.tick(T0 + 200 * MICROS_PER_SECOND);
    expect(told.slice(1)).toEqual([{ ...learned('web', { port: 81 }), time: T0 + 200 * MICROS_PER_SECOND }]);
  });

  it('waits for the interval, and not for it at the end', () => {
    const { map, told } = mapWith();
    map.tick(T0);
    map.ensure('web', () => ({ port: 80 }));
    map.tick(T0 + 59 * MICROS_PER_SECOND);
    expect(told).toEqual([]);
    map.tick(T0 + 60 * MICROS_PER_SECOND);
    expect(told).toHaveLength(1);

    map.ensure('db', () => ({ port: 5432 }));
    map.tick(T0 + 61 * MICROS_PER_SECOND);
    expect(told).toHaveLength(1);
    map.save(T0 + 61 * MICROS_PER_SECOND);
    expect(told.map(({ key }) => key)).toEqual(['web', 'db']);
  });

  it('is told a part at a time, where it is much, and all of it at the end', () => {
    const { map, told } = mapWith({ maxKeys: 1000 });
    for (let port = 0; port < 600; port++) map.ensure(`web${port}`, () => ({ port }));
    const counts = [0, 1, 2, 3].map((second) => {
      map.tick(T0 + second * MICROS_PER_SECOND);
      return told.length;
    });
    expect(counts).toEqual([250, 500, 600, 600]);
    expect(new Set(told.map(({ key }) => key)).size).toBe(600);

    for (let port = 0; port < 600; port++) map.changed(`web${port}`);
    map.save(T0 + 4 * MICROS_PER_SECOND);
    expect(told).toHaveLength(1200);
  });

  it('goes on by the new clock when that was set back', () => {
    const { map, told } = mapWith();
    map.tick(T0);
    map.ensure('web', () => ({ port: 80 }));
    map.clockSet();
    map.tick(T0 - 3600 * MICROS_PER_SECOND);
    expect(told).toHaveLength(1);
  });

  it('comes back as it was, and is not told again', () => {
    const { map, told } = mapWith({ history: [learned('web', { port: 80 }), learned('db', { port: 5432 })] });
    expect([...map.entries()]).toEqual([
      ['web', { port: 80 }],
      ['db', { port: 5432 }],
    ]);
    map.save(T0);
    expect(told).toEqual([]);
  });

  it('is forgotten, here and there, where no form of it is known', () => {
    const { map, told, lost } = mapWith({
      history: [learned('web', { gate: 80 }), learned('db', { port: 1 })],
    });
    expect(map.size).toBe(1);
    expect(lost.unreadable).toBe(1);
    map.save(T0);
    expect(told).toEqual([{ kind: 'learned', time: T0, analyzer: 'test', map: 'habits', key: 'web' }]);
  });

  it('is forgotten where it was deleted or had to go', () => {
    const { map, told, lost } = mapWith({
      maxKeys: 2,
      history: [learned('a', { port: 1 }), learned('b', { port: 2 })],
    });
    map.delete('nobody');
    map.delete('a');
    map.ensure('c', () => ({ port: 3 }));
    map.ensure('d', () => ({ port: 4 }));
    expect(lost.evicted).toBe(1);
    map.save(T0);
    expect(told.map(({ key, value }) => [key, value])).toEqual([
      ['a', undefined],
      ['c', { port: 3 }],
      ['b', undefined],
      ['d', { port: 4 }],
    ]);
  });

  it('leaves nothing to be told when it went before it was ever told', () => {
    const { map, told, lost } = mapWith({ maxKeys: 2 });
    for (let port = 0; port < 100; port++) map.ensure(`web${port}`, () => ({ port }));
    expect(lost.evicted).toBe(98);
    map.save(T0);
    expect(told.map(({ key }) => key)).toEqual(['web98', 'web99']);
  });

  it('is forgotten there though it came again and went again in between', () => {
    const { map, told } = mapWith({ maxKeys: 1, history: [learned('a', { port: 1 })] });
    for (const key of ['b', 'a', 'c']) map.ensure(key, () => ({ port: 2 }));
    map.save(T0);
    expect(told.map(({ key, value }) => [key, value])).toEqual([
      ['a', undefined],
      ['c', { port: 2 }],
    ]);
  });

  it('is told as it is then, when it changes or goes while it waits for its turn', () => {
    const { map, told } = mapWith({ maxKeys: 1000 });
    for (let port = 0; port < 300; port++) map.ensure(`web${port}`, () => ({ port }));
    map.tick(T0);
    map.get('web299')!.port = 1;
    map.changed('web299');
    map.delete('web298');
    map.tick(T0 + MICROS_PER_SECOND);
    expect(told.slice(-2).map(({ key, value }) => [key, value])).toEqual([
      ['web298', undefined],
      ['web299', { port: 1 }],
    ]);
    expect(told).toHaveLength(300);
  });

  it('stays within a bound that is smaller than it was, and keeps the newest', () => {
    const { map, told, lost } = mapWith({
      maxKeys: 1,
      history: [learned('old', { port: 1 }), learned('new', { port: 2 })],
    });
    expect([...map.entries()]).toEqual([['new', { port: 2 }]]);
    expect(lost.evicted).toBe(1);
    map.save(T0);
    expect(told.map(({ key, value }) => [key, value])).toEqual([['old', undefined]]);
  });
});
