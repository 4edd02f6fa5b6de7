/** The index over flows against the stored flows themselves, in a real database, as they come, change and expire. */
import { join } from 'node:path';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { serializeFlow } from '../../../src/model/serialize-flow.ts';
import { Aggregate, type Groups, parseGrouping } from '../../../src/query/aggregate.ts';
import { printAst } from '../../../src/query/ast.ts';
import { compileFilter } from '../../../src/query/filter.ts';
import { storeConfig } from '../../../src/station/config.ts';
import { openDatabase } from '../../../src/station/store/database.ts';
import { noParts, takeApart } from '../../../src/station/store/flow-index/parts.ts';
import type { Looked } from '../../../src/station/store/flow-index/summary.ts';
import { FlowIndexWriter } from '../../../src/station/store/flow-index/writer.ts';
import { StoreReader } from '../../../src/station/store/reader.ts';
import { keepWithinBounds } from '../../../src/station/store/retention.ts';
import { RowWriter } from '../../../src/station/store/rows.ts';
import { FLOW_INDEX_VERSION, migrate } from '../../../src/station/store/schema.ts';
import { WatchLog } from '../../../src/station/store/watch-log.ts';
import { meaningfulAst, NOW } from '../../query/asts.ts';
import { flowRecord, T0 } from '../../query/records.ts';
import { temporaryDirectory } from '../support/harness.ts';
import { flow } from '../support/records.ts';

const BLOCK = 16;
const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;
const ALL_DELIVERED = { finding: Number.MAX_SAFE_INTEGER, event: Number.MAX_SAFE_INTEGER };
/** Fields of which the index has all, in any mixture. */
const KEYS = [
  'src',
  'dst',
  'src.container',
  'src.service',
  'dst.name',
  'dst.ip',
  'dst.port',
  'src.port',
  'network',
  'internal',
  'service',
  'direction',
  'state',
  'serverName',
  'nat.kind',
  'nat.client.ip',
  'nat.published',
  'protocol',
  'hour',
  'day',
  'minute',
];

let directory: ReturnType<typeof temporaryDirectory>;
let db: Database;
let rows: RowWriter;
let reader: StoreReader;

beforeEach(() => {
  directory = temporaryDirectory();
  open();
});

afterEach(() => {
  db.close();
  directory.remove();
});

/** As an agent that begins, with blocks of few rows. */
function open(): void {
  ({ db } = openDatabase(BetterSqlite3, join(directory.path, 'bridgewatch.db'), {
    asideSuffix: 'x',
    isKnownCorrupt: false,
  }));
  rows = new RowWriter(db, new WatchLog(db), new FlowIndexWriter(db, BLOCK));
  reader = new StoreReader(db);
}

function write(...flows: readonly FlowRecord[]): void {
  db.transaction(() => {
    for (const record of flows)
      rows.writeBulk({ kind: 'flow', time: record.end, tie: 0, text: serializeFlow(record), record });
    rows.settleBulk();
  })();
}

interface Asked {
  readonly filter?: string;
  readonly by?: string;
  readonly sum?: string;
  readonly since?: number;
  readonly until?: number;
  readonly network?: string;
  readonly container?: string;
}

function ask(asked: Asked, isIndexUsed: boolean): { readonly groups: Groups; readonly looked: Looked } {
  const { filter: text, by = 'src,dst', sum = 'bytes,packets', ...where } = asked;
  const aggregate = new Aggregate(parseGrouping({ by, sum, top: 7 }));
  const filter = text === undefined ? undefined : compileFilter(text, { kinds: ['flow'], now: NOW });
  const matching = filter === undefined ? {} : { matching: { filter } };
  const looked = reader.summarizeFlows({ ...where, ...matching }, aggregate, isIndexUsed);
  return { groups: aggregate.result(), looked };
}

/** What both ways say, when they say the same. */
function agreed(asked: Asked = {}): Groups {
  const fast = ask(asked, true);
  expect(fast.looked.way).toBe('index');
  expect(fast.groups).toEqual(ask(asked, false).groups);
  return fast.groups;
}

