/** The store's search against the filter's own word, in a real database, over generated records and filters. */
import { join } from 'node:path';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentRecord } from '../../../src/model/record.ts';
import { parseRecord } from '../../../src/model/serialize.ts';
import { printAst } from '../../../src/query/ast.ts';
import { compileFilter, type Filter } from '../../../src/query/filter.ts';
import { Station } from '../../../src/station/station.ts';
import { FIELD_COLUMNS, prefilter } from '../../../src/station/store/prefilter.ts';
import { openStoreReadOnly, type StoredRecord, type StoreReader } from '../../../src/station/store/reader.ts';
import { meaningfulAst, NOW } from '../../query/asts.ts';
import { dnsRecord, findingRecord, flowRecord } from '../../query/records.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../support/harness.ts';
import { dns, inventory, loss } from '../support/records.ts';

const RECORDS = 150;
const EVERYTHING = 10_000;

let directory: ReturnType<typeof temporaryDirectory>;
let reader: StoreReader;
let db: Database;

beforeAll(async () => {
  directory = temporaryDirectory();
  const station = new Station(stationConfig(directory.path), { logger: memoryLogger().logger });
  await station.start();
  const records = [flowRecord, findingRecord, dnsRecord].flatMap((kind) =>
    fc.sample(kind as fc.Arbitrary<AgentRecord>, { numRuns: RECORDS, seed: 7 }),
  );
  for (const record of records) station.receive(record);
  station.receive(inventory(1));
  station.receive(loss(1));
  await station.stop();
  const path = join(directory.path, 'bridgewatch.db');
  reader = await openStoreReadOnly(path);
  db = new BetterSqlite3(path, { readonly: true });
});

afterAll(() => {
  reader.close();
  db.close();
  directory.remove();
});

const KINDS = {
  flow: { table: 'flows', query: (filter: object) => reader.queryFlows(filter) },
  finding: { table: 'events', query: (filter: object) => reader.queryFindings(filter) },
  dns: { table: 'dns', query: (filter: object) => reader.queryDns(filter) },
} as const;

function compiled(text: string, kind: keyof typeof KINDS): Filter {
  return compileFilter(text, { kinds: [kind], now: NOW });
}

