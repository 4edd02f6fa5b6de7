import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LossTally } from '../../../src/model/loss-tally.ts';
import { parseRecord } from '../../../src/model/serialize.ts';
import { storeConfig } from '../../../src/station/config.ts';
import { openStoreReadOnly, type StoreReader } from '../../../src/station/store/reader.ts';
import { SCHEMA_VERSION } from '../../../src/station/store/schema.ts';
import { openStore, type Store } from '../../../src/station/store/store.ts';
import { append, entryOf, memoryLogger, temporaryDirectory, until } from '../support/harness.ts';
import { coverage, dns, finding, flow, inventory, loss, T0 } from '../support/records.ts';

const DAY = 86_400_000_000;

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;
let log: ReturnType<typeof memoryLogger>;
let losses: LossTally;
let now: number;
const open: (Store | StoreReader)[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory.path, 'state', 'bridgewatch.db');
  log = memoryLogger();
  losses = new LossTally();
  now = T0;
});

afterEach(() => {
  for (const each of open.splice(0)) each.close();
  directory.remove();
});

async function newStore(over: Partial<ReturnType<typeof storeConfig.parse>> = {}): Promise<Store> {
  const store = await openStore(
    { ...storeConfig.parse({ path }), ...over },
    {
      logger: log.logger,
      losses,
      now: () => now,
      onDurable: () => {},
      onShed: () => {},
      onSkipped: () => {},
    },
  );
  open.push(store);
  return store;
}

async function newReader(): Promise<StoreReader> {
  const reader = await openStoreReadOnly(path);
  open.push(reader);
  return reader;
}

