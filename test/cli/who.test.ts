/** `who` over a real database, through the command line as a person types it. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { explainFailure } from '../../src/cli/lib/failure.ts';
import type { LeaseRecord } from '../../src/model/lease.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import { Station } from '../../src/station/station.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../station/support/harness.ts';
import { HOSTILE_TEXTS } from '../station/support/hostile.ts';
import { engineChange, lease, SECOND } from '../station/support/leases.ts';
import { database, endpoint, flow, inventory, outside, T0 } from '../station/support/records.ts';
import { records, unsafeText } from './support/bridgewatch.ts';
import { runProgram, type Said } from './support/run-program.ts';

const HOUR = 3600 * SECOND;
const NOW = T0 + HOUR;

const proxy = {
  ...database,
  containerId: `beef${database.containerId.slice(4)}`,
  name: 'edge-proxy-1',
  image: 'nginx:1.29',
  composeProject: 'edge',
  composeService: 'proxy',
};

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
  vi.useFakeTimers({ now: NOW / 1000, toFake: ['Date'] });
});

afterEach(() => {
  vi.useRealTimers();
  process.exitCode = undefined;
  directory.remove();
});

/** An agent that saw these and stopped at `until`. */
async function agent(until: number, ...told: AgentRecord[]): Promise<void> {
  let now = T0;
  const station = new Station(stationConfig(directory.path), {
    logger: memoryLogger().logger,
    now: () => now,
  });
  await station.start();
  station.receive(engineChange('added', T0));
  for (const record of told) station.receive(record);
  now = until;
  await station.stop();
}

async function who(...args: string[]): Promise<Said & { code: unknown }> {
  process.exitCode = undefined;
  const said = await runProgram(join(directory.path, 'bridgewatch.db'), 'who', ...args);
  return { ...said, code: process.exitCode };
}

async function failure(...args: string[]): Promise<{ code: number; text: string }> {
  try {
    await who(...args);
  } catch (error) {
    const { exitCode, lines } = explainFailure(error);
    return { code: exitCode, text: lines.join('\n') };
  }
  throw new Error('it did not fail');
}

describe('who ADDRESS', () => {
  it('names who holds it now: label, network, addresses, since when, image and id', async () => {
    await agent(NOW, lease(131));

    expect(await who('172.30.1.5')).toEqual({
      stdout: [
        'shop/db@data  172.30.1.5 2001:db8:1::5  since 2026-11-23 14:02:11Z (still)',
        '    container shop-db-1 (3f2ab4c5d6e7)  image postgres:17  network shop_data  mac 02:42:ac:1e:01:05  veth veth1a2b3c4',
        '',
      ].join('\n'),
      stderr: '',
      code: 0,
    });
  });

  it.each([
    '2001:db8:1::5',
    '2001:0DB8:0001:0:0:0:0:5',
    '::ffff:172.30.1.5',
    '02:42:AC:1E:01:05',
    '02-42-ac-1e-01-05',
    'shop/db',
    'shop-db-1',
    'db',
    '3f2ab4c5d6e7',
  ])('takes %s', async (asked) => {
    await agent(NOW, lease(0));

    const { stdout, code } = await who(asked);

    expect([stdout.startsWith('shop/db@data  '), code]).toEqual([true, 0]);
  });

  it('names who held it then, to the microsecond, when another has it now', async () => {
    const end = T0 + 600 * SECOND;
    await agent(NOW, lease(0, { to: end }), lease(600, { workload: proxy }));

    expect((await who('172.30.1.5', '--at', '2026-11-23T14:09:59.999Z')).stdout).toMatch(
      /^shop\/db@data .* from 2026-11-23 14:00:00Z until 2026-11-23 14:10:00Z\n/,
    );
    expect((await who('172.30.1.5', '--at', '2026-11-23T14:10:00Z')).stdout).toMatch(
      /^edge\/proxy@shop_data/,
    );
    expect((await who('172.30.1.5', '--at', '50m')).stdout).toMatch(/^edge\/proxy@shop_data/);
  });

  it('says in words what makes it likely, no more', async () => {
    await agent(NOW, lease(0, { uncertain: true }));

    expect((await who('172.30.1.5')).stdout).toContain(
      '\n    likely, not certain: its beginning or end was not observed\n',
    );
  });

  it('does not say "still" of an agent that is gone, nor claim what came after it', async () => {
    await agent(NOW - HOUR / 2, lease(0));

    const now = await who('172.30.1.5');
    const then = await who('172.30.1.5', '--at', '40m');

    expect(now.stdout).toContain("(still at 2026-11-23 14:30:00Z, the agent's last sign of life)");
    expect(now.stdout).toContain(
      'likely, not certain: no agent has been told of changes since 2026-11-23 14:30:00Z',
    );
    expect(then.stdout).not.toContain('likely');
  });

  it('answers for a time to come: the clock may have been set back since', async () => {
    await agent(NOW, lease(0, { to: NOW + HOUR }));

    expect((await who('172.30.1.5', '--at', '2026-11-23 15:30')).stdout).toContain(
      'until 2026-11-23 16:00:00Z',
    );
  });

  it('believes an agent for 15 s after its last sign, and no longer', async () => {
    await agent(NOW - 15 * SECOND, lease(0));
    expect((await who('172.30.1.5')).stdout).toContain('(still)');

    vi.setSystemTime(NOW / 1000 + 1);
    expect((await who('172.30.1.5')).stdout).toContain('(still at ');
  });
});

