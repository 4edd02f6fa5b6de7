/** A database of the first format, brought to this one by the agent that opens it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PublicFinding, parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import { compileFilter } from '../../../src/query/filter.ts';
import { Station } from '../../../src/station/station.ts';
import { openStoreReadOnly } from '../../../src/station/store/reader.ts';
import {
  DECISIONS_VERSION,
  migrate,
  NETWORKS_VERSION,
  SCHEMA_VERSION,
} from '../../../src/station/store/schema.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../support/harness.ts';
import { HOSTILE_TEXTS } from '../support/hostile.ts';
import { lease } from '../support/leases.ts';
import { dns, finding, flow, inventory, T0 } from '../support/records.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;

beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory.path, 'bridgewatch.db');
  mkdirSync(directory.path, { recursive: true });
});

afterEach(() => directory.remove());

/** As the first version wrote it: durable records by hand, because today's writer knows only today's tables. */
function firstFormat(
  ...records: readonly (ReturnType<typeof finding> | ReturnType<typeof inventory>)[]
): void {
  const db = new Sqlite(path);
  migrate(db, 1);
  const event = db.prepare(
    'INSERT INTO events (kind, time_us, tie, finding_id, record) VALUES (?, ?, 0, ?, ?)',
  );
  for (const record of records) {
    const isFinding = record.kind === 'finding';
    const { lastInsertRowid } = event.run(
      record.kind,
      isFinding ? record.lastSeen : record.time,
      isFinding ? record.id : null,
      serializeRecord(record),
    );
    if (isFinding)
      db.prepare('INSERT OR REPLACE INTO findings VALUES (?, ?)').run(record.id, lastInsertRowid);
  }
  db.prepare(
    `INSERT INTO flows (uid, start_us, time_us, orig_ip, resp_ip, protocol, direction, record)
     VALUES ('u1', ?, ?, 'a', 'b', 'tcp', 'egress', ?)`,
  ).run(flow(1).start, flow(1).end, serializeRecord(flow(1)));
  db.close();
}

async function run(now: number): Promise<void> {
  const station = new Station(stationConfig(directory.path), {
    logger: memoryLogger().logger,
    now: () => now,
  });
  await station.start();
  station.receive(lease(1));
  await station.stop();
}

describe('a database of the first format', () => {
  it('keeps what it has and takes leases', async () => {
    firstFormat(finding(1, { status: 'closed' }));
    await run(T0);

    const reader = await openStoreReadOnly(path);
    expect(reader.queryFindings()).toHaveLength(1);
    expect(reader.queryFlows({ uid: 'u1' })).toHaveLength(1);
    expect(reader.queryLeases({ ip: '172.30.1.5' })).toHaveLength(1);
    reader.close();
    const db = new Sqlite(path);
    expect(db.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
    expect(SCHEMA_VERSION).toBeGreaterThan(1);
    db.close();
  });

  it('knows its networks from the inventory changes that it kept', async () => {
    firstFormat(
      inventory(1),
      inventory(2, { id: 'b'.repeat(64), name: 'gone' }),
      inventory(3, { change: 'changed', name: 'renamed' }),
      inventory(4, { id: 'b'.repeat(64), name: 'gone', change: 'removed' }),
      inventory(5, { object: 'container', id: 'c'.repeat(64) }),
    );
    await run(T0 + 60_000_000);

    const reader = await openStoreReadOnly(path);
    expect(reader.networks().map(({ name, seenAt, removedAt }) => [name, seenAt, removedAt])).toEqual([
      // Gone as far as anybody knows, until the next agent tells it again.
      ['renamed', T0 + 1000, T0 + 60_000_000],
      ['gone', T0 + 2000, T0 + 4000],
    ]);
    reader.close();
  });

  it('has its open findings closed, and only those', async () => {
    firstFormat(finding(1), finding(2, { status: 'update' }), finding(3, { status: 'closed' }));
    await run(T0);

    const reader = await openStoreReadOnly(path);
    const states = reader.queryFindings().map(({ text }) => parseRecord(text) as PublicFinding);
    expect(states.map(({ id, status }) => `${id} ${status}`).sort()).toEqual([
      'f-1 closed',
      'f-2 closed',
      'f-3 closed',
    ]);
    expect(reader.queryFindings({ history: true, id: 'f-3' })).toHaveLength(1);
    reader.close();
  });

  it.each(HOSTILE_TEXTS)('stands records with %j in them, and a record that is no JSON', async (name) => {
    firstFormat(inventory(1, { name }), finding(1, { explanation: name }));
    const db = new Sqlite(path);
    db.exec(
      "INSERT INTO events (kind, time_us, tie, finding_id, record) VALUES ('inventory', 1, 0, NULL, '{'), ('finding', 1, 0, 'x', '{\"')",
    );
    db.exec("INSERT INTO findings SELECT 'x', max(seq) FROM events");
    db.close();

    await run(T0);

    const reader = await openStoreReadOnly(path);
    expect(reader.networks()).toHaveLength(1);
    expect(reader.queryFindings({ id: 'f-1', history: true })).toHaveLength(2);
    reader.close();
  });
});

describe('an older database that no agent of this version has opened', () => {
  it('answers what it has, and refuses to answer what it never kept', async () => {
    firstFormat(finding(1));
    const reader = await openStoreReadOnly(path);

    expect(reader.queryFindings()).toHaveLength(1);
    expect(reader.queryDns({ network: 'shop_data' })).toEqual([]);
    expect(reader.queryEvents({ network: 'shop_data' })).toEqual([]);
    expect(() => reader.queryLeases({ ip: '172.30.1.5' })).toThrow(
      expect.objectContaining({ code: 'STORE_OLDER' }),
    );
    reader.close();
  });
});

describe('a database of the format before look-ups had several networks', () => {
  it('is searched by the one that each has, before and after an agent of this version opened it', async () => {
    const db = new Sqlite(path);
    migrate(db, NETWORKS_VERSION - 1);
    db.prepare(
      `INSERT INTO dns (time_us, network, client_ip, server_ip, query, qtype, record)
       VALUES (?, 'shop_data', 'a', 'b', 'q.example.com', 'A', ?)`,
    ).run(T0, serializeRecord(dns(1)));
    db.close();
    const found = async () => {
      const reader = await openStoreReadOnly(path);
      const filter = compileFilter('query:*.example.com rtt>1ms', { kinds: ['dns'], now: T0 });
      const rows = ['shop_data', 'shop'].map(
        (network) => reader.queryDns({ network, matching: { filter } }).length,
      );
      const scanned = [...reader.scanDns({ network: 'shop_data' })].length;
      expect(reader.queryLeases({ ip: '172.30.1.99' })).toEqual([]);
      reader.close();
      return [...rows, scanned];
    };

    expect(await found()).toEqual([1, 0, 1]);
    await run(T0);
    expect(await found()).toEqual([1, 0, 1]);
  });
});

describe('a database from before people could decide', () => {
  it('takes decisions, and what they are about stays', async () => {
    firstFormat(finding(1));
    const db = new Sqlite(path);
    migrate(db, DECISIONS_VERSION - 1);
    expect(db.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'mutes'").pluck().get()).toBe(0);
    db.close();
    const begin = async () => {
      const station = new Station(stationConfig(directory.path), { logger: memoryLogger().logger });
      await station.start();
      return station;
    };
    const first = await begin();
    await first.decisions!.muteFinding('f-1', { by: 'root', reason: 'drill', forever: true });
    await first.stop();
    const second = await begin();
    const reasons = second.decisions!.mutes().map(({ reason }) => reason);
    await second.stop();

    expect(reasons).toEqual(['drill']);
  });
});
