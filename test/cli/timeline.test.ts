import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TimelineRecord } from '../../src/cli/lib/records.ts';
import { timelineRecord } from '../../src/cli/timeline/records.ts';
import { Talks } from '../../src/cli/timeline/talks.ts';
import { timelineMarkdown, timelineText } from '../../src/cli/timeline/text.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import { type PublicDns, type PublicFlow, parseRecord, serializeRecord } from '../../src/model/serialize.ts';
import { wallMicros } from '../../src/model/time.ts';
import { Station } from '../../src/station/station.ts';
import { memoryLogger, stationConfig } from '../station/support/harness.ts';
import * as stored from '../station/support/records.ts';
import { address, container, flow, network, question, secs } from '../support/records.ts';
import { runProgram } from './support/run-program.ts';

const api = container('api', '172.30.0.10');
const db = { ...container('db', '172.30.0.11'), port: 5432 };
const out = address('198.51.100.7', 'internet', { names: ['api.example.com'], port: 443 });
const data = network({ name: 'data' });

const published = (record: AgentRecord) => parseRecord(serializeRecord(record));
const talk = (from: number, to: number, over: Partial<Parameters<typeof flow>[0]> = {}) =>
  published(
    flow({
      orig: api,
      resp: db,
      network: data,
      origBytes: 1024,
      respBytes: 2048,
      ...over,
      start: secs(from),
      end: secs(to),
    }),
  ) as PublicFlow;

describe('talks', () => {
  it('tell of a pair when it began and when it was last, with the sums', () => {
    const talks = new Talks();

    // Newest first, as the database gives them.
    for (const [from, to] of [
      [50, 60],
      [30, 31],
      [10, 12],
    ] as const)
      talks.addFlow(talk(from, to, { uid: `u${from}` }));

    expect(talks.records()).toMatchObject([
      {
        time: '2026-01-01T00:00:10.000000Z',
        of: 'flow',
        network: 'data',
        who: 'shop/api',
        id: 'u10',
        text: expect.stringMatching(/^shop\/api -> shop\/db:5432 \(tcp.*\): the first of 3 flows$/),
      },
      {
        time: '2026-01-01T00:01:00.000000Z',
        text: expect.stringMatching(/: the last of 3 flows; 3\.0 KiB sent, 6\.0 KiB received$/),
      },
    ]);
  });

  it('keep networks, ends, ports and protocols apart', () => {
    const talks = new Talks();

    talks.addFlow(talk(1, 2));
    talks.addFlow(talk(1, 2, { network: network({ name: 'other' }) }));
    talks.addFlow(talk(1, 2, { resp: out }));
    talks.addFlow(talk(1, 2, { resp: { ...db, port: 22 } }));
    talks.addFlow(talk(1, 2, { protocol: 'udp' }));

    expect(
      new Set(talks.records().map(({ text, network: on }) => `${on} ${text.split(':')[0]}`)).size,
    ).toBeGreaterThan(1);
    expect(talks.records()).toHaveLength(10);
  });

  it('sum look-ups up by asker and zone, however many names there were', () => {
    const talks = new Talks();
    for (let i = 0; i < 300; i++) {
      const asked = question({
        client: api,
        labels: [`x${i}`, 't', 'example', 'com'],
        time: secs(i),
        network: data,
      });
      talks.addDns(published(asked) as PublicDns);
    }
    talks.addDns(
      published(question({ client: api, labels: ['db'], time: secs(1), network: data })) as PublicDns,
    );

    expect(talks.records().map(({ text }) => text)).toEqual([
      'shop/api asked for example.com: the first of 300 look-ups',
      'shop/api asked for example.com: the last of 300 look-ups',
      'shop/api asked for db: once',
    ]);
  });

  it('count what there was no room for', () => {
    const talks = new Talks(2);

    for (let port = 1; port <= 5; port++) talks.addFlow(talk(1, 2, { resp: { ...db, port } }));
    talks.addFlow(talk(3, 4, { resp: { ...db, port: 1 } }));

    expect(talks.passedOver).toBe(3);
    expect(talks.records()).toHaveLength(4);
  });
});

describe('timelineRecord', () => {
  it('tells a finding with its sentence, and why it changed', () => {
    const open = timelineRecord(published(stored.finding(1, { network: 'data', explanation: 'db left' })));
    const closed = timelineRecord(
      published(stored.finding(1, { status: 'closed', reason: 'quiet for 900 s', explanation: 'db left' })),
    );

    expect(open).toMatchObject({
      of: 'finding',
      network: 'data',
      text: expect.stringMatching(/^open {2}\S+: db left$/),
    });
    expect(closed?.text).toMatch(/^closed {2}\S+: db left \(quiet for 900 s\)$/);
  });

  it('passes over what only goes on', () => {
    const update = stored.finding(1, { status: 'update', reason: 'evidence changed' });
    const rise = stored.finding(1, { status: 'update', reason: 'severity rose from low to high' });

    expect(timelineRecord(published(update))).toBeUndefined();
    expect(timelineRecord(published(rise))?.text).toContain('severity rose');
  });

  it('has no time in its text, because that is a column', () => {
    for (const record of [stored.coverage(1), stored.loss(1), stored.inventory(1)]) {
      const told = timelineRecord(published(record))!;
      expect(told.text).not.toMatch(/^\d{4}-/);
      expect(told.text.length).toBeGreaterThan(5);
    }
  });
});

