/** What the commands print and how they end, through the real executable. */
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Station } from '../../src/station/station.ts';
import {
  bridgewatch,
  NOT_BUILT,
  onTerminal,
  type Ran,
  records,
  shell,
  start,
  unsafeText,
} from '../cli/support/bridgewatch.ts';
import { smallEngine } from '../cli/support/small-engine.ts';
import { memoryLogger, stationConfig, until } from '../station/support/harness.ts';
import { lease } from '../station/support/leases.ts';
import {
  dns,
  endpoint,
  finding,
  flow,
  inventory,
  loss,
  network,
  outside,
} from '../station/support/records.ts';
import { type FakeEngine, fakeEngine } from '../support/fake-engine.ts';
import { answer, dnsQuery, dnsResponse, pcapFile, tcpFrame, udpFrame } from '../support/packet-builder.ts';

if (NOT_BUILT !== undefined) console.error(`SKIPPED: the command line's tests: ${NOT_BUILT}`);

/** Sets the title, erases, turns the text around, breaks the line: what a name can do to a terminal. */
const HOSTILE = 'x\u001b]0;owned\u0007\u001b[2J\u009b31m\u202egnp\u2028\nforged\r\ttab\u007f\u200f';
const NETWORK = '172.30.0.0/24';
const COMMANDS = ['run', 'analyze', 'map', 'events', 'flows', 'who', 'doctor', 'check-config', 'version'];

