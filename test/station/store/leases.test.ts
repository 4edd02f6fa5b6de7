import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LossTally } from '../../../src/model/loss-tally.ts';
import type { AgentRecord } from '../../../src/model/record.ts';
import { parseRecord } from '../../../src/model/serialize.ts';
import { storeConfig } from '../../../src/station/config.ts';
import type { LeaseFilter } from '../../../src/station/store/lease-query.ts';
import { openStoreReadOnly, type StoreReader } from '../../../src/station/store/reader.ts';
import { openStore, type Store } from '../../../src/station/store/store.ts';
import { append, memoryLogger, temporaryDirectory, until } from '../support/harness.ts';
import { HOSTILE_TEXTS } from '../support/hostile.ts';
import { engineChange, lease, SECOND } from '../support/leases.ts';
import { database, flow, inventory, network, T0 } from '../support/records.ts';

const DAY = 86_400 * SECOND;

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;
let now: number;
const open: (Store | StoreReader)[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory.path, 'bridgewatch.db');
  now = T0;
});

afterEach(() => {
  for (const each of open.splice(0)) each.close();
  directory.remove();
});

async function newStore(over: Partial<ReturnType<typeof storeConfig.parse>> = {}): Promise<Store> {
  const deps = { logger: memoryLogger().logger, losses: new LossTally(), now: () => now };
  const store = await openStore(
    { ...storeConfig.parse({ path }), ...over },
    { ...deps, onDurable: () => {}, onShed: () => {}, onSkipped: () => {} },
  );
  open.push(store);
  return store;
}

async function newReader(): Promise<StoreReader> {
  const reader = await openStoreReadOnly(path);
  open.push(reader);
  return reader;
}

/** What a reader finds of these, by id. */
async function stored(...records: AgentRecord[]): Promise<(filter?: LeaseFilter) => string[]> {
  const store = await newStore();
  append(store, ...records);
  store.flush();
  const reader = await newReader();
  return (filter) => reader.queryLeases(filter).map(({ lease: { id } }) => id);
}

describe('a stored lease', () => {
  it('comes back whole, but for labels: those are large and the container is named without them', async () => {
    const whole = lease(1, {
      uncertain: true,
      to: T0 + 9 * SECOND,
      workload: {
        ...database,
        imageDigest: 'sha256:abc',
        swarmService: 'stack_db',
        startedAt: T0,
        stoppedAt: T0 + 1,
        composeNumber: 2,
        labels: { huge: 'x'.repeat(100_000) },
      },
    });
    const store = await newStore();
    append(store, whole);
    store.flush();

    const [row] = (await newReader()).queryLeases();

    const { labels: _, ...workload } = whole.workload;
    expect(row!.lease).toEqual({
      ...whole,
      workload: { ...workload, labels: {} },
    });
    expect(parseRecord(row!.text)).toMatchObject({ kind: 'lease', id: 'l-1', uncertain: true });
  });

  it('leaves out what is not known', async () => {
    const { mac: _, veth: _v, ifIndex: _i, netns: _n, ...bare } = lease(1, { ips: [] });
    const store = await newStore();
    append(store, bare);
    store.flush();

    const [row] = (await newReader()).queryLeases();

    expect(Object.keys(row!.lease).sort()).toEqual(
      ['kind', 'time', 'id', 'networkId', 'network', 'ips', 'workload', 'from'].sort(),
    );
  });

  it('is what its latest record says, under one row; addresses it had before find it no more', async () => {
    const find = await stored(
      lease(1, { ips: ['172.30.1.9'] }),
      lease(1),
      lease(1, { time: T0, to: T0 + 5 * SECOND }),
    );

    expect(find()).toEqual(['l-1']);
    expect(find({ ip: '172.30.1.9' })).toEqual([]);
    expect(find({ ip: '172.30.1.5', at: T0 + 5 * SECOND })).toEqual([]);
    expect(find({ ip: '172.30.1.5', at: T0 + 5 * SECOND - 1 })).toEqual(['l-1']);
  });

  it('goes on under its id when a later record has no end again', async () => {
    const find = await stored(lease(1, { to: T0 + 5 * SECOND, uncertain: true }), lease(1));

    expect(find({ at: T0 + DAY })).toEqual(['l-1']);
  });

  it.each(HOSTILE_TEXTS)('is found by its name, and only by that: %j', async (name) => {
    const find = await stored(
      lease(1, {
        network: name,
        workload: { ...database, name, image: name, composeProject: name, composeService: name },
      }),
      lease(2),
    );

    if (!name.includes('\ud800')) expect(find({ network: name })).toEqual(['l-1']);
    if (!name.includes('\ud800')) expect(find({ container: name })).toEqual(['l-1']);
    expect(find({ container: 'shop/db' })).toEqual(['l-2']);
  });
});

