/** What of a database goes into a bundle: of a finding, a subject, a moment; what is missing is said. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BundleWriter, type WrittenBundle } from '../../src/bundle/writer.ts';
import { type BundleCase, fillBundle } from '../../src/cli/bundle/case.ts';
import { type BundleSubject, bundleSubject, type RangeOptions } from '../../src/cli/bundle/subject.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { EvidenceRecord } from '../../src/model/evidence.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import { ANALYZERS } from '../../src/sensor/detectors.ts';
import { Station } from '../../src/station/station.ts';
import { openStoreReadOnly, type StoreReader } from '../../src/station/store/reader.ts';
import { partsOf, verifyBytes } from '../bundle/support.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../station/support/harness.ts';
import { engineChange, lease, SECOND } from '../station/support/leases.ts';
import {
  coverage,
  database,
  dns,
  endpoint,
  finding,
  flow,
  loss,
  outside,
  T0,
} from '../station/support/records.ts';

const ID = '5c1d9a03b2e4f611';
const OTHER = '5c1d9b0000000000';
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const NOW = T0 + 48 * HOUR;
const PACKETS = Buffer.from('packets');
const SHA256 = createHash('sha256').update(PACKETS).digest('hex');
const API = { ...database, containerId: 'a'.repeat(64), name: 'shop-api-1', composeService: 'api' };

function evidence(id: string, over: Partial<EvidenceRecord> = {}): EvidenceRecord {
  return {
    ...{ kind: 'evidence', time: T0 + 30 * SECOND, id, change: 'kept', cause: 'finding', finding: ID },
    ...{ analyzer: 'internal-egress', severity: 'high', networks: ['shop_data'], trigger: T0 },
    ...{ first: T0, last: T0 + 20 * SECOND, packets: 3, bytes: PACKETS.length },
    ...{ file: `${id}.pcapng`, sha256: SHA256, end: 'whole', missing: [] },
    ...over,
  };
}

/** A finding at T0 of shop/db with 198.51.100.7; others around it. */
const RECORDS: readonly AgentRecord[] = [
  engineChange('added', T0 - HOUR),
  coverage(0, { time: T0 - 2 * HOUR }),
  lease(-1800),
  loss(1, { time: T0 + SECOND, first: T0, last: T0 + SECOND }),
  finding(1, { id: ID, firstSeen: T0, lastSeen: T0, key: 'k' }),
  finding(2, { id: ID, firstSeen: T0, lastSeen: T0 + MINUTE, status: 'update', count: 2, key: 'k' }),
  finding(3, {
    ...{ id: OTHER, firstSeen: T0 + MINUTE, lastSeen: T0 + MINUTE, key: 'other' },
    ...{ subject: endpoint({ workload: API, ip: '172.30.1.9' }), peers: [] },
  }),
  flow(1, { uid: 'mine', start: T0, end: T0 + SECOND }),
  flow(2, {
    ...{ uid: 'theirs', start: T0, end: T0 + SECOND },
    ...{ orig: endpoint({ workload: API, ip: '172.30.1.9' }), resp: outside({ ip: '198.51.100.99' }) },
  }),
  flow(3, {
    ...{ uid: 'same-peer', start: T0, end: T0 + SECOND },
    orig: endpoint({ workload: API, ip: '172.30.1.9' }),
  }),
  flow(4, { uid: 'too-early', start: T0 - 20 * MINUTE, end: T0 - 11 * MINUTE }),
  flow(5, { uid: 'too-late', start: T0 + 12 * MINUTE, end: T0 + 12 * MINUTE }),
  dns(1, { time: T0 }),
  {
    ...{
      kind: 'decision',
      time: T0 + 20 * HOUR,
      id: 'a-1',
      action: 'acknowledge',
      object: 'acknowledgement',
    },
    ...{ finding: ID, analyzer: 'internal-egress', key: 'k', reason: 'looking', by: 'alice' },
  },
  {
    ...{ kind: 'decision', time: T0 + 20 * HOUR, id: 'm-2', action: 'mute', object: 'mute' },
    ...{ finding: 'another', analyzer: 'beacon', key: 'z', reason: 'no matter', by: 'bob' },
  },
  evidence('e1'),
  evidence('e2', { sha256: 'f'.repeat(64) }),
  evidence('e3'),
  evidence('e4', { missing: ['the ring began after the flow'] }),
  evidence('e5'),
  evidence('e5', { change: 'removed', time: T0 + 5 * HOUR, reason: 'the folder was full' }),
  evidence('e6', { finding: OTHER }),
];

