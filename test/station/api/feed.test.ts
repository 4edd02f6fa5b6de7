/** The live feed through a station and its socket: what a client is told, from where on, and what it is refused. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentRequest } from '../../../src/cli/lib/agent-client.ts';
import type { MetricFamily } from '../../../src/model/metric.ts';
import { parseRecord } from '../../../src/model/serialize.ts';
import { apiConfig } from '../../../src/station/api/config.ts';
import { Station } from '../../../src/station/station.ts';
import { openStoreReadOnly } from '../../../src/station/store/reader.ts';
import { EventClient, type EventClientOptions } from '../../support/event-source.ts';
import { memoryLogger, stationConfig, temporaryDirectory, until } from '../support/harness.ts';
import { coverage, dns, finding, flow, outside, T0, traffic } from '../support/records.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let log: ReturnType<typeof memoryLogger>;
let station: Station;
let clients: EventClient[];

beforeEach(() => {
  directory = temporaryDirectory();
  log = memoryLogger();
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.close();
  await station?.stop();
  directory.remove();
});

async function start({ api = {}, store = {}, now = (): number => T0 } = {}): Promise<void> {
  const config = stationConfig(directory.path, {}, store);
  station = new Station(
    { ...config, api: apiConfig.parse({ listen: 'off', ...api }) },
    { logger: log.logger, now },
  );
  await station.start('run-of-the-test');
}

function ask(query = '', options: Partial<EventClientOptions> = {}): EventClient {
  const client = new EventClient({
    socketPath: join(directory.path, 'bridgewatch.db.sock'),
    path: `/api/v1/stream${query}`,
    ...options,
  });
  clients.push(client);
  return client;
}

/** Resolves once the server has said its first words, or refused. */
async function follow(query = '', options: Partial<EventClientOptions> = {}): Promise<EventClient> {
  const client = ask(query, options);
  await until('an answer', () => client.retryMs !== undefined || client.refusal !== '');
  return client;
}

async function openStreams(): Promise<number | undefined> {
  const { json } = await agentRequest(join(directory.path, 'bridgewatch.db'), 'GET', '/metrics');
  const families = json as MetricFamily[];
  return families.find(({ name }) => name === 'bridgewatch_api_open_streams')?.samples[0]?.value;
}

function kept(): Promise<void> {
  return new Promise((resolve) => station.whenKept(resolve));
}

function ids(client: EventClient): unknown[] {
  return client.records.map(({ id }) => id);
}

function idsFrom(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => finding(first + i).id);
}