describe('writing', () => {
  it('makes its directory and is readable from another connection within a moment, without a flush', async () => {
    const store = await newStore();
    const reader = await newReader();

    append(store, finding(1), flow(1), dns(1), inventory(1), loss(1), coverage(1));

    await until('the finding', () => reader.queryFindings().length === 1, 1000);
    await until('the flow', () => reader.queryFlows().length === 1, 2000);
    expect(reader.queryDns()).toHaveLength(1);
    expect(reader.queryEvents().map(({ kind }) => kind)).toEqual(['inventory', 'loss', 'coverage']);
  });

  it('keeps the whole public record', async () => {
    const store = await newStore();
    append(store, finding(1));
    store.flush();

    const [row] = (await newReader()).queryFindings();

    expect(parseRecord(row!.text)).toMatchObject({
      kind: 'finding',
      id: 'f-1',
      subject: { ip: '172.30.1.5' },
    });
    expect(row!.time).toBe(finding(1).lastSeen);
  });

  it('commits a finding with an fsync and flows without one', async () => {
    const store = await newStore();
    const seen: unknown[] = [];
    const pragma = store.db!.pragma.bind(store.db);
    store.db!.pragma = ((source: string, options) => {
      if (source.startsWith('synchronous')) seen.push(source);
      return pragma(source, options);
    }) as typeof pragma;

    append(store, flow(1));
    store.flush();
    expect(seen).toEqual([]);
    append(store, finding(1));
    store.flush();

    expect(seen).toEqual(['synchronous = FULL', 'synchronous = NORMAL']);
    expect(pragma('synchronous', { simple: true })).toBe(1);
  });

  it('keeps the history of a finding and knows its current state', async () => {
    const store = await newStore();
    append(store, finding(1), finding(2), finding(1, { status: 'closed', lastSeen: T0 + 9_000 }));
    store.flush();
    const reader = await newReader();

    const current = reader.queryFindings().map(({ text }) => parseRecord(text));
    const history = reader.queryFindings({ id: 'f-1', history: true }).map(({ text }) => parseRecord(text));

    expect(current).toMatchObject([
      { id: 'f-2', status: 'open' },
      { id: 'f-1', status: 'closed' },
    ]);
    expect(history).toMatchObject([{ status: 'open' }, { status: 'closed' }]);
  });

  it('lets the last row of a flow stand for it, under a new place', async () => {
    const store = await newStore();
    append(store, flow(1, { reason: 'active', origBytes: 10 }));
    store.flush();
    const reader = await newReader();
    const before = reader.lastSeq('flows');

    append(store, flow(1, { reason: 'closed', origBytes: 30 }));
    store.flush();

    expect(reader.queryFlows()).toHaveLength(1);
    expect(parseRecord(reader.queryFlows({ afterSeq: before })[0]!.text)).toMatchObject({ origBytes: 30 });
  });

  it('goes on numbering after a restart', async () => {
    const first = await newStore();
    append(first, finding(1), finding(2));
    first.close();
    const second = await newStore();

    append(second, finding(3));
    second.close();

    expect((await newReader()).queryFindings().map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('writes what waits when it closes', async () => {
    const store = await newStore();
    append(store, ...Array.from({ length: 5000 }, (_, i) => flow(i)));

    store.close();

    expect((await newReader()).queryFlows({ limit: 10_000 })).toHaveLength(5000);
  });
});

describe('the buffer, when the disk is slow', () => {
  it('refuses flows when it is full and counts them', async () => {
    const store = await newStore({ buffer_max_records: 100 });

    append(store, ...Array.from({ length: 130 }, (_, i) => flow(i)));

    expect(store.status()).toMatchObject({ buffered: 100, shed: 30 });
    expect(store.refusesBulk).toBe(true);
    expect(losses.drain(T0)).toMatchObject([{ source: 'store', where: 'flow', count: 30 }]);
  });

  it('sheds flows before events and events before findings', async () => {
    const store = await newStore({ buffer_max_records: 100 });
    const numbers = Array.from({ length: 100 }, (_, i) => i);

    append(store, ...numbers.map((i) => flow(i)));
    append(store, ...numbers.slice(0, 60).map((i) => coverage(i)));
    append(store, ...numbers.slice(0, 70).map((i) => finding(i)));
    store.flush();

    const reader = await newReader();
    expect(reader.queryFlows({ limit: 1000 })).toHaveLength(0);
    expect(reader.queryEvents({ limit: 1000 })).toHaveLength(30);
    expect(reader.queryFindings({ limit: 1000 })).toHaveLength(70);
    expect(losses.drain(T0)).toMatchObject([
      { where: 'flow', count: 100 },
      { where: 'coverage', count: 30 },
    ]);
  });

  it('gives up a finding only when it holds nothing but findings', async () => {
    const store = await newStore({ buffer_max_records: 100 });

    append(store, ...Array.from({ length: 101 }, (_, i) => finding(i)), coverage(1));
    store.flush();

    const ids = (await newReader()).queryFindings({ limit: 1000 }).map(({ time }) => time);
    expect(ids).toHaveLength(100);
    expect(ids[0]).toBe(finding(1).lastSeen);
    expect(losses.drain(T0)).toMatchObject([
      { where: 'finding', count: 1 },
      { where: 'coverage', count: 1 },
    ]);
  });

  it('is bounded in bytes too', async () => {
    const store = await newStore({ buffer_max_bytes: 65_536 });

    append(store, ...Array.from({ length: 500 }, (_, i) => flow(i)));

    const { buffered, shed } = store.status();
    expect(buffered + shed).toBe(500);
    expect(buffered).toBeGreaterThan(20);
    expect(buffered).toBeLessThan(150);
  });
});

describe('opening', () => {
  it('refuses a second writer and lets go when the first has closed', async () => {
    const first = await newStore();

    await expect(newStore()).rejects.toMatchObject({
      code: 'STORE_IN_USE',
      message: expect.stringContaining('another bridgewatch writes to'),
    });
    first.close();
    await expect(newStore()).resolves.toBeDefined();
  });

  it('refuses a database of a newer version and leaves it as it is', async () => {
    (await newStore()).close();
    const raw = new Sqlite(path);
    raw.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    raw.close();

    await expect(newStore()).rejects.toMatchObject({
      code: 'STORE_NEWER',
      message: expect.stringMatching(/newer Bridgewatch.*Upgrade/),
    });
    await expect(newReader()).rejects.toMatchObject({ code: 'STORE_NEWER' });
    expect(readdirSync(join(directory.path, 'state')).some((name) => name.includes('corrupt'))).toBe(false);
  });

  it('never touches a database of another program', async () => {
    mkdirSync(join(directory.path, 'state'));
    const other = new Sqlite(path);
    other.exec('CREATE TABLE photos (id INTEGER); INSERT INTO photos VALUES (1)');
    other.close();

    await expect(newStore()).rejects.toMatchObject({ code: 'STORE_FOREIGN' });

    const again = new Sqlite(path, { readonly: true });
    expect(again.prepare('SELECT count(*) FROM photos').pluck().get()).toBe(1);
    again.close();
  });

  it('moves a corrupt file aside, says so, and goes on', async () => {
    mkdirSync(join(directory.path, 'state'));
    writeFileSync(path, 'this is no database, and long enough for a header'.repeat(100));
    await expect(newReader()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });

    const store = await newStore();
    append(store, finding(1));
    store.flush();

    expect((await newReader()).queryFindings()).toHaveLength(1);
    const aside = readdirSync(join(directory.path, 'state')).filter((name) => name.includes('.corrupt-'));
    expect(aside).toEqual(['bridgewatch.db.corrupt-20261123T140000000Z']);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: 50, movedTo: expect.stringContaining('.corrupt-') }),
    );
  });

  it('says where it looked and what to do when the directory cannot be made', async () => {
    writeFileSync(join(directory.path, 'state'), 'a file in the way');

    await expect(newStore()).rejects.toMatchObject({
      code: 'STORE_OPEN',
      message: expect.stringMatching(/cannot make the directory .*state.*store\.path/),
    });
  });

  it('tells a reader that nothing was recorded yet', async () => {
    await expect(newReader()).rejects.toMatchObject({
      code: 'STORE_MISSING',
      message: expect.stringContaining(path),
    });
  });
});