function flowsIn({ total }: Groups): number {
  return total.flows;
}

const blocks = () => db.prepare('SELECT count(*) FROM flow_blocks').pluck().get() as number;

describe('the index over flows', () => {
  it('says what the flows say, whatever is asked', () => {
    const made = fc.sample(flowRecord, { numRuns: 250, seed: 7 });
    for (let i = 0; i < made.length; i += 9) write(...made.slice(i, i + 9));
    expect(blocks()).toBeGreaterThan(10);
    const bound = fc.option(
      fc.integer({ min: -7, max: 7 }).map((minutes) => T0 + minutes * MINUTE),
      {
        nil: undefined,
      },
    );
    const question = fc.record({
      filter: fc.option(meaningfulAst('flow').map(printAst), { nil: undefined }),
      by: fc.uniqueArray(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 3 }),
      sum: fc.constantFrom('bytes', 'flows', 'packets.out,bytes.in'),
      since: bound,
      until: bound,
      network: fc.option(fc.constantFrom('shop_data', 'data', 'nobody'), { nil: undefined }),
      container: fc.option(fc.constantFrom('db', 'shop/db', '3f2a', 'x/y'), { nil: undefined }),
    });
    let answered = 0;
    let asked = 0;

    fc.assert(
      fc.property(question, ({ by, ...rest }) => {
        const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
        const all: Asked = { ...given, by: by.join(',') };
        const fast = ask(all, true);
        asked += 1;
        if (fast.looked.way === 'index') answered += 1;
        expect(fast.groups).toEqual(ask(all, false).groups);
      }),
      { numRuns: 120, seed: 11 },
    );

    expect(answered / asked).toBeGreaterThan(0.7);
  });

  it('reads the text of any flow as its JSON does', () => {
    fc.assert(
      fc.property(flowRecord, (record) => {
        const parts = noParts();
        expect(takeApart(serializeFlow(record), record.orig.ip, record.resp.ip, parts)).toBe(true);
        expect(parts).toMatchObject({
          origPort: record.orig.port ?? -1,
          respPort: record.resp.port ?? -1,
          origBytes: record.origBytes,
          respPackets: record.respPackets,
        });
        const { port: _, ...resp } = JSON.parse(serializeFlow(record)).resp;
        expect(JSON.parse(`{"ip":"${record.resp.ip}"${parts.resp}`)).toEqual(resp);
      }),
    );
  });

  it('refuses a text of another shape', () => {
    expect(takeApart('{}', 'a', 'b', noParts())).toBe(false);
    expect(takeApart('', 'a', 'b', noParts())).toBe(false);
  });

  it('counts a flow that goes on once, with its latest row', () => {
    const long = (n: number, bytes: number, reason: FlowRecord['reason']) =>
      flow(n, { uid: 'long', start: T0, end: T0 + bytes, origBytes: bytes, respBytes: 0, reason });
    write(long(1, 10, 'active'));
    write(...Array.from({ length: 2 * BLOCK }, (_, i) => flow(i + 10, { origBytes: 0, respBytes: 0 })));
    expect(agreed().total.sums[0]).toBe(10);
    write(long(1, 20, 'active'));
    write(...Array.from({ length: 2 * BLOCK }, (_, i) => flow(i + 100, { origBytes: 0, respBytes: 0 })));
    expect(agreed().total.sums[0]).toBe(20);
    write(long(1, 30, 'closed'));
    expect(agreed().total.sums[0]).toBe(30);
    write(...Array.from({ length: 2 * BLOCK }, (_, i) => flow(i + 200, { origBytes: 0, respBytes: 0 })));

    expect(agreed().total.sums[0]).toBe(30);
    expect(flowsIn(agreed())).toBe(6 * BLOCK + 1);
    expect(db.prepare('SELECT count(*) FROM flow_loose').pluck().get()).toBe(0);
  });

  it('counts a flow once that is told again after it ended, in a block or waiting', () => {
    const again = (bytes: number) => flow(1, { origBytes: bytes, respBytes: 0 });
    write(again(1), ...Array.from({ length: 2 * BLOCK }, (_, i) => flow(i + 10)));
    write(again(2));
    const others = agreed({ filter: 'bytes.in:0' });
    expect(others.total).toEqual({ flows: 1, sums: [2, expect.any(Number)] });
    write(again(3));

    expect(agreed({ filter: 'bytes.in:0' }).total.sums[0]).toBe(3);
    expect(flowsIn(agreed())).toBe(2 * BLOCK + 1);
  });

  it('has the ends of a range to the microsecond, in the middle of a block and of an hour', () => {
    write(...Array.from({ length: 3 * BLOCK }, (_, i) => flow(i, { end: T0 + i })));
    expect(flowsIn(agreed({ since: T0 + 5 }))).toBe(3 * BLOCK - 5);
    expect(flowsIn(agreed({ until: T0 + 20 }))).toBe(20);
    expect(flowsIn(agreed({ since: T0 + 17, until: T0 + 18 }))).toBe(1);

    write(
      ...Array.from({ length: BLOCK }, (_, i) =>
        flow(1000 + i, { end: T0 + (i % 2 === 0 ? HOUR - 1 : HOUR) }),
      ),
    );
    expect(agreed({ by: 'hour', sum: 'flows' }).groups.map(({ key, flows }) => [...key, flows])).toEqual([
      [expect.stringMatching(/:00:00Z$/), 3 * BLOCK + BLOCK / 2],
      [expect.stringMatching(/:00:00Z$/), BLOCK / 2],
    ]);
  });

  it('follows what expires, also when the clock was set back in between', () => {
    const at = (base: number, from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => flow(from + i, { start: base, end: base + from + i }));
    write(...at(T0, 0, 2 * BLOCK));
    write(...at(T0 - 2 * HOUR, 100, 100 + 2 * BLOCK));
    write(...at(T0, 200, 200 + 2 * BLOCK));
    const expire = (before: number) => {
      const config = storeConfig.parse({ path: 'x', flow_retention_days: 1 });
      keepWithinBounds(db, config, before + 86_400_000_000, ALL_DELIVERED, 1000);
    };

    expire(T0 - 2 * HOUR + 110);
    expect(flowsIn(agreed())).toBe(6 * BLOCK - 10);
    expire(T0 + 7);
    expect(flowsIn(agreed())).toBe(4 * BLOCK - 7);
    expect(blocks()).toBe(2);
    // The clock is back again: these are older than what was deleted last.
    write(...at(T0 - HOUR, 300, 300 + BLOCK));
    expect(flowsIn(agreed())).toBe(5 * BLOCK - 7);
    expire(T0 - HOUR + 305);
    expect(flowsIn(agreed())).toBe(5 * BLOCK - 12);
    expire(T0 + HOUR);
    expect(flowsIn(agreed())).toBe(0);
    expect(blocks()).toBe(0);
    expect(db.prepare('SELECT count(*) FROM flow_columns').pluck().get()).toBe(0);
  });

  it('leaves out what expired before its block was closed', () => {
    write(...Array.from({ length: BLOCK - 4 }, (_, i) => flow(i, { end: T0 + i })));
    const config = storeConfig.parse({ path: 'x', flow_retention_days: 1 });
    keepWithinBounds(db, config, T0 + 5 + 86_400_000_000, ALL_DELIVERED, 1000);
    write(...Array.from({ length: BLOCK }, (_, i) => flow(100 + i, { end: T0 + 100 + i })));

    expect(blocks()).toBe(1);
    expect(flowsIn(agreed())).toBe(2 * BLOCK - 9);
  });

  it('loses nothing and counts nothing twice when a transaction is undone', () => {
    write(...Array.from({ length: 10 }, (_, i) => flow(i)));
    expect(() =>
      db.transaction(() => {
        for (let i = 0; i < 2 * BLOCK; i++) {
          const record = flow(100 + i);
          rows.writeBulk({ kind: 'flow', time: record.end, tie: 0, text: serializeFlow(record), record });
        }
        rows.settleBulk();
        throw new Error('disk full');
      })(),
    ).toThrow('disk full');
    rows.forgetBulk();
    expect(flowsIn(agreed())).toBe(10);
    write(...Array.from({ length: 2 * BLOCK }, (_, i) => flow(200 + i)));

    expect(flowsIn(agreed())).toBe(2 * BLOCK + 10);
    expect(blocks()).toBeGreaterThan(0);
  });

  it('goes on where a killed agent left off', () => {
    write(...Array.from({ length: BLOCK + 7 }, (_, i) => flow(i)));
    write(...Array.from({ length: 5 }, (_, i) => flow(50 + i)));
    db.close();
    open();
    expect(flowsIn(agreed())).toBe(BLOCK + 12);
    write(...Array.from({ length: BLOCK }, (_, i) => flow(100 + i)));
    write(...Array.from({ length: BLOCK }, (_, i) => flow(200 + i)));

    expect(flowsIn(agreed())).toBe(3 * BLOCK + 12);
    expect(db.prepare('SELECT covered FROM flow_index').pluck().get()).toBeGreaterThan(2 * BLOCK);
  });

  it('is made of the flows of an earlier format, and until then each of them is read', () => {
    db.close();
    directory.remove();
    directory = temporaryDirectory();
    const old = new BetterSqlite3(join(directory.path, 'bridgewatch.db'));
    migrate(old, FLOW_INDEX_VERSION - 1);
    const insert = old.prepare(
      `INSERT INTO flows (uid, start_us, time_us, orig_ip, resp_ip, protocol, direction, record)
       VALUES (?, ?, ?, ?, ?, 'tcp', 'egress', ?)`,
    );
    for (let i = 0; i < 5 * BLOCK; i++) {
      const { uid, start, end, orig, resp } = flow(i);
      insert.run(uid, start, end, orig.ip, resp.ip, i === 3 ? '{"kind":"flow"' : serializeFlow(flow(i)));
    }
    old.prepare('UPDATE flows SET record = ? WHERE seq = 4').run(serializeFlow(flow(3)));
    reader = new StoreReader(old);
    const { looked, groups } = ask({}, true);
    expect(looked).toMatchObject({ way: 'scan', because: expect.stringContaining('earlier format') });
    expect(flowsIn(groups)).toBe(5 * BLOCK);
    old.close();

    open();
    while (rows.isIndexBehind) db.transaction(() => rows.catchUpIndex())();

    expect(blocks()).toBe(5);
    expect(flowsIn(agreed())).toBe(5 * BLOCK);
  });

  it('begins an era of words when there are too many, and drops those of which nothing is left', () => {
    const named = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => {
        const record = flow(from + i, { end: T0 + from + i });
        return { ...record, serverName: `host${from + i}.example.com` };
      });
    for (let i = 0; i < 4; i++) {
      write(...named(i * BLOCK, BLOCK));
      // As an agent that begins again: words are not remembered.
      rows.forgetBulk();
    }
    expect(db.prepare('SELECT count(DISTINCT words_from) FROM flow_blocks').pluck().get()).toBe(4);
    expect(flowsIn(agreed({ filter: 'serverName:host1*', by: 'serverName' }))).toBe(11);
    const words = () => db.prepare('SELECT count(*) FROM flow_words').pluck().get() as number;
    const before = words();
    const config = storeConfig.parse({ path: 'x', flow_retention_days: 1 });
    keepWithinBounds(db, config, T0 + 3 * BLOCK + 86_400_000_000, ALL_DELIVERED, 1000);

    expect(words()).toBe(before / 2);
    expect(flowsIn(agreed({ by: 'serverName' }))).toBe(BLOCK);
  });

  it('says what it has not, and answers by reading each flow', () => {
    write(...Array.from({ length: BLOCK }, (_, i) => flow(i)));

    expect(ask({ filter: 'history:S*' }, true).looked).toMatchObject({
      way: 'scan',
      because: 'history is not in the index',
    });
    expect(ask({ by: 'history' }, true).looked.way).toBe('scan');
  });
});
