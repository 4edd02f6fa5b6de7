import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { ListenerRecord } from '../../../src/model/listener.ts';
import type { LossRecord } from '../../../src/model/record.ts';
import type { ContainerState } from '../../../src/sensor/docker/inventory-event.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import type { ListenerReading } from '../../../src/sensor/host/listener-reader.ts';
import type { Listening } from '../../../src/sensor/host/listener-table.ts';
import { ListenerWatch, type ListenerWatchOptions } from '../../../src/sensor/host/listeners.ts';
import { containerFact, endpointFact, networkFact, SECOND, T0 } from '../../support/inventory-facts.ts';

const POLL_MS = 5000;

function worldOf(startedAt: number, more: Partial<ListenerWatchOptions> = {}) {
  const state = new InventoryState();
  state.networkSeen(networkFact({ name: 'data', internal: true }), T0);
  state.connected(
    endpointFact('db', 'data', ['10.0.0.2', '2001:db8::2'], '02:00:00:00:00:02'),
    T0,
    containerFact('db', {
      pid: 7,
      sandboxKey: '/ns/db',
      startedAt,
      exposed: ['5432/tcp'],
      published: [{ protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 15432, containerPort: 5432 }],
    }),
  );
  const records: ListenerRecord[] = [];
  const losses: LossRecord[] = [];
  const unreadable: string[] = [];
  const readings = new Map<string, ListenerReading>();
  let now = T0;
  const watch = new ListenerWatch({
    inventory: state,
    emit: (record) => {
      if (record.kind === 'listener') records.push(record);
      else losses.push(record);
    },
    onUnreadable: ({ workload }, reason) => unreadable.push(`${workload.name}: ${reason}`),
    pollIntervalMs: POLL_MS,
    clock: () => now,
    nowMs: () => (now - T0) / 1000,
    read: async ({ workload }) => readings.get(workload.name) ?? open(),
    holders: async () => new Map(),
    ...more,
  });
  const pollAt = async (secs: number): Promise<void> => {
    now = T0 + secs * SECOND;
    await watch.poll();
  };
  const clockAt = (secs: number): void => {
    now = T0 + secs * SECOND;
  };
  return { state, watch, records, losses, unreadable, readings, pollAt, clockAt };
}

const socket = (port: number, ip = '0.0.0.0', protocol: 'tcp' | 'udp' = 'tcp'): Listening => ({
  protocol,
  ip,
  port,
  inode: port,
});

function open(...listeners: readonly Listening[]): ListenerReading {
  return { ok: true, listeners, isWhole: true };
}

const said = (records: readonly ListenerRecord[]) =>
  records.map(({ change, protocol, address, subject }) => `${change} ${protocol} ${address} ${subject.port}`);