describe('a database in trouble while it is used', () => {
  it('is not disturbed by a long reader', async () => {
    const store = await newStore();
    append(store, flow(1));
    store.flush();
    const reader = new Sqlite(path, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM flows').get();

    append(store, finding(1), flow(2));
    store.flush();

    expect(store.status()).toMatchObject({ state: 'ok', written: 3 });
    expect(reader.prepare('SELECT count(*) FROM flows').pluck().get()).toBe(1);
    reader.close();
  });

  it('waits for another writer, says so once, and loses nothing', async () => {
    const store = await newStore();
    const intruder = new Sqlite(path);
    intruder.exec('BEGIN IMMEDIATE');

    append(store, finding(1), flow(1));
    store.flush();
    expect(store.status()).toMatchObject({ state: 'failing', buffered: 2 });
    expect(store.status().problem).toContain('another program holds a write lock');
    intruder.exec('ROLLBACK');
    intruder.close();

    await until('the store writes again', () => store.status().state === 'ok');
    expect(store.status()).toMatchObject({ buffered: 0, shed: 0 });
    expect((await newReader()).queryFindings()).toHaveLength(1);
    expect(log.lines.map(({ msg }) => msg)).toEqual([
      'the store cannot write; records wait in memory',
      'the store writes again',
    ]);
  });

  it('moves a file aside that becomes corrupt, and goes on', async () => {
    const store = await newStore();
    append(store, ...Array.from({ length: 3000 }, (_, i) => flow(i)));
    store.flush();
    store.db!.pragma('wal_checkpoint(TRUNCATE)');
    const file = openSync(path, 'r+');
    // Page 1 holds the schema and stays in memory; the trees below it are what goes bad.
    for (let page = 1; page < 200; page++) writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096);
    closeSync(file);
    store.db!.pragma('cache_size = 0');
    store.db!.pragma('shrink_memory');

    append(store, ...Array.from({ length: 100 }, (_, i) => flow(10_000 + i)), finding(1));
    store.flush();
    await until(
      'the store writes again',
      () => store.status().state === 'ok' && store.status().buffered === 0,
    );

    expect((await newReader()).queryFindings()).toHaveLength(1);
    expect(
      readdirSync(join(directory.path, 'state')).filter((name) => name.includes('.corrupt-')),
    ).not.toEqual([]);
  });

  it('begins a new file when somebody deletes it, and says so', async () => {
    const store = await newStore();
    append(store, finding(1));
    store.flush();

    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });

    await until('a new file', () => existsSync(path));
    append(store, finding(2));
    store.flush();
    expect((await newReader()).queryFindings()).toHaveLength(1);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ msg: 'the database file is gone; a new one is begun' }),
    );
  });
});