describe('who, when several fit', () => {
  const both = [
    lease(0),
    lease(1, {
      workload: proxy,
      networkId: 'cafe'.padEnd(64, '0'),
      network: 'edge',
      mac: '02:42:ac:1e:01:99',
    }),
  ];

  it('is AMBIGUOUS with all of them, and exits with 1', async () => {
    await agent(NOW, ...both);

    const { stdout, code } = await who('172.30.1.5');

    expect(stdout.split('\n')[0]).toBe(
      'AMBIGUOUS: 2 containers held 172.30.1.5 at 2026-11-23 15:00:00Z; --network or the MAC may tell them apart',
    );
    expect(stdout).toContain('\nshop/db@data');
    expect(stdout).toContain('\nedge/proxy@edge');
    expect(code).toBe(1);
  });

  it.each([
    ['172.30.1.5', '--network', 'edge'],
    ['172.30.1.5', '--network', 'cafe00000000'],
    ['02:42:ac:1e:01:99'],
  ])('is settled by %s %s %s', async (...args) => {
    await agent(NOW, ...both);

    const { stdout, code } = await who(...args.filter((arg) => arg !== undefined));

    expect(stdout.startsWith('edge/proxy@edge')).toBe(true);
    expect(code).toBe(0);
  });

  it('lists all places of a name: that is the answer, not an ambiguity', async () => {
    const second = { ...database, containerId: 'dd'.padEnd(64, '0'), name: 'shop-db-2' };
    await agent(NOW, lease(0), lease(1, { workload: second, ips: ['172.30.1.6'] }));

    const { stdout, code } = await who('shop/db');

    expect(stdout).toContain('container shop-db-1 ');
    expect(stdout).toContain('container shop-db-2 ');
    expect(stdout).not.toContain('AMBIGUOUS');
    expect(code).toBe(0);
  });
});

