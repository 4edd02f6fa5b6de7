/**
 * Bad worlds through the real executable: what is missing, broken, full or lying is named, with what to do, in
 * bounded time and without a stack trace. One table a kind of trouble.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bridgewatch,
  NOT_BUILT,
  onTerminal,
  type Ran,
  type RunOptions,
  records,
  shell,
} from '../cli/support/bridgewatch.ts';
import { smallEngine } from '../cli/support/small-engine.ts';
import {
  inPrivateMounts,
  libpcapFiles,
  NO_PRIVATE_MOUNTS,
  POWERLESS,
  withoutBinding,
  withoutLibpcap,
} from '../cli/support/worlds.ts';
import { type FakeEngine, fakeEngine } from '../support/fake-engine.ts';
import { pcapFile, tcpFrame } from '../support/packet-builder.ts';

if (NOT_BUILT !== undefined) console.error(`SKIPPED: bad worlds of the command line: ${NOT_BUILT}`);
if (NO_PRIVATE_MOUNTS !== undefined) console.error(`SKIPPED: some bad worlds: ${NO_PRIVATE_MOUNTS}`);

/** One line on what happened and what to do; `stdout` where the answer itself says it. */
interface World {
  readonly name: string;
  readonly args: () => readonly string[];
  readonly options?: () => RunOptions;
  readonly code: number;
  readonly says: RegExp;
  readonly stdout?: RegExp;
}

/** Nobody waits longer for an answer, however slow the machine: the engine's deadline is set to 0.5 s here. */
const DEADLINE_SECS = 15;

