import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  interfaceNames,
  localIpv4,
  localIpv6,
  readHostInterfaces,
} from '../../../src/sensor/host/interfaces.ts';

const TRIE = `Main:
  +-- 0.0.0.0/0 2 0 2
     +-- 127.0.0.0/31 1 0 0
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
     |-- 172.17.0.0
        /16 link UNICAST
     |-- 172.17.0.1
        /32 host LOCAL
     |-- 172.17.255.255
        /32 link BROADCAST
     |-- 198.51.100.7
        /32 universe UNICAST
Local:
     |-- 172.17.0.1
        /32 host LOCAL
`;
const IF_INET6 = `fe800000000000000042f5fffe4072ef 02 40 20 80  docker0
00000000000000000000000000000001 01 80 10 80       lo
20010db8000500000000000000000001 04 40 00 80 br-shop
`;
const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 5092 92 0 0 0 0 0 0 5092 92 0 0 0 0 0 0
docker0:0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
`;

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

describe('reading /proc/net', () => {
  it('takes the addresses of this host and no others out of the routing trie', () => {
    expect(localIpv4(TRIE)).toEqual(['127.0.0.1', '172.17.0.1']);
  });

  it('reads IPv6 addresses with their interface', () => {
    expect(localIpv6(IF_INET6)).toEqual([
      { ip: 'fe80::42:f5ff:fe40:72ef', name: 'docker0' },
      { ip: '::1', name: 'lo' },
      { ip: '2001:db8:5::1', name: 'br-shop' },
    ]);
    expect(localIpv6('garbage\n\nffff 1 2 3 4 x')).toEqual([]);
  });

  it('reads names also where the counter touches the colon', () => {
    expect(interfaceNames(DEV)).toEqual(['lo', 'docker0']);
  });
});

describe('readHostInterfaces', () => {
  function fakeProc(files: Record<string, string>): { procNet: string; sysClassNet: string } {
    const dir = mkdtempSync(join(tmpdir(), 'bw-proc-'));
    dirs.push(dir);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    mkdirSync(join(dir, 'sys/docker0/bridge'), { recursive: true });
    mkdirSync(join(dir, 'sys/eth0'), { recursive: true });
    return { procNet: dir, sysClassNet: join(dir, 'sys') };
  }

  it('joins both families, and knows which interface is a bridge', () => {
    const host = readHostInterfaces(fakeProc({ fib_trie: TRIE, if_inet6: IF_INET6, dev: DEV }));

    expect(host.has('172.17.0.1')).toBe(true);
    expect(host.has('172.17.255.255')).toBe(false);
    expect(host.onInterface('docker0', 'fe80::42:f5ff:fe40:72ef')).toBe(true);
    expect(host.onInterface('br-shop', 'fe80::42:f5ff:fe40:72ef')).toBe(false);
    expect(['docker0', 'eth0', 'elsewhere'].map((name) => host.isBridge(name))).toEqual([
      true,
      false,
      undefined,
    ]);
  });

  it('does without IPv6, and without anything', () => {
    expect(readHostInterfaces(fakeProc({ fib_trie: TRIE })).addresses).toEqual(['127.0.0.1', '172.17.0.1']);
    expect(readHostInterfaces(fakeProc({})).addresses).toEqual([]);
  });

  const notRoot = process.getuid?.() !== 0;
  if (notRoot) console.warn('SKIPPED: a bridge without carrier: needs root for a network namespace');
  it.skipIf(notRoot)('sees the address of a bridge without carrier, which libuv leaves out', () => {
    const netns = `bwhost${process.pid}`;
    const inside = (...argv: string[]): string =>
      execFileSync('nsenter', [`--net=/var/run/netns/${netns}`, '--', ...argv], { encoding: 'utf8' });
    execFileSync('ip', ['netns', 'add', netns]);
    try {
      inside('ip', 'link', 'add', 'br-idle', 'type', 'bridge');
      inside('ip', 'addr', 'add', '172.30.7.1/24', 'dev', 'br-idle');
      // A port that is down takes the carrier away, as the last container does when it stops.
      inside('ip', 'link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'port1');
      inside('ip', 'link', 'set', 'port0', 'master', 'br-idle');
      inside('ip', 'link', 'set', 'br-idle', 'up');

      expect(localIpv4(inside('cat', '/proc/net/fib_trie'))).toContain('172.30.7.1');
      expect(interfaceNames(inside('cat', '/proc/net/dev'))).toContain('br-idle');
      const libuv = inside(process.execPath, '-p', 'JSON.stringify(os.networkInterfaces())');
      expect(libuv).not.toContain('172.30.7.1');
    } finally {
      execFileSync('ip', ['netns', 'del', netns]);
    }
  });

  it('finds this machine its own loopback', () => {
    const host = readHostInterfaces();

    expect(host.names).toContain('lo');
    expect(host.onInterface('lo', '127.0.0.1')).toBe(true);
    expect(host.isBridge('lo')).not.toBe(true);
  });
});