describe('ListenerWatch', () => {
  it('tells what was there when it first looked from what it saw come, and when that was', async () => {
    const { records, readings, pollAt } = worldOf(T0 - 3600 * SECOND);
    readings.set('db', open(socket(5432)));
    await pollAt(1);
    readings.set('db', open(socket(5432), socket(4444)));
    await pollAt(6);
    await pollAt(11);

    expect(records).toHaveLength(2);
    expect(records[0]).toMatchObject({
      change: 'found',
      time: T0 + SECOND,
      after: T0 - 3600 * SECOND,
      first: T0 + SECOND,
      protocol: 'tcp',
      address: '0.0.0.0',
      loopback: false,
      exposed: true,
      published: true,
      networks: [{ name: 'data', internal: true }],
      subject: {
        ip: '10.0.0.2',
        port: 5432,
        scope: 'container',
        workload: { name: 'db' },
        attribution: { method: 'netns', confidence: 'certain' },
      },
    });
    expect(records[1]).toMatchObject({
      change: 'opened',
      after: T0 + SECOND,
      first: T0 + 6 * SECOND,
      exposed: false,
      published: false,
      subject: { port: 4444 },
    });
  });

  it('says that a container which started while it watched opened what it listens on', async () => {
    const { records, readings, pollAt } = worldOf(T0);
    readings.set('db', open(socket(5432)));
    await pollAt(3);

    expect(records[0]).toMatchObject({ change: 'opened', after: T0, first: T0 + 3 * SECOND });
  });

  it('tells what closed, by itself and with its container', async () => {
    const { watch, records, readings, pollAt, clockAt } = worldOf(T0);
    readings.set('db', open(socket(5432), socket(8080)));
    await pollAt(1);
    readings.set('db', open(socket(5432)));
    await pollAt(6);
    clockAt(8);
    watch.containerEnded('db-id');

    expect(said(records.slice(2))).toEqual(['closed tcp 0.0.0.0 8080', 'closed tcp 0.0.0.0 5432']);
    expect(records[3]).toMatchObject({ time: T0 + 8 * SECOND, first: T0 + SECOND });
  });

  it('takes a UDP socket for a server when it has been there for half a minute, and tells since when', async () => {
    const { records, readings, pollAt } = worldOf(T0);
    const server = socket(53, '0.0.0.0', 'udp');
    readings.set('db', open(server, { ...socket(1053, '0.0.0.0', 'udp'), inode: 1 }));
    await pollAt(1);
    readings.set('db', open(server, { ...socket(1053, '0.0.0.0', 'udp'), inode: 2 }));
    await pollAt(30.9);
    expect(records).toEqual([]);
    await pollAt(31);
    await pollAt(36);

    expect(said(records)).toEqual(['opened udp 0.0.0.0 53']);
    expect(records[0]).toMatchObject({ time: T0 + 31 * SECOND, first: T0 + SECOND, after: T0 });
  });

  it('takes nothing for closed that it could not read', async () => {
    const { records, unreadable, readings, pollAt, watch } = worldOf(T0);
    readings.set('db', open(socket(5432)));
    await pollAt(1);
    readings.set('db', { ok: false, reason: 'no way in' });
    await pollAt(6);
    expect(unreadable).toEqual([]);
    await pollAt(11);
    await pollAt(16);
    readings.set('db', { ok: true, listeners: [], isWhole: false });
    await pollAt(21);

    expect(said(records)).toEqual(['opened tcp 0.0.0.0 5432']);
    expect(unreadable).toEqual(['db: no way in']);
    expect(watch.unreadable().size).toBe(0);
  });

  it('tells loopback apart, and the address that a family answers on', async () => {
    const { records, readings, pollAt } = worldOf(T0);
    readings.set(
      'db',
      open(socket(9229, '127.0.0.1'), socket(80, '::'), socket(81, '2001:db8::2'), socket(82, '::1')),
    );
    await pollAt(1);

    expect(records.map(({ loopback, subject }) => [subject.port, loopback, subject.ip])).toEqual([
      [9229, true, '10.0.0.2'],
      [80, false, '10.0.0.2'],
      [81, false, '2001:db8::2'],
      [82, true, '2001:db8::2'],
    ]);
  });

  it("leaves Docker's embedded resolver out", async () => {
    const { records, readings, pollAt } = worldOf(T0);
    readings.set('db', open(socket(39_211, '127.0.0.11'), socket(40_000, '127.0.0.11', 'udp')));
    await pollAt(1);

    expect(records).toEqual([]);
  });

  it('names the one of several in a namespace whose process holds the socket, and else says who it may be', async () => {
    const { state, records, readings, pollAt } = worldOf(T0, {
      holders: async (inodes, members) =>
        new Map(
          [...inodes]
            .filter((inode) => inode === 4444)
            .map((inode) => [
              inode,
              { workload: members[1]!.workload, process: 'nc', program: '/bin/busybox' },
            ]),
        ),
    });
    state.containerSeen(
      containerFact('sidecar', { pid: 8, networkMode: 'container:db-id', startedAt: T0 }),
      T0,
    );
    readings.set('db', open(socket(4444), socket(5432)));
    await pollAt(1);

    expect(records[0]).toMatchObject({
      process: 'nc',
      program: '/bin/busybox',
      subject: { workload: { name: 'sidecar' }, attribution: { confidence: 'certain' } },
    });
    expect(records[1]).toMatchObject({
      subject: {
        workload: { name: 'db' },
        attribution: { confidence: 'likely', candidates: ['db', 'sidecar'] },
      },
    });
    expect(records[1]).not.toHaveProperty('process');
  });

  it('remembers no more of one namespace than its bound, and counts the others once', async () => {
    const { records, losses, readings, pollAt, watch } = worldOf(T0, { maxPerNamespace: 16 });
    const sockets = (count: number) => Array.from({ length: count }, (_, i) => socket(1000 + i));
    readings.set('db', open(...sockets(16)));
    await pollAt(1);
    expect(losses).toEqual([]);
    expect(watch.listensAt('db-id', 'tcp', 2000)).toBe(false);
    readings.set('db', open(...sockets(20)));
    await pollAt(6);
    await pollAt(11);

    expect(records).toHaveLength(16);
    expect(losses).toEqual([
      expect.objectContaining({ source: 'listeners', where: 'db', count: 4, first: T0 + SECOND }),
    ]);
    expect(watch.listensAt('db-id', 'tcp', 2000)).toBeUndefined();
  });

  it('answers who listens where, and nothing when it does not know', async () => {
    const { watch, readings, pollAt, clockAt, state } = worldOf(T0);
    state.containerSeen(containerFact('sidecar', { pid: 8, networkMode: 'container:db-id' }), T0);
    expect(watch.listensAt('db-id', 'tcp', 5432)).toBeUndefined();
    readings.set('db', open(socket(5432), socket(9229, '127.0.0.1')));
    await pollAt(1);

    expect(watch.listensAt('db-id', 'tcp', 5432)).toBe(true);
    expect(watch.listensAt('sidecar-id', 'tcp', 5432)).toBe(true);
    expect(watch.listensAt('db-id', 'udp', 5432)).toBe(false);
    expect(watch.listensAt('db-id', 'tcp', 9229)).toBe(false);
    expect(watch.listensAt('other', 'tcp', 5432)).toBeUndefined();
    clockAt(16);
    expect(watch.listensAt('db-id', 'tcp', 5432)).toBe(true);
    clockAt(16.1);
    expect(watch.listensAt('db-id', 'tcp', 5432)).toBeUndefined();
  });
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: listeners of a real network namespace: needs root');

describe.skipIf(!isRoot)('ListenerWatch over a real network namespace', () => {
  it('reads what a process in it listens on', async () => {
    const program = `
      const net = require('node:net'), dgram = require('node:dgram');
      const server = net.createServer().listen(8080, '0.0.0.0', () => {
        dgram.createSocket('udp4').bind(5353, '0.0.0.0', () => console.log('ready'));
      });
      process.stdin.on('data', () => net.createServer().listen(4444, '::', () => console.log('ready')));`;
    const child = spawn('unshare', ['-n', process.execPath, '-e', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout!, 'data');
      const container = {
        workload: {
          containerId: 'own',
          name: 'own',
          networkMode: 'net',
          networks: [],
          labels: {},
          image: 'i',
        },
        pid: child.pid!,
        sandboxKey: `/proc/${child.pid}/ns/net`,
        endpoints: [{ networkId: 'n', containerId: 'own', ips: ['10.0.0.2'], from: 0 }],
      } satisfies ContainerState;
      const records: ListenerRecord[] = [];
      let nowMs = 0;
      const watch = new ListenerWatch({
        nowMs: () => nowMs,
        inventory: {
          containers: () => [container],
          container: () => container,
          network: () => undefined,
          sharersOf: () => [],
        },
        emit: (record) => {
          if (record.kind === 'listener') records.push(record);
        },
      });
      await watch.poll();
      nowMs += 30_000;
      child.stdin!.write('more\n');
      await once(child.stdout!, 'data');
      await watch.poll();

      expect(said(records)).toEqual([
        'found tcp 0.0.0.0 8080',
        'opened tcp :: 4444',
        'found udp 0.0.0.0 5353',
      ]);
      expect(watch.unreadable().size).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
