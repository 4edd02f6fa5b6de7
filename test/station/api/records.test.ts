/** Records over HTTP: page by page through a database that changes, by filters, one a line. */
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serializeRecord } from '../../../src/model/serialize.ts';
import { until } from '../support/harness.ts';
import { endpoint, finding, flow, loss, T0 } from '../support/records.ts';
import { type ApiAnswer, type Json, startTestApi, type TestApi } from './support.ts';

const SECOND = 1_000_000;

let api: TestApi;

beforeEach(async () => {
  api = await startTestApi({ api: { listen: 'off' }, now: () => T0 + 3600 * SECOND });
});

afterEach(async () => {
  await api.stop();
});

function numbered(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** All pages, with something done after each. */
async function walk(
  path: string,
  between: (page: number) => Promise<void> = async () => {},
): Promise<Json[]> {
  const found: Json[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 100; page++) {
    const glue = path.includes('?') ? '&' : '?';
    const answer: ApiAnswer = await api.ask(cursor === undefined ? path : `${path}${glue}cursor=${cursor}`);
    expect(answer.status, answer.text).toBe(200);
    found.push(...answer.json.items);
    cursor = answer.json.next;
    if (cursor === undefined) return found;
    await between(page);
  }
  throw new Error('there is no end');
}

describe('pages of what changes', () => {
  it('hold each flow that is there all the time once, though others come and the oldest expire', async () => {
    await api.receive(...numbered(40).map((i) => flow(i)));
    await until('all flows', async () => (await api.ask('/api/v1/flows')).json.items.length === 40);
    const db = new Database(api.storePath);

    const found = await walk('/api/v1/flows?limit=5', async (page) => {
      // New ones at the front, one that comes late for an old time, and the oldest go.
      await api.receive(flow(1000 + page), flow(2000 + page, { end: T0 - (1 + page) * SECOND }));
      db.prepare('DELETE FROM flows WHERE seq IN (SELECT seq FROM flows ORDER BY time_us LIMIT 1)').run();
    });
    db.close();

    const uids = found.map(({ uid }) => uid);
    expect(new Set(uids).size).toBe(uids.length);
    expect(uids.filter((uid) => numbered(25, 15).some((i) => flow(i).uid === uid))).toEqual(
      numbered(25, 15)
        .map((i) => flow(i).uid)
        .reverse(),
    );
  });

  it('go on where a filter had looked at enough: none is left out, though a page may be empty', async () => {
    await api.receive(flow(1));
    await until('the flow', async () => (await api.ask('/api/v1/flows')).json.items.length === 1);
    const db = new Database(api.storePath);
    db.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001)
       INSERT INTO flows (uid, start_us, time_us, network, containers, orig_ip, resp_ip, resp_port, protocol, direction, record)
       SELECT 'x' || i, 0, time_us + i, network, containers, orig_ip, resp_ip, 1, protocol, direction, '{}' FROM n, flows`,
    ).run();
    db.close();
    const path = `/api/v1/flows?filter=port:${flow(1).resp.port}`;

    const first = await api.ask(path);
    expect(first.json.items).toEqual([]);
    const second = await api.ask(`${path}&cursor=${first.json.next}`);

    expect(second.json.items.map(({ uid }: Json) => uid)).toEqual([flow(1).uid]);
    expect(second.json).not.toHaveProperty('next');
  });
});

describe('GET /api/v1/findings', () => {
  it('tells each finding as --json prints it, the newest first', async () => {
    await api.receive(finding(1), finding(2), loss(1));

    const { status, headers, text, json } = await api.ask('/api/v1/findings');

    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(text).toContain(serializeRecord(finding(2)));
    expect(json.items.map(({ id }: { id: string }) => id)).toEqual([finding(2).id, finding(1).id]);
    expect(json).not.toHaveProperty('next');
  });

  it('tells the state of each once, with history=true every record', async () => {
    await api.receive(finding(1), { ...finding(1), status: 'update', count: 7 });

    expect((await api.ask('/api/v1/findings')).json.items).toMatchObject([{ status: 'update', count: 7 }]);
    expect((await api.ask('/api/v1/findings?history=true')).json.items).toHaveLength(2);
    expect((await api.ask('/api/v1/findings?history=false')).json.items).toHaveLength(1);
  });

  it('pages to the end: nothing twice, nothing missing', async () => {
    await api.receive(...numbered(25).map((i) => finding(i)));

    const ids = (await walk('/api/v1/findings?limit=10')).map(({ id }) => id);

    expect(ids).toEqual(
      numbered(25)
        .map((i) => finding(i).id)
        .reverse(),
    );
  });

  it('ends without a next page where the last one is full', async () => {
    await api.receive(...numbered(20).map((i) => finding(i)));

    const first = await api.ask('/api/v1/findings?limit=10');
    const second = await api.ask(`/api/v1/findings?limit=10&cursor=${first.json.next}`);

    expect(second.json.items).toHaveLength(10);
    expect(second.json).not.toHaveProperty('next');
  });

  it('tells the moment of the first page, though findings come and change meanwhile', async () => {
    const all = numbered(30).map((i) => finding(i));
    await api.receive(...all);

    const found = await walk('/api/v1/findings?limit=7', async (page) => {
      // One that was not reached yet moves to the front, one that was told changes, a new one comes.
      const changed = { status: 'update', count: 100 + page, lastSeen: T0 + (1000 + page) * SECOND } as const;
      await api.receive(
        { ...finding(page), ...changed },
        { ...finding(29 - page), ...changed },
        finding(500 + page, { firstSeen: T0 - 5 * SECOND, lastSeen: T0 - 5 * SECOND }),
      );
    });

    expect(found.map(({ id }) => id)).toEqual(all.map(({ id }) => id).reverse());
    expect(found.every(({ status }) => status === 'open')).toBe(true);
    expect((await api.ask('/api/v1/findings?limit=1')).json.items[0].status).toBe('update');
  });

  it('tells those of the same moment once each', async () => {
    const same = { firstSeen: T0, lastSeen: T0 };
    await api.receive(...numbered(11).map((i) => finding(i, same)));

    const ids = (await walk('/api/v1/findings?limit=3')).map(({ id }) => id);

    expect(new Set(ids).size).toBe(11);
    expect(ids).toHaveLength(11);
  });

  it('takes a severity, a network, a container and a range of time', async () => {
    await api.receive(
      finding(1, { severity: 'low', network: 'shop_web' }),
      finding(2, { severity: 'high' }),
      finding(3, { severity: 'critical', subject: endpoint({ workload: undefined }) }),
    );
    const ids = async (query: string) =>
      (await api.ask(`/api/v1/findings?${query}`)).json.items.map(({ id }: { id: string }) => id);

    expect(await ids('severity=high')).toEqual([finding(3).id, finding(2).id]);
    expect(await ids('network=shop_web')).toEqual([finding(1).id]);
    expect(await ids('container=shop/db')).not.toContain(finding(3).id);
  });
});
