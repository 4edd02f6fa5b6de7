/** Who held which address, over the end of an agent: what it left open, and what the next sensor is given. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentRecord } from '../../src/model/record.ts';
import { Station } from '../../src/station/station.ts';
import type { LeaseFilter } from '../../src/station/store/lease-query.ts';
import { openStoreReadOnly, type StoreReader } from '../../src/station/store/reader.ts';
import { memoryLogger, stationConfig, temporaryDirectory, until } from './support/harness.ts';
import { engineChange, lease, SECOND } from './support/leases.ts';
import { inventory, T0 } from './support/records.ts';

const MINUTE = 60 * SECOND;

let directory: ReturnType<typeof temporaryDirectory>;
let now: number;
let station: Station | undefined;

beforeEach(() => {
  directory = temporaryDirectory();
  now = T0;
});

afterEach(async () => {
  await station?.stop();
  directory.remove();
});

async function start(folder = directory.path, bufferMaxRecords = 50_000): Promise<Station> {
  const config = stationConfig(folder, {}, { buffer_max_records: bufferMaxRecords });
  station = new Station(config, { logger: memoryLogger().logger, now: () => now });
  await station.start();
  return station;
}

/** An agent that saw these, and stopped at `end`. */
async function agent(end: number, ...told: AgentRecord[]): Promise<void> {
  const running = await start();
  for (const record of told) running.receive(record);
  now = end;
  await running.stop();
}

async function read<T>(ask: (reader: StoreReader) => T): Promise<T> {
  const reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
  try {
    return ask(reader);
  } finally {
    reader.close();
  }
}

function stored(filter: LeaseFilter = {}) {
  return read((reader) => reader.queryLeases({ limit: 10_000, ...filter }).map((row) => row.lease));
}

describe('leases that an earlier run left open', () => {
  it('are closed as uncertain at its last sign of life, once, and as records of their own', async () => {
    await agent(T0 + MINUTE, engineChange('added', T0), lease(1), lease(2, { to: T0 + 3 * SECOND }));
    now = T0 + 5 * MINUTE;
    await (await start()).stop();
    now = T0 + 9 * MINUTE;
    await (await start()).stop();

    expect(await stored()).toEqual([
      { ...lease(1), workload: expect.anything(), time: T0 + 5 * MINUTE, to: T0 + MINUTE, uncertain: true },
      { ...lease(2), workload: expect.anything(), to: T0 + 3 * SECOND },
    ]);
    const told = await read((reader) => reader.queryEvents({ kinds: ['lease'] }));
    expect(told).toHaveLength(3);
  });

  it('end at the last word of a run that was killed, at most 10 s before it died', async () => {
    const running = await start();
    running.receive(engineChange('added', T0));
    running.receive(lease(1));
    const file = join(directory.path, 'bridgewatch.db');
    const alive = () => read((reader) => reader.watchesAround(now).before?.aliveAt);
    await until('the engine', async () => (await alive()) === T0);
    now = T0 + 10 * SECOND;
    await until('a sign of life', async () => (await alive()) === now);
    now = T0 + 19 * SECOND;
    // What the disk holds when the process is killed now.
    const after = temporaryDirectory();
    for (const part of ['', '-wal']) cpSync(file + part, join(after.path, `bridgewatch.db${part}`));
    await running.stop();
    now = T0 + MINUTE;
    await (await start(after.path)).stop();

    const reader = await openStoreReadOnly(join(after.path, 'bridgewatch.db'));
    expect(reader.queryLeases().map((row) => row.lease.to)).toEqual([T0 + 10 * SECOND]);
    reader.close();
    after.remove();
  });

  it('end no earlier than they began, whatever the clocks say', async () => {
    await agent(T0 + SECOND, engineChange('added', T0), lease(3600, { time: T0 }));
    await (await start()).stop();

    expect((await stored())[0]).toMatchObject({ from: T0 + 3600 * SECOND, to: T0 + 3600 * SECOND });
  });

  it('go on under their id when the next run finds them unchanged', async () => {
    await agent(T0 + MINUTE, engineChange('added', T0), lease(1));
    now = T0 + 5 * MINUTE;
    const running = await start();
    running.receive(lease(1, { time: now }));
    await running.stop();

    const [only] = await stored();
    expect(only).not.toHaveProperty('to');
    expect(only).not.toHaveProperty('uncertain');
  });

  it('are all closed, however many and however small the buffer is', async () => {
    const running = await start(directory.path, 5000);
    for (let i = 0; i < 1000; i++) running.receive(lease(i));
    await running.stop();
    await (await start(directory.path, 100)).stop();

    expect(station!.status()!.lost).toBe(0);
    const leases = await stored();
    expect(leases).toHaveLength(1000);
    expect(leases.filter(({ to }) => to === undefined)).toEqual([]);
  });
});

describe('the history that the sensor is given', () => {
  it('is empty on a new database', async () => {
    expect((await start()).leaseHistory()).toEqual({ leases: [] });
  });

  it('has what was left open, as it was, and what ended within 15 minutes; and until when that was known', async () => {
    now = T0 + 20 * MINUTE;
    await agent(
      T0 + 20 * MINUTE,
      engineChange('added', T0 + MINUTE),
      lease(1),
      lease(2, { to: T0 + 10 * MINUTE }),
      lease(3, { to: T0 + 10 * MINUTE - 1 }),
    );
    now = T0 + 25 * MINUTE;
    const { leases, knownUntil } = (await start()).leaseHistory();

    expect(leases.map(({ id, to }) => [id, to])).toEqual([
      ['l-1', undefined],
      ['l-2', T0 + 10 * MINUTE],
    ]);
    expect(knownUntil).toBe(T0 + 20 * MINUTE);
  });

  it('takes the latest word of an open lease for a sign of life, where there is no later one', async () => {
    await agent(T0, lease(1, { time: T0 + 7 * SECOND }));

    expect((await start()).leaseHistory().knownUntil).toBe(T0 + 7 * SECOND);
  });
});

describe('networks', () => {
  it('are taken for gone since the last sign of life, until they are told again', async () => {
    await agent(T0 + MINUTE, engineChange('added', T0), inventory(1), inventory(2, { id: 'b'.repeat(64) }));
    now = T0 + 5 * MINUTE;
    const running = await start();
    running.receive(inventory(5000));
    await running.stop();

    const networks = await read((reader) => reader.networks().map(({ id, removedAt }) => [id[0], removedAt]));
    expect(networks).toEqual([
      ['5', undefined],
      ['b', T0 + MINUTE],
    ]);
  });
});
