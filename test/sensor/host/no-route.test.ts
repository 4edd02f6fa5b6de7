import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { NoRouteRecord } from '../../../src/model/record.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { type Reading, readCounters } from '../../../src/sensor/host/namespace-counters.ts';
import { NoRouteWatch } from '../../../src/sensor/host/no-route.ts';
import { containerFact, endpointFact, networkFact, SECOND, T0 } from '../../support/inventory-facts.ts';

interface World {
  state: InventoryState;
  records: NoRouteRecord[];
  unreadable: string[];
  /** What the next reading of a container says. */
  readings: Map<string, Reading>;
  /** Lets the clock run to this many seconds after the start and reads everything. */
  pollAt(secs: number): Promise<void>;
}

function worldOf(startedAt: number | undefined = T0): World {
  const state = new InventoryState();
  state.networkSeen(networkFact({ name: 'inner', internal: true }), T0);
  state.networkSeen(networkFact({ name: 'front' }), T0);
  state.connected(
    endpointFact('db', 'inner', ['10.0.0.2', '2001:db8::2'], '02:00:00:00:00:02'),
    T0,
    containerFact('db', { pid: 7, sandboxKey: '/ns/db', ...(startedAt === undefined ? {} : { startedAt }) }),
  );
  const records: NoRouteRecord[] = [];
  const unreadable: string[] = [];
  const readings = new Map<string, Reading>();
  let now = T0;
  const watch = new NoRouteWatch({
    inventory: state,
    emit: (record) => records.push(record),
    onUnreadable: ({ workload }, reason) => unreadable.push(`${workload.name}: ${reason}`),
    clock: () => now,
    read: async ({ workload }) => readings.get(workload.name) ?? counters(0, 0),
  });
  const pollAt = async (secs: number): Promise<void> => {
    now = T0 + secs * SECOND;
    await watch.poll();
  };
  return { state, records, unreadable, readings, pollAt };
}

function counters(ipv4: number | undefined, ipv6?: number): Reading {
  return { ok: true, way: 'pid', counters: { ipv4, ipv6 } };
}

describe('NoRouteWatch', () => {
  it('reports a rise once, with family, number, interval, container and networks', async () => {
    const { records, readings, pollAt } = worldOf();
    await pollAt(100);
    readings.set('db', counters(3, 0));
    await pollAt(102);
    await pollAt(103);

    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      kind: 'no-route',
      time: T0 + 102 * SECOND,
      family: 'ipv4',
      count: 3,
      intervalSecs: 2,
      networks: [{ name: 'inner', internal: true }],
      subject: { ip: '10.0.0.2', workload: { name: 'db' }, attribution: { confidence: 'certain' } },
    });
  });

  it('tells the families apart, and shows the address of that family', async () => {
    const { records, readings, pollAt } = worldOf();
    await pollAt(100);
    readings.set('db', counters(1, 2));
    await pollAt(101);

    expect(records.map(({ family, count, subject }) => [family, count, subject.ip])).toEqual([
      ['ipv4', 1, '10.0.0.2'],
      ['ipv6', 2, '2001:db8::2'],
    ]);
  });

  it('counts from zero in a container younger than five seconds', async () => {
    const { records, readings, pollAt } = worldOf();
    readings.set('db', counters(4));
    await pollAt(4.9);

    expect(records).toMatchObject([{ count: 4, intervalSecs: 4.9 }]);
  });

  it.each([
    ['five seconds old', T0],
    ['of unknown age', undefined],
  ])('takes the first reading of a container %s as its beginning', async (_name, startedAt) => {
    const { records, readings, pollAt } = worldOf(startedAt);
    readings.set('db', counters(4));
    await pollAt(5);
    expect(records).toEqual([]);

    readings.set('db', counters(5));
    await pollAt(6);
    expect(records).toMatchObject([{ count: 1 }]);
  });

  it('counts from zero after a restart, and when a counter fell', async () => {
    const { state, records, readings, pollAt } = worldOf();
    readings.set('db', counters(9));
    await pollAt(100);
    state.containerSeen(
      containerFact('db', { pid: 8, sandboxKey: '/ns/db2', startedAt: T0 + 100 * SECOND }),
      T0 + 100 * SECOND,
    );
    readings.set('db', counters(10));
    await pollAt(101);
    expect(records).toMatchObject([{ count: 10 }]);

    readings.set('db', counters(2));
    await pollAt(102);
    expect(records).toMatchObject([{ count: 10 }, { count: 2 }]);
  });

  it('reads a shared namespace once, and says who shares it', async () => {
    const { state, records, readings, pollAt } = worldOf();
    state.containerSeen(containerFact('sidecar', { pid: 9, networkMode: 'container:db-id' }), T0);
    state.containerSeen(
      containerFact('on-host', { pid: 10, networkMode: 'host', sandboxKey: '/ns/default' }),
      T0,
    );
    await pollAt(100);
    for (const name of ['db', 'sidecar', 'on-host']) readings.set(name, counters(1));
    await pollAt(101);

    expect(records).toHaveLength(1);
    expect(records[0]!.subject.attribution).toMatchObject({
      confidence: 'likely',
      candidates: ['db', 'sidecar'],
    });
  });

  it('doubts itself for sixteen minutes after a network was taken away', async () => {
    const { state, records, readings, pollAt } = worldOf();
    state.connected(endpointFact('db', 'front', ['10.1.0.2']), T0);
    await pollAt(100);
    state.disconnected('front-id', 'db-id', T0 + 101 * SECOND);
    for (const [secs, count] of [
      [102, 1],
      [102 + 16 * 60 - 1, 2],
      [102 + 16 * 60, 3],
    ] as const) {
      readings.set('db', counters(count));
      await pollAt(secs);
    }

    expect(records.map(({ subject }) => subject.attribution.confidence)).toEqual([
      'likely',
      'likely',
      'certain',
    ]);
    expect(records[0]!.subject.attribution.reason).toContain('left the network front');
  });

  it('says once why a container cannot be read, again for another reason, and goes on when it can', async () => {
    const { records, unreadable, readings, pollAt } = worldOf();
    readings.set('db', { ok: false, reason: 'no binding' });
    for (const secs of [100, 101, 102]) await pollAt(secs);
    readings.set('db', { ok: false, reason: 'no permission' });
    for (const secs of [103, 104]) await pollAt(secs);
    readings.set('db', counters(5));
    await pollAt(105);

    expect(unreadable).toEqual(['db: no binding', 'db: no permission']);
    expect(records).toEqual([]);
  });

  it('does not complain of a container that ended while it was read', async () => {
    const { state, unreadable, readings, pollAt } = worldOf();
    readings.set('db', { ok: false, reason: 'pid 7 is not visible here' });
    await pollAt(100);
    state.containerGone('db-id', T0 + 100 * SECOND);
    await pollAt(101);

    expect(unreadable).toEqual([]);
  });

  it('has nothing to say of a counter the kernel does not have', async () => {
    const { records, readings, pollAt } = worldOf();
    readings.set('db', counters(undefined, undefined));
    await pollAt(1);
    await pollAt(2);

    expect(records).toEqual([]);
  });

  it('forgets containers that are gone', async () => {
    const { state, records, readings, pollAt } = worldOf();
    readings.set('db', counters(1));
    await pollAt(100);
    state.containerGone('db-id', T0 + 101 * SECOND);
    readings.set('db', counters(50));
    await pollAt(102);

    expect(records).toEqual([]);
  });
});