describe('GET /api/v1/stream', () => {
  it('tells findings as they come, each an event with its place, its kind and one line', async () => {
    await start();
    station.receive(finding(1));
    await kept();
    const client = await follow();
    station.receive(finding(2));
    station.receive(coverage(1));
    station.receive(flow(1));
    station.receive(finding(3));
    await until('two findings', () => client.events.length >= 2);
    await station.stop();

    expect(ids(client)).toEqual(['f-2', 'f-3']);
    expect(client.events.map(({ type }) => type)).toEqual(['finding', 'finding']);
    const reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
    const [second] = reader.queryFindings({ id: 'f-2', history: true });
    reader.close();
    expect(client.events[0]).toEqual({
      type: 'finding',
      data: second!.text,
      lastEventId: String(second!.seq),
    });
    expect(client.retryMs).toBe(3000);
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
  });

  it('ends streams in good order when the station stops', async () => {
    await start();
    const client = await follow();
    await station.stop();
    await until('the end', () => client.endings === 1);
  });

  it('tells what a client missed, and goes on with what comes', async () => {
    await start();
    const first = await follow();
    station.receive(finding(1));
    station.receive(finding(2));
    await until('two findings', () => first.events.length === 2);
    first.close();
    for (let i = 3; i <= 5; i++) station.receive(finding(i));
    await kept();

    const again = ask('', { lastEventId: first.lastEventId });
    await until('what was missed', () => again.events.length === 3);
    station.receive(finding(6));
    await until('what is new', () => again.events.length === 4);
    expect(ids(again)).toEqual(idsFrom(3, 6));

    const byQuery = ask(`?after=${first.events[0]!.lastEventId}`);
    await until('the same by the query', () => byQuery.events.length === 5);
    expect(ids(byQuery)).toEqual(idsFrom(2, 6));

    const headerWins = ask('?after=0', { lastEventId: again.lastEventId });
    await until('having caught up', () => headerWins.retryMs !== undefined);
    station.receive(finding(7));
    await until('one', () => headerWins.events.length > 0);
    expect(ids(headerWins)).toEqual(['f-7']);
  });

  it('loses nothing and repeats nothing when the station is started again and again', async () => {
    const many = Array.from({ length: 10 }, () => ask('', { lastEventId: '0', retryMs: 20 }));
    for (let round = 0; round < 4; round++) {
      await start();
      for (let i = 0; i < 100; i++) {
        station.receive(finding(round * 100 + i), round * 100 + i + 1);
        if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      if (round < 3) await station.stop();
    }
    await until('all of them', () => many.every(({ events }) => events.length >= 400));
    for (const client of many) expect(ids(client)).toEqual(idsFrom(0, 399));
    expect(many.some(({ connections }) => connections > 1)).toBe(true);
  });

  it('knows where a stream began that told nothing', async () => {
    await start();
    station.receive(finding(1));
    await kept();
    const client = await follow();
    await until('a place', () => client.lastEventId !== '');
    client.close();
    station.receive(finding(2));
    await kept();

    const again = ask('', { lastEventId: client.lastEventId });
    await until('what was missed', () => again.events.length === 1);
    expect(ids(again)).toEqual(['f-2']);
  });

  it('begins with what is not older than asked', async () => {
    await start({ now: () => T0 + 10_000_000 });
    for (let i = 1; i <= 4; i++) station.receive(finding(i, { lastSeen: T0 + i * 1_000_000 }));
    await kept();
    const client = ask('?since=2026-11-23T14:00:03Z');
    await until('two of four', () => client.events.length === 2);
    // Old as it is, it comes now.
    station.receive(finding(5, { lastSeen: T0 }));
    const byAge = ask('?since=8s');
    await until('the new one', () => client.events.length === 3 && byAge.events.length >= 3);
    expect(ids(client)).toEqual(['f-3', 'f-4', 'f-5']);
    expect(ids(byAge).slice(0, 3)).toEqual(['f-2', 'f-3', 'f-4']);
  });

  it('tells only what was asked for', async () => {
    await start();
    const severe = await follow('?min_severity=critical');
    const of = await follow('?network=shop_admin');
    const holds = await follow('?container=web');
    const filtered = await follow(`?filter=${encodeURIComponent('severity>=high and analyzer:dns-tunnel')}`);
    const other = await follow('?kinds=coverage');
    const both = await follow('?kinds=finding,coverage');
    station.receive(finding(1));
    station.receive(finding(2, { severity: 'critical' }));
    station.receive(finding(3, { network: 'shop_admin' }));
    station.receive(finding(4, { analyzer: 'dns-tunnel' }));
    station.receive(coverage(1));
    station.receive(
      finding(5, { peers: [outside({ workload: { ...finding(0).subject.workload!, name: 'web' } })] }),
    );
    await until('all', () => both.events.length === 6);

    expect(ids(severe)).toEqual(['f-2']);
    expect(ids(of)).toEqual(['f-3']);
    expect(ids(holds)).toEqual(['f-5']);
    expect(ids(filtered)).toEqual(['f-4']);
    expect(other.events.map(({ type }) => type)).toEqual(['coverage']);
    const places = both.events.map(({ lastEventId }) => Number(lastEventId));
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it.each([
    ['?after=99', 'no event has had this id'],
    ['?after=x', 'after'],
    ['?kinds=finding,weather', 'weather'],
    ['?kinds=', 'none of'],
    ['?filter=severity%3E', 'filter'],
    ['?filter=time%3E-1h', 'filter by time'],
    ['?since=yesterday', 'since'],
    ['?min_severity=bad', 'min_severity'],
    ['?limit=3', 'limit'],
  ])('refuses %s', async (query, words) => {
    await start();
    const client = await follow(query);
    expect(client.status).toBe(400);
    expect(client.headers?.['content-type']).toBe('application/problem+json');
    expect(JSON.parse(client.refusal).detail).toContain(words);
  });

  it.each(['99', '-1', '1e3', 'f-1'])('refuses Last-Event-ID: %s', async (lastEventId) => {
    await start();
    expect(await follow('', { lastEventId })).toMatchObject({ status: 400 });
  });

  it('takes so many clients and no more, until one goes', async () => {
    await start({ api: { max_streams: 2 } });
    const [first] = [await follow(), await follow()];
    const third = await follow();
    expect(third.status).toBe(503);
    expect(third.headers?.['retry-after']).toBe('30');
    expect(await openStreams()).toBe(2);

    first!.close();
    await until('room for one', async () => (await openStreams()) === 1);
    expect((await follow()).status).toBe(200);
  });

  it('says what has expired of what a client missed', async () => {
    await start({ now: () => T0, store: { finding_retention_days: 1 } });
    const day = 86_400_000_000;
    station.receive(coverage(1));
    for (let i = 1; i <= 3; i++) station.receive(finding(i, { lastSeen: T0 - 2 * day + i }));
    station.receive(finding(4, { lastSeen: T0 }));
    await kept();
    const db = new Database(join(directory.path, 'bridgewatch.db'), { readonly: true });
    const left = () => db.prepare("SELECT count(*) FROM events WHERE kind = 'finding'").pluck().get();
    await until('three have expired', () => left() === 1);
    db.close();

    const late = ask('', { lastEventId: '2' });
    await until('the gap and what is left', () => late.events.length === 2);
    expect(late.events.map(({ type }) => type)).toEqual(['gap', 'finding']);
    expect(late.records[0]).toEqual({ kind: 'gap', after: 2, upTo: 4 });
    expect(late.records[1]).toMatchObject({ id: 'f-4' });

    // Nothing of these kinds has expired, and nothing after that place has.
    const other = ask('?kinds=coverage&after=0');
    const early = ask('', { lastEventId: '4' });
    await until('the others', () => other.events.length === 1 && early.events.length === 1);
    expect([other, early].flatMap(({ events }) => events.map(({ type }) => type))).toEqual([
      'coverage',
      'finding',
    ]);
  });

  it('tells flows and look-ups as they come, without a place, and only to who asked', async () => {
    await start();
    const both = await follow('?kinds=flow,dns,finding&container=shop-db-1');
    const roll = await follow('?kinds=traffic');
    const elsewhere = await follow('?kinds=flow&network=other');
    station.receive(flow(1));
    station.receive(dns(1));
    station.receive(traffic(1));
    await until('both', () => both.events.length === 2 && roll.events.length === 1);
    station.receive(finding(1));
    await until('the finding', () => both.events.length === 3);

    expect(both.events.map(({ type }) => type)).toEqual(['flow', 'dns', 'finding']);
    expect(both.events[0]!.lastEventId).toBe(both.events[1]!.lastEventId);
    expect(parseRecord(both.events[0]!.data)).toMatchObject({ kind: 'flow', uid: 'u1' });
    expect(roll).toMatchObject({ lastEventId: '' });
    expect(elsewhere.events).toEqual([]);
  });

  it('says how many flows it had no time to tell', async () => {
    await start();
    const client = await follow('?kinds=flow');
    for (let i = 0; i < 5000; i++) station.receive(flow(i));
    const told = () => client.events.filter(({ type }) => type === 'flow').length;
    const lost = () =>
      client.records.filter(({ kind }) => kind === 'loss').reduce((sum, { count }) => sum + Number(count), 0);
    await until('all of them, told or counted', () => told() + lost() === 5000);
    // So many of one moment are more than wait for their turn.
    expect(lost()).toBeGreaterThanOrEqual(3000);
    expect(told()).toBeGreaterThan(100);
    expect(client.records.find(({ kind }) => kind === 'loss')).toMatchObject({
      source: 'live-feed',
      where: 'flow',
    });
    expect(client.records.at(-1)).toMatchObject({ uid: 'u4999' });
  });

  it('waits while the database cannot be written, says so, and goes on', async () => {
    await start();
    const client = await follow();
    const db = new Database(join(directory.path, 'bridgewatch.db'));
    db.exec('BEGIN IMMEDIATE');
    station.receive(finding(1));
    await until('word of it', () => client.comments.some((words) => words.includes('cannot be written')));
    expect(client.events).toEqual([]);
    db.exec('COMMIT');
    db.close();
    await until('the finding', () => client.events.length === 1);
    expect(client.comments.at(-1)).toContain('written again');
  });

  it('answers HEAD with the headers alone', async () => {
    await start();
    const curl = await run('curl', ['-sI', '--unix-socket', socket(), 'http://x/api/v1/stream']);
    if (curl === undefined) return;
    expect(curl).toMatch(/^HTTP\/1\.1 200/);
    expect(curl).toContain('text/event-stream');
  });

  it('reads well with curl', async () => {
    await start();
    station.receive(finding(1));
    await kept();
    const curl = await run('curl', [
      '-sN',
      '--max-time',
      '1',
      '--unix-socket',
      socket(),
      'http://x/api/v1/stream?after=0',
    ]);
    if (curl === undefined) return;
    expect(curl).toMatch(
      /^retry: 3000\nid: 0\n\nid: 1\nevent: finding\ndata: \{"kind":"finding".*\}\n\n: caught up\nid: 1\n\n$/,
    );
  });
});

function socket(): string {
  return join(directory.path, 'bridgewatch.db.sock');
}

/** Undefined where the program is not there. */
function run(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    let out = '';
    const child = spawn(program, args);
    child.stdout.on('data', (bytes) => {
      out += bytes;
    });
    child.on('error', () => {
      console.warn(`SKIPPED: the live feed with ${program}: it is not installed`);
      resolve(undefined);
    });
    child.on('close', () => resolve(out));
  });
}
