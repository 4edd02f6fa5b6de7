import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ContainerState } from '../../../src/sensor/docker/inventory-event.ts';
import { ListenerReader } from '../../../src/sensor/host/listener-reader.ts';

const ID = 'c'.repeat(64);
const PID = 7;

function listener(port: number): string {
  return `   0: 00000000:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A 0:0 00:0 0 0 0 9 1\n`;
}

/** A /proc of one container, in which tables change without their number being told, as no kernel's do. */
class Proc {
  readonly root = mkdtempSync(join(tmpdir(), 'listener-proc-'));

  constructor() {
    mkdirSync(join(this.root, `${PID}/net`), { recursive: true });
    mkdirSync(join(this.root, `${PID}/ns`));
    this.write('ns/net', '');
    this.write('cgroup', `0::/docker/${ID}\n`);
    this.count({});
  }

  count({ tcp = 0, tcp6 = 0 }: { tcp?: number; tcp6?: number }): void {
    this.write('net/sockstat', `sockets: used 9\nTCP: inuse ${tcp} orphan 0\nUDP: inuse 0 mem 2\n`);
    this.write('net/sockstat6', `TCP6: inuse ${tcp6}\nUDP6: inuse 0\n`);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.root, `${PID}/${name}`), text);
  }
}

const container = {
  workload: { containerId: ID, name: 'web' },
  pid: PID,
  endpoints: [],
} as unknown as ContainerState;

describe('ListenerReader', () => {
  const procs: Proc[] = [];
  afterEach(() => {
    for (const { root } of procs.splice(0)) rmSync(root, { recursive: true });
  });
  let nowMs = 0;
  function world(): { proc: Proc; ports: () => Promise<number[] | string> } {
    const proc = new Proc();
    procs.push(proc);
    nowMs = 0;
    const reader = new ListenerReader({ proc: proc.root, nowMs: () => nowMs });
    const ports = async () => {
      const reading = await reader.read(container);
      return reading.ok ? reading.listeners.map(({ port }) => port) : reading.reason;
    };
    return { proc, ports };
  }

  it('reads no table where there are no sockets', async () => {
    const { ports } = world();

    expect(await ports()).toEqual([]);
  });

  it('reads a table when the number of sockets has changed, and else once a minute', async () => {
    const { proc, ports } = world();
    proc.count({ tcp: 1 });
    proc.write('net/tcp', listener(80));
    expect(await ports()).toEqual([80]);

    proc.write('net/tcp', listener(81));
    nowMs = 59_999;
    expect(await ports()).toEqual([80]);
    nowMs = 60_000;
    expect(await ports()).toEqual([81]);

    proc.write('net/tcp', listener(81) + listener(82));
    proc.count({ tcp: 2 });
    expect(await ports()).toEqual([81, 82]);

    proc.count({ tcp: 0 });
    expect(await ports()).toEqual([]);
  });

  it('says what it could not read', async () => {
    const { proc, ports } = world();
    proc.count({ tcp6: 1 });
    expect(await ports()).toBe('its net/tcp6 cannot be read');
    rmSync(join(proc.root, `${PID}/net/sockstat`));
    expect(await ports()).toBe('it has no net/sockstat');
    proc.write('cgroup', '0::/somebody/else\n');
    expect(await ports()).toMatch(
      /pid 7 is not known here to be this container's; the engine names no namespace/,
    );
  });
});