describe.skipIf(NOT_BUILT !== undefined)('in a bad world', () => {
  let folder: string;
  let engine: FakeEngine;
  const servers: Server[] = [];
  const file = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bridgewatch-worlds-'));
    chmodSync(folder, 0o755);
    writeCaptures();
    writeDatabases();
    engine = fakeEngine(smallEngine());
    await engine.listen();
    chmodSync(join(engine.socket, '..'), 0o755);
    await listen('nonsense.sock', (peer) => peer.end('\u0000\u0001 hello \u001b[31m\n\n'));
    await listen('silent.sock', () => {});
    await listen('html.sock', (peer) => peer.end(http('200 OK', '<html>hi</html>')));
    await listen('failing.sock', (peer) => peer.end(http('500 Oops', '{"message":"out of order"}')));
    await listen('number.sock', (peer) => peer.end(http('200 OK', '42')));
    await listen('dead.sock', () => {});
    writeFileSync(file('file.sock'), '');
  });

  afterAll(async () => {
    for (const server of servers) server.close();
    await engine.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  function listen(name: string, answer: (peer: Socket) => void): Promise<void> {
    const server = createServer((peer) => {
      peer.on('error', () => {});
      peer.once('data', () => answer(peer));
    });
    server.unref();
    servers.push(server);
    return new Promise((resolve) => server.listen(file(name), resolve));
  }

  function writeCaptures(): void {
    const frames = Array.from({ length: 50 }, (_, i) => ({
      frame: tcpFrame({ src: '172.30.0.2', dst: '198.51.100.7', sport: 1000 + i, dport: 443, flags: 'S' }),
      timeMicros: 1_767_225_600_000_000 + i,
    }));
    const whole = pcapFile(frames);
    const gzipped = gzipSync(whole);
    const record = (whole.length - 24) / 50;
    const corrupt = Uint8Array.from(whole);
    corrupt.fill(0xff, 24 + 10 * record, 24 + 10 * record + 16);
    const captures: Readonly<Record<string, Uint8Array | string>> = {
      'ok.pcap': whole,
      'ok.pcap.gz': gzipped,
      'cut.pcap': whole.subarray(0, whole.length - 5),
      'cut.pcap.gz': gzipped.subarray(0, gzipped.length / 2),
      'twice.pcap.gz': gzipSync(gzipped),
      'header.pcap': whole.subarray(0, 10),
      'no-packets.pcap': whole.subarray(0, 24),
      'corrupt.pcap': corrupt,
      'empty.pcap': '',
      'text.pcap': 'tcpdump: listening on br-0a1b, link-type EN10MB\n',
      'noise.pcap': Uint8Array.from({ length: 4096 }, (_, i) => (i * 167) % 251),
      'secret.pcap': whole,
      'inventory.txt': 'NETWORK  DRIVER\n',
      'inventory-empty.ndjson': '',
      'inventory-kind.ndjson': '{"kind":"pod"}\n',
      'inventory-field.ndjson':
        '{"kind":"network","id":"a","name":"a","driver":"bridge","internal":false,"subnets":[]}\n{"kind":"network","id":"b","name":"b","driver":"bridge","internal":"no","subnets":["10.0.0.0/33"]}\n',
    };
    for (const [name, bytes] of Object.entries(captures)) writeFileSync(file(name), bytes);
    chmodSync(file('secret.pcap'), 0o000);
  }

  function writeDatabases(): void {
    const foreign = new BetterSqlite3(file('foreign.db'));
    foreign.exec('CREATE TABLE t (x)');
    foreign.close();
    const newer = new BetterSqlite3(file('newer.db'));
    newer.exec('CREATE TABLE events (seq)');
    newer.pragma(`application_id = ${0x42725767}`);
    newer.pragma('user_version = 99');
    newer.close();
    writeFileSync(file('corrupt.db'), 'no database'.repeat(1000));
    writeFileSync(file('empty.db'), '');
    mkdirSync(file('folder.db'));
  }

  /** The promise of every error: the exit code, one message, no stack trace, no waiting. */
  function check(ran: Ran, { code, says, stdout }: World): void {
    expect(ran.stderr).toMatch(says);
    expect(`${ran.stdout}${ran.stderr}`).not.toMatch(/\n {4}at |node:internal|internal error/);
    if (stdout !== undefined) expect(ran.stdout).toMatch(stdout);
    expect(ran.code).toBe(code);
    expect(ran.secs).toBeLessThan(DEADLINE_SECS);
  }

  const quick = { BRIDGEWATCH_DOCKER_REQUEST_TIMEOUT_MS: '500' };
  const test = (world: World) =>
    it.concurrent(world.name, async () => {
      check(await bridgewatch(world.args(), { env: quick, ...world.options?.() }), world);
    });

  describe('with captures', () => {
    const analyze =
      (name: string, ...more: string[]) =>
      () => ['analyze', file(name), ...more];
    const refused = (name: string, says: RegExp): World => ({ name, args: analyze(name), code: 3, says });
    const worlds: readonly World[] = [
      refused('missing.pcap', /cannot open .*missing\.pcap: no such file \(CAPTURE_FILE\)\n$/),
      {
        ...refused('.', /^bridgewatch: .*not read to the end: 3 of 7 files\n$/s),
        stdout: /^\n\d+ packets, /m,
      },
      refused('empty.pcap', /not a pcap or pcapng file; it is empty/),
      refused('text.pcap', /not a pcap or pcapng file; it begins with the text "tcpdump: /),
      refused('noise.pcap', /not a pcap or pcapng file/),
      refused('header.pcap', /its header is cut off: 10 of 24 bytes/),
      refused('twice.pcap.gz', /it is compressed twice/),
      {
        ...refused(
          'cut.pcap',
          /^bridgewatch: not read to the end: .*cut\.pcap ends inside a record, at byte \d+, after packet 49\n$/,
        ),
        stdout: /^\n49 packets, /m,
      },
      {
        ...refused('cut.pcap.gz', /not read to the end: .*the gzip data is cut off/),
        stdout: /\d+ packets, /,
      },
      {
        ...refused('corrupt.pcap', /not read to the end: .*corrupt at byte \d+, after packet 10: /),
        stdout: /^\n10 packets, /m,
      },
      {
        name: 'no-packets.pcap (which is no trouble)',
        args: analyze('no-packets.pcap'),
        code: 0,
        says: /^$/,
        stdout: /^\n0 packets, 0 B, 0 flows/,
      },
      {
        name: 'permission denied',
        args: analyze('secret.pcap'),
        options: () => ({ within: POWERLESS }),
        code: 3,
        says: /no permission to read it as user 0; change its mode or run as its owner/,
      },
      {
        name: 'a bad filter',
        args: analyze('ok.pcap', '--filter', 'tpc and'),
        code: 2,
        says: /bad filter "tpc and".*see pcap-filter\(7\)/,
      },
      {
        name: 'the portable backend asked for a filter',
        args: analyze('ok.pcap', '--filter', 'tcp', '--capture-backend', 'portable'),
        code: 3,
        says: /portable backend takes no filter.*use --capture-backend auto/,
      },
      {
        name: 'a missing inventory',
        args: analyze('ok.pcap', '--inventory', '/nowhere/i.ndjson'),
        code: 3,
        says: /cannot read the inventory \/nowhere\/i\.ndjson: no such file; make one with: bridgewatch map --json/,
      },
      {
        name: 'a directory as inventory',
        args: analyze('ok.pcap', '--inventory', '/tmp'),
        code: 3,
        says: /inventory \/tmp: it is a directory/,
      },
    ];
    worlds.forEach(test);

    it.each([
      ['inventory.txt', /inventory\.txt: line 1: not JSON; expected what `bridgewatch map --json` prints/],
      ['inventory-empty.ndjson', /no network in it; expected what `bridgewatch map --json` prints/],
      ['inventory-kind.ndjson', /line 1: "kind" must be "network", "container" or "host"/],
      ['inventory-field.ndjson', /line 2: internal: /],
    ])('%s as inventory', async (name, says) => {
      const ran = await bridgewatch(['analyze', file('ok.pcap'), '--inventory', file(name)]);

      check(ran, { name, args: () => [], code: 3, says });
    });

    it('reads stdin, redirected and piped, also gzipped, and says when it is cut', async () => {
      const runs = await Promise.all([
        shell('bridgewatch analyze - <"$1"', [file('ok.pcap')]),
        shell('cat "$1" | bridgewatch analyze -', [file('ok.pcap')]),
        shell('cat "$1" | bridgewatch analyze - --json', [file('ok.pcap.gz')]),
        shell('cat "$1" | bridgewatch analyze -', [file('cut.pcap')]),
        shell(': | bridgewatch analyze -'),
      ]);

      expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 3, 3]);
      expect(runs[0]!.stdout).toBe(runs[1]!.stdout);
      expect(records(runs[2]!.stdout).at(-1)).toMatchObject({ kind: 'summary', packets: 50, flows: 50 });
      expect(runs[3]!.stderr).toMatch(/not read to the end: stdin ends inside a record/);
      expect(runs[4]!.stderr).toMatch(/cannot read stdin: .*it is empty/);
    });

    it('asks for a pipe when stdin is a terminal', async () => {
      const { code, stdout } = await onTerminal(['analyze', '-']);

      expect(stdout).toMatch(/stdin: it is a terminal; pipe one in, as in: tcpdump -w -/);
      expect(code).toBe(3);
    });

    it('says so when the current directory has gone', async () => {
      const ran = await shell('mkdir "$1" && cd "$1" && rmdir "$1" && bridgewatch analyze x.pcap', [
        file('gone'),
      ]);

      expect(ran.stderr).toMatch(
        /cannot open x\.pcap: no such file \(and the current directory has been removed\)/,
      );
      expect(ran.code).toBe(3);
    });
  });

  describe('with engines', () => {
    const engines: readonly (readonly [string, () => string, number, RegExp])[] = [
      [
        'no socket',
        () => file('none.sock'),
        3,
        /no Docker socket at .*none\.sock; start the engine, or name its socket/,
      ],
      [
        'a regular file',
        () => file('file.sock'),
        3,
        /file\.sock cannot be reached: connect E\w+ .*; is dockerd running\?/,
      ],
      ['a directory', () => folder, 3, /cannot be reached: connect E\w+/],
      [
        'a socket nobody listens on',
        () => file('dead.sock'),
        3,
        /dead\.sock cannot be reached: connect ECONNREFUSED/,
      ],
      [
        'one that talks nonsense',
        () => file('nonsense.sock'),
        3,
        /nonsense\.sock cannot be reached: Parse Error/,
      ],
      ['one that hangs', () => file('silent.sock'), 3, /silent\.sock did not answer GET \/\w+ within 500 ms/],
      [
        'one that talks HTML',
        () => file('html.sock'),
        3,
        /html\.sock answered .* that are not JSON; is it a Docker engine\?/,
      ],
      [
        'one that answers with a number',
        () => file('number.sock'),
        3,
        /something that is no list; is it a Docker engine\?/,
      ],
      ['one that fails', () => file('failing.sock'), 3, /failing\.sock refused GET .*500.*out of order/],
      ['an address that is none', () => 'docker', 2, /"docker"; expected an absolute path, unix:/],
      [
        'a TCP port nobody listens on',
        () => 'tcp://127.0.0.1:1',
        3,
        /tcp:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/,
      ],
    ];

    it.each(engines)('%s: map ends, doctor tells', async (name, socket, code, says) => {
      if (name.startsWith('a socket nobody')) await closeLastServer();
      const args = ['--socket', socket()];

      const [map, doctor] = await Promise.all([
        bridgewatch(['map', ...args], { env: quick }),
        bridgewatch(['doctor', ...args], { env: quick }),
      ]);

      check(map, { name, args: () => [], code, says });
      expect(map.stdout).toBe('');
      expect(doctor.stdout).toMatch(new RegExp(`^fail +docker engine +.*${says.source}`, 'm'));
      expect(doctor.code).toBe(1);
    });

    it('DOCKER_HOST is taken, and named when it is wrong', async () => {
      const { code, stderr } = await bridgewatch(['map'], { env: { DOCKER_HOST: 'ssh://host' } });

      expect(stderr).toMatch(/DOCKER_HOST is "ssh:\/\/host"; expected/);
      expect(code).toBe(2);
    });

    it('an unknown interface: the map marks it, doctor says what to do', async () => {
      engine.setAnswer(smallEngine({ bridge: 'br-nowhere' }));

      const map = await bridgewatch(['map', '--socket', engine.socket]);
      const doctor = await bridgewatch(['doctor', '--socket', engine.socket, '--db', file('new.db')]);

      engine.setAnswer(smallEngine());
      expect(map.stdout).toMatch(/br-nowhere \(not here\)/);
      expect(doctor.stdout).toMatch(
        /^fail +network shop_data +its bridge br-nowhere is not in this network namespace\n +-> run the agent in the namespace of the engine/m,
      );
      expect(doctor.code).toBe(1);
    });

    it('a bad filter for every tap: doctor shows the network that cannot be watched', async () => {
      const env = { BRIDGEWATCH_CAPTURE_FILTER: 'tpc' };
      const { code, stdout } = await bridgewatch(['doctor', '--socket', engine.socket], { env });

      expect(stdout).toMatch(/^fail +network shop_data +.*bad filter "tpc"/m);
      expect(code).toBe(1);
    });
  });

  describe('with databases', () => {
    const databases: readonly (readonly [string, string, RegExp])[] = [
      ['missing', 'none.db', /there is no database at .*none\.db: the agent has not run yet/],
      [
        'of another program',
        'foreign.db',
        /foreign\.db is a SQLite database of another program; it was left untouched/,
      ],
      [
        'of a newer version',
        'newer.db',
        /newer\.db was written by a newer Bridgewatch \(format 99, .*Upgrade/,
      ],
      ['corrupt', 'corrupt.db', /corrupt\.db is not readable as a database/],
      ['empty', 'empty.db', /empty\.db is empty: no agent has written to it yet/],
      ['a directory', 'folder.db', /folder\.db is a directory; store\.path names the database file in it/],
    ];

    it.each(databases)('%s: events and flows end', async (name, database, says) => {
      for (const command of ['events', 'flows']) {
        const ran = await bridgewatch([command, '--db', file(database)]);

        check(ran, { name, args: () => [], code: 3, says });
        expect(ran.stdout).toBe('');
      }
    });

    it.each([
      ['foreign.db', /is a SQLite database of another program/],
      ['newer.db', /was written by a newer Bridgewatch/],
      ['folder.db', /cannot open the database .*folder\.db: /],
    ])('%s: run ends at once and leaves it as it was', async (database, says) => {
      const before = database === 'folder.db' ? '' : readFileSync(file(database), 'hex');

      const ran = await bridgewatch(['run', '--db', file(database), '--socket', file('none.sock')]);

      check(ran, { name: database, args: () => [], code: 3, says });
      if (before !== '') expect(readFileSync(file(database), 'hex')).toBe(before);
    });

    it.skipIf(NO_PRIVATE_MOUNTS !== undefined).each([
      [
        'full',
        'mount -t tmpfs -o size=64k none /mnt && head -c 65536 /dev/zero >/mnt/fill',
        /disk is full; free some space/,
        /^fail +database +the disk that holds \/mnt\/x\.db is full/m,
      ],
      [
        'read-only',
        'mount -t tmpfs -o ro none /mnt',
        /cannot open the database \/mnt\/x\.db.*may be written, or give another store\.path/,
        /^fail +database +\/mnt\/x\.db: EROFS/m,
      ],
    ])('on a disk that is %s: run ends, doctor tells', async (name, mount, says, told) => {
      const within = inPrivateMounts(mount);
      const args = ['--db', '/mnt/x.db', '--socket', file('none.sock')];

      const run = await bridgewatch(['run', ...args], { within });
      const doctor = await bridgewatch(['doctor', ...args], { within });

      check(run, { name, args: () => [], code: 3, says });
      expect(doctor.stdout).toMatch(told);
    });
  });

  describe('with configurations', () => {
    const wrong: readonly (readonly [string, string, RegExp])[] = [
      [
        'an unknown key',
        'capture:\n  snaplen_byte: 1\n',
        /c\.yaml:2:3: capture: unknown key "snaplen_byte"; did you mean "snaplen_bytes"\?/,
      ],
      [
        'an unknown analyzer',
        'analyzers:\n  dns-tunel: {}\n',
        /c\.yaml:2:3: analyzers: unknown key "dns-tunel"; did you mean "dns-tunnel"\?/,
      ],
      [
        'a value out of bounds',
        'capture:\n  snaplen_bytes: 3\n',
        /c\.yaml:2:18: capture\.snaplen_bytes: .*>=64 \(it is 3\)/,
      ],
      ['a value of the wrong type', 'store:\n  path: [a]\n', /c\.yaml:2:9: store\.path: .*expected string/],
      ['no YAML', 'capture: [1, 2\n', /c\.yaml:\d+:\d+: not valid YAML: /],
      ['a tab', 'capture:\n\tfilter: x\n', /c\.yaml:2:1: not valid YAML: Tabs/],
      [
        'a password in an address',
        'influxdb:\n  url: http://me:hunter2@db/\n',
        /c\.yaml:2:8: influxdb\.url: a password in an address/,
      ],
    ];

    it.each(wrong)('%s: every command names file:line:column', async (name, text, says) => {
      const path = file('c.yaml');
      writeFileSync(path, text);

      const checked = await bridgewatch(['check-config', path]);
      const used = await bridgewatch(['doctor', '--config', path]);

      check(checked, { name, args: () => [], code: 1, says });
      check(used, { name, args: () => [], code: 2, says });
      expect(`${checked.stderr}${used.stderr}`).not.toContain('hunter2');
    });

    it('a missing file, and a variable that fits no option', async () => {
      const missing = await bridgewatch(['events', '--config', '/nowhere/c.yaml']);
      const variable = await bridgewatch(['flows'], { env: { BRIDGEWATCH_STORE_PAHT: '/x' } });

      expect(missing.stderr).toMatch(
        /\/nowhere\/c\.yaml: cannot read the configuration: no such file; give an existing file with --config/,
      );
      expect(variable.stderr).toMatch(
        /environment BRIDGEWATCH_STORE_PAHT: no such option; did you mean BRIDGEWATCH_STORE_PATH\?/,
      );
      expect([missing.code, variable.code]).toEqual([2, 2]);
    });
  });

  describe('with InfluxDB', () => {
    it.each([
      [
        'refusing',
        'http://127.0.0.1:1',
        /^fail +influxdb +cannot reach InfluxDB at http:\/\/127\.0\.0\.1:1: ECONNREFUSED; is it running/m,
      ],
      [
        'nowhere',
        'http://influx.invalid:8086',
        /^fail +influxdb +cannot reach InfluxDB at http:\/\/influx\.invalid:8086: /m,
      ],
    ])('%s: doctor tells', async (_, url, told) => {
      const args = ['doctor', '--socket', engine.socket, '--db', file('new.db')];
      const { code, stdout } = await bridgewatch(args, { env: { BRIDGEWATCH_INFLUXDB_URL: url } });

      expect(stdout).toMatch(told);
      expect(code).toBe(1);
    });
  });

  describe.skipIf(NO_PRIVATE_MOUNTS !== undefined)('without capabilities', () => {
    const within = POWERLESS;

    it('analyze works', async () => {
      const { code, stdout } = await bridgewatch(['analyze', file('ok.pcap')], { within });

      expect(stdout).toMatch(/^\n50 packets, /);
      expect(code).toBe(0);
    });

    it('run ends at once, doctor tells which capabilities are missing', async () => {
      const run = await bridgewatch(['run', '--db', file('powerless.db')], { within });
      const doctor = await bridgewatch(['doctor', '--socket', file('none.sock')], { within });

      check(run, {
        name: 'run',
        args: () => [],
        code: 3,
        says: /no CAP_NET_RAW\); run as root, or the container with --privileged/,
      });
      expect(doctor.stdout).toMatch(
        /^fail +privileges +missing CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_ADMIN\n +-> run as root/m,
      );
      expect(doctor.code).toBe(1);
    });
  });

  describe.skipIf(NO_PRIVATE_MOUNTS !== undefined || libpcapFiles().length === 0)('without libpcap', () => {
    const within = NO_PRIVATE_MOUNTS === undefined ? withoutLibpcap() : [];

    it('analyze and version work', async () => {
      const analyze = await bridgewatch(['analyze', file('ok.pcap')], { within });
      const version = await bridgewatch(['version', '--json'], { within });

      expect(analyze).toMatchObject({ code: 0, stderr: '' });
      expect(analyze.stdout).toMatch(/^\n50 packets, /);
      expect(records(version.stdout)).toMatchObject([
        { problem: expect.stringContaining('CAPTURE_NO_LIBPCAP') },
      ]);
      expect(version.code).toBe(0);
    });

    it.each(['auto', 'native', 'portable'])('run ends at once with --capture-backend %s', async (backend) => {
      const args = ['run', '--db', file('no-libpcap.db'), '--capture-backend', backend];
      const run = await bridgewatch(args, { within });

      const says = /libpcap.*install it.*CAPTURE_NO_LIBPCAP/;
      check(run, { name: 'run', args: () => [], code: 3, says });
      expect(run.stderr.trim().split('\n')).toHaveLength(1);
    });

    it('a filter and doctor say what to install', async () => {
      const filter = await bridgewatch(['analyze', file('ok.pcap'), '--filter', 'tcp'], { within });
      const doctor = await bridgewatch(['doctor', '--socket', engine.socket], { within });

      const says = /cannot load libpcap: tried libpcap\.so\.1.*install it.*\(CAPTURE_NO_LIBPCAP\)/;
      check(filter, { name: 'filter', args: () => [], code: 3, says });
      expect(doctor.stdout).toMatch(/^fail +capture backend +cannot load libpcap: /m);
      expect(doctor.code).toBe(1);
    });
  });

  describe.skipIf(NO_PRIVATE_MOUNTS !== undefined)('without our binding', () => {
    const within = NO_PRIVATE_MOUNTS === undefined ? withoutBinding() : [];

    it('analyze and version work', async () => {
      const analyze = await bridgewatch(['analyze', file('ok.pcap')], { within });
      const version = await bridgewatch(['version'], { within });

      expect(analyze).toMatchObject({ code: 0, stderr: '' });
      expect(version.stdout).toMatch(
        /^no native capture: the libpcap binding is not built .*npm run build:native/m,
      );
      expect(version.code).toBe(0);
    });

    it('capture falls back to the portable backend, and doctor says what that cannot know', async () => {
      const { stdout } = await bridgewatch(['doctor', '--socket', engine.socket], { within });

      expect(stdout).toMatch(
        /^warn +capture backend +portable \(the libpcap binding is not built .*What it cannot know: No kernel timestamps/m,
      );
      expect(stdout).toMatch(/^ok +network shop_data +tapped at lo/m);
    });

    it('run with the native backend, asked for by name, ends at once and says what to build', async () => {
      const args = ['run', '--db', file('no-binding.db'), '--capture-backend', 'native'];
      const run = await bridgewatch(args, { within });

      const says = /the libpcap binding is not built .*npm run build:native.*CAPTURE_NO_BINDING/;
      check(run, { name: 'run', args: () => [], code: 3, says });
    });

    it('the native backend, when asked for by name, is refused; so is a filter', async () => {
      const doctor = await bridgewatch(['doctor', '--socket', engine.socket, '--capture-backend', 'native'], {
        within,
      });
      const filter = await bridgewatch(['analyze', file('ok.pcap'), '--filter', 'tcp'], { within });

      expect(doctor.stdout).toMatch(/^fail +capture backend +the libpcap binding is not built/m);
      expect(doctor.code).toBe(1);
      check(filter, {
        name: 'filter',
        args: () => [],
        code: 3,
        says: /cannot apply a filter.*leave the filter out \(CAPTURE_NO_BINDING\)/,
      });
    });
  });

  async function closeLastServer(): Promise<void> {
    // Closing removes the socket's file, so the name is kept by a second one that died without closing.
    await new Promise((resolve) => servers.pop()!.close(resolve));
    const script =
      'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
    await shell('"$BW_NODE" -e "$1" "$2"', [script, file('dead.sock')]);
  }
});

function http(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}
