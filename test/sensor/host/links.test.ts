import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { LinkWatch } from '../../../src/sensor/host/link-watch.ts';
import { learnedEntries, readBridgePorts } from '../../../src/sensor/host/links.ts';
import { containerFact, endpointFact, networkFact, T0 } from '../../support/inventory-facts.ts';

const MAC = '02:42:ac:1e:00:02';
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

/** include/uapi/linux/if_bridge.h, struct __fdb_entry. */
function entry(mac: string, port: number, isLocal = false): Buffer {
  const bytes = Buffer.alloc(16);
  Buffer.from(mac.replaceAll(':', ''), 'hex').copy(bytes);
  bytes[6] = port & 0xff;
  bytes[7] = isLocal ? 1 : 0;
  bytes[12] = port >> 8;
  return bytes;
}

function sysWith(table: Buffer, ports: Readonly<Record<string, number>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'bw-links-'));
  cleanUps.push(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, 'br-net', 'brif'), { recursive: true });
  writeFileSync(join(dir, 'br-net', 'brforward'), table);
  for (const [veth, port] of Object.entries(ports)) {
    mkdirSync(join(dir, 'br-net', 'brif', veth));
    mkdirSync(join(dir, veth));
    writeFileSync(join(dir, 'br-net', 'brif', veth, 'port_no'), `0x${port.toString(16)}\n`);
    writeFileSync(join(dir, veth, 'ifindex'), `${port + 100}\n`);
  }
  return dir;
}

describe("the host's end of a link", () => {
  it('is the port behind which the bridge saw the MAC; its own addresses are nobody’s', async () => {
    const table = Buffer.concat([
      entry(MAC, 2),
      entry('02:42:00:00:00:01', 1, true),
      entry('0a:00:00:00:00:0b', 257),
    ]);
    const sysClassNet = sysWith(table, { veth1: 1, veth2: 2, veth257: 257 });

    expect([...(await readBridgePorts('br-net', { sysClassNet }))]).toEqual([
      [MAC, { veth: 'veth2', ifIndex: 102 }],
      ['0a:00:00:00:00:0b', { veth: 'veth257', ifIndex: 357 }],
    ]);
  });

  it('is not known when this /sys does not show the bridge', async () => {
    expect((await readBridgePorts('br-none', { sysClassNet: '/nonexistent' })).size).toBe(0);
  });

  it('goes to a lease once, and never to two', async () => {
    const state = new InventoryState();
    state.networkSeen(networkFact({ name: 'net' }), T0);
    state.connected(endpointFact('a', 'net', ['172.30.0.2'], MAC), T0, containerFact('a'));
    state.connected(endpointFact('b', 'net', ['172.30.0.3'], '0a:00:00:00:00:0b'), T0, containerFact('b'));
    // Both MACs behind one port: somebody there sends with the other's.
    const table = Buffer.concat([entry(MAC, 2), entry('0a:00:00:00:00:0b', 2)]);
    const watch = new LinkWatch({ state, sysClassNet: sysWith(table, { veth2: 2 }) });
    await watch.poll();
    await watch.stop();

    expect([...state.openIntervals()].map(({ interval }) => interval.link.veth)).toEqual([
      'veth2',
      undefined,
    ]);
  });
});

describe('the network namespace', () => {
  it.each([
    ['is the inode that the kernel shows for the main process', '/proc/self/ns/net', true],
    ['is not known when that process is another than the container’s', '/proc/self/ns/mnt', false],
  ])('%s', async (_, sandboxKey, isKnown) => {
    const state = new InventoryState();
    const facts = containerFact('a', { pid: process.pid, sandboxKey });
    state.connected(endpointFact('a', 'net', ['172.30.0.2'], MAC), T0, facts);
    const watch = new LinkWatch({ state });
    await watch.poll();
    await watch.stop();

    const inode = Number(/\d+/.exec(readlinkSync('/proc/self/ns/net'))![0]);
    expect([...state.openIntervals()][0]!.interval.link.netns).toBe(isKnown ? inode : undefined);
  });
});

const canMakeNamespaces =
  process.getuid?.() === 0 && spawnSync('ip', ['netns', 'list'], { stdio: 'ignore' }).status === 0;
if (!canMakeNamespaces) console.warn("SKIPPED: a real bridge's forwarding table: needs root and `ip netns`");

describe.skipIf(!canMakeNamespaces)("a real bridge's forwarding table", () => {
  it('names the port of the MAC that sent, in the layout we read', () => {
    const name = `bw-fdb-${process.pid}`;
    const inside = (...command: string[]): Buffer =>
      execFileSync('ip', ['netns', 'exec', name, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
    execFileSync('ip', ['netns', 'add', name]);
    cleanUps.push(() => execFileSync('ip', ['netns', 'del', name]));
    inside('ip', 'link', 'add', 'br-t', 'type', 'bridge');
    inside('ip', 'link', 'add', 'vh', 'type', 'veth', 'peer', 'name', 'vc');
    inside('ip', 'link', 'set', 'vh', 'master', 'br-t');
    inside('bridge', 'fdb', 'add', MAC, 'dev', 'vh', 'master', 'static');
    const port = Number(inside('cat', '/sys/class/net/br-t/brif/vh/port_no').toString());
    const table = inside('cat', '/sys/class/net/br-t/brforward');

    expect(learnedEntries(table)).toContainEqual({ mac: MAC, port });
    expect(table.length % 16).toBe(0);
  });
});