const CANNOT_MOUNT = ((): string | undefined => {
  if (process.getuid?.() !== 0) return 'needs root to mount a small tmpfs';
  const probe = temporaryDirectory();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe.path], { stdio: 'ignore' });
    execFileSync('umount', [probe.path]);
    return undefined;
  } catch {
    return 'mounting a tmpfs is not allowed here';
  } finally {
    probe.remove();
  }
})();
if (CANNOT_MOUNT !== undefined) console.warn(`SKIPPED disk-full tests: ${CANNOT_MOUNT}`);

describe.skipIf(CANNOT_MOUNT !== undefined)('a full disk', () => {
  let mount: string;

  beforeEach(() => {
    mount = join(directory.path, 'small');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', mount]);
    path = join(mount, 'bridgewatch.db');
  });

  afterEach(() => {
    for (const each of open.splice(0)) each.close();
    execFileSync('umount', [mount]);
  });

  it('keeps running, keeps findings in memory, says what to do, and recovers when there is room', async () => {
    const store = await newStore({ buffer_max_records: 2000 });
    append(store, finding(0));
    store.flush();
    const ballast = join(mount, 'ballast');
    expect(() => writeFileSync(ballast, Buffer.alloc(4_000_000))).toThrow(/ENOSPC/);

    append(store, ...Array.from({ length: 1500 }, (_, i) => flow(i)), finding(1), finding(2));
    store.flush();

    expect(store.status()).toMatchObject({ state: 'failing' });
    expect(store.status().problem).toMatch(/disk that holds .* is full: free some space/);
    append(store, ...Array.from({ length: 1500 }, (_, i) => flow(2000 + i)), finding(3));
    expect(store.status().shed).toBeGreaterThan(900);

    truncateSync(ballast, 0);
    await until(
      'the store writes again',
      () => store.status().state === 'ok' && store.status().buffered === 0,
    );
    const reader = await newReader();
    expect(reader.queryFindings().map(({ text }) => (parseRecord(text) as { id: string }).id)).toEqual([
      'f-0',
      'f-1',
      'f-2',
      'f-3',
    ]);
    const { written, shed } = store.status();
    expect(written + shed).toBe(1 + 1500 + 2 + 1500 + 1);
    expect(losses.drain(T0)).toMatchObject([{ source: 'store', where: 'flow', count: shed }]);
    const said = log.lines.filter(({ msg }) => msg.startsWith('the store cannot write'));
    expect(said).toHaveLength(1);
  });

  it('hands findings to the sinks all the same', async () => {
    const store = await newStore();
    const outbox = store.openOutbox('influxdb', 'finding', new Set(['finding']));
    append(store, finding(0));
    store.flush();
    expect(() => writeFileSync(join(mount, 'ballast'), Buffer.alloc(4_000_000))).toThrow(/ENOSPC/);
    append(store, ...Array.from({ length: 900 }, (_, i) => finding(i + 1)));
    store.flush();
    expect(store.isFailing).toBe(true);

    const batch = outbox.read(5000, 1e9);

    expect(batch).toHaveLength(901);
    expect(outbox.settle(batch)).toBe(901);
    expect(outbox.count()).toBe(0);
    expect(outbox.read(5000, 1e9)).toEqual([]);
  });

  it('keeps what was refused for good meanwhile, once there is room', async () => {
    const store = await newStore();
    append(store, finding(0));
    store.flush();
    const ballast = join(mount, 'ballast');
    expect(() => writeFileSync(ballast, Buffer.alloc(4_000_000))).toThrow(/ENOSPC/);
    append(store, ...Array.from({ length: 900 }, (_, i) => finding(i + 1)));
    store.flush();
    expect(store.isFailing).toBe(true);

    store.addDeadLetter('influxdb', entryOf(finding(7)), 'too odd');
    truncateSync(ballast, 0);
    await until('the store writes again', () => store.status().state === 'ok');

    expect((await newReader()).deadLetters()).toMatchObject([{ sink: 'influxdb', reason: 'too odd' }]);
  });

  it('leaves the last of the disk to findings, and stores flows again when there is room', async () => {
    const store = await newStore();
    append(store, finding(0));
    store.flush();
    const { bavail, blocks, bsize } = statfsSync(mount);
    const ballast = join(mount, 'ballast');
    writeFileSync(ballast, Buffer.alloc((bavail - blocks * 0.09) * bsize));

    append(store, flow(1), finding(1));
    store.flush();

    const reader = await newReader();
    expect(reader.queryFindings()).toHaveLength(2);
    expect(reader.queryFlows()).toHaveLength(0);
    expect(store.status()).toMatchObject({ state: 'ok', problem: expect.stringContaining('nearly full') });
    append(store, flow(2));
    expect(store.status()).toMatchObject({ buffered: 1, shed: 1 });

    truncateSync(ballast, 0);
    await until('the flow is written', () => reader.queryFlows().length === 1);
    expect(store.status()).toMatchObject({ buffered: 0, shed: 1 });
    expect(log.lines.map(({ msg }) => msg)).toEqual([
      'the disk is nearly full; flows and DNS are not stored, findings are',
      'there is room on the disk again; flows and DNS are stored',
    ]);
  });
});