describe('who held what', () => {
  const other = { ...database, containerId: `beef${database.containerId.slice(4)}`, name: 'edge-proxy-1' };
  const facts = [
    lease(0, { to: T0 + 10 * SECOND }),
    lease(10, { workload: other, mac: '02:42:ac:1e:01:06' }),
    lease(20, {
      networkId: 'cafe'.padEnd(64, '0'),
      network: 'edge',
      ips: ['172.30.1.5'],
      to: T0 + 30 * SECOND,
    }),
  ];

  it('holds its beginning and not its end, so that a reuse within a microsecond has one answer', async () => {
    const find = await stored(...facts);
    const at = (offset: number) => find({ ip: '172.30.1.5', network: 'shop_data', at: T0 + offset });

    expect(at(-1)).toEqual([]);
    expect(at(0)).toEqual(['l-0']);
    expect(at(10 * SECOND - 1)).toEqual(['l-0']);
    expect(at(10 * SECOND)).toEqual(['l-10']);
    expect(at(DAY)).toEqual(['l-10']);
  });

  it('says all who fit', async () => {
    const find = await stored(...facts);

    expect(find({ ip: '172.30.1.5', at: T0 + 25 * SECOND })).toEqual(['l-10', 'l-20']);
    expect(find({ ip: '172.30.1.5', at: T0 + 30 * SECOND })).toEqual(['l-10']);
  });

  it('finds by either address, MAC, network name or id, and every name of the container', async () => {
    const find = await stored(...facts);

    expect(find({ ip: '2001:db8:1::5' })).toEqual(['l-0', 'l-10']);
    expect(find({ mac: '02:42:ac:1e:01:06' })).toEqual(['l-10']);
    expect(find({ network: 'edge' })).toEqual(['l-20']);
    expect(find({ network: 'cafe0000' })).toEqual(['l-20']);
    expect(find({ network: 'caf' })).toEqual([]);
    expect(find({ container: 'shop/db' })).toEqual(['l-0', 'l-10', 'l-20']);
    expect(find({ container: 'db' })).toEqual(['l-0', 'l-10', 'l-20']);
    expect(find({ container: 'edge-proxy-1' })).toEqual(['l-10']);
    expect(find({ container: 'beef' })).toEqual(['l-10']);
    expect(find({ container: other.containerId })).toEqual(['l-10']);
    expect(find({ container: 'bee' })).toEqual([]);
    expect(find({ ip: "' OR 1=1 --" })).toEqual([]);
  });

  it('takes a range: what was not over at its beginning and had begun before its end', async () => {
    const find = await stored(...facts);
    const [since, end] = [T0 + 10 * SECOND, T0 + 20 * SECOND];

    expect(find({ since, until: end })).toEqual(['l-10']);
    expect(find({ since: since - 1, until: end })).toEqual(['l-0', 'l-10']);
    expect(find({ since, until: end + 1 })).toEqual(['l-10', 'l-20']);
  });

  it('is limited to the newest', async () => {
    const find = await stored(...facts);

    expect(find({ limit: 2 })).toEqual(['l-10', 'l-20']);
  });

  it('names the nearest before and after', async () => {
    const store = await newStore();
    append(store, lease(0, { to: T0 + 5 * SECOND }), lease(2, { to: T0 + 4 * SECOND }), lease(9), lease(11));
    store.flush();
    const reader = await newReader();
    const near = (at: number) => {
      const { before, after } = reader.nearestLeases({ ip: '172.30.1.5' }, at);
      return [before?.lease.id, after?.lease.id];
    };

    expect(near(T0 + 5 * SECOND)).toEqual(['l-0', 'l-9']);
    expect(near(T0 + 5 * SECOND - 1)).toEqual(['l-2', 'l-9']);
    expect(near(T0 - 1)).toEqual([undefined, 'l-0']);
    expect(near(T0 + 11 * SECOND)).toEqual(['l-0', undefined]);
  });
});

