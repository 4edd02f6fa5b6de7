import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerState } from '../../../src/sensor/docker/inventory-event.ts';
import { diagnoseSockets } from '../../../src/sensor/host/diagnose-sockets.ts';
import { workload } from '../../support/records.ts';

const ID = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'bw-diagnose-sockets-'));
});
afterEach(() => rmSync(proc, { recursive: true }));

const container = (networkMode: string, pid?: number): ContainerState => ({
  workload: workload('exporter', [networkMode], { containerId: ID }),
  endpoints: [],
  ...(pid === undefined ? {} : { pid }),
});

function processOf(containerId: string): void {
  mkdirSync(join(proc, '10/ns'), { recursive: true });
  mkdirSync(join(proc, '10/fd'));
  writeFileSync(join(proc, '10/ns/net'), '');
  writeFileSync(join(proc, '10/cgroup'), `0::/docker/${containerId}\n`);
  symlinkSync('socket:[100]', join(proc, '10/fd/3'));
}
const diagnose = (...containers: ContainerState[]) =>
  diagnoseSockets(containers, { proc, cgroup: join(proc, 'nowhere') });

describe('doctor about containers on the host network', () => {
  it('has nothing to say where none runs there', async () => {
    const found = await diagnose(container('shop_data', 10), container('host'));

    expect(found).toEqual({ check: 'host network', outcome: 'ok', detail: 'no container is on it' });
  });

  it('shows that one of them is told from the host', async () => {
    processOf(ID);

    expect(await diagnose(container('host', 10))).toEqual({
      check: 'host network',
      outcome: 'ok',
      detail: 'containers on it are told from the host, by their sockets: exporter',
    });
  });

  it.each([
    ['no such process here', undefined, 'pid 10 is not visible here'],
    ["another's process here", OTHER, "pid 10 is not known here to be this container's"],
  ])('in a PID namespace of its own (%s) says what is not seen, and what to do', async (_, owner, says) => {
    if (owner !== undefined) processOf(owner);

    const found = await diagnose(container('host', 10));

    expect(found.outcome).toBe('warn');
    expect(found.detail).toContain(says);
    expect(found.detail).toContain('cannot be told from what the host does');
    expect(found.advice).toContain('pid: host');
  });

  it('is not content with those that it can look into', async () => {
    processOf(ID);
    const other: ContainerState = {
      ...container('host', 20),
      workload: workload('other', ['host'], { containerId: OTHER }),
    };

    expect(await diagnose(container('host', 10), other)).toMatchObject({
      outcome: 'warn',
      detail: expect.stringContaining('other: pid 20 is not visible here'),
    });
  });

  it('says which capability is missing when the open files cannot be read', async () => {
    processOf(ID);
    rmSync(join(proc, '10/fd'), { recursive: true });
    // Not a directory: as unreadable as one that only its owner may read is to others.
    writeFileSync(join(proc, '10/fd'), '');

    expect(await diagnose(container('host', 10))).toMatchObject({
      outcome: 'warn',
      advice: expect.stringContaining('CAP_SYS_PTRACE'),
    });
  });
});
