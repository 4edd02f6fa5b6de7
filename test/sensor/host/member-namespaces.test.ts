import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMemberNamespaces } from '../../../src/sensor/host/member-namespaces.ts';
import { container } from '../audit/support.ts';

describe('namespaces of members', () => {
  let proc: string;
  beforeAll(() => {
    proc = mkdtempSync(join(tmpdir(), 'bw-proc-'));
    mkdirSync(join(proc, '7/net'), { recursive: true });
    mkdirSync(join(proc, '7/ns'));
    symlinkSync('/proc/self/ns/net', join(proc, '7/ns/net'));
    writeFileSync(
      join(proc, '7/net/route'),
      readFileSync('/proc/self/net/route', 'utf8').split('\n')[0] +
        '\neth0\t00000000\t01001EAC\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t00001EAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n',
    );
    writeFileSync(join(proc, '7/net/snmp'), 'Ip: Forwarding ForwDatagrams OutNoRoutes\nIp: 1 5 9\n');
  });
  afterAll(() => rmSync(proc, { recursive: true }));

  it('are read through the process of each, in their order, default routes alone', async () => {
    const ours = container('a', { pid: 7, sandboxKey: '/proc/self/ns/net' });
    const [first, second] = await readMemberNamespaces([ours, container('b')], proc);

    expect(first).toMatchObject({
      ...{ containerId: 'id-a', ok: true, noRoutes: { ipv4: 9 }, forwards: { isOn: true, ipv4: 5 } },
      defaultRoutes: [{ interface: 'eth0', isDefault: true, gateway: '172.30.0.1' }],
    });
    expect(second).toEqual({ containerId: 'id-b', ok: false, reason: 'it has no process yet' });
  });

  it('are not those of another process with the same number', async () => {
    const theirs = container('a', { pid: 7, sandboxKey: '/proc/self/ns/mnt' });

    expect(await readMemberNamespaces([theirs], proc)).toEqual([
      { containerId: 'id-a', ok: false, reason: expect.stringContaining('pid 7 is another process here') },
    ]);
  });
});
