/** Talks out of flows in a real database: from its index, and by reading each flow where there is none yet. */
import { join } from 'node:path';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import type { NatFact } from '../../../src/model/nat.ts';
import { serializeFlow } from '../../../src/model/serialize-flow.ts';
import type { Talk } from '../../../src/model/traffic-history.ts';
import { openDatabase } from '../../../src/station/store/database.ts';
import { FlowIndexWriter } from '../../../src/station/store/flow-index/writer.ts';
import { StoreReader } from '../../../src/station/store/reader.ts';
import { RowWriter } from '../../../src/station/store/rows.ts';
import { sumTalks } from '../../../src/station/store/talks.ts';
import { WatchLog } from '../../../src/station/store/watch-log.ts';
import { temporaryDirectory } from '../support/harness.ts';
import { database, endpoint, flow, outside, T0 } from '../support/records.ts';

/** Every flow is in the index at once. */
const BLOCK = 1;
const db = endpoint({ ip: '172.30.1.5', port: 5432 });
const api = endpoint({
  ip: '172.30.1.6',
  workload: { ...database, name: 'shop-api-1', composeService: 'api' },
});
const own = (scope: Endpoint['scope'], ip: string) => outside({ scope, ip, port: 40_000 });

let directory: ReturnType<typeof temporaryDirectory>;
let file: Database;
let rows: RowWriter;
let reader: StoreReader;

beforeEach(() => {
  directory = temporaryDirectory();
  ({ db: file } = openDatabase(BetterSqlite3, join(directory.path, 'bridgewatch.db'), {
    asideSuffix: 'x',
    isKnownCorrupt: false,
  }));
  rows = new RowWriter(file, new WatchLog(file), new FlowIndexWriter(file, BLOCK));
  reader = new StoreReader(file);
});

afterEach(() => {
  file.close();
  directory.remove();
});

let nextUid = 0;

function write(...flows: readonly Partial<FlowRecord>[]): void {
  file.transaction(() => {
    for (const over of flows) {
      nextUid += 1;
      const record = flow(nextUid, { resp: db, direction: 'ingress', ...over });
      rows.writeBulk({ kind: 'flow', time: record.end, tie: 0, text: serializeFlow(record), record });
    }
    rows.settleBulk();
  })();
}

/** Talks of the index, and that reading each flow says the same. */
function talks(): readonly Talk[] {
  const fast = sumTalks(reader);
  const slow = sumTalks({
    summarizeFlows: (filter, aggregate) => reader.summarizeFlows(filter, aggregate, false),
  });
  const sorted = (all: readonly Talk[]) => all.map((talk) => JSON.stringify(talk)).sort();
  expect(sorted(slow.talks)).toEqual(sorted(fast.talks));
  return fast.talks;
}

const came = (ip: string) => ({ orig: outside({ ip, port: 40_000 }) });

