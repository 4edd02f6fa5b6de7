/** `capture` and `extcap` on a real engine, through the executable; what they write is read by tshark. */

import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CaptureRecord } from '../../src/cli/lib/records.ts';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { type RunningProcess, type RunResult, waitFor } from '../lab/run.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle(['tshark']) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: capture on a real engine: ${obstacle}`);

const DATA = { name: 'shop_data', subnet: '172.30.51.0/24', gateway: '172.30.51.1' };
const DB = '172.30.51.2';
const API = '172.30.51.3';
const OTHER = '172.30.51.4';
const FIELDS = ['ip.src_host', 'ip.dst_host', 'frame.interface_name', 'frame.interface_description'];

describe.skipIf(obstacle !== undefined)('capture', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab();
    await importBusybox(lab);
    const { name, subnet, gateway } = DATA;
    await lab.docker(['network', 'create', '--internal', '--subnet', subnet, '--gateway', gateway, name]);
    const labels = (service: string) => [
      ...['--label', 'com.docker.compose.project=shop', '--label', `com.docker.compose.service=${service}`],
    ];
    const run = (container: string, ip: string, ...command: readonly string[]) =>
      lab.docker([
        ...['run', '-d', '--network', name, '--ip', ip, '--name', container, ...labels(container)],
        ...[BUSYBOX_IMAGE, ...command],
      ]);
    await run('db', DB, 'sleep', '600');
    await run('api', API, 'ping', '-i', '0.2', DB);
    await run('other', OTHER, 'ping', '-i', '0.2', API);
    await lab.docker(['run', '-d', '--network', 'host', '--name', 'on-host', BUSYBOX_IMAGE, 'sleep', '600']);
  });

  afterAll(async () => {
    await lab?.stop();
  });

  const capture = (...args: readonly string[]): Promise<RunResult> =>
    lab.exec('host', agentCommand('capture', ...args), { cwd: lab.dir, accept: 'any' });

  const capturing = (...args: readonly string[]): RunningProcess =>
    lab.spawn('host', agentCommand('capture', ...args), { cwd: lab.dir });

  async function rows(path: string, ...options: readonly string[]): Promise<string[][]> {
    const { stdout } = await lab.exec('host', [
      ...['tshark', '-N', 'n', '-r', path, '-Y', 'icmp', ...options, '-T', 'fields'],
      ...FIELDS.flatMap((field) => ['-e', field]),
    ]);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  }

  it('writes a network with its name, the names of its containers, and what was lost', async () => {
    const path = join(lab.dir, 'data.pcapng');

    const { code, stdout } = await capture(DATA.name, '-w', path, '--count', '20', '--json');

    expect(code).toBe(0);
    const record = JSON.parse(stdout) as CaptureRecord;
    expect(record).toMatchObject({
      end: 'packets',
      packets: 20,
      targets: [DATA.name],
      interfaces: [{ network: DATA.name, internal: true, droppedByKernel: 0, packets: 20 }],
      notRecorded: [],
    });
    const bytes = readFileSync(path);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(record.files).toEqual([{ name: 'data.pcapng', bytes: bytes.length, sha256 }]);
    expect(JSON.parse(readFileSync(`${path}.json`, 'utf8'))).toEqual(record);
    const seen = await rows(path);
    expect(new Set(seen.map(([from, to]) => [from, to].sort().join(' ')))).toEqual(
      new Set(['shop/api shop/db', 'shop/api shop/other']),
    );
    const [, , bridge, description] = seen[0]!;
    expect(bridge).toMatch(/^br-[0-9a-f]{12}$/);
    expect(description).toBe(`docker network ${DATA.name} (${bridge?.slice(3)})`);
  });

  it('pipes the packets of one container on, and ends quietly with its reader', async () => {
    const { stdout, stderr, code } = await lab.exec(
      'host',
      [
        ...[
          'sh',
          '-c',
          '"$@" capture shop/db -w - | tshark -N n -r - -Y icmp -c 4 -T fields -e ip.src_host -e ip.dst_host',
        ],
        ...['sh', ...agentCommand()],
      ],
      { cwd: lab.dir, accept: 'any' },
    );

    expect({ code, stdout: new Set(stdout.trim().split('\n')) }).toEqual({
      code: 0,
      stdout: new Set(['shop/api\tshop/db', 'shop/db\tshop/api']),
    });
    expect(stderr).toMatch(/packets dropped by kernel/);
  });

  it('ends at Ctrl-C as tcpdump does, with a whole file', async () => {
    const path = join(lab.dir, 'stopped.pcapng');
    const running = capturing('db', '-w', path, '--filter', 'icmp');
    await waitFor('packets in the file', () => existsSync(path) && readFileSync(path).length > 2000, {
      explain: running.output,
    });

    await running.stop('SIGINT');

    expect(await running.exited).toBe(0);
    expect(running.output()).toMatch(
      /^bridgewatch: \d+ packets captured\n\d+ packets received by filter\n0 packets dropped by kernel\nstopped\.pcapng: [\d.]+ KiB\n$/,
    );
    expect((await rows(path)).length).toBeGreaterThan(3);
  });

  it('follows a container that is replaced', async () => {
    const path = join(lab.dir, 'replaced.pcapng');
    const running = capturing('shop/other', '-w', path);
    await waitFor('packets in the file', () => existsSync(path) && readFileSync(path).length > 2000, {
      explain: running.output,
    });

    await lab.docker(['rm', '-f', 'other']);
    await lab.docker([
      ...['run', '-d', '--network', DATA.name, '--ip', '172.30.51.9', '--name', 'other'],
      ...['--label', 'com.docker.compose.project=shop', '--label', 'com.docker.compose.service=other'],
      ...[BUSYBOX_IMAGE, 'ping', '-i', '0.2', DB],
    ]);
    await waitFor('the new one in the file', async () =>
      (await rows(path, '-o', 'nameres.network_name:FALSE')).some(([from]) => from === '172.30.51.9'),
    );
    await running.stop('SIGINT');

    const names = (await rows(path)).map(([from]) => from);
    expect(names).toContain('shop/other');
    expect(JSON.parse(readFileSync(`${path}.json`, 'utf8'))).toMatchObject({ interfaces: [{}, {}] });
  });

  it.each([
    ['what has no such name', ['shop/cache'], 2, /no network, container or service is called "shop\/cache"/],
    [
      'a container without a network of its own',
      ['on-host'],
      3,
      /on-host is on the host's own network, which is not tapped/,
    ],
    ['a filter that is none', [DATA.name, '--filter', 'tcp prt 53'], 2, /filter/],
    ['a size that is none', [DATA.name, '--max-size', 'big'], 2, /--max-size "big" is none/],
    ['rotation without a size', [DATA.name, '--rotate', '3'], 2, /--max-size says when the next begins/],
  ])('refuses %s, and writes nothing', async (_what, args, exitCode, message) => {
    const path = join(lab.dir, 'never.pcapng');

    const { code, stderr } = await capture(...args, '-w', path);

    expect({ code, stderr }).toEqual({ code: exitCode, stderr: expect.stringMatching(message) });
    expect(existsSync(path)).toBe(false);
  });

  it('is an interface of Wireshark', async () => {
    const folder = join(lab.dir, 'extcap');
    mkdirSync(folder);
    const program = join(folder, 'bridgewatch');
    writeFileSync(program, `#!/bin/sh\nexec ${agentCommand('extcap').join(' ')} "$@"\n`);
    chmodSync(program, 0o755);
    // Before 4.2 Wireshark has one folder for all users: ours is laid over it, for these processes only.
    const folders = await lab.exec('host', ['tshark', '-G', 'folders'], { accept: 'any' });
    const systemFolder = /^Extcap path:\s+(\S+)$/m.exec(folders.stdout)![1]!;
    const laidOver = 'mount --bind "$1" "$2" && shift 2 && exec tshark "$@"';
    const tshark = (...args: readonly string[]) =>
      lab.exec('host', ['unshare', '-m', 'sh', '-c', laidOver, 'sh', folder, systemFolder, ...args], {
        accept: 'any',
      });

    const list = await tshark('-D');
    const packets = await tshark(
      ...['-i', 'bridgewatch.container.db', '-f', 'icmp', '-c', '4', '-N', 'n', '-T', 'fields'],
      ...['-e', 'ip.src_host', '-e', 'ip.dst_host'],
    );

    expect(list.stdout).toMatch(
      /bridgewatch\.network\.shop_data \(Docker network shop_data \(internal\)\)$/m,
    );
    expect(list.stdout).toMatch(/bridgewatch\.container\.db \(Docker container shop\/db\)$/m);
    expect(packets.code).toBe(0);
    const seen = packets.stdout.trim().split('\n');
    expect(seen).toHaveLength(4);
    // Also of `other`, which the test before made talk with it.
    for (const row of seen) expect(row.split('\t')).toContain('shop/db');
  });
});
