import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { listenersIn, readListenerTable } from '../../../src/sensor/host/listener-table.ts';

const TITLE =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

/** As the kernel prints it: 32-bit words of the address as they lie in memory. */
function row(local: string, remote: string, state: string, inode = 77): string {
  return `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 00000000a7b899e2 100 0 0 10 0\n`;
}

const ANY4 = '00000000';
const NOBODY = '00000000:0000';
const port = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0');

describe('listenersIn', () => {
  it('tells addresses, ports and inodes of TCP listeners, of both families', () => {
    const tcp = listenersIn(
      TITLE + row(`${ANY4}:0050`, NOBODY, '0A', 11) + row('0100007F:1F90', NOBODY, '0A', 12),
      'tcp',
    );
    const any6 = '0'.repeat(32);
    const tcp6 = listenersIn(
      TITLE +
        row(`${any6}:0050`, `${any6}:0000`, '0A') +
        row(`B80D0120000000000000000002000000:01BB`, `${any6}:0000`, '0A'),
      'tcp',
    );

    expect(tcp).toEqual([
      { protocol: 'tcp', ip: '0.0.0.0', port: 80, inode: 11 },
      { protocol: 'tcp', ip: '127.0.0.1', port: 8080, inode: 12 },
    ]);
    expect(tcp6.map(({ ip, port }) => [ip, port])).toEqual([
      ['::', 80],
      ['2001:db8::2', 443],
    ]);
  });

  it('reads no further than the first connection, which the kernel lists after all listeners', () => {
    const connection = row('0200A8C0:0050', '0300A8C0:C000', '01');
    const rows = listenersIn(
      TITLE + row(`${ANY4}:0050`, NOBODY, '0A') + connection + row(`${ANY4}:0051`, NOBODY, '0A'),
      'tcp',
    );

    expect(rows.map((each) => each.port)).toEqual([80]);
  });

  it('takes unconnected UDP sockets, on both sides of the range that clients are given', () => {
    const ports = [53, 32_767, 32_768, 60_999, 61_000];
    const rows = listenersIn(
      TITLE +
        row('0200A8C0:0035', '0300A8C0:0035', '01') +
        ports.map((each) => row(`${ANY4}:${port(each)}`, NOBODY, '07')).join(''),
      'udp',
    );

    expect(rows.map((each) => each.port)).toEqual([53, 32_767, 61_000]);
  });

  it('leaves out what it does not understand', () => {
    expect(listenersIn(`${TITLE}garbage\n   0: zz:0050 ${NOBODY} 0A\n\n`, 'tcp')).toEqual([]);
  });
});

describe('readListenerTable', () => {
  const dirs: string[] = [];
  afterEach(() => {
    for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
  });
  function file(text: string): string {
    const dir = mkdtempSync(join(tmpdir(), 'listeners-'));
    dirs.push(dir);
    writeFileSync(join(dir, 'table'), text);
    return join(dir, 'table');
  }

  it('puts lines together that were read in two pieces', async () => {
    const many = Array.from({ length: 500 }, (_, i) => row(`${ANY4}:${port(i + 1)}`, NOBODY, '0A')).join('');
    const table = await readListenerTable(file(TITLE + many), 'tcp');

    expect(table!.isWhole).toBe(true);
    expect(table!.listeners.map((each) => each.port)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
  });

  it('reads a table of 100,000 connections up to the first of them', async () => {
    const connections = row('0200A8C0:0050', '0300A8C0:C000', '01').repeat(100_000);
    const path = file(TITLE + row(`${ANY4}:0050`, NOBODY, '0A') + connections);
    const table = await readListenerTable(path, 'tcp');

    expect(table).toEqual({ listeners: [expect.objectContaining({ port: 80 })], isWhole: true });
  });

  it('says so when a table has more sockets than it reads', async () => {
    const line = row(`${ANY4}:0035`, NOBODY, '07');
    const below = await readListenerTable(file(line.repeat(1500)), 'udp');
    const beyond = await readListenerTable(file(line.repeat(3000)), 'udp');

    expect([below!.isWhole, beyond!.isWhole]).toEqual([true, false]);
  });

  it('knows nothing where there is no table', async () => {
    expect(await readListenerTable('/nowhere/tcp', 'tcp')).toBeUndefined();
  });
});