describe.skipIf(NOT_BUILT !== undefined)('the command line', () => {
  let folder: string;
  let capture: string;
  let database: string;
  let hostileDatabase: string;
  let engine: FakeEngine;
  let hostileEngine: FakeEngine;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bridgewatch-cli-'));
    capture = join(folder, 'egress.pcap');
    writeFileSync(capture, egressCapture('telemetry.example.com'));
    database = await storeOf('quiet', 'shop');
    hostileDatabase = await storeOf('hostile', HOSTILE);
    engine = fakeEngine(smallEngine());
    hostileEngine = fakeEngine(
      smallEngine({
        network: HOSTILE,
        container: HOSTILE,
        image: HOSTILE,
        project: HOSTILE,
        service: HOSTILE,
        version: HOSTILE,
      }),
    );
    await Promise.all([engine.listen(), hostileEngine.listen()]);
  });

  afterAll(async () => {
    await engine.remove();
    await hostileEngine.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function storeOf(name: string, text: string): Promise<string> {
    const path = join(folder, name);
    const station = new Station(stationConfig(path), { logger: memoryLogger().logger });
    await station.start();
    const { workload } = endpoint();
    const ours = endpoint({
      workload: { ...workload!, name: text, image: text, composeProject: text, composeService: text },
      names: [text],
    });
    station.receive(
      finding(1, { network: text, subject: ours, explanation: `${text} did it`, evidence: { text } }),
    );
    station.receive(finding(2, { severity: 'low' }));
    station.receive(flow(1, { orig: ours, network: { ...network, name: text } }));
    station.receive(flow(2, { resp: outside({ names: [text] }), interface: text }));
    station.receive(dns(1, { client: ours }));
    station.receive(inventory(1, { name: text, detail: { label: text } }));
    station.receive(loss(1, { where: text }));
    station.receive(lease(1, { network: text, veth: text, workload: ours.workload! }));
    await station.stop();
    return join(path, 'bridgewatch.db');
  }

  describe('with --json', () => {
    const wellFormed: readonly (readonly [string, () => string[], readonly string[]])[] = [
      [
        'analyze',
        () => ['analyze', capture, '--flows', '--dns', '--network', `data=${NETWORK},internal`],
        ['dns', 'finding', 'flow', 'summary'],
      ],
      ['map', () => ['map', '--socket', engine.socket], ['container', 'host', 'network']],
      [
        'events',
        () => ['events', '--db', database, '--since', '2026-01-01', '--all'],
        ['finding', 'inventory', 'lease', 'loss'],
      ],
      ['flows', () => ['flows', '--db', database, '--since', '2026-01-01'], ['flow']],
      ['who', () => ['who', '172.30.1.5', '--db', database, '--at', '2026-11-23 15:00'], ['lease']],
      ['doctor', () => ['doctor', '--socket', engine.socket, '--db', database], ['diagnosis']],
      ['check-config', () => ['check-config'], ['config']],
      ['version', () => ['version'], ['version']],
    ];

    it.concurrent.each(wellFormed)(
      '%s prints one record a line, kind first, and nothing else',
      async (_, args, kinds) => {
        const { code, stdout, stderr } = await bridgewatch([...args(), '--json']);

        expect([...new Set(records(stdout).map(({ kind }) => kind))].sort()).toEqual(kinds);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      },
    );

    it('analyze ends with the one summary', async () => {
      const { stdout } = await bridgewatch(['analyze', capture, '--json']);

      const kinds = records(stdout).map(({ kind }) => kind);
      expect(kinds.indexOf('summary')).toBe(kinds.length - 1);
    });

    it('says a failure on stderr and leaves stdout empty', async () => {
      const { code, stdout, stderr } = await bridgewatch([
        'map',
        '--socket',
        '/nowhere/docker.sock',
        '--json',
      ]);

      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toMatch(/^bridgewatch: .*\/nowhere\/docker\.sock.*\n$/);
    });

    it('check-config lists each problem as a record', async () => {
      const file = join(folder, 'wrong.yaml');
      writeFileSync(file, 'capture:\n  snaplen_byte: 1\n  backend: magic\n');

      const { code, stdout } = await bridgewatch(['check-config', file, '--json']);

      expect(code).toBe(1);
      expect(
        records(stdout)
          .map(({ kind, where }) => [kind, where])
          .sort(),
      ).toEqual([
        ['config-issue', `${file}:2:3`],
        ['config-issue', `${file}:3:12`],
      ]);
    });

    it('check-config says which threat list cannot be used here, and that is no fault of the configuration', async () => {
      const file = join(folder, 'lists.yaml');
      const [good, bad] = [join(folder, 'good.txt'), join(folder, 'nowhere.txt')];
      writeFileSync(good, '198.51.100.7\n');
      writeFileSync(
        file,
        `threat_lists:\n  lists: [{ path: ${good}, name: good }, { path: ${bad}, name: bad }]\n`,
      );

      const { code, stdout, stderr } = await bridgewatch(['check-config', file, '--json']);

      expect({ code, kinds: records(stdout).map(({ kind }) => kind) }).toEqual({
        code: 0,
        kinds: ['config'],
      });
      expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(bad)]);
    });

    it('map prints what analyze --inventory reads', async () => {
      const { stdout } = await bridgewatch(['map', '--socket', engine.socket, '--json']);
      const file = join(folder, 'inventory.ndjson');
      writeFileSync(file, stdout);

      const ran = await bridgewatch(['analyze', capture, '--inventory', file]);

      expect(ran.stdout).toMatch(/internal-egress: shop\/db /);
      expect(ran.code).toBe(0);
    });
  });

  describe('for people', () => {
    it('analyze shows findings and ends with what was read', async () => {
      const { code, stdout } = await bridgewatch([
        'analyze',
        capture,
        '--network',
        `data=${NETWORK},internal`,
      ]);

      const opened = [
        ...stdout.matchAll(/^2026-01-01 00:00:0\dZ {2}[A-Z]+ {2}open {2}data {2}([a-z-]+): /gm),
      ];
      // The answer to its question comes before the packet to the address that it names.
      expect(opened.map(([, analyzer]) => analyzer)).toEqual(['dns-internal-leak', 'internal-egress']);
      expect(stdout).toMatch(/\n8 packets, .* 4 flows, 1 DNS questions, \d findings\n/);
      expect(code).toBe(0);
    });

    it('analyze --flows shows flows under titles, in columns', async () => {
      const { stdout } = await bridgewatch(['analyze', capture, '--flows']);

      const lines = stdout.split('\n');
      const titles = lines.findIndex((line) => line.startsWith('STARTED'));
      const column = lines[titles]!.indexOf('PROTO');
      expect(lines.slice(titles + 1, titles + 5).map((line) => line.slice(column, column + 3))).toEqual(
        expect.arrayContaining(['tcp', 'udp']),
      );
    });

    it('analyze --where chooses what is printed, and changes nothing that is counted', async () => {
      const all = await bridgewatch(['analyze', capture, '--flows', '--json']);
      const udp = await bridgewatch(['analyze', capture, '--flows', '--where', 'protocol:udp', '--json']);

      const flows = (stdout: string) => records(stdout).filter(({ kind }) => kind === 'flow');
      expect(flows(udp.stdout)).toEqual(flows(all.stdout).filter(({ protocol }) => protocol === 'udp'));
      expect(flows(udp.stdout).length).toBeLessThan(flows(all.stdout).length);
      expect(records(udp.stdout).at(-1)).toEqual(records(all.stdout).at(-1));
    });

    it('map draws networks and who is on them', async () => {
      const { stdout } = await bridgewatch(['map', '--socket', engine.socket]);

      expect(stdout).toMatch(
        /^NETWORK +DRIVER +BRIDGE +INTERNAL +SUBNETS +GATEWAYS +CONTAINERS\nshop_data +bridge/,
      );
      expect(stdout).toMatch(/shop-db-1 +shop\/db +shop_data +172\.30\.0\.2 +02:42:ac:1e:00:02 +postgres:17/);
    });

    it('an empty range says what was looked at', async () => {
      const range = ['--db', database, '--since', '2020-01-01', '--until', '2020-01-02'];

      const flows = await bridgewatch(['flows', ...range]);
      const events = await bridgewatch(['events', ...range]);
      const json = await bridgewatch(['flows', ...range, '--json']);

      expect(flows.stdout).toBe(
        'No flow is recorded since 2020-01-01 00:00:00Z until 2020-01-02 00:00:00Z with these filters.\n',
      );
      expect(events.stdout).toMatch(/^No finding is recorded since 2020-01-01/);
      expect(json.stdout).toBe('');
    });

    it('events filters by severity and shows the newest last', async () => {
      const since = ['--db', database, '--since', '2026-01-01'];

      const all = (await bridgewatch(['events', ...since])).stdout;
      const high = (await bridgewatch(['events', ...since, '--severity', 'high'])).stdout;

      expect(all.match(/ {2}(HIGH|LOW) {2}/g)).toEqual(['  HIGH  ', '  LOW  ']);
      expect(high.match(/ {2}(HIGH|LOW) {2}/g)).toEqual(['  HIGH  ']);
    });

    it('colours only a terminal, and not when asked not to', async () => {
      const args = ['events', '--db', database, '--since', '2026-01-01'];

      const [pipe, terminal, noColor, dumb] = await Promise.all([
        bridgewatch(args),
        onTerminal(args),
        onTerminal(args, { env: { NO_COLOR: '1' } }),
        onTerminal(args, { env: { TERM: 'dumb' } }),
      ]);

      expect(terminal!.stdout).toContain('\u001b[31mHIGH\u001b[0m');
      for (const { stdout } of [pipe!, noColor!, dumb!]) {
        expect(stdout).toContain('HIGH');
        expect(stdout).not.toContain('\u001b');
      }
    });
  });

  describe('with hostile names', () => {
    const since = ['--since', '2026-01-01'];
    const inventoryLines = () =>
      [
        { kind: 'network', id: 'n1', name: HOSTILE, driver: 'bridge', internal: true, subnets: [NETWORK] },
        {
          kind: 'container',
          containerId: 'c1',
          name: HOSTILE,
          image: HOSTILE,
          composeProject: HOSTILE,
          composeService: HOSTILE,
          networkMode: HOSTILE,
          networks: [HOSTILE],
          endpoints: [{ networkId: 'n1', containerId: 'c1', ips: ['172.30.0.2'], from: 0 }],
        },
      ]
        .map((record) => JSON.stringify(record))
        .join('\n');
    const hostileFile = (): string => {
      const file = join(folder, `capture ${HOSTILE.replaceAll('/', '')}`);
      writeFileSync(file, egressCapture(HOSTILE).subarray(0, -3)); // Cut, so that its name is said on stderr too.
      return file;
    };
    const inventoryFile = (): string => {
      const file = join(folder, 'hostile.ndjson');
      writeFileSync(file, inventoryLines());
      return file;
    };
    const hostInventory = (): string => {
      const file = join(folder, `missing ${HOSTILE.replaceAll('/', '')}`);
      return file;
    };

    const invocations: readonly (readonly [string, () => string[]])[] = [
      ['analyze', () => ['analyze', hostileFile(), '--inventory', inventoryFile(), '--flows', '--dns']],
      ['analyze of a missing file', () => ['analyze', hostInventory()]],
      ['analyze with a missing inventory', () => ['analyze', capture, '--inventory', hostInventory()]],
      ['analyze with a bad network', () => ['analyze', capture, '--network', HOSTILE]],
      ['analyze with a bad filter', () => ['analyze', capture, '--filter', HOSTILE]],
      ['map', () => ['map', '--socket', hostileEngine.socket]],
      ['doctor', () => ['doctor', '--socket', hostileEngine.socket, '--db', hostileDatabase]],
      ['events', () => ['events', '--db', hostileDatabase, ...since, '--all']],
      ['flows', () => ['flows', '--db', hostileDatabase, ...since]],
      ['who', () => ['who', '172.30.1.5', '--db', hostileDatabase, '--at', '2026-11-23 15:00']],
      ['who of a flow', () => ['who', '--flow', 'u1', '--db', hostileDatabase]],
      ['who of nobody', () => ['who', HOSTILE, '--network', HOSTILE, '--db', hostileDatabase]],
      ['flows of a missing database', () => ['flows', '--db', hostInventory()]],
      ['check-config', () => ['check-config', hostInventory()]],
      ['an unknown command', () => [HOSTILE]],
      ['an unknown option', () => ['map', `--${HOSTILE}`]],
      ['a wrong time', () => ['flows', '--since', HOSTILE]],
      ['a wrong filter', () => ['flows', `"${HOSTILE}":x`]],
    ];

    it.concurrent.each(invocations)('%s prints no byte that a terminal would act on', async (name, args) => {
      const words = args();
      const both = await Promise.all([bridgewatch(words), bridgewatch([...words, '--json'])]);

      for (const { stdout, stderr, code } of both) {
        expect({ stdout: unsafeText(stdout), stderr: unsafeText(stderr) }).toEqual({});
        expect(`${stdout}${stderr}`).not.toMatch(/^forged/m);
        expect(code, stderr).not.toBe(70);
        // The name was there, only harmless; so the test has seen what it is about.
        if (name !== 'an unknown option') expect(`${stdout}${stderr}`).toMatch(/owned/);
      }
      records(both[1].stdout);
    });

    it('run prints and logs none either, on a terminal', async () => {
      const args = ['run', '--socket', hostileEngine.socket, '--db', join(folder, 'run', 'x.db')];
      const ran = await onTerminal(args, { env: { NO_COLOR: '1' }, timeoutMs: 4000 });

      expect(unsafeText(ran.stdout.replaceAll('\r\n', '\n'))).toBeUndefined();
      expect(ran.stdout).toContain('owned');
    });

    it('are seen by this test when they do get through', () => {
      expect(unsafeText(`a${HOSTILE}`)).toBeDefined();
      expect(unsafeText('plain, with \\x1b in words\n')).toBeUndefined();
    });
  });

  describe('help', () => {
    it('lists every command and the exit codes', async () => {
      const { code, stdout } = await bridgewatch(['--help']);

      for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
      expect(stdout).toMatch(/Exit codes:\n {2}0 /);
      expect(code).toBe(0);
    });

    it.each(COMMANDS)('%s has examples that begin with it', async (command) => {
      const { code, stdout } = await bridgewatch([command, '--help']);

      expect(stdout).toMatch(new RegExp(`Examples:\n(.*\n)*?.*bridgewatch ${command}`));
      expect(stdout).toContain('--json');
      expect(code).toBe(0);
    });

    it('comes on stderr, with exit code 2, when there is no command', async () => {
      const { code, stdout, stderr } = await bridgewatch([]);

      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^Usage: bridgewatch/);
    });
  });

  describe('a wrong command line', () => {
    const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
      ['an unknown command', ['analyse', 'x'], /unknown command 'analyse'\n\(Did you mean analyze\?\)/],
      ['an unknown option', ['map', '--jsn'], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
      ['a missing argument', ['analyze'], /missing required argument 'path'/],
      ['one argument too many', ['evidence', 'a', 'b'], /too many arguments/],
      ['a severity that is none', ['events', '--severity', 'hi'], /Allowed choices are informational, low/],
      [
        'a time that is none',
        ['events', '--since', 'noon'],
        /--since "noon" is no time: give an age like 15m/,
      ],
      ['an end before the beginning', ['flows', '--since', '1h', '--until', '2h'], /is not after --since/],
      ['nobody asked for', ['who'], /who\? give an address, a MAC, a container, or --flow UID/],
      ['a limit that is none', ['flows', '--limit', 'all'], /--limit "all" is no count/],
      [
        'a field that is none',
        ['flows', 'prt:80', 'and', 'bytes>1MB'],
        /unknown field "prt"; did you mean "port"\?\n {2}prt:80 and bytes>1MB\n {2}\^\^\^\n/,
      ],
      [
        'a filter that is not closed',
        ['events', '(severity>=high'],
        /this "\(" is never closed\n.*\n {2}\^\n/,
      ],
      ['a wrong --where', ['analyze', 'x', '--where', 'port:http'], /"http" is not a whole number/],
      ['an end of what has none', ['events', '--follow', '--until', '1h'], /exclude each other/],
      ['inventory and network', ['analyze', 'x', '--inventory', 'a', '--network', 'b'], /exclude each other/],
      ['a network without a prefix', ['analyze', 'x', '--network', 'data'], /expected NAME=CIDR/],
      [
        'overlapping networks',
        ['analyze', 'x', '--network', 'a=10.0.0.0/8', '--network', 'b=10.1.0.0/16'],
        /overlaps/,
      ],
      [
        'a backend that is none',
        ['run', '--capture-backend', 'magic'],
        /Allowed choices are auto, native, portable/,
      ],
    ];

    it.concurrent.each(wrong)('(%s) ends with 2 and one message', async (_, args, message) => {
      const { code, stdout, stderr } = await bridgewatch(args);

      expect(stderr).toMatch(message);
      expect(stderr).toMatch(/^bridgewatch: /);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    });

    it('(--network before the file) is none', async () => {
      const networks = ['--network', 'a=10.0.0.0/8', '--network', `data=${NETWORK},internal`];
      const { code, stdout } = await bridgewatch(['analyze', ...networks, capture]);

      expect(stdout).toContain('internal-egress');
      expect(code).toBe(0);
    });
  });

  describe('analyze --fail-on', () => {
    // Without the answered connection the worst finding is of medium severity.
    it.each([
      ['informational', 1],
      ['medium', 1],
      ['high', 0],
    ])('%s ends with %d', async (severity, expected) => {
      const inventory = ['--network', `data=${NETWORK},internal`, '--filter', 'not port 443'];
      const { code, stdout } = await bridgewatch(['analyze', capture, ...inventory, '--fail-on', severity]);

      expect(stdout.match(/ {2}(LOW|MEDIUM|HIGH|CRITICAL) {2}/g)).toContain('  MEDIUM  ');
      expect(code).toBe(expected);
    });
  });

  describe('events --follow', () => {
    it('tells what is stored while it runs, and nothing twice', async () => {
      const path = join(folder, 'followed');
      const store = async (...numbers: number[]) => {
        const station = new Station(stationConfig(path), { logger: memoryLogger().logger });
        await station.start();
        // Closed, or the next station would close them, which is told too.
        for (const number of numbers) station.receive(finding(number, { status: 'closed' }));
        await station.stop();
      };
      await store(1);
      const database = join(path, 'bridgewatch.db');
      const following = start(['events', '--follow', '--since', '2026-01-01', '--json', '--db', database]);
      const seen = () => records(following.stdout()).map(({ id }) => id);

      await until('the finding that was there', () => seen().length === 1);
      await store(2, 3);
      await until('those stored later', () => seen().length === 3);
      await following.interrupt();

      expect(seen()).toEqual(['f-1', 'f-2', 'f-3']);
    });
  });

  describe('in a pipeline', () => {
    it('ends quietly when its reader goes away', async () => {
      const big = join(folder, 'many.pcap');
      writeFileSync(big, manyFlows(20_000));

      const ran = await shell('bridgewatch analyze "$1" --flows --json | head -n 1; echo $PIPESTATUS', [big]);

      const [line, status] = ran.stdout.split('\n');
      expect(JSON.parse(line!)).toHaveProperty('kind');
      expect({ status, stderr: ran.stderr }).toEqual({ status: '0', stderr: '' });
    });

    it('says that stdout cannot be written', async () => {
      const ran = await shell('bridgewatch version >/dev/full');

      expect(ran.stderr).toMatch(/^bridgewatch: cannot write to stdout: ENOSPC/);
      expect(ran.stderr).not.toMatch(/\n {4}at /);
      expect(ran.code).toBe(3);
    });
  });

  describe('progress', () => {
    /** Half of the capture, and the rest once the reader has been at it for longer than progress is shown in. */
    async function analyzeSlowly(within: (args: string[]) => Promise<Ran>): Promise<Ran> {
      const fifo = join(folder, `fifo-${Math.random()}`);
      execFileSync('mkfifo', [fifo]);
      const bytes = manyFlows(20_000);
      const half = 24 + 10_000 * ((bytes.length - 24) / 20_000);
      const running = within(['analyze', fifo]);
      const writer = createWriteStream(fifo);
      // The pipe holds 64 KiB: this is done only when the reader has begun.
      await new Promise((resolve) => writer.write(bytes.subarray(0, half), resolve));
      await sleep(300);
      writer.end(bytes.subarray(half));
      return running;
    }

    it('is shown on a terminal while a long file is read, and wiped away', async () => {
      const { stdout } = await analyzeSlowly((args) => onTerminal(args));

      expect(stdout).toMatch(/\[2K.*iB {2}\d+ packets/);
      expect(stdout.split('\u001b[2K').at(-1)).toMatch(/^\r?\n20000 packets, /);
    });

    it('is not shown anywhere else', async () => {
      const { stdout, stderr } = await analyzeSlowly((args) => bridgewatch(args));

      expect(stderr).toBe('');
      expect(stdout).not.toContain('\u001b');
    });
  });
});