describe.each(['flow', 'finding', 'dns'] as const)('a search for %s records', (kind) => {
  const { table, query } = KINDS[kind];

  it('finds what the filter takes and nothing else, in the order of the store', () => {
    const all = query({ limit: EVERYTHING });
    let hits = 0;
    expect(all).toHaveLength(RECORDS);
    fc.assert(
      fc.property(meaningfulAst(kind), (ast) => {
        const filter = compiled(printAst(ast), kind);
        const expected = all.filter(({ text }) => filter.matches(parseRecord(text)));
        hits += expected.length > 0 && expected.length < all.length ? 1 : 0;

        expect(seqs(query({ limit: EVERYTHING, matching: { filter } }))).toEqual(seqs(expected));
        expect(seqs(query({ limit: 3, matching: { filter } }))).toEqual(seqs(expected).slice(-3));
      }),
      { numRuns: 400 },
    );
    // Filters that take all or nothing would prove little.
    expect(hits).toBeGreaterThan(50);
  });

  it('passes over nothing that the filter takes: SQL lets it through, and never says NULL', () => {
    fc.assert(
      fc.property(meaningfulAst(kind), (ast) => {
        const filter = compiled(printAst(ast), kind);
        const { sql, values } = prefilter(filter.condition, FIELD_COLUMNS[table]);
        const rows = db
          .prepare(`SELECT record AS text, (${sql}) AS passes FROM ${table} WHERE record LIKE ?`)
          .all(...values, `{"kind":"${kind}"%`) as { text: string; passes: number | null }[];

        expect(rows.length).toBeGreaterThanOrEqual(RECORDS);
        for (const { text, passes } of rows) {
          expect(passes).not.toBeNull();
          if (filter.matches(parseRecord(text))) expect(passes).toBe(1);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('the SQL', () => {
  it.each([
    ['port:5432', 'a number'],
    ['service:postgresql', 'a text'],
    ['dst.ip:198.51.100.0/24', 'a prefix'],
    ['container:shop/db', 'a label'],
    ['state:REJ or state:RSTO', 'alternatives'],
    ['uid:u1', 'an id'],
    ['not start>2026-11-24', 'the opposite of what is exact'],
  ])('of %s narrows the search: %s', (text) => {
    expect(prefilter(compiled(text, 'flow').condition, FIELD_COLUMNS.flows).sql).not.toBe('1');
  });

  it.each([
    ['not service:postgresql', 'the opposite of what is only likely'],
    ['service:tls or bytes>1MB', 'an alternative that nothing is known of'],
    ['dst.ip:2001:db8::/32', 'a prefix that addresses of several spellings begin with'],
  ])('of %s lets everything through: %s', (text) => {
    expect(prefilter(compiled(text, 'flow').condition, FIELD_COLUMNS.flows).sql).toBe('1');
  });

  it.each([
    ['query:*.example.com', 'a name with a star'],
    ['not query:"a_b%c"', 'the opposite of a name'],
    ['not rcode:NXDOMAIN', 'the opposite of what may be absent'],
    ['answered:false', 'what is absent'],
    ['rtt>500ms or upstream.rtt>500ms', 'numbers of the record'],
    ['answer:198.51.100.0/24', 'a prefix among texts'],
  ])('of %s narrows the search for look-ups: %s', (text) => {
    expect(prefilter(compiled(text, 'dns').condition, FIELD_COLUMNS.dns).sql).not.toBe('1');
  });

  it.each(['a_b', 'a%b', 'A\\032B', 'axb'])('takes %s for itself alone', async (name) => {
    const own = temporaryDirectory();
    const station = new Station(stationConfig(own.path), { logger: memoryLogger().logger });
    await station.start();
    for (const query of ['a_b', 'a%b', 'a\\032b', 'axb']) station.receive(dns(1, { query }));
    await station.stop();
    const names = await openStoreReadOnly(join(own.path, 'bridgewatch.db'));
    const filter = compiled(`query:"${name}"`, 'dns');

    expect(names.queryDns({ matching: { filter } })).toHaveLength(1);
    names.close();
    own.remove();
  });

  it('holds no text of the filter: all of it are parameters', () => {
    const filter = compiled(`service:"x' OR 1=1 --" or uid:"'; DROP TABLE flows"`, 'flow');
    const { sql } = prefilter(filter.condition, FIELD_COLUMNS.flows);

    expect(sql).not.toMatch(/DROP|1=1|'/);
    expect(reader.queryFlows({ matching: { filter } })).toEqual([]);
  });

  it('is taken by SQLite at the largest size that a filter can have', () => {
    const many = Array.from({ length: 200 }, (_, i) => `state:${i % 2 === 0 ? 'S*' : 'R*'}`);
    for (const joined of [many.join(' or '), many.join(' and '), `${'not '.repeat(50)}port:1`]) {
      const filter = compiled(joined, 'flow');
      expect(() => reader.queryFlows({ matching: { filter } })).not.toThrow();
    }
  });
});

describe('a search that is bounded', () => {
  const times = (rows: readonly StoredRecord[]) => rows.map(({ time }) => time);

  it('says back to which time it looked, when rows are left', () => {
    const newest = times(reader.queryFlows({ limit: 10 }));
    const stops: number[] = [];
    const matching = {
      filter: compiled('uid:nobody*', 'flow'),
      maxRows: 10,
      onStopped: (at: number) => stops.push(at),
    };

    expect(reader.queryFlows({ matching })).toEqual([]);
    expect(stops).toEqual([newest[0]]);
  });

  it('says nothing when it saw them all, or found as many as were wanted', () => {
    const stops: number[] = [];
    const onStopped = (at: number) => stops.push(at);
    const none = { filter: compiled('uid:nobody*', 'flow'), maxRows: RECORDS, onStopped };
    const some = { filter: compiled('uid:*', 'flow'), maxRows: 10, onStopped };

    expect(reader.queryFlows({ matching: none })).toEqual([]);
    expect(reader.queryFlows({ matching: some, limit: 10 })).toHaveLength(10);
    expect(stops).toEqual([]);
  });
});

function seqs(rows: readonly StoredRecord[]): number[] {
  return rows.map(({ seq }) => seq);
}