describe('retention', () => {
  it('deletes by age, each kind by its own, and keeps what is younger', async () => {
    const store = await newStore({
      flow_retention_days: 1,
      dns_retention_days: 2,
      event_retention_days: 3,
      finding_retention_days: 4,
    });
    for (let day = 0; day < 5; day++) {
      const time = T0 + day * DAY;
      append(
        store,
        flow(day, { start: time, end: time }),
        dns(day, { time }),
        coverage(day, { time }),
        finding(day, { lastSeen: time }),
      );
    }
    store.flush();
    now = T0 + 4 * DAY + DAY / 2;
    const reader = await newReader();

    await until('expiry', () => reader.queryFlows().length === 1 && reader.queryFindings().length === 4);

    expect(reader.queryDns()).toHaveLength(2);
    expect(reader.queryEvents()).toHaveLength(3);
    expect(reader.queryFindings({ history: true }).at(0)?.time).toBe(T0 + DAY);
  });

  it('keeps to its size with the oldest flows and DNS, and gives the space back', async () => {
    const maxBytes = 3 * 1_048_576;
    const store = await newStore({ max_bytes: maxBytes, flow_retention_days: 1000 });
    append(store, finding(0), coverage(0));
    for (let i = 0; i < 8000; i++) append(store, i % 2 === 0 ? flow(i) : dns(i));
    store.flush();
    store.db!.pragma('wal_checkpoint(TRUNCATE)');

    await until('the size', () => store.status().bytes! <= maxBytes, 15_000);

    const reader = await newReader();
    expect(reader.queryFindings()).toHaveLength(1);
    expect(reader.queryEvents()).toHaveLength(1);
    expect(reader.queryFlows({ until: flow(100).end })).toEqual([]);
    expect(reader.queryDns({ until: dns(100).time })).toEqual([]);
    expect(reader.queryFlows({ since: flow(7990).start })).not.toEqual([]);
  });

  it('deletes as fast as it writes, however fast that is, and refuses nothing meanwhile', async () => {
    const maxBytes = 3 * 1_048_576;
    const store = await newStore({ max_bytes: maxBytes, flow_retention_days: 1000 });

    // No timer runs between: the pace is that of the writing.
    for (let i = 0; i < 30_000; i++) {
      append(store, flow(i));
      if (i % 1000 === 999) {
        store.flush();
        expect(store.status().bytes).toBeLessThan(maxBytes * 1.5);
      }
    }

    expect(store.status()).toMatchObject({ written: 30_000, shed: 0 });
    expect(store.status().bytes).toBeGreaterThan(maxBytes * 0.8);
  });

  it('deletes as fast as it writes also where the time for it is over at once, as on a busy machine', async () => {
    const maxBytes = 3 * 1_048_576;
    const store = await newStore({ max_bytes: maxBytes, flow_retention_days: 1000 });
    // Each look at the clock is a second later.
    let clock = performance.now();
    const stopped = vi.spyOn(performance, 'now').mockImplementation(() => (clock += 1000));

    try {
      for (let i = 0; i < 15_000; i++) {
        append(store, flow(i));
        if (i % 1000 === 999) store.flush();
      }

      expect(store.status()).toMatchObject({ written: 15_000, shed: 0 });
      expect(store.status().bytes).toBeLessThan(maxBytes * 1.5);
    } finally {
      stopped.mockRestore();
    }
  });

  it('never deletes a finding that a sink has not taken, and does once it has', async () => {
    const store = await newStore({ finding_retention_days: 1, event_retention_days: 1 });
    const outbox = store.openOutbox('influxdb', 'finding', new Set(['finding']));
    append(store, ...Array.from({ length: 10 }, (_, i) => finding(i)), coverage(1));
    store.flush();
    now = T0 + 30 * DAY;
    const reader = await newReader();

    await until('the event expires', () => reader.queryEvents().length === 0);
    expect(reader.queryFindings()).toHaveLength(10);

    outbox.settle(outbox.read(4, 1e9));
    await until('what was taken expires', () => reader.queryFindings().length === 6);
    expect(outbox.read(100, 1e9)).toHaveLength(6);
  });

  it('skips the oldest of a sink that stays away beyond the bound, counted', async () => {
    const store = await newStore({ max_undelivered: 100 });
    const outbox = store.openOutbox('influxdb', 'finding', new Set(['finding']));
    append(store, ...Array.from({ length: 130 }, (_, i) => finding(i)));
    store.flush();

    await until('the bound', () => outbox.count() === 100);

    expect(losses.drain(now)).toMatchObject([
      {
        source: 'sink-outbox',
        where: 'influxdb',
        count: 30,
        first: finding(0).lastSeen,
        last: finding(29).lastSeen,
      },
    ]);
    expect(outbox.read(1, 1e9)[0]?.time).toBe(finding(30).lastSeen);
  });
});

