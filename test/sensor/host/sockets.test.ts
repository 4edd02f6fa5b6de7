import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Workload } from '../../../src/model/network.ts';
import type { HostSocket } from '../../../src/sensor/flow-facts.ts';
import { socketsOfContainer } from '../../../src/sensor/host/container-sockets.ts';
import { parseSockets } from '../../../src/sensor/host/socket-table.ts';
import { type HostContainer, HostSockets } from '../../../src/sensor/host/sockets.ts';
import { workload } from '../../support/records.ts';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];
const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const MANY = 1_000_000;

/** 172.30.0.1:8080, listening and connected, and any address. */
const LOCAL = '01001EAC:1F90';
const PEER = '02001EAC:9C40';
const ANY_V4 = '00000000:1F90';
const ANY_V6 = '00000000000000000000000000000000:1F90';
const MAPPED_LOCAL = '0000000000000000FFFF000001001EAC:1F90';
const MAPPED_PEER = '0000000000000000FFFF000002001EAC:9C40';

const row = (local: string, remote: string, state: string, inode: number): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 00000000 100 0 0 10 0\n`;
const listening = (local: string, inode: number) =>
  row(local, `${'0'.repeat(local.length - 5)}:0000`, '0A', inode);

describe('a table of sockets', () => {
  it('is read in both families, mapped addresses as IPv4', () => {
    expect(
      parseSockets(HEADER + row(LOCAL, PEER, '01', 7) + row(MAPPED_LOCAL, MAPPED_PEER, '01', 8), MANY),
    ).toEqual([
      { ip: '172.30.0.1', port: 8080, peerIp: '172.30.0.2', peerPort: 40_000, inode: 7 },
      { ip: '172.30.0.1', port: 8080, peerIp: '172.30.0.2', peerPort: 40_000, inode: 8 },
    ]);
  });

  it('leaves out sockets that nobody holds, and what it does not understand', () => {
    expect(parseSockets(`${HEADER}nonsense\n${row(LOCAL, PEER, '06', 0)}`, MANY)).toEqual([]);
  });

  it('is not read when it is too long', () => {
    const text = HEADER + row(LOCAL, PEER, '01', 7);

    expect(parseSockets(text, text.length)).toHaveLength(1);
    expect(parseSockets(text, text.length - 1)).toBeUndefined();
  });

  it('of this process agrees with its open files', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };

    const rows = parseSockets(readFileSync('/proc/self/net/tcp', 'utf8'), MANY)!;
    const files = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    });
    server.close();

    const own = rows.find((each) => each.port === port && each.ip === '127.0.0.1')!;
    expect(own.peerPort).toBe(0);
    expect(files).toContain(`socket:[${own.inode}]`);
  });
});

describe('who holds a socket of the host', () => {
  let proc: string;
  let containers: readonly HostContainer[];
  const inA: Workload = workload('proxy', ['host'], { containerId: A });
  const inB: Workload = workload('exporter', ['host'], { containerId: B });

  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'bw-proc-'));
    mkdirSync(join(proc, 'net'));
    process_(10, A, [100]);
    process_(20, B, [200]);
    containers = [
      { workload: inA, pid: 10 },
      { workload: inB, pid: 20 },
    ];
  });
  afterEach(() => {
    rmSync(proc, { recursive: true });
  });

  function process_(
    pid: number,
    containerId: string,
    inodes: readonly number[],
    children: readonly number[] = [],
  ): void {
    mkdirSync(join(proc, `${pid}/fd`), { recursive: true });
    mkdirSync(join(proc, `${pid}/task/${pid}`), { recursive: true });
    writeFileSync(join(proc, `${pid}/cgroup`), `0::/docker/${containerId}\n`);
    writeFileSync(join(proc, `${pid}/task/${pid}/children`), children.join(' '));
    for (const inode of inodes) symlinkSync(`socket:[${inode}]`, join(proc, `${pid}/fd/${inode}`));
    symlinkSync('/dev/null', join(proc, `${pid}/fd/9`));
  }
  const table = (name: string, ...rows: string[]) =>
    writeFileSync(join(proc, 'net', name), HEADER + rows.join(''));
  const ask = async (more: Partial<HostSocket> = {}) => {
    const socket: HostSocket = {
      protocol: 'tcp',
      ip: '172.30.0.1',
      port: 8080,
      peerIp: '172.30.0.2',
      peerPort: 40_000,
      since: 1,
      ...more,
    };
    const asked = new HostSockets({ proc, cgroup: join(proc, 'nowhere'), intervalMs: 1 });
    asked.setContainers(containers);
    asked.began(socket);
    await asked.stop();
    return asked.ownerOf(socket);
  };

  it.each([
    ['listens on any address', 'tcp', listening(ANY_V4, 100)],
    ['listens on any address of both families', 'tcp6', listening(ANY_V6, 100)],
    ['listens on this address', 'tcp', listening(LOCAL, 100)],
    ['has the connection', 'tcp', row(LOCAL, PEER, '01', 100)],
    ['has the connection on a socket of both families', 'tcp6', row(MAPPED_LOCAL, MAPPED_PEER, '01', 100)],
  ])('is the container that %s', async (_, name, line) => {
    table(name, line);

    expect(await ask()).toEqual({ kind: 'container', workload: inA });
  });

  it.each([
    ['the connection over the listener', row(LOCAL, PEER, '01', 200) + listening(LOCAL, 100)],
    ['this address over any', listening(LOCAL, 200) + listening(ANY_V4, 100)],
  ])('is decided by %s', async (_, lines) => {
    table('tcp', lines);

    expect(await ask()).toMatchObject({ workload: { name: 'exporter' } });
  });

  it('is the host when no container holds it', async () => {
    table('tcp', listening(ANY_V4, 999));

    expect(await ask()).toEqual({ kind: 'host' });
  });

  it('is not known when a container could not be looked into', async () => {
    table('tcp', listening(ANY_V4, 999));
    containers = [{ workload: inA, pid: 10 }, { workload: inB }];

    expect(await ask()).toBeUndefined();
  });

  it('is found a moment later when the process of its container was not known yet', async () => {
    const sockets = new HostSockets({ proc, cgroup: proc, intervalMs: 1 });
    sockets.setContainers([{ workload: inA }]);
    table('tcp', row(LOCAL, PEER, '01', 100));
    const flow: HostSocket = {
      protocol: 'tcp',
      ip: '172.30.0.1',
      port: 8080,
      peerIp: '172.30.0.2',
      peerPort: 40_000,
      since: 1,
    };

    sockets.began(flow);
    // Its first reading is under way, and knows no process.
    sockets.setContainers([{ workload: inA, pid: 10 }]);

    await expect.poll(() => sockets.ownerOf(flow)).toMatchObject({ workload: { name: 'proxy' } });
    await sockets.stop();
  });

  it('is not known when there is no such socket, or it is of another protocol, port or peer', async () => {
    table('tcp', row(LOCAL, PEER, '01', 100));

    expect(await ask({ port: 8081 })).toBeUndefined();
    expect(await ask({ peerPort: 40_001 })).toBeUndefined();
    expect(await ask({ protocol: 'udp' })).toBeUndefined();
  });

  it('are several when they share the port', async () => {
    table('tcp', listening(ANY_V4, 100), listening(ANY_V4, 200));

    expect(await ask()).toEqual({ kind: 'several', candidates: ['shop/proxy', 'shop/exporter'] });
  });

  it('is found in a child of the first process', async () => {
    rmSync(join(proc, '10'), { recursive: true });
    process_(10, A, [], [11]);
    process_(11, A, [100]);
    table('tcp', listening(ANY_V4, 100));

    expect(await ask()).toMatchObject({ workload: { name: 'proxy' } });
  });

  it('keeps its answer when the socket is closed, and forgets the oldest', async () => {
    const sockets = new HostSockets({ proc, cgroup: proc, intervalMs: 1, maxAnswers: 1 });
    sockets.setContainers([{ workload: inA, pid: 10 }]);
    table('tcp', row(LOCAL, PEER, '01', 100));
    const flow = {
      protocol: 'tcp',
      ip: '172.30.0.1',
      port: 8080,
      peerIp: '172.30.0.2',
      peerPort: 40_000,
    } as const;

    sockets.began({ ...flow, since: 1 });
    await expect.poll(() => sockets.ownerOf({ ...flow, since: 1 })).toBeDefined();
    table('tcp');
    expect(sockets.ownerOf({ ...flow, since: 1 })).toBeDefined();
    table('tcp', row(LOCAL, PEER, '01', 100));
    sockets.began({ ...flow, since: 2 });
    await expect.poll(() => sockets.ownerOf({ ...flow, since: 2 })).toBeDefined();

    expect(sockets.ownerOf({ ...flow, since: 1 })).toBeUndefined();
    await sockets.stop();
  });

  it('need not be asked where no container is on the host network', () => {
    const sockets = new HostSockets({ proc });
    expect(sockets.isNeeded).toBe(false);

    sockets.setContainers(containers);

    expect(sockets.isNeeded).toBe(true);
  });

  it('is never told of a process that is not the container', async () => {
    expect(await socketsOfContainer(B, 10, { proc, cgroup: proc })).toBeUndefined();
    expect(await socketsOfContainer(A, 10, { proc, cgroup: proc })).toEqual(new Set([100]));
  });

  it('knows what was started in the container later, also where its control group is out of sight', async () => {
    writeFileSync(join(proc, '10/status'), 'Name:\tserver\nPPid:\t5\n');
    process_(5, 'shim', [500], [10, 30, 40]);
    process_(30, A, [300], [31]);
    process_(31, A, [310]);
    process_(40, B, [400]);

    const inodes = await socketsOfContainer(A, 10, { proc, cgroup: join(proc, 'nowhere') });

    expect(inodes).toEqual(new Set([100, 300, 310]));
  });
});