describe('readCounters', () => {
  const dirs: string[] = [];
  afterEach(() => {
    for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
  });

  const SNMP = 'Ip: OutNoRoutes\nIp: 6\n';

  /** A /proc with one process, whose namespace file and control group are as given. */
  function proc(cgroup: string): { proc: string; own: string } {
    const dir = mkdtempSync(join(tmpdir(), 'bw-proc-'));
    dirs.push(dir);
    mkdirSync(join(dir, '7/ns'), { recursive: true });
    mkdirSync(join(dir, '7/net'));
    writeFileSync(join(dir, '7/ns/net'), '');
    writeFileSync(join(dir, '7/net/snmp'), SNMP);
    writeFileSync(join(dir, '7/cgroup'), cgroup);
    return { proc: dir, own: join(dir, '7/ns/net') };
  }
  const container = (sandboxKey: string | undefined, pid = 7) => ({
    workload: {
      containerId: 'c'.repeat(64),
      name: 'db',
      image: 'i',
      labels: {},
      networkMode: 'net',
      networks: [],
    },
    pid,
    ...(sandboxKey === undefined ? {} : { sandboxKey }),
    endpoints: [],
  });

  it('trusts a pid whose namespace is the one the engine names', async () => {
    const { proc: path, own } = proc('');

    expect(await readCounters(container(own), { proc: path })).toMatchObject({
      ok: true,
      way: 'pid',
      counters: { ipv4: 6 },
    });
  });

  it('trusts a pid whose control group names the container, where the namespace cannot be compared', async () => {
    const { proc: path } = proc(`0::/../docker-${'c'.repeat(64)}.scope\n`);

    expect(await readCounters(container('/not/mounted/here'), { proc: path })).toMatchObject({
      ok: true,
      way: 'pid',
    });
  });

  it('enters the namespace when the pid is another process here', async () => {
    const { proc: path } = proc(`0::/${'d'.repeat(64)}\n`);
    const asked: string[] = [];
    const readInNamespace = async (namespace: string) => {
      asked.push(namespace);
      return ['Ip: OutNoRoutes\nIp: 8\n', undefined];
    };

    const reading = await readCounters(container('/ns'), {
      proc: path,
      readInNamespace,
      sandboxPath: (key) => `/root${key}`,
    });

    expect(reading).toEqual({ ok: true, way: 'namespace', counters: { ipv4: 8, ipv6: undefined } });
    expect(asked).toEqual(['/root/ns']);
  });

  it.each([
    ['no such pid', 99, '/ns', 'pid 99 is not visible here'],
    [
      'a foreign pid',
      7,
      '/ns',
      "pid 7 is not known here to be this container's; entering /ns needs the native binding",
    ],
    ['neither pid nor namespace', 99, undefined, 'the engine names no namespace of it'],
  ])('gives the reason for %s', async (_name, pid, sandboxKey, reason) => {
    const { proc: path } = proc('');

    expect(await readCounters(container(sandboxKey, pid), { proc: path })).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason),
    });
  });

  it('passes on why the namespace could not be entered', async () => {
    const { proc: path } = proc('');
    const readInNamespace = async () => {
      throw new Error('cannot enter /ns: no such file');
    };

    expect(await readCounters(container('/ns'), { proc: path, readInNamespace })).toMatchObject({
      ok: false,
      reason: expect.stringContaining('cannot enter /ns: no such file'),
    });
  });
});