describe('the outbox', () => {
  it('hands out in order, by batch, only its kinds, and remembers its place over a restart', async () => {
    const first = await newStore();
    const outbox = first.openOutbox('influxdb', 'event', new Set(['loss']));
    append(first, loss(1), coverage(1), finding(1), loss(2), loss(3));
    first.flush();

    const batch = outbox.read(2, 1e9);
    expect(batch.map(({ time }) => time)).toEqual([loss(1).time, loss(2).time]);
    outbox.settle(batch);
    first.close();
    const second = await newStore();
    const again = second.openOutbox('influxdb', 'event', new Set(['loss']));

    expect(again.read(10, 1e9).map(({ time }) => time)).toEqual([loss(3).time]);
    expect(again.count()).toBe(1);
  });

  it('shows nothing that is not on disk yet', async () => {
    const store = await newStore();
    const outbox = store.openOutbox('influxdb', 'finding', new Set(['finding']));

    append(store, finding(1));

    expect(outbox.read(10, 1e9)).toEqual([]);
    expect(outbox.count()).toBe(1);
    store.flush();
    expect(outbox.read(10, 1e9)).toHaveLength(1);
  });

  it('bounds a batch by bytes but always hands out one', async () => {
    const store = await newStore();
    const outbox = store.openOutbox('influxdb', 'finding', new Set(['finding']));
    append(store, finding(1), finding(2), finding(3));
    store.flush();

    expect(outbox.read(10, 1)).toHaveLength(1);
    expect(outbox.read(10, entryOf(finding(1)).text.length * 2 + 10)).toHaveLength(2);
  });

  it('forgets sinks that are configured no more', async () => {
    const store = await newStore({ finding_retention_days: 1 });
    const outbox = store.openOutbox('old', 'finding', new Set(['finding']));
    append(store, finding(1));
    store.flush();
    outbox.settle(outbox.read(1, 1e9));

    store.forgetOtherSinks(['influxdb']);

    expect((await newReader()).outboxes()).toEqual([]);
  });

  it('keeps a dead letter once, though the same record is refused again after a kill', async () => {
    const store = await newStore();
    const [entry, other] = [entryOf(finding(1)), entryOf(finding(2))];
    for (const refused of [entry, entry, other]) store.addDeadLetter('influxdb', refused, 'no');
    store.addDeadLetter('webhook', entry, 'no');

    expect((await newReader()).deadLetters().map(({ sink }) => sink)).toEqual([
      'webhook',
      'influxdb',
      'influxdb',
    ]);
  });

  it('keeps the latest dead letters with the words of the peer', async () => {
    const store = await newStore();
    for (let i = 0; i < 1100; i++) store.addDeadLetter('influxdb', entryOf(finding(i)), `no ${i}`);

    const letters = (await newReader()).deadLetters(5000);

    expect(letters).toHaveLength(1000);
    expect(letters[0]).toMatchObject({ sink: 'influxdb', reason: 'no 1099', at: T0 });
  });
});
