/** The fact `traffic` out of a real database, written by the station from the records of an agent. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enoughSecsOf, readTraffic } from '../../../src/cli/audit/traffic.ts';
import { UsageError } from '../../../src/cli/lib/failure.ts';
import type { AgentRecord } from '../../../src/model/record.ts';
import { auditFacts } from '../../../src/sensor/audit/audit.ts';
import { checks } from '../../../src/sensor/audit/checks.ts';
import { type AuditFacts, known } from '../../../src/sensor/audit/facts.ts';
import { Station } from '../../../src/station/station.ts';
import * as some from '../../sensor/audit/support.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../../station/support/harness.ts';
import { engineChange, lease } from '../../station/support/leases.ts';
import {
  coverage,
  endpoint,
  finding,
  flow,
  inventory,
  network,
  outside,
  T0,
} from '../../station/support/records.ts';

const DAY = 86_400_000_000;
const ENOUGH_SECS = 7 * 86_400;
const front = { ...network, id: 'f'.repeat(64), name: 'shop_front', internal: false };
const engineNetworks = known([
  some.network('shop_data', { id: network.id, internal: true }),
  some.network('shop_front'),
]);

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;

/** What an agent of the last days would have told. */
async function record(into: string, days: number, records: readonly AgentRecord[]): Promise<string> {
  let now = T0;
  const station = new Station(stationConfig(into), { logger: memoryLogger().logger, now: () => now });
  await station.start();
  for (const each of [
    engineChange('added', T0),
    inventory(0),
    inventory(0, { id: front.id, name: front.name }),
    coverage(0),
    coverage(0, { network: front.name }),
    ...records,
  ])
    station.receive(each);
  now = T0 + days * DAY;
  await station.stop();
  return join(into, 'bridgewatch.db');
}

beforeAll(async () => {
  directory = temporaryDirectory();
  const published = {
    ...({ kind: 'published-port', method: 'conntrack', confidence: 'certain' } as const),
    published: { ip: '198.51.100.2', port: 15_432 },
  };
  path = await record(directory.path, 9, [
    lease(0),
    lease(0, { id: 'l-front', network: front.name, networkId: front.id }),
    flow(0, {
      network: front,
      orig: outside({ ip: '198.51.100.7' }),
      resp: endpoint({ port: 5432 }),
      direction: 'ingress',
      nat: published,
    }),
    leak(T0 + 1000),
    leak(T0 + 2000),
    finding(4, { id: 'old', analyzer: 'internal-relay', lastSeen: T0 - DAY }),
    finding(2, { id: 'scan', analyzer: 'port-scan' }),
    finding(3, { id: 'outside', analyzer: 'internal-relay', subject: outside({ ip: '198.51.100.7' }) }),
  ]);
});

function leak(lastSeen: number) {
  return finding(1, {
    ...{ id: 'leak', analyzer: 'dns-internal-leak', message: 'engine', network: 'shop_data', lastSeen },
    ...{ subject: endpoint(), evidence: { path: 'engine' } },
    ...{ status: lastSeen === T0 + 1000 ? 'open' : 'update' },
  });
}

afterAll(() => directory.remove());

const read = (
  file = path,
  over: Partial<Parameters<typeof readTraffic>[0]> = {},
  networks: AuditFacts['networks'] = engineNetworks,
) => readTraffic({ path: file, isNamed: false, enoughSecs: ENOUGH_SECS, ...over }, networks);

describe('what an audit is told of stored flows', () => {
  it('has the talks, the time that was watched, and who was on which network', async () => {
    expect(await read()).toMatchObject({
      ok: true,
      value: {
        from: T0 + 500,
        until: T0 + 9 * DAY,
        ...{ enoughSecs: ENOUGH_SECS, isPartial: false, uncovered: [] },
        talks: [
          {
            network: 'shop_front',
            orig: { ip: '198.51.100.7', scope: 'internet' },
            resp: { service: 'shop/db' },
            ...{ respPort: 5432, publishedPort: 15_432, flows: 1, answered: 1, bytes: 6600 },
          },
        ],
        memberships: [
          { network: 'shop_data', service: 'shop/db' },
          { network: 'shop_front', service: 'shop/db' },
        ],
      },
    });
    const { value } = (await read()) as { readonly value: { readonly watchedSecs: number } };
    expect(value.watchedSecs / 86_400).toBeCloseTo(9, 3);
  });

  it('has the findings that are signs of a way that was gone, each once and as it is now', async () => {
    const { value } = (await read()) as { readonly value: { readonly signs: unknown } };

    expect(value.signs).toEqual([
      {
        ...{ id: 'leak', analyzer: 'dns-internal-leak', message: 'engine', service: 'shop/db' },
        ...{ network: 'shop_data', evidence: { path: 'engine' }, last: T0 + 2000 },
      },
    ]);
  });

  it('lets the checks tell a port that was reached from one that never was, and a network that is not used', async () => {
    const db = some.container('shop-db-1', {
      ...{ label: 'shop/db', networks: ['shop_data', 'shop_front'], startedAt: T0 },
      published: [some.port('0.0.0.0', 15_432, 5432), some.port('0.0.0.0', 18_080, 8080)],
    });
    const { results } = auditFacts(
      { ...some.auditFacts({ containers: [db] }), networks: engineNetworks, traffic: await read() },
      checks.filter(({ needs }) => needs.includes('traffic')),
    );

    expect(
      results
        .filter(({ outcome }) => outcome === 'fail')
        .map(({ check, evidence }) => [check, evidence['ports'] ?? evidence['network']]),
    ).toEqual([
      ['published-unused', ['0.0.0.0:18080->8080/tcp']],
      ['unused-membership', 'shop_data'],
    ]);
    expect(results.find(({ check }) => check === 'published-reached')?.explanation).toContain(
      '198.51.100.7 (1 flow',
    );
  });

  it('says that no agent ever ran, and what to do, without opening anything', async () => {
    expect(await read(join(directory.path, 'nothing.db'))).toEqual({
      ok: false,
      reason: `no agent has kept any here (${directory.path}/nothing.db is not there)`,
      remedy: 'Run the agent for 7 d (bridgewatch run), or name its database with --db.',
    });
  });

  it('takes it for an error where somebody named the file', async () => {
    await expect(read(join(directory.path, 'nothing.db'), { isNamed: true })).rejects.toMatchObject({
      code: 'STORE_MISSING',
    });
  });

  it('never takes the flows of another engine for those of this one', async () => {
    const others = known([some.network('shop_data'), some.network('bridge')]);

    expect(await read(path, {}, others)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('is of another engine'),
    });
  });

  it('says what is wrong with a file that is no database, and with one that holds no flows', async () => {
    const broken = join(directory.path, 'broken.db');
    writeFileSync(broken, 'no database at all, and long enough to be looked at as one'.repeat(10));
    const empty = temporaryDirectory();
    try {
      expect(await read(broken)).toMatchObject({ ok: false, reason: expect.stringContaining(broken) });
      expect(await read(await record(empty.path, 1, []))).toMatchObject({
        ok: false,
        reason: expect.stringContaining('holds no flows yet'),
      });
    } finally {
      empty.remove();
    }
  });
});

describe('--history', () => {
  it('is a week unless it is said', () => {
    expect(enoughSecsOf()).toBe(ENOUGH_SECS);
    expect(enoughSecsOf('36h')).toBe(36 * 3600);
  });

  it.each(['7', 'week', '0s', '-1d', ''])('refuses %j', (text) => {
    expect(() => enoughSecsOf(text)).toThrow(UsageError);
  });
});
