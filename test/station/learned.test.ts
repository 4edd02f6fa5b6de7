/** What analyzers learned outlives the agent, and a disk that refuses for a while. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LearnedRecord } from '../../src/model/learned.ts';
import { Station } from '../../src/station/station.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from './support/harness.ts';
import { HOSTILE_TEXTS } from './support/hostile.ts';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory.remove());

function learned(key: string, value: LearnedRecord['value'], time = 1): LearnedRecord {
  const record = { kind: 'learned', time, analyzer: 'new-edge', map: 'edges', key } as const;
  return value === undefined ? record : { ...record, value };
}

/** One run of the agent: what it is given, and what it leaves behind. */
async function run(...records: readonly LearnedRecord[]): Promise<readonly LearnedRecord[]> {
  const station = new Station(stationConfig(directory.path), { logger: memoryLogger().logger });
  await station.start();
  const before = station.learned();
  for (const record of records) station.remember(record);
  await station.stop();
  return before;
}

describe('what was learned', () => {
  it('is given to the next run, the latest of each key, oldest first', async () => {
    expect(
      await run(learned('web', 1, 5), learned('db', { since: 2 }, 3), learned('web', [2, null], 7)),
    ).toEqual([]);
    expect(await run()).toEqual([learned('db', { since: 2 }, 3), learned('web', [2, null], 7)]);
  });

  it('is gone when it was forgotten, also what was learned and forgotten within one run', async () => {
    await run(learned('web', 1), learned('db', 2));
    await run(learned('web', undefined), learned('tmp', 3), learned('tmp', undefined));
    expect(await run()).toEqual([learned('db', 2)]);
  });

  it('keeps apart what other analyzers and maps call the same', async () => {
    const others = [
      { ...learned('web', 2), analyzer: 'beacon' },
      { ...learned('web', 3), map: 'owners' },
    ];
    await run(learned('web', 1), ...others);
    expect((await run()).map(({ value }) => value).sort()).toEqual([1, 2, 3]);
  });

  it('takes any text as a key', async () => {
    // SQLite has no lone surrogates; a key with one is kept as what it becomes in UTF-8.
    const keys = HOSTILE_TEXTS.map((text) => Buffer.from(text).toString());
    await run(...keys.map((key) => learned(key, key)));
    expect(new Set((await run()).map(({ key }) => key))).toEqual(new Set(keys));
  });

  it('waits while the disk refuses', async () => {
    const station = new Station(stationConfig(directory.path), { logger: memoryLogger().logger });
    await station.start();
    const other = new Sqlite(join(directory.path, 'bridgewatch.db'));
    other.exec('BEGIN IMMEDIATE');
    station.remember(learned('web', 1));
    await expect.poll(() => station.status()?.store.state, { timeout: 5000 }).toBe('failing');
    station.remember(learned('web', 2));
    other.exec('COMMIT');
    other.close();
    await expect.poll(() => station.learned().map(({ value }) => value), { timeout: 5000 }).toEqual([2]);
    await station.stop();
  });
});