describe('as text', () => {
  const record = (over: Partial<TimelineRecord>): TimelineRecord => ({
    kind: 'timeline',
    time: '2026-01-01T00:00:10.000000Z',
    of: 'coverage',
    text: 'covered',
    ...over,
  });

  it('says the day once, and each time', () => {
    const text = timelineText([
      record({}),
      record({
        time: '2026-01-01T23:59:59.000000Z',
        of: 'finding',
        severity: 'high',
        network: 'data',
        id: 'f1',
      }),
      record({ time: '2026-01-02T00:00:00.000000Z' }),
    ]);

    expect(text.split('\n')).toEqual([
      '2026-01-01',
      '00:00:10Z  coverage  covered',
      '23:59:59Z  HIGH  covered  [data]  id f1',
      '2026-01-02',
      '00:00:00Z  coverage  covered',
    ]);
  });

  it('lets nothing of a name become markup, another column, or a terminal sequence', () => {
    const hostile = record({ text: 'a | [x](http://e) <b> \u001b[31m\n# h', network: 'n|\u0007' });

    const line = timelineMarkdown([hostile]).split('\n')[2]!;

    expect(line.match(/\|/g)).toHaveLength(6);
    expect(line).not.toMatch(/[^\x20-\x7e]|[<[\]]/);
    expect(timelineText([hostile])).not.toContain('\u001b');
  });
});

describe('timeline', () => {
  const SECOND = 1_000_000;
  const now = wallMicros();
  const ago = (seconds: number) => now - seconds * SECOND;
  const found = stored.finding(7, { firstSeen: ago(120), lastSeen: ago(100), id: '5c1d9a03b2e4f611' });
  let folder: string;
  let database: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bridgewatch-timeline-'));
    const config = stationConfig(folder);
    database = config.store.path;
    const station = new Station(config, { logger: memoryLogger().logger });
    await station.start();
    station.receive(stored.coverage(1, { time: ago(300) }));
    station.receive(found);
    station.receive({ ...found, status: 'update', reason: 'evidence changed', lastSeen: ago(90) });
    for (const n of [1, 2]) {
      const times = { start: ago(200 - n), end: ago(150 - n) };
      station.receive(stored.flow(n, { ...times, orig: found.subject, reason: 'closed' }));
    }
    station.receive(
      stored.flow(3, { start: ago(200), end: ago(199), orig: stored.outside({ ip: '198.51.100.99' }) }),
    );
    await station.stop();
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const records = ({ stdout }: { stdout: string }) =>
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TimelineRecord);

  it('has everything on one axis, oldest first', async () => {
    const all = records(await runProgram(database, 'timeline', '--json'));

    const times = all.map(({ time }) => time);
    expect(times).toEqual([...times].sort());
    expect(new Set(all.map(({ of }) => of))).toEqual(new Set(['coverage', 'flow', 'finding']));
    // That it only went on is no news.
    expect(all.filter(({ of }) => of === 'finding')).toHaveLength(1);
  });

  it('is about the subject of a finding, around its time, when that is asked for', async () => {
    const about = records(await runProgram(database, 'timeline', found.id, '--json'));
    const flows = about.filter(({ of }) => of === 'flow');

    expect(flows).toHaveLength(2);
    expect(flows[0]?.text).toContain('the first of 2 flows');
    expect(about.some(({ of }) => of === 'finding')).toBe(true);
  });

  it('says what it did not look at', async () => {
    const { stdout, stderr } = await runProgram(database, 'timeline', '--limit', '2', '--json');

    expect(records({ stdout })).toHaveLength(2);
    expect(stderr).toMatch(/newest 2 of/);
  });

  it('is a table for a report', async () => {
    const { stdout } = await runProgram(database, 'timeline', '--markdown', '--no-talks');

    expect(stdout.split('\n')[0]).toBe('| time (UTC) | what | network | | id |');
    expect(stdout).not.toContain('flows');
  });

  it('knows no finding that is not recorded', async () => {
    await expect(runProgram(database, 'timeline', '0000000000000000')).rejects.toThrow(
      /no finding 0000000000000000/,
    );
  });
});