describe('who, when nobody held it', () => {
  it('says so, with who did before and after, and exits with 1', async () => {
    await agent(NOW, lease(0, { to: T0 + 60 * SECOND }), lease(3000, { workload: proxy }));

    expect(await who('172.30.1.5', '--at', '2026-11-23 14:01:00')).toEqual({
      stdout: [
        'UNKNOWN: nobody is known to have held 172.30.1.5 at 2026-11-23 14:01:00Z',
        '    before: shop/db@data  172.30.1.5 2001:db8:1::5  container 3f2ab4c5d6e7  until 2026-11-23 14:01:00Z, 0.001 s earlier',
        '    after:  edge/proxy@shop_data  172.30.1.5 2001:db8:1::5  container beefb4c5d6e7  since 2026-11-23 14:50:00Z, 49 min later',
        '    by its range it is of scope lan',
        '',
      ].join('\n'),
      stderr: '',
      code: 1,
    });
  });

  it('says when nobody was watching, and who may have held it in that time', async () => {
    await agent(T0 + 600 * SECOND, lease(0));
    // The next agent cannot know what became of it.
    const station = new Station(stationConfig(directory.path), {
      logger: memoryLogger().logger,
      now: () => T0 + 1200 * SECOND,
    });
    await station.start();
    station.receive(engineChange('added', T0 + 1200 * SECOND));
    await station.stop();

    const { stdout, code } = await who('172.30.1.5', '--at', '2026-11-23 14:15');

    expect(stdout).toContain(
      '\n    no agent was told of changes from 2026-11-23 14:10:00Z until 2026-11-23 14:20:00Z\n',
    );
    expect(stdout).toContain('until 2026-11-23 14:10:00Z, 5 min earlier; may still have held it then\n');
    expect(code).toBe(1);
  });

  it('says when no agent had been there yet', async () => {
    await agent(NOW, lease(10));

    expect((await who('172.30.1.5', '--at', '2026-11-22')).stdout).toContain(
      'no agent was told of changes before 2026-11-23 14:00:00Z',
    );
  });

  it('knows the gateway of a network that existed then', async () => {
    await agent(
      NOW,
      inventory(0, { detail: { gateways: ['172.30.1.1', '2001:db8:1::1'], bridge: 'br-5d0c3a1f9b7e' } }),
      inventory(2_000_000, { change: 'removed', detail: { gateways: ['172.30.1.1'] } }),
    );

    expect(await who('172.30.1.1', '--at', '2026-11-23 14:10')).toMatchObject({
      stdout: "gateway@shop_data  172.30.1.1  this host's own address on that network\n",
      code: 0,
    });
    expect(await who('172.30.1.1', '--at', '2026-11-23 14:40')).toMatchObject({
      stdout: expect.stringMatching(/^UNKNOWN: nobody/),
      code: 1,
    });
  });

  it('names an address of this machine, but only now', async () => {
    await agent(NOW);

    expect(await who('127.0.0.1')).toMatchObject({
      stdout: expect.stringMatching(/^host {2}127\.0\.0\.1 {2}an address of this machine now/),
      code: 0,
    });
    expect(await who('127.0.0.1', '--at', '10m')).toMatchObject({
      stdout: expect.stringContaining(
        'it is an address of this machine now; which it had then is not in the store',
      ),
      code: 1,
    });
  });

  it('says where an outside address belongs by its range', async () => {
    await agent(NOW);

    expect((await who('198.51.100.7')).stdout).toContain(
      'by its range it is of scope internet: documentation range',
    );
  });

  it('says to which network an address of nobody belongs, both sides of its subnet', async () => {
    await agent(
      NOW,
      inventory(0),
      inventory(1, { id: 'b'.repeat(64), name: 'gone', detail: { subnets: ['172.30.2.0/24'] } }),
      inventory(2, {
        id: 'b'.repeat(64),
        name: 'gone',
        change: 'removed',
        detail: { subnets: ['172.30.2.0/24'] },
      }),
    );

    expect((await who('172.30.1.255')).stdout).toContain('\n    it is an address of the network shop_data\n');
    expect((await who('172.30.2.0')).stdout).toContain(
      '\n    it is an address of the network gone, which was there until 2026-11-23 14:00:00Z\n',
    );
    expect((await who('172.30.3.0')).stdout).toContain('\n    by its range it is of scope lan\n');
  });

  it('says when the network is none that is known', async () => {
    await agent(NOW, lease(0), inventory(0));

    expect((await who('172.30.1.5', '--network', 'shop_date')).stdout).toContain(
      'no network shop_date is on record\n',
    );
  });
});