describe('times of watching', () => {
  it('begin with the engine, live by a sign every 10 s, and end with the engine', async () => {
    const store = await newStore();
    append(store, engineChange('added', T0));
    store.flush();
    const reader = await newReader();
    const alive = () => reader.watchesAround(T0 + DAY).before?.aliveAt;
    expect(alive()).toBe(T0);

    now = T0 + 10 * SECOND;
    await until('a sign of life', () => alive() === now);
    now = T0 + 20 * SECOND - 1;
    append(store, engineChange('removed', T0 + 15 * SECOND));
    store.flush();
    expect(alive()).toBe(T0 + 15 * SECOND);
    append(store, engineChange('added', T0 + 40 * SECOND));
    store.flush();

    expect(reader.watchesAround(T0 + 39 * SECOND)).toEqual({
      before: { from: T0, aliveAt: T0 + 15 * SECOND },
      after: { from: T0 + 40 * SECOND, aliveAt: T0 + 40 * SECOND },
    });
    expect(reader.watchesAround(T0 - 1).before).toBeUndefined();
  });

  it('end with the agent, at the moment it stops', async () => {
    const store = await newStore();
    append(store, engineChange('added', T0));
    now = T0 + 3 * SECOND;
    store.close();

    expect((await newReader()).watchesAround(T0 + DAY).before).toEqual({ from: T0, aliveAt: now });
  });

  it('are none while no engine answers', async () => {
    const store = await newStore();
    append(store, engineChange('removed', T0));
    now = T0 + DAY;
    store.close();

    expect((await newReader()).watchesAround(now)).toEqual({ before: undefined, after: undefined });
  });
});

describe('networks', () => {
  it('are as they were told last, with the time of the first and of the removal', async () => {
    const store = await newStore();
    append(store, inventory(1), inventory(2, { change: 'changed', detail: { gateways: ['172.30.1.1'] } }));
    store.flush();
    const reader = await newReader();

    expect(reader.networks()).toMatchObject([
      { id: network.id, seenAt: T0 + 1000, removedAt: undefined, record: { change: 'changed' } },
    ]);
    append(store, inventory(3, { change: 'removed' }));
    store.flush();
    expect(reader.networks()).toMatchObject([{ seenAt: T0 + 1000, removedAt: T0 + 3000 }]);
  });
});

describe('retention of leases', () => {
  it('deletes by age what is over, never what is held, and the addresses with it', async () => {
    const store = await newStore({ lease_retention_days: 10 });
    append(
      store,
      lease(0),
      lease(1, { to: T0 + 1 * DAY }),
      lease(2, { to: T0 + 1 * DAY + 1 }),
      engineChange('added', T0),
      inventory(1, { change: 'removed' }),
      inventory(1, { id: 'b'.repeat(64), name: 'kept' }),
    );
    store.flush();
    const reader = await newReader();
    // Exactly 10 days after the end it is not yet too old.
    now = T0 + 11 * DAY;
    await until('a look', () => reader.networks().length === 1);
    expect(reader.queryLeases()).toHaveLength(3);

    now = T0 + 11 * DAY + 1;
    await until('the older', () => reader.queryLeases().length === 2);

    expect(reader.queryLeases().map(({ lease: { id } }) => id)).toEqual(['l-0', 'l-2']);
    expect(reader.networks().map(({ name }) => name)).toEqual(['kept']);
    expect(addresses()).toBe(4);
    now = T0 + 4000 * DAY;
    await until('the youngest', () => reader.queryLeases().length === 1);
    expect(addresses()).toBe(2);
  });

  it('deletes by size after flows and events, the oldest first, and never what is held', async () => {
    const maxBytes = 3 * 1_048_576;
    const store = await newStore({ max_bytes: maxBytes, lease_retention_days: 1000 });
    append(store, flow(1), ...Array.from({ length: 20 }, (_, i) => lease(i)));
    // Flushed in parts: what waits is bounded.
    for (let i = 20; i < 6000; i++) {
      append(store, lease(i, { to: T0 + i * SECOND + 1 }));
      if (i % 1000 === 0) store.flush();
    }
    store.flush();
    expect(store.status().bytes).toBeGreaterThan(maxBytes);
    const reader = await newReader();

    await until('the size', () => store.status().bytes! <= maxBytes, 15_000);

    expect(reader.queryFlows()).toEqual([]);
    const left = reader.queryLeases({ limit: 10_000 }).map(({ lease: { id } }) => id);
    expect(left.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => `l-${i}`));
    expect(left.at(-1)).toBe('l-5999');
  });

  function addresses(): number {
    const db = new Sqlite(path, { readonly: true });
    const count = db.prepare('SELECT count(*) FROM lease_addresses').pluck().get() as number;
    db.close();
    return count;
  }
});