/** A container of an internal network that asks for a name, is answered by the outside, and pings nobody. */
function egressCapture(name: string): Uint8Array {
  const T = 1_767_225_600_000_000;
  const db = '172.30.0.2';
  const out = '198.51.100.7';
  const label = name.includes('.') ? name : [Buffer.from(name), 'example', 'com'];
  const ends = { srcMac: '02:42:ac:1e:00:02' };
  const frames = [
    udpFrame({ ...ends, src: db, dst: '172.30.0.3', sport: 4000, dport: 53 }, dnsQuery({ name: label })),
    udpFrame(
      { src: '172.30.0.3', dst: db, sport: 53, dport: 4000 },
      dnsResponse({ name: label, answers: [answer.a(out)] }),
    ),
    tcpFrame({ ...ends, src: db, dst: out, sport: 4001, dport: 443, flags: 'S', seq: 1 }),
    tcpFrame({ src: out, dst: db, sport: 443, dport: 4001, flags: 'SA', seq: 9, ack: 2 }),
    tcpFrame({ ...ends, src: db, dst: out, sport: 4001, dport: 443, flags: 'A', seq: 2, ack: 10 }),
    tcpFrame({ ...ends, src: db, dst: '198.51.100.8', sport: 4002, dport: 22, flags: 'S', seq: 1 }),
    tcpFrame({ ...ends, src: db, dst: '198.51.100.8', sport: 4002, dport: 22, flags: 'S', seq: 1 }),
    tcpFrame({ ...ends, src: db, dst: '172.30.0.3', sport: 4003, dport: 80, flags: 'S', seq: 1 }),
  ];
  return pcapFile(frames.map((frame, i) => ({ frame, timeMicros: T + i * 1000 })));
}

/** As many SYNs from as many ports and addresses. */
function manyFlows(count: number): Uint8Array {
  const frames = Array.from({ length: count }, (_, i) => ({
    frame: tcpFrame({
      src: `10.9.${(i >>> 8) & 0xff}.${i & 0xff}`,
      dst: '198.51.100.7',
      sport: 1024 + (i % 60_000),
      dport: 80,
      flags: 'S',
    }),
    timeMicros: 1_767_225_600_000_000 + i,
  }));
  return pcapFile(frames);
}