describe('who --flow', () => {
  const db = endpoint({ ip: '172.30.1.5', mac: '02:42:ac:1e:01:05' });
  const seen = (from: number, to: number) => flow(1, { start: T0 + from * SECOND, end: T0 + to * SECOND });

  it('shows both ends as of then, whoever holds the addresses now', async () => {
    await agent(
      NOW,
      lease(0, { to: T0 + 60 * SECOND }),
      lease(60, { workload: proxy, mac: '02:42:ac:1e:01:77' }),
      seen(10, 20),
    );

    const { stdout, code } = await who('--flow', 'u1');

    expect(stdout.split('\n')).toMatchObject([
      'flow u1  tcp  on shop_data  2026-11-23 14:00:10Z to 2026-11-23 14:00:20Z',
      'from  172.30.1.5 port 40000  recorded as shop-db-1 (3f2ab4c5d6e7), by mac+ip, certain',
      expect.stringMatching(/^shop\/db@data /),
      expect.stringMatching(/^ {4}container shop-db-1/),
      'to  198.51.100.7 port 443  recorded as internet, by range, certain',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('lets the MAC decide where the address changed hands while it went on', async () => {
    const reused = (mac: string) => lease(15, { workload: proxy, mac, ips: ['172.30.1.5'] });
    await agent(NOW, lease(0, { to: T0 + 15 * SECOND }), reused('02:42:ac:1e:01:77'), seen(10, 20));

    const { stdout, code } = await who('--flow', 'u1');

    expect(stdout).toContain('\nshop/db@data');
    expect(stdout).not.toContain('edge/proxy');
    expect(code).toBe(0);
  });

  it('is AMBIGUOUS where the MAC is the same', async () => {
    await agent(NOW, lease(0, { to: T0 + 15 * SECOND }), lease(15, { workload: proxy }), seen(10, 20));

    const { stdout, code } = await who('--flow', 'u1');

    expect(stdout).toContain('AMBIGUOUS: 2 containers held 172.30.1.5 while it went on');
    expect(code).toBe(1);
  });

  it('says where the leases and the record disagree', async () => {
    await agent(NOW, lease(0, { workload: proxy }), seen(10, 20));

    expect((await who('--flow', 'u1')).stdout).toContain(
      '\nthe record names shop-db-1 (3f2ab4c5d6e7), the leases do not\n',
    );
  });

  it('takes a lease that began up to 2 s after the first packets, and says so; not one later', async () => {
    await agent(NOW, lease(12), flow(1, { start: T0 + 10 * SECOND, end: T0 + 10 * SECOND }));
    expect((await who('--flow', 'u1')).stdout).toContain(
      'likely, not certain: seen just outside the time in which it held the address',
    );

    await agent(NOW, flow(2, { start: T0 + 10 * SECOND - 1, end: T0 + 10 * SECOND - 1 }));
    expect(await who('--flow', 'u2')).toMatchObject({
      stdout: expect.stringContaining('UNKNOWN: no lease of 172.30.1.5 is on record for that time'),
      code: 1,
    });
  });

  it('says why when only another network has the address, or only the MAC is known', async () => {
    const elsewhere = { networkId: 'cafe'.padEnd(64, '0'), network: 'edge' };
    const linkLocal = { ...db, ip: 'fe80::42:acff:fe1e:105' };
    await agent(
      NOW,
      lease(0, elsewhere),
      lease(1, { ips: ['172.30.1.8'] }),
      seen(10, 20),
      flow(2, { start: T0 + 10 * SECOND, end: T0 + 11 * SECOND, orig: linkLocal, resp: outside() }),
    );

    expect((await who('--flow', 'u1')).stdout).toContain('its address belongs to another network');
    expect((await who('--flow', 'u2')).stdout).toContain('by its MAC alone');
  });

  it('exits with 1 for a flow that is not there', async () => {
    await agent(NOW);

    expect(await who('--flow', 'nope')).toMatchObject({
      stdout: expect.stringContaining('UNKNOWN: no flow nope is in the store'),
      code: 1,
    });
  });
});

describe('who --json', () => {
  it('prints lease records and nothing else; words go to stderr', async () => {
    await agent(
      NOW,
      lease(0),
      lease(1, { workload: proxy, network: 'edge', networkId: 'cafe'.padEnd(64, '0') }),
    );

    const one = await who('172.30.1.5', '--json', '--network', 'edge');
    const two = await who('172.30.1.5', '--json');
    const none = await who('172.30.1.99', '--json');

    expect(records(one.stdout)).toMatchObject([
      { kind: 'lease', network: 'edge', workload: { name: 'edge-proxy-1' } },
    ]);
    expect([one.stderr, one.code]).toEqual(['', 0]);
    expect(records(two.stdout)).toHaveLength(2);
    expect([two.stderr.startsWith('bridgewatch: AMBIGUOUS: 2 containers'), two.code]).toEqual([true, 1]);
    expect([none.stdout, none.stderr.startsWith('bridgewatch: UNKNOWN: nobody'), none.code]).toEqual([
      '',
      true,
      1,
    ]);
  });

  it('prints the network of a gateway, as it was told', async () => {
    await agent(NOW, inventory(0, { detail: { gateways: ['172.30.1.1'] } }));

    const { stdout, code } = await who('172.30.1.1', '--json');

    expect(records(stdout)).toMatchObject([{ kind: 'inventory', object: 'network', name: 'shop_data' }]);
    expect(code).toBe(0);
  });

  it('prints both ends of a flow', async () => {
    const client = lease(1, { workload: proxy, ips: ['172.30.1.9'], mac: '02:42:ac:1e:01:09' });
    const resp = endpoint({ ip: '172.30.1.9', mac: '02:42:ac:1e:01:09', workload: proxy });
    await agent(NOW, lease(0), client, flow(5000, { resp }));

    expect(records((await who('--flow', 'u5000', '--json')).stdout).map(({ id }) => id)).toEqual([
      'l-0',
      'l-1',
    ]);
  });
});

describe('who and hostile names', () => {
  it.each(HOSTILE_TEXTS)('prints nothing that a terminal acts on: %j', async (text) => {
    const workload = { ...database, name: text, image: text, composeProject: text, composeService: text };
    const hostile: Partial<LeaseRecord> = { network: text, veth: text, workload };
    await agent(
      NOW,
      lease(0, { ...hostile, to: T0 + SECOND }),
      lease(1, { ...hostile, uncertain: true }),
      inventory(0, { name: text, detail: { gateways: ['172.30.1.1'], bridge: text } }),
      flow(1, {
        interface: text,
        orig: endpoint({ workload, attribution: { method: 'none', confidence: 'none', reason: text } }),
      }),
    );

    for (const args of [
      ['172.30.1.5'],
      ['172.30.1.5', '--at', '2026-11-23'],
      ['172.30.1.1'],
      ['--flow', 'u1'],
    ]) {
      for (const json of [[], ['--json']]) {
        const { stdout, stderr } = await who(...args, ...json);
        expect(unsafeText(stdout + stderr)).toBeUndefined();
        expect(stdout + stderr).not.toBe('');
        if (json.length > 0) records(stdout);
      }
    }
  });
});

describe('who, asked wrongly', () => {
  it.each([
    [[], 'who? give an address'],
    [['172.30.1.5', '--flow', 'u1'], '--flow has its own addresses'],
    [['--flow', 'u1', '--at', '5m'], '--flow has its own addresses'],
    [['172.30.1.5', '--at', 'yesterday'], '--at "yesterday" is no time'],
  ])('%j is refused with 2', async (args, text) => {
    await agent(NOW);

    expect(await failure(...args)).toMatchObject({ code: 2, text: expect.stringContaining(text) });
  });

  it('says that a database of an earlier version knows no leases, instead of "nobody"', async () => {
    await agent(NOW);
    const db = new Sqlite(join(directory.path, 'bridgewatch.db'));
    db.pragma('user_version = 1');
    db.close();

    expect(await failure('172.30.1.5')).toMatchObject({
      code: 3,
      text: expect.stringContaining('start the agent of this version on it once'),
    });
  });
});