describe('a bundle', () => {
  let folder: ReturnType<typeof temporaryDirectory>;
  let reader: StoreReader;
  let count = 0;

  beforeAll(async () => {
    folder = temporaryDirectory();
    const station = new Station(stationConfig(folder.path), {
      logger: memoryLogger().logger,
      now: () => T0 + 21 * HOUR,
    });
    await station.start();
    for (const record of RECORDS) station.receive(record);
    await station.stop();
    const packets = join(folder.path, 'evidence');
    mkdirSync(packets, { recursive: true });
    for (const id of ['e1', 'e2', 'e4', 'e6']) {
      writeFileSync(join(packets, `${id}.pcapng`), PACKETS);
      writeFileSync(join(packets, `${id}.json`), '{}\n');
    }
    reader = await openStoreReadOnly(join(folder.path, 'bridgewatch.db'));
  });

  afterAll(() => {
    reader.close();
    folder.remove();
  });

  const subjectOf = (words: readonly string[], options: Partial<RangeOptions> = {}): BundleSubject =>
    bundleSubject(reader, words, { around: '10m', ...options }, NOW);

  function bundleOf(
    subject: BundleSubject,
    over: Partial<BundleCase & { readonly maxBytes: number }> = {},
  ): WrittenBundle & {
    readonly archive: Buffer;
    readonly lines: (path: string) => Record<string, unknown>[];
  } {
    count += 1;
    const path = join(folder.path, `case-${count}.tar`);
    const writer = new BundleWriter({
      ...{ path, root: 'case', createdSecs: NOW / SECOND, maxBytes: over.maxBytes ?? 10_000_000 },
    });
    const config = loadConfig({
      flags: { store: { path: join(folder.path, 'bridgewatch.db') } },
      analyzers: ANALYZERS,
    });
    const facts = fillBundle(writer, {
      ...{ reader, config, subject, root: 'case', packets: true, host: 'web-1', tool: 'Bridgewatch' },
      ...{ createdBy: 'alice', created: '2026-11-25T14:00:00Z', isSigned: false },
      ...over,
    });
    const written = writer.finish(facts);
    const archive = readFileSync(path);
    const lines = (wanted: string) =>
      contentOf(archive, wanted)
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    return { ...written, archive, lines };
  }

  const uids = (bundle: ReturnType<typeof bundleOf>) => bundle.lines('flows.ndjson').map(({ uid }) => uid);
  const whyOf = ({ manifest }: WrittenBundle, wanted: string) =>
    manifest.missing.filter(({ what }) => what.includes(wanted)).map(({ why }) => why);

  it('of a finding has its history, what its subject and its peers did ten minutes around, and no more', () => {
    const bundle = bundleOf(subjectOf([ID]));

    expect(bundle.lines('findings.ndjson').map(({ id, status }) => [id, status])).toEqual([
      [ID, 'open'],
      [ID, 'update'],
    ]);
    expect(uids(bundle).sort()).toEqual(['mine', 'same-peer']);
    expect(bundle.lines('dns.ndjson')).toHaveLength(1);
    expect(bundle.manifest.range).toEqual({
      since: '2026-11-23T13:50:00.000000Z',
      until: '2026-11-23T14:11:00.000000Z',
    });
  });

  it('of a finding has decisions of it whenever they were, and of others only in its time', () => {
    expect(
      bundleOf(subjectOf([ID]))
        .lines('decisions.ndjson')
        .map(({ id }) => id),
    ).toEqual(['a-1']);
    expect(
      bundleOf(subjectOf(['2026-11-24 10:00']))
        .lines('decisions.ndjson')
        .map(({ id }) => id),
    ).toEqual(['a-1', 'm-2']);
  });

  it('has who held which address then, and what could be seen when that time began', () => {
    const bundle = bundleOf(subjectOf([ID]));

    expect(bundle.lines('inventory.ndjson').at(-1)).toMatchObject({
      kind: 'lease',
      ips: ['172.30.1.5', '2001:db8:1::5'],
    });
    expect(bundle.lines('coverage.ndjson').map(({ kind }) => kind)).toEqual(['coverage', 'loss']);
  });

  it('has the report, and packets whose hash is the one that was recorded', () => {
    const bundle = bundleOf(subjectOf([ID]));

    expect(contentOf(bundle.archive, 'report.html')).toContain(ID);
    expect(contentOf(bundle.archive, 'report.md')).toContain('shop/db');
    expect(contentOf(bundle.archive, 'evidence/e1.pcapng')).toBe('packets');
    expect(bundle.manifest.files.find(({ path }) => path === 'evidence/e1.pcapng')?.sha256).toBe(SHA256);
    expect(bundle.manifest.files.map(({ path }) => path)).not.toContain('evidence/e6.pcapng');
  });

  it('says of packets what was changed, removed, lost, or never there', () => {
    const bundle = bundleOf(subjectOf([ID]));

    expect(whyOf(bundle, 'evidence/e1')).toEqual([]);
    expect(whyOf(bundle, 'evidence/e2.pcapng')).toEqual([
      expect.stringMatching(/SHA-256 f{64}\): the file was changed/),
    ]);
    expect(whyOf(bundle, 'evidence/e3.pcapng')).toEqual([
      expect.stringContaining('it is not there, and nothing is recorded of why'),
    ]);
    expect(whyOf(bundle, 'as e4')).toEqual(['the ring began after the flow']);
    expect(whyOf(bundle, 'as e5')).toEqual([expect.stringContaining('the folder was full')]);
  });

  it('leaves packets out where that is asked, and says so', () => {
    const bundle = bundleOf(subjectOf([ID]), { packets: false });

    expect(bundle.manifest.files.filter(({ path }) => path.startsWith('evidence/'))).toEqual([]);
    expect(whyOf(bundle, 'evidence/')).toEqual([
      expect.stringContaining('--no-packets: there are 4 collections'),
    ]);
  });

  it('of a moment has everything', () => {
    const bundle = bundleOf(subjectOf(['2026-11-23 14:00']));

    expect(uids(bundle).sort()).toEqual(['mine', 'same-peer', 'theirs']);
    expect(new Set(bundle.lines('findings.ndjson').map(({ id }) => id))).toEqual(new Set([ID, OTHER]));
    expect(bundle.manifest.files.map(({ path }) => path)).toContain('evidence/e6.pcapng');
    expect(bundle.manifest.range).toEqual({
      since: '2026-11-23T13:50:00.000000Z',
      until: '2026-11-23T14:11:00.000000Z',
    });
  });

  it('of a subject takes what the filter takes, a day back or what was asked', () => {
    const since = '2026-11-23 13:00';

    expect(uids(bundleOf(subjectOf(['shop/api'], { since }))).sort()).toEqual(['same-peer', 'theirs']);
    expect(uids(bundleOf(subjectOf(['shop/db'], { since, until: '2026-11-23 13:59' })))).toEqual([
      'too-early',
    ]);
    expect(uids(bundleOf(subjectOf(['shop/db'])))).toEqual([]);
  });

  it('of something of which nothing is recorded says that', () => {
    const bundle = bundleOf(subjectOf(['shpo/db'], { since: '2026-11-23 13:00' }));

    expect(whyOf(bundle, 'shpo/db')).toEqual([expect.stringContaining('nothing of it is recorded')]);
    expect(whyOf(bundleOf(subjectOf([ID])), ID)).toEqual([]);
  });

  it('says when nobody was watching', () => {
    expect(whyOf(bundleOf(subjectOf(['2026-11-23 12:55'])), 'records')).toEqual([
      'no agent was watching from 2026-11-23T12:45:00.000000Z to 2026-11-23T13:00:00.000000Z',
    ]);
    expect(whyOf(bundleOf(subjectOf([ID])), 'records')).toEqual([]);
  });

  it('holds its bound, cuts the traffic first, and says what is not in it', async () => {
    const { bytes } = bundleOf(subjectOf([ID]));
    const bundle = bundleOf(subjectOf([ID]), { maxBytes: bytes });

    expect(bundle.bytes).toBeLessThanOrEqual(bytes);
    expect(bundle.lines('findings.ndjson')).toHaveLength(2);
    expect(uids(bundle)).toEqual([]);
    expect(whyOf(bundle, 'flows.ndjson')).toEqual([expect.stringContaining('only the first 0')]);
    expect((await verifyBytes(bundle.archive)).problems).toEqual([]);
  });

  it('is the same, byte for byte, of the same case at the same time', () => {
    const subject = subjectOf([ID]);

    expect(bundleOf(subject).sha256).toBe(bundleOf(subject).sha256);
  });

  it('takes a finding by the beginning of its id, where there is one only', () => {
    expect(subjectOf(['5c1d9a']).finding?.id).toBe(ID);
    expect(() => subjectOf(['5c1d'])).toThrow(/5c1d is the beginning of more than one finding/);
    expect(() => subjectOf(['0123456789abcdef'])).toThrow(/no finding 0123456789abcdef is recorded/);
    // It may be a container's.
    expect(subjectOf(['3f2a']).kind).toBe('subject');
  });

  it('looks for nothing in the future, and refuses a range in which nothing lies', () => {
    const soon = bundleSubject(reader, ['2026-11-23 14:00'], { around: '10m' }, T0 + MINUTE);

    expect(soon.until).toBe(T0 + MINUTE);
    expect(() => subjectOf(['2027-01-01'])).toThrow(/nothing lies between/);
    expect(() => subjectOf([ID], { around: 'long' })).toThrow(/--around "long" is no duration/);
    expect(() => subjectOf([' '])).toThrow(/a bundle of what/);
  });

  it('widens with --around, and goes by --since and --until before that', () => {
    expect(subjectOf([ID], { around: '1h' })).toMatchObject({ since: T0 - HOUR, until: T0 + MINUTE + HOUR });
    expect(subjectOf([ID], { since: '2026-11-23 13:58', until: '2026-11-23 14:00:30' })).toMatchObject({
      since: T0 - 2 * MINUTE,
      until: T0 + 30 * SECOND,
    });
  });
});

function contentOf(archive: Buffer, wanted: string): string {
  const bytes = partsOf(archive).parts.find(({ path }) => path === wanted)?.bytes;
  if (bytes === undefined) throw new Error(`there is no ${wanted}`);
  return bytes.toString('utf8', 512, 512 + Number.parseInt(bytes.toString('latin1', 124, 135), 8));
}
