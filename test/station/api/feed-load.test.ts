/** The live feed with many clients, and with clients that hang: who pays, and how much. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serializeRecord } from '../../../src/model/serialize.ts';
import { EventClient, type EventClientOptions } from '../../support/event-source.ts';
import { feedServer } from '../support/feed-server.ts';
import { append, temporaryDirectory, until } from '../support/harness.ts';
import { coverage, finding } from '../support/records.ts';

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

const KIB = 1024;
/** docs/api.md: what one client may cost. */
const CLIENT_KIB = 512;

let directory: ReturnType<typeof temporaryDirectory>;
let server: Awaited<ReturnType<typeof feedServer>>;
let clients: EventClient[];

beforeEach(() => {
  directory = temporaryDirectory();
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.close();
  await server.stop();
  directory.remove();
});

function ask(options: Partial<EventClientOptions> = {}): EventClient {
  const client = new EventClient({ socketPath: server.socketPath, path: '/', ...options });
  clients.push(client);
  return client;
}

/** Counts what comes, and holds it against what should, without keeping it. */
function counting(expected: readonly string[], options: Partial<EventClientOptions> = {}) {
  const seen = { count: 0, wrong: 0, lastId: 0 };
  const client = ask({
    ...options,
    onEvent: ({ data, lastEventId }) => {
      if (data !== expected[seen.count] || Number(lastEventId) <= seen.lastId) seen.wrong += 1;
      seen.count += 1;
      seen.lastId = Number(lastEventId);
    },
  });
  return { client, seen };
}

async function connected(count: number): Promise<void> {
  await until(`${count} clients`, () => server.feed.clients === count);
}

function findings(count: number, from = 0) {
  return Array.from({ length: count }, (_, i) => finding(from + i));
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('the live feed', () => {
  it('tells 200 clients each of 2,000 findings once and in order, and reads each once for all', async () => {
    server = await feedServer(directory.path);
    const all = findings(2000);
    const texts = all.map(serializeRecord);
    const followers = Array.from({ length: 200 }, () => counting(texts));
    await connected(200);
    for (const [i, record] of all.entries()) {
      append(server.store, record);
      if (i % 100 === 0) await turn();
    }
    const total = () => followers.reduce((sum, { seen }) => sum + seen.count, 0);
    await until('all of them', () => total() >= 200 * 2000, 30_000);

    expect(followers.filter(({ seen }) => seen.count !== 2000 || seen.wrong > 0)).toEqual([]);
    const bytes = texts.reduce((sum, text) => sum + text.length, 0);
    // A page for each 128 KiB and for each notification, not one for each client. Clients of this same process fall
    // behind now and then, and read a few of their own.
    expect(server.reads()).toBeLessThan((bytes / (128 * KIB)) * 20);
  }, 40_000);

  it('is not held up by clients that read nothing, nor do they cost more than their bound', async () => {
    const hung = 40;
    const count = 8000;
    server = await feedServer(directory.path);
    const all = findings(count);
    const texts = all.map(serializeRecord);
    const stalled = Array.from({ length: hung }, () => counting(texts));
    await connected(hung);
    await until('their first words', () => stalled.every(({ client }) => client.retryMs !== undefined));
    for (const { client } of stalled) client.stall();
    const healthy = counting(texts);
    await connected(hung + 1);
    collectGarbage();
    const before = process.memoryUsage();
    for (const [i, record] of all.entries()) {
      append(server.store, record);
      if (i % 100 === 0) await turn();
    }
    await until('one to be told all', () => healthy.seen.count === count, 15_000);
    expect(healthy.seen.wrong).toBe(0);
    await until('the others to wait', () => server.feed.clients === hung + 1);
    collectGarbage();
    const after = process.memoryUsage();
    const grownKib = (after.heapUsed + after.external - before.heapUsed - before.external) / KIB;
    // Each would hold 10 MiB if all were kept for it.
    expect(texts.join('').length / KIB).toBeGreaterThan(8 * CLIENT_KIB);
    expect(grownKib).toBeLessThan(hung * CLIENT_KIB);

    // It lost time and nothing else.
    const { client, seen } = stalled[0]!;
    client.goOn();
    await until('the one that goes on again', () => seen.count === count, 15_000);
    expect(seen.wrong).toBe(0);
  }, 60_000);

  it('cuts off who takes nothing for too long, and only them; they miss nothing when they come back', async () => {
    server = await feedServer(directory.path, { keepAliveMs: 50, stallMs: 400 });
    const all = findings(3000);
    const texts = all.map(serializeRecord);
    const quiet = ask({ path: '/?kinds=coverage' });
    const healthy = counting(texts);
    const { client, seen } = counting(texts, { retryMs: 10 });
    await connected(3);
    await until('first words', () => client.retryMs !== undefined);
    client.stall();
    for (const record of all) append(server.store, record);
    await until('the cut', () => server.lines.some(({ msg }) => msg.includes('took nothing for too long')));

    client.goOn();
    await until('everything', () => seen.count === 3000 && healthy.seen.count === 3000, 15_000);
    expect([seen.wrong, healthy.seen.wrong]).toEqual([0, 0]);
    expect(client.connections).toBe(2);
    expect(quiet).toMatchObject({ connections: 1, endings: 0 });
    expect(server.lines.filter(({ msg }) => msg.includes('took nothing'))).toHaveLength(1);
  }, 40_000);

  it('says that it is there when nothing happens, and moves the place of who is told nothing', async () => {
    server = await feedServer(directory.path, { keepAliveMs: 50 });
    const client = ask();
    await until('a comment', () => client.comments.includes('keep-alive'));
    const place = client.lastEventId;
    append(server.store, coverage(1), coverage(2));
    await until('another place', () => client.lastEventId === '2');
    expect(place).toBe('0');
    expect(client.events).toEqual([]);
  });

  it('keeps the order of the log for who follows findings and other events', async () => {
    server = await feedServer(directory.path);
    const both = ask({ path: '/?kinds=finding,coverage' });
    await connected(1);
    for (let i = 0; i < 3000; i++) {
      append(server.store, coverage(i));
      if (i % 3 === 0) append(server.store, finding(i));
    }
    await until('all of them', () => both.events.length === 4000);
    const places = both.events.map(({ lastEventId }) => Number(lastEventId));
    expect(places).toEqual(Array.from({ length: 4000 }, (_, i) => i + 1));
  });

  it('does not let findings wait for the events before them', async () => {
    server = await feedServer(directory.path);
    const { store } = server;
    const readable: number[][] = [];
    server.onDurable(() =>
      readable.push([store.readableUpTo(['finding']), store.readableUpTo(['finding', 'event'])]),
    );
    const alerts = ask();
    const both = ask({ path: '/?kinds=finding,coverage' });
    await connected(2);
    for (let i = 0; i < 5000; i++) append(store, coverage(i));
    append(store, finding(1));
    await until('all of them', () => both.events.length === 5001 && alerts.events.length === 1);
    // A transaction holds a thousand: the finding is in the first, and most of the others are not.
    expect(readable[0]).toEqual([5001, 999]);
    expect(both.events.at(-1)!.type).toBe('finding');
  });
});
