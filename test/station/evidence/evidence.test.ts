/** Packets put aside on a station with its database: files, records, bounds, and what a killed station leaves. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EvidenceRequest } from '../../../src/model/evidence.ts';
import { type PublicEvidence, parseRecord } from '../../../src/model/serialize.ts';
import type { Micros } from '../../../src/model/time.ts';
import type { storeConfig } from '../../../src/station/config.ts';
import { Evidence } from '../../../src/station/evidence/evidence.ts';
import { Station } from '../../../src/station/station.ts';
import { openStoreReadOnly } from '../../../src/station/store/reader.ts';
import { memoryLogger, stationConfig, temporaryDirectory, until } from '../support/harness.ts';
import { finding, T0 } from '../support/records.ts';
import { type Collection, collection, OF_FINDING } from './support.ts';

const DAY = 86_400_000_000;
const MEBIBYTE = 1_048_576;

let directory: ReturnType<typeof temporaryDirectory>;
let place: string;
let folder: string;
let station: Station | undefined;
let now: Micros;

beforeEach(() => {
  directory = temporaryDirectory();
  now = T0;
  setPlace(directory.path);
});

afterEach(async () => {
  await station?.stop();
  station = undefined;
  directory.remove();
});

function setPlace(path: string): void {
  place = path;
  folder = join(path, 'evidence');
}

async function start(store: Parameters<typeof storeConfig.parse>[0] = {}): Promise<Station> {
  station = new Station(stationConfig(place, {}, store as object), {
    logger: memoryLogger().logger,
    now: () => now,
  });
  await station.start();
  return station;
}

function tell(...collections: readonly Collection[]): void {
  for (const each of collections) for (const piece of each.all) station!.receiveEvidence(piece);
}

function records(): PublicEvidence[] {
  const db = new Sqlite(join(place, 'bridgewatch.db'), { readonly: true });
  const rows = db
    .prepare<[], string>("SELECT record FROM events WHERE kind = 'evidence' ORDER BY seq")
    .pluck()
    .all();
  db.close();
  return rows.map((row) => parseRecord(row) as PublicEvidence);
}

async function recorded(count: number): Promise<PublicEvidence[]> {
  await until(`${count} records of evidence`, () => records().length >= count);
  return records();
}

const named = (ending: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .sort();
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('a collection that ends', () => {
  it.each([
    ['graver meanwhile', 'critical', 'critical'],
    ['less grave meanwhile', 'low', 'high'],
  ] as const)('has the severity of its finding: %s', async (_, severity, expected) => {
    await start();
    const { findingId: id } = OF_FINDING as { findingId: string };
    station!.receive(finding(1, { id, severity }));
    await new Promise<void>((resolve) => station!.whenKept(resolve));

    tell(collection({ id: 'e-1' }));

    expect((await recorded(1))[0]).toMatchObject({ finding: id, severity: expected });
  });

  it('is a file that only its owner may read, its facts beside it, and one record', async () => {
    await start();
    const told = collection({ id: 'e-1', packets: 120, missing: ['what came before 14:02'], end: 'limit' });

    tell(told);
    const [record] = await recorded(1);

    const file = readFileSync(join(folder, 'e-1.pcapng'));
    expect(file.equals(told.file)).toBe(true);
    expect(record).toMatchObject({
      id: 'e-1',
      change: 'kept',
      cause: 'finding',
      finding: OF_FINDING.kind === 'finding' ? OF_FINDING.findingId : '',
      analyzer: 'port-scan',
      severity: 'high',
      networks: ['shop_data'],
      packets: 120,
      bytes: file.length,
      file: 'e-1.pcapng',
      sha256: sha256(file),
      end: 'limit',
      missing: ['what came before 14:02'],
    });
    expect(JSON.parse(readFileSync(join(folder, 'e-1.json'), 'utf8'))).toEqual(record);
    expect(readdirSync(folder)).toHaveLength(2);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(station!.status()!.evidence).toEqual({ files: 1, bytes: file.length });
  });

  it('is recorded without a file when it holds no packet', async () => {
    await start();
    tell(collection({ id: 'e-1', packets: 0, missing: ['the ring was empty'] }));
    const [record] = await recorded(1);

    expect(record).toMatchObject({ packets: 0, bytes: 0, end: 'whole', missing: ['the ring was empty'] });
    expect(record!.file).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes the place of what was begun under its id before', async () => {
    await start();
    const before = collection({ id: 'e-1', packets: 60 });
    const after = collection({ id: 'e-1', packets: 5 });
    for (const piece of [before.begin, ...before.bytes]) station!.receiveEvidence(piece);
    tell(after);
    await recorded(1);
    tell(after);
    const all = await recorded(2);

    expect(all.map(({ packets }) => packets)).toEqual([5, 5]);
    expect(readFileSync(join(folder, 'e-1.pcapng')).equals(after.file)).toBe(true);
    expect(station!.status()!.evidence).toEqual({ files: 1, bytes: after.file.length });
  });

  it('may be one of many at a time, and of more than may be open the rest is said', async () => {
    await start();
    const all = Array.from({ length: 70 }, (_, i) => collection({ id: `e-${i}` }));
    for (const { begin } of all) station!.receiveEvidence(begin);
    for (const { bytes, end } of all) for (const piece of [...bytes, end]) station!.receiveEvidence(piece);
    const told = await recorded(70);

    expect(named('.pcapng')).toHaveLength(64);
    expect(told.filter(({ file }) => file === undefined).map(({ end, missing }) => [end, missing])).toEqual(
      Array.from({ length: 6 }, () => [
        'cut',
        ['all of it: 64 others were being collected at the same time'],
      ]),
    );
  });

  it('makes no path of an id', async () => {
    await start();
    for (const id of ['../../escaped', 'a/b', '.hidden', '', 'a\0b', 'x'.repeat(101), 'name.part'])
      tell(collection({ id }));
    tell(collection({ id: 'e-1' }));
    const all = await recorded(1);

    expect(all.map(({ id }) => id)).toEqual(['e-1']);
    expect(readdirSync(folder).sort()).toEqual(['e-1.json', 'e-1.pcapng']);
    expect(readdirSync(place).some((name) => name.includes('escaped'))).toBe(false);
  });
});

describe('a request', () => {
  it('is answered by its collection, with the name of who asked, or by a refusal', async () => {
    const asked: EvidenceRequest[] = [];
    const told: PublicEvidence[] = [];
    mkdirSync(folder);
    const evidence = new Evidence({
      folder,
      maxBytes: MEBIBYTE,
      retention: DAY,
      logger: memoryLogger().logger,
      now: () => now,
      rows: () => [],
      severityOf: () => undefined,
      recordOf: () => undefined,
      tell: (record) => void told.push(record as unknown as PublicEvidence),
      collect: (request) => void asked.push(request),
      answerMs: 50,
    });
    evidence.start();
    const wish = { targets: ['shop/db'], lastSecs: 60, by: 'root (uid 0)' };
    const first = evidence.ask(wish);
    for (const piece of collection({ id: 'a-1', cause: { kind: 'request', request: asked[0]!.request } }).all)
      evidence.receive(piece);
    const second = expect(evidence.ask(wish)).rejects.toMatchObject({
      code: 'REFUSED',
      message: 'no network of that name',
    });
    evidence.receive({ type: 'refused', request: asked[1]!.request, reason: 'no network of that name' });
    const third = evidence.ask(wish);

    expect(asked[0]).toMatchObject({ targets: ['shop/db'], lastSecs: 60 });
    expect(await first).toMatchObject({
      cause: 'request',
      by: 'root (uid 0)',
      targets: ['shop/db'],
      packets: 3,
    });
    await second;
    await expect(third).rejects.toMatchObject({ code: 'SILENT' });
    const late = { kind: 'request', request: asked[2]!.request } as const;
    for (const piece of collection({ id: 'a-3', cause: late }).all) evidence.receive(piece);
    await evidence.stop();
    expect(told.map(({ id, by }) => [id, by])).toEqual([
      ['a-1', 'root (uid 0)'],
      ['a-3', 'root (uid 0)'],
    ]);
  });
});

describe('the bound of all files together', () => {
  const SIZE = 100_000;
  const big = (id: string, severity: 'medium' | 'high' | 'critical') =>
    collection({
      id,
      packets: 100,
      payloadBytes: SIZE / 100 - 74,
      cause: { ...OF_FINDING, severity } as never,
    });

  it('is kept by letting go the least severe first, of them the oldest, each with a reason', async () => {
    await start({ evidence_max_bytes: MEBIBYTE });
    const severities = [
      'critical',
      'medium',
      'high',
      'medium',
      'high',
      'high',
      'high',
      'high',
      'high',
    ] as const;
    for (const [i, severity] of severities.entries()) {
      now += 1_000_000;
      tell(big(`e-${i}`, severity));
      await recorded(i + 1);
    }
    expect(named('.pcapng')).toHaveLength(9);
    expect(station!.status()!.evidence.bytes).toBeLessThan(MEBIBYTE);

    for (const id of ['e-9', 'e-10', 'e-11', 'e-12']) {
      now += 1_000_000;
      tell(big(id, 'high'));
      await until(id, () => existsSync(join(folder, `${id}.pcapng`)));
    }
    await until('what was let go', () => records().filter(({ change }) => change === 'removed').length >= 3);
    const gone = records().filter(({ change }) => change === 'removed');
    expect(gone.map(({ id }) => id)).toEqual(['e-1', 'e-3', 'e-2']);
    for (const record of gone) {
      expect(record.reason).toBe('to make room within 1048576 bytes (store.evidence_max_bytes)');
      expect(record.file).toBeUndefined();
      expect(record.finding).toBe('5c1d9a03b2e4f611');
      expect(existsSync(join(folder, `${record.id}.json`))).toBe(false);
    }
    expect(named('.pcapng')).toContain('e-0.pcapng');
    expect(station!.status()!.evidence.bytes).toBeLessThanOrEqual(MEBIBYTE);
  });

  it('ends one collection at a quarter of it', async () => {
    await start({ evidence_max_bytes: MEBIBYTE });
    const under = collection({ id: 'under', packets: 250, payloadBytes: 926 });
    const over = collection({ id: 'over', packets: 300, payloadBytes: 926 });
    expect(under.file.length).toBeLessThan(MEBIBYTE / 4);
    expect(over.file.length).toBeGreaterThan(MEBIBYTE / 4);
    tell(under, over);
    const all = await recorded(2);

    expect(all.find(({ id }) => id === 'under')).toMatchObject({ end: 'whole', packets: 250 });
    const ended = all.find(({ id }) => id === 'over')!;
    expect(ended.end).toBe('limit');
    expect(ended.missing).toEqual(['what came after a quarter of store.evidence_max_bytes (1048576)']);
    expect(ended.bytes).toBeLessThanOrEqual(MEBIBYTE / 4);
    expect(ended.packets).toBe(250);
  });

  it('lets go what is older than it may be, and nothing younger', async () => {
    await start({ evidence_retention_days: 30 });
    tell(collection({ id: 'old' }));
    await recorded(1);
    now += 15 * DAY;
    tell(collection({ id: 'young' }));
    await recorded(2);
    now = T0 + 30 * DAY;
    await station!.stop();
    await start({ evidence_retention_days: 30 });
    expect(named('.pcapng')).toEqual(['old.pcapng', 'young.pcapng']);

    now += 1;
    await station!.stop();
    await start({ evidence_retention_days: 30 });
    const gone = (await recorded(3))[2];

    expect(named('.pcapng')).toEqual(['young.pcapng']);
    expect(gone).toMatchObject({
      id: 'old',
      change: 'removed',
      reason: 'older than 30 days (store.evidence_retention_days)',
    });
  });
});

describe('what a killed station leaves', () => {
  it('becomes files that are cut off at the last whole packet; without a packet it goes', async () => {
    await start();
    const grown = collection({ id: 'grown', packets: 120 });
    const empty = collection({ id: 'empty', packets: 0 });
    for (const piece of [grown.begin, ...grown.bytes, empty.begin, ...empty.bytes])
      station!.receiveEvidence(piece);
    // As kill -9 leaves it, in the middle of a block.
    const copy = mkdtempSync(join(tmpdir(), 'bridgewatch-killed-'));
    execFileSync('cp', ['-r', `${folder}/.`, copy]);
    await station!.stop();
    rmSync(folder, { recursive: true });
    rmSync(join(place, 'bridgewatch.db'));
    execFileSync('mv', [copy, folder]);
    const part = join(folder, 'grown.pcapng.part');
    writeFileSync(part, readFileSync(part).subarray(0, -20));

    await start();
    const all = await recorded(1);

    expect(readdirSync(folder).sort()).toEqual(['grown.json', 'grown.pcapng']);
    const file = readFileSync(join(folder, 'grown.pcapng'));
    expect(all).toMatchObject([
      {
        id: 'grown',
        finding: '5c1d9a03b2e4f611',
        networks: ['shop_data'],
        packets: 119,
        bytes: file.length,
        sha256: sha256(file),
        end: 'cut',
        missing: ['what came after the process that kept it was killed'],
      },
    ]);
    if (spawnSync('tshark', ['--version']).status !== 0) console.warn('SKIPPED: no tshark to read it with');
    else {
      const read = spawnSync('tshark', [
        '-r',
        join(folder, 'grown.pcapng'),
        '-T',
        'fields',
        '-e',
        'frame.number',
      ]);
      expect(read.status).toBe(0);
      expect(String(read.stderr)).not.toMatch(/cut short|damaged/);
      expect(String(read.stdout).trim().split('\n')).toHaveLength(119);
    }
  });

  it('between file and log is told, and what somebody removed is said to be gone', async () => {
    await start();
    tell(collection({ id: 'untold' }), collection({ id: 'removed' }));
    await recorded(2);
    await station!.stop();
    const db = new Sqlite(join(place, 'bridgewatch.db'));
    db.exec("DELETE FROM evidence WHERE id = 'untold'; DELETE FROM events WHERE record LIKE '%untold%'");
    db.close();
    rmSync(join(folder, 'removed.pcapng'));
    writeFileSync(join(folder, 'notes.txt'), 'not ours');

    await start();
    const all = await recorded(3);

    expect(all.slice(1).map(({ id, change, reason }) => [id, change, reason])).toEqual([
      ['untold', 'kept', undefined],
      ['removed', 'removed', 'its file is gone, and the agent did not remove it'],
    ]);
    expect(readdirSync(folder)).toContain('notes.txt');
  });

  it('of a hostile hand is no way out of the folder', async () => {
    mkdirSync(folder);
    const outside = join(place, 'outside');
    writeFileSync(outside, 'x'.repeat(5000));
    execFileSync('ln', ['-s', outside, join(folder, 'link.pcapng.part')]);
    writeFileSync(join(folder, 'odd.json.part'), '{"kind":"evidence","id":"../x"}');
    await start();
    tell(collection({ id: 'e-1' }), collection({ id: 'link' }));

    await until('both', () => existsSync(join(folder, 'e-1.pcapng')));
    expect(statSync(outside).size).toBe(5000);
  });

  it('stops in good order with what it has', async () => {
    await start();
    const { begin, bytes } = collection({ id: 'e-1', packets: 60 });
    for (const piece of [begin, ...bytes]) station!.receiveEvidence(piece);
    await station!.stop();

    expect(records()).toMatchObject([
      { id: 'e-1', packets: 60, end: 'cut', missing: ['what came after the agent was stopped'] },
    ]);
    expect(named('.part')).toEqual([]);
  });
});

describe('ten thousand files', () => {
  it('are listed in a moment', async () => {
    await start();
    tell(collection({ id: 'e-1' }));
    await recorded(1);
    await station!.stop();
    const path = join(place, 'bridgewatch.db');
    const db = new Sqlite(path);
    const copies = (columns: string, table: string) =>
      `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO ${table} ${columns}`;
    db.exec(
      copies(
        "(kind, time_us, tie, finding_id, record) SELECT kind, time_us + i, 0, 'f' || i, record FROM n, events WHERE kind = 'evidence'",
        'events',
      ),
    );
    db.exec(
      "INSERT OR IGNORE INTO evidence (id, seq, time_us, severity, bytes) SELECT 'e-' || seq, seq, time_us, 3, 9 FROM events WHERE kind = 'evidence'",
    );
    db.close();
    const reader = await openStoreReadOnly(path);
    const begun = performance.now();
    const all = reader.keptEvidence(20_000);
    const listed = performance.now() - begun;
    const one = reader.evidenceAbout({ finding: 'f77' });
    const found = performance.now() - begun - listed;
    reader.close();

    expect([all.length >= 10_000, one.length]).toEqual([true, 1]);
    expect(listed).toBeLessThan(1000);
    expect(found).toBeLessThan(200);
  });
});

describe('a folder that cannot be used', () => {
  it('keeps no finding waiting, and says what to do', async () => {
    writeFileSync(folder, 'a file where the folder should be');
    await start();
    tell(collection({ id: 'e-1' }));
    station!.receive(finding(1));
    await new Promise<void>((resolve) => station!.whenKept(resolve));
    const [record] = await recorded(1);

    expect(record).toMatchObject({ id: 'e-1', end: 'cut' });
    expect(record!.missing[0]).toMatch(/^all of it: /);
    expect(station!.status()!.evidence.problem).toMatch(/^packets cannot be put aside: /);
    rmSync(folder);
    chmodSync(place, 0o700);
    tell(collection({ id: 'e-2' }));
    await until('the next', () => existsSync(join(folder, 'e-2.pcapng')));
    await recorded(2);
    expect(station!.status()!.evidence.problem).toBeUndefined();
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
if (CANNOT_MOUNT !== undefined) console.warn(`SKIPPED evidence on a full disk: ${CANNOT_MOUNT}`);

describe.skipIf(CANNOT_MOUNT !== undefined)('a disk that is full', () => {
  let mount: string;

  beforeEach(() => {
    mount = join(directory.path, 'small');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount]);
    setPlace(mount);
  });

  afterEach(async () => {
    await station?.stop();
    station = undefined;
    execFileSync('umount', [mount]);
  });

  it('ends the collection with what is there, says it, and findings are kept all the same', async () => {
    await start();
    const { begin, bytes, end } = collection({ id: 'e-1', packets: 200, payloadBytes: 900 });
    for (const piece of [begin, bytes[0]!]) station!.receiveEvidence(piece);
    // Whatever is left but a few pages, as another program takes it.
    const ballast = join(mount, 'ballast');
    const { free } = spaceOf(mount);
    writeFileSync(ballast, Buffer.alloc(Math.max(0, free - 20_000)));
    for (const piece of [...bytes.slice(1), end]) station!.receiveEvidence(piece);
    rmSync(ballast);
    station!.receive(finding(1));
    await new Promise<void>((resolve) => station!.whenKept(resolve));
    const [record] = await recorded(1);

    expect(record).toMatchObject({ id: 'e-1', end: 'cut', packets: 50 });
    expect(record!.missing).toEqual(['what came later: the disk is full; free some space']);
    const file = readFileSync(join(folder, 'e-1.pcapng'));
    expect(sha256(file)).toBe(record!.sha256);
    expect(file.length).toBe(record!.bytes);
  });

  it('leaves the last of it to findings', async () => {
    await start();
    const { free, size } = spaceOf(mount);
    writeFileSync(join(mount, 'ballast'), Buffer.alloc(Math.floor(free - size * 0.09)));
    tell(collection({ id: 'e-1' }));
    station!.receive(finding(1));
    await new Promise<void>((resolve) => station!.whenKept(resolve));
    const [record] = await recorded(1);

    expect(record).toMatchObject({
      end: 'cut',
      missing: ['all of it: the disk is nearly full; free some space'],
    });
    expect(named('.pcapng')).toEqual([]);
    rmSync(join(mount, 'ballast'));
    tell(collection({ id: 'e-2' }));
    await until('the next', () => existsSync(join(folder, 'e-2.pcapng')));
  });
});

function spaceOf(path: string): { readonly free: number; readonly size: number } {
  const [size, free] = execFileSync('df', ['-B1', '--output=size,avail', path], { encoding: 'utf8' })
    .split('\n')[1]!
    .trim()
    .split(/\s+/)
    .map(Number);
  return { free: free!, size: size! };
}