describe('talks out of stored flows', () => {
  it('sum flows between the same ends, whatever their own ports and addresses inside', () => {
    const second = {
      ...db,
      ip: '172.30.1.7',
      workload: { ...database, name: 'shop-db-2', containerId: 'e'.repeat(64) },
    };
    write(
      { orig: api, direction: 'east-west' },
      { orig: { ...api, port: 2 }, direction: 'east-west', resp: second },
      ...Array.from({ length: 16 }, () => ({ orig: api, direction: 'east-west' as const })),
    );

    expect(talks()).toEqual([
      expect.objectContaining({
        network: 'shop_data',
        direction: 'east-west',
        orig: { service: 'shop/api', scope: 'container' },
        resp: { service: 'shop/db', scope: 'container' },
        ...{ respPort: 5432, protocol: 'tcp', flows: 18, answered: 18, bytes: 18 * 6600 },
      }),
    ]);
  });

  it('tell who came from outside by address, and what they asked the host for', () => {
    const nat = {
      ...({ kind: 'published-port', method: 'conntrack', confidence: 'certain' } as const),
      published: { ip: '198.51.100.2', port: 15_432 },
    };
    write({ ...came('198.51.100.7'), nat }, { ...came('198.51.100.9'), nat });

    expect(talks().map(({ orig, publishedPort, nat: kind }) => [orig, publishedPort, kind])).toEqual([
      [{ ip: '198.51.100.7', scope: 'internet' }, 15_432, 'published-port'],
      [{ ip: '198.51.100.9', scope: 'internet' }, 15_432, 'published-port'],
    ]);
  });

  it('sum up addresses outside that were asked', () => {
    write(
      ...['198.51.100.7', '198.51.100.9'].map((ip) => ({
        orig: api,
        resp: outside({ ip }),
        direction: 'egress' as const,
      })),
    );

    expect(talks()).toMatchObject([{ resp: { scope: 'internet' }, respPort: 443, flows: 2 }]);
  });

  it.each([
    [
      'the client before translation',
      'docker-proxy',
      outside({ port: 1 }),
      { ip: '198.51.100.7', scope: 'internet' },
    ],
    [
      'the host, where it is the client',
      'published-port',
      own('host', '127.0.0.1'),
      { ip: '127.0.0.1', scope: 'host' },
    ],
    ['nobody, where one of several was the client', 'docker-proxy', undefined, { scope: 'unknown' }],
    ['nobody, where translation hid who came', 'unknown', undefined, { scope: 'unknown' }],
  ] as const)('name %s', (_name, kind, client, expected) => {
    const nat: NatFact = { kind, method: 'none', confidence: 'none', ...(client && { client }) };
    write({ orig: own('gateway', '172.30.1.1'), direction: 'host', nat });

    expect(talks().map(({ orig }) => orig)).toEqual([expected]);
  });

  it('take the gateway for the host itself where nothing stands between', () => {
    write({ orig: own('gateway', '172.30.1.1'), direction: 'host' });

    expect(talks().map(({ orig }) => orig)).toEqual([{ ip: '172.30.1.1', scope: 'gateway' }]);
  });

  it('count apart what was answered', () => {
    write(
      came('198.51.100.7'),
      { ...came('198.51.100.7'), connState: 'S0', respPackets: 0, respBytes: 0 },
      { ...came('198.51.100.7'), connState: 'REJ', respPackets: 1 },
    );

    expect(talks().reduce((sum, talk) => sum + talk.answered, 0)).toBe(1);
    expect(talks().reduce((sum, talk) => sum + talk.flows, 0)).toBe(3);
  });

  it('have no port where the protocol has none', () => {
    const { port: _, ...icmp } = db;
    write({ ...came('198.51.100.7'), protocol: 'icmp', resp: icmp });

    expect(talks()[0]).not.toHaveProperty('respPort');
  });

  it('name some of those who came to each port, and sum up the rest of them there', () => {
    const many = Array.from({ length: 20 }, (_, i) => came(`198.51.100.${i + 10}`));
    write(...Array.from({ length: 3 }, () => came('198.51.100.7')), ...many, came('198.51.100.7'));
    write({ ...came('198.51.100.99'), resp: { ...db, port: 6379 } });

    const { talks: found, isPartial } = sumTalks(reader, { maxTalks: 4, maxAddresses: 2 });
    expect(isPartial).toBe(false);
    expect(found.map(({ orig, respPort, flows }) => [orig.ip, respPort, flows])).toEqual([
      [undefined, 5432, 19],
      ['198.51.100.7', 5432, 4],
      ['198.51.100.10', 5432, 1],
      ['198.51.100.99', 6379, 1],
    ]);
    expect(found.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(25 * 6600);
  });

  it('do the same with clients before translation', () => {
    const nat = (ip: string) => ({
      ...({ kind: 'docker-proxy', method: 'docker-proxy', confidence: 'certain' } as const),
      client: outside({ ip }),
    });
    const by = (ip: string) => ({
      orig: own('gateway', '172.30.1.1'),
      direction: 'host' as const,
      nat: nat(ip),
    });
    write(by('198.51.100.7'), by('198.51.100.8'), by('198.51.100.9'), by('198.51.100.7'));

    const { talks: found } = sumTalks(reader, { maxAddresses: 1 });
    expect(found.map(({ orig }) => orig)).toContainEqual({ scope: 'internet' });
    expect(found.filter(({ orig }) => orig.ip !== undefined)).toHaveLength(1);
    expect(found.reduce((sum, { flows }) => sum + flows, 0)).toBe(4);
  });

  it('are partial where there are too many all the same', () => {
    write(
      ...[1, 2, 3].map((port) => ({ orig: api, resp: { ...db, port }, direction: 'east-west' as const })),
    );

    expect(sumTalks(reader, { maxTalks: 2 }).isPartial).toBe(true);
    expect(sumTalks(reader, { maxTalks: 3 }).isPartial).toBe(false);
  });

  it('stand under the interface where that belongs to no network', () => {
    write({ orig: api, network: undefined, interface: 'eth0' });

    expect(talks()).toMatchObject([{ network: 'eth0' }]);
  });

  it('have the times of their first and last flow', () => {
    write({ orig: api, start: T0, end: T0 + 5 }, { orig: api, start: T0, end: T0 + 9 });

    expect(talks()).toMatchObject([{ first: T0 + 5, last: T0 + 9 }]);
  });
});
