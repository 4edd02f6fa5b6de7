/** The API as a client meets it: what it may ask, how it is refused, and what hostile words become. */
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseRecord } from '../../../src/model/lease.ts';
import { serializeRecord } from '../../../src/model/serialize.ts';
import { createApp } from '../../../src/station/api/api.ts';
import { apiConfig } from '../../../src/station/api/config.ts';
import { honoPath } from '../../../src/station/api/operation.ts';
import { OPERATIONS } from '../../../src/station/api/rooms.ts';
import type { RoomDeps } from '../../../src/station/api/routes.ts';
import { until } from '../support/harness.ts';
import { coverage, database, dns, finding, flow, inventory, loss, network, T0 } from '../support/records.ts';
import { type Json, startTestApi, type TestApi } from './support.ts';

const SECOND = 1_000_000;
const NOW = T0 + 3600 * SECOND;

let api: TestApi;

beforeEach(async () => {
  api = await startTestApi({ now: () => NOW });
});

afterEach(async () => {
  await api.stop();
});

const idsOf = (json: Json): string[] => json.items.map(({ id }: { id: string }) => id);

/** Enough to make the application; nobody asks it anything. */
const unasked = {
  config: apiConfig.parse({}),
  onDurable: () => () => {},
  feed: { onBulk: () => () => {}, stopping: new AbortController().signal },
  status: () => undefined,
  sensor: () => undefined,
} as unknown as RoomDeps;

function lease(over: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    kind: 'lease',
    time: T0,
    id: 'lease-1',
    change: 'opened',
    from: T0,
    network: network.name,
    networkId: network.id,
    ips: ['172.30.1.5'],
    mac: '02:42:ac:1e:01:05',
    workload: database,
    ...over,
  } as LeaseRecord;
}

describe('docs/openapi.json', () => {
  const text = readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8');

  it('is what the API serves, byte by byte', async () => {
    const served = await api.ask('/api/v1/openapi.json');

    expect(served.text === text).toBe(true);
    expect(served.headers['content-type']).toBe('application/json');
  });

  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();

    expect(await validator.validate(JSON.parse(text))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('declares every route that there is, and no other', () => {
    const { routes } = createApp(unasked);
    const real = routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path}`);
    const declared = OPERATIONS.map(({ method, path }) => `${method.toUpperCase()} ${honoPath(path)}`);

    expect([...new Set(real)].sort()).toEqual(declared.sort());
  });
});

describe('flows, look-ups and events', () => {
  it('are told page by page, the newest first, as --json prints them', async () => {
    await api.receive(...[1, 2, 3].flatMap((i) => [flow(i), dns(i), coverage(i)]));
    for (const [path, record] of [
      ['flows', flow(3)],
      ['dns', dns(3)],
      ['events', coverage(3)],
    ] as const) {
      await until(`all ${path}`, async () => (await api.ask(`/api/v1/${path}`)).json.items.length === 3);
      const first = await api.ask(`/api/v1/${path}?limit=2`);
      const second = await api.ask(`/api/v1/${path}?limit=2&cursor=${first.json.next}`);

      expect(first.text).toContain(serializeRecord(record));
      expect([first.json.items.length, second.json.items.length]).toEqual([2, 1]);
      expect(second.json.next).toBeUndefined();
    }
  });

  it('leave findings out of the events, and take a kind by the filter', async () => {
    await api.receive(finding(1), loss(1), coverage(1), inventory(1));

    const all = (await api.ask('/api/v1/events')).json.items.map(({ kind }: Json) => kind);
    const one = (await api.ask('/api/v1/events?filter=kind:loss')).json.items.map(({ kind }: Json) => kind);

    expect(all.sort()).toEqual(['coverage', 'inventory', 'loss']);
    expect(one).toEqual(['loss']);
  });

  it('are one a line for those who accept NDJSON, with the next page in the Link header', async () => {
    await api.receive(...[1, 2, 3].map((i) => finding(i)));
    const headers = { accept: 'application/x-ndjson, */*;q=0.1' };

    const first = await api.ask('/api/v1/findings?limit=2&severity=low', { headers });
    const next = /^<([^>]+)>; rel="next"$/.exec(String(first.headers['link']))?.[1];
    const second = await api.ask(next!, { headers });

    expect(first.headers['content-type']).toBe('application/x-ndjson');
    expect(first.text).toBe(`${serializeRecord(finding(3))}\n${serializeRecord(finding(2))}\n`);
    expect(next).toMatch(/^\/api\/v1\/findings\?limit=2&severity=low&cursor=/);
    expect(second.text).toBe(`${serializeRecord(finding(1))}\n`);
    expect(second.headers['link']).toBeUndefined();
  });
});

describe('one finding', () => {
  it('is told with its history, the oldest first; one that is not kept is 404', async () => {
    await api.receive(finding(1), { ...finding(1), status: 'closed', count: 9 }, finding(2));

    const { json } = await api.ask(`/api/v1/findings/${finding(1).id}`);

    expect(json.finding).toMatchObject({ status: 'closed', count: 9 });
    expect(json.history.map(({ status }: Json) => status)).toEqual(['open', 'closed']);
    expect((await api.ask('/api/v1/findings/nonesuch')).status).toBe(404);
  });
});

describe('who held an address', () => {
  it('is told for that time, with who did before, and whether anybody watched', async () => {
    await api.receive(
      lease(),
      lease({ change: 'closed', time: T0 + 60 * SECOND, to: T0 + 60 * SECOND } as Partial<LeaseRecord>),
    );
    const at = (secs: number) => encodeURIComponent(new Date((T0 + secs * SECOND) / 1000).toISOString());

    const then = (await api.ask(`/api/v1/leases?ip=172.30.1.5&at=${at(30)}`)).json;
    const later = (await api.ask(`/api/v1/leases?ip=172.30.1.5&at=${at(90)}`)).json;

    expect(then).toMatchObject({ containers: 1, watched: false, gap: {}, holders: [{ id: 'lease-1' }] });
    expect(later).toMatchObject({ containers: 0, holders: [], before: { id: 'lease-1' } });
  });

  it.each(['', '?network=x', '?ip=999.1.1.1', '?mac=xx', '?ip=172.30.1.5&at=yesterday'])(
    'is no question: "%s"',
    async (query) => {
      expect((await api.ask(`/api/v1/leases${query}`)).status).toBe(400);
    },
  );

  it('is told as watched while an engine told the agent of changes, and not before', async () => {
    await api.receive(inventory(1, { object: 'engine', id: 'engine', name: 'engine', detail: {} }), lease());
    const at = (micros: number) => encodeURIComponent(new Date(micros / 1000).toISOString());
    const asked = async (micros: number) =>
      (await api.ask(`/api/v1/leases?ip=172.30.1.5&at=${at(micros)}`)).json;

    expect(await asked(T0 + 2 * SECOND)).toMatchObject({ watched: true, containers: 1 });
    expect(await asked(T0 - 2 * SECOND)).toMatchObject({
      watched: false,
      holders: [],
      after: { id: 'lease-1' },
    });
  });

  it('is told for all addresses by the inventory of a time', async () => {
    await api.receive(inventory(1), lease());

    const now = (await api.ask('/api/v1/inventory')).json;
    const before = (await api.ask('/api/v1/inventory?at=7d')).json;

    expect(now).toMatchObject({ watched: false, isCut: false, leases: [{ id: 'lease-1' }] });
    expect(before).toMatchObject({ leases: [], networks: [] });
  });
});

describe('GET /api/v1/status', () => {
  it('tells version, database and sensor, and neither secrets nor paths', async () => {
    api.station.hearState({ problems: ['one tap is closed'], metrics: [] });

    const { json, text } = await api.ask('/api/v1/status');

    expect(json).toMatchObject({
      host: 'host-of-the-test',
      store: { state: 'ok' },
      sensor: { problems: ['one tap is closed'] },
      api: { problems: [] },
    });
    expect(text).not.toContain(api.storePath);
    expect(text).not.toContain(api.token());
  });
});

describe('a question that is none', () => {
  it('says where the filter is wrong', async () => {
    const { status, json, headers } = await api.ask(
      '/api/v1/findings?filter=severity%3Ehigh+and+colour%3Ared',
    );

    expect(status).toBe(400);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(json).toMatchObject({
      status: 400,
      title: 'Bad Request',
      detail: expect.stringMatching(/at character 19: unknown field "colour"/),
      filter: { text: 'severity>high and colour:red', from: 18, to: 24 },
    });
  });

  it.each([
    ['limit=0', /limit/],
    ['limit=1001', /limit/],
    ['limit=ten', /limit/],
    ['limit=1&limit=2', /more than once/],
    ['sinse=1h', /sinse/],
    ['since=yesterday', /since is no time/],
    ['since=1h&until=2h', /until is not after since/],
    ['severity=bad', /severity/],
    ['network=', /network/],
    ['history=yes', /history/],
    [`filter=${'('.repeat(4000)}`, /filter/],
    [`filter=${'x'.repeat(4097)}`, /filter/],
  ])('%s', async (query, detail) => {
    const { status, json } = await api.ask(`/api/v1/findings?${query}`);

    expect(status).toBe(400);
    expect(json.detail).toMatch(detail);
  });

  it('takes the bounds themselves', async () => {
    for (const limit of [1, 1000])
      expect((await api.ask(`/api/v1/findings?limit=${limit}`)).status).toBe(200);
  });

  it('has a cursor of another question, or one that was cut, changed or made up', async () => {
    await api.receive(...[1, 2, 3].map((i) => finding(i)));
    const { next } = (await api.ask('/api/v1/findings?limit=1&network=shop_data')).json;
    const status = async (query: string) => (await api.ask(`/api/v1/${query}`)).status;
    const ours = 'findings?limit=1&network=shop_data';
    const [payload, check] = next.split('.');
    const forged = Buffer.from('[1,9e99,"x",{},null]').toString('base64url');

    expect(await status(`${ours}&cursor=${next}`)).toBe(200);
    expect(await status(`findings?limit=2&network=shop_data&cursor=${next}`)).toBe(200);
    for (const wrong of [
      `findings?cursor=${next}`,
      `flows?limit=1&network=shop_data&cursor=${next}`,
      `${ours}&cursor=${next.slice(0, -1)}`,
      `${ours}&cursor=${next.slice(1)}`,
      `${ours}&cursor=${payload}`,
      `${ours}&cursor=.${check}`,
      `${ours}&cursor=${forged}.${check}`,
      `${ours}&cursor=${encodeURIComponent(`${next}\u0000`)}`,
      `${ours}&cursor=%F0%9F%92%A9`,
      `${ours}&cursor=`,
      `${ours}&cursor=${'A'.repeat(5000)}`,
    ])
      expect(await status(wrong), wrong).toBe(400);
  });
});

describe('a body', () => {
  const subject = finding(1, { id: 'f-of-the-body' });
  const post = (body: string | object, headers = {}) =>
    api.ask(`/api/v1/findings/${subject.id}/acknowledge`, { method: 'POST', body, headers });
  const json = { 'content-type': 'application/json' };

  it.each([
    ['that is no JSON', '{"note": ', json, 400],
    ['that is no text', '\u0000\ufffd', json, 400],
    ['with a member that is not known', '{"nota": "x"}', json, 400],
    ['that is a list', '[]', json, 400],
    ['that a form of another site could send', '{"note": "x"}', { 'content-type': 'text/plain' }, 415],
    ['of a type that begins alike', '{"note": "x"}', { 'content-type': 'application/jsonp' }, 415],
    ['of more than 64 KiB', `{"note": "${'x'.repeat(65_536)}"}`, json, 413],
    [
      'of more than 64 KiB that does not say so',
      `{"note": "${'x'.repeat(65_536)}"}`,
      { ...json, 'transfer-encoding': 'chunked' },
      413,
    ],
    ['that is nested without end', `${'['.repeat(60_000)}`, json, 400],
  ])('%s is refused', async (_, body, headers, status) => {
    await api.receive(subject);

    expect((await post(body, headers)).status).toBe(status);
    expect((await api.ask(`/api/v1/findings/${subject.id}`)).json.finding).not.toHaveProperty('acknowledged');
  });

  it('in JSON is taken, whatever parameters its type has', async () => {
    await api.receive(subject);

    expect((await post('{"note": "x"}', { 'content-type': 'application/json; charset=utf-8' })).status).toBe(
      200,
    );
  });
});

describe('what is not there', () => {
  it.each([
    '/',
    '/api/v1',
    '/api/v1/findings/',
    '/api/v1//findings',
    '/API/v1/findings',
    '/api/v1/findings/../../../etc/passwd',
    '/api/v1/findings/..%2f..%2fetc%2fpasswd',
    '/api/v1/findings/%00',
    '/api/v1/findings/%',
    '/api/v1/findings/%ff',
    '/api/v1/__proto__',
    '/../../etc/passwd',
    '/etc/passwd',
  ])('%s is a problem, and tells nothing of the machine', async (path) => {
    const { status, text, headers } = await api.ask(path);

    expect([400, 404]).toContain(status);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(text).not.toMatch(/root:|node_modules|\/src\/|\.ts|at .*:\d+/);
  });

  it('is what cannot be done: 405 with what can', async () => {
    const { status, headers } = await api.ask('/api/v1/flows', { method: 'DELETE' });

    expect(status).toBe(405);
    expect(headers['allow']).toBe('GET, HEAD, OPTIONS');
  });

  it('is CORS: OPTIONS tells the methods, and gives nothing to other sites', async () => {
    const headers = { origin: 'http://evil.example', 'access-control-request-method': 'POST' };
    const answer = await api.ask('/api/v1/findings', { method: 'OPTIONS', headers });

    expect(answer.status).toBe(204);
    expect(answer.headers['allow']).toBe('GET, HEAD, OPTIONS');
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('HEAD', () => {
  it('is GET without the body, refusals too', async () => {
    const found = await api.ask('/api/v1/status', { method: 'HEAD' });
    const missing = await api.ask('/api/v1/nothing', { method: 'HEAD' });

    expect([found.status, found.text]).toEqual([200, '']);
    expect([missing.status, missing.text]).toEqual([404, '']);
  });
});

describe('over TCP', () => {
  it('reading from this machine is free, the page of another name reads nothing', async () => {
    expect((await api.ask('/api/v1/status', { via: 'tcp' })).status).toBe(200);
    const rebound = await api.ask('/api/v1/status', { via: 'tcp', headers: { host: 'evil.example' } });
    expect(rebound.status).toBe(421);
    expect(rebound.text).not.toContain('host-of-the-test');
  });

  it('changes need the token from this machine too, which is not told by what refuses them', async () => {
    const change = (headers = {}) => api.ask('/api/v1/status', { via: 'tcp', method: 'POST', headers });

    const without = await change();
    expect(without.status).toBe(401);
    expect(without.headers['www-authenticate']).toBe('Bearer realm="bridgewatch"');
    expect((await change({ authorization: `Bearer ${api.token()}` })).status).toBe(405);
    expect((await change({ authorization: 'Bearer guess' })).text).not.toContain(api.token());
  });
});

describe('names from the wire', () => {
  it('arrive as escapes: neither a terminal nor a browser makes anything of them', async () => {
    const hostile = '\u001b]0;owned\u0007</script><script>alert(1)</script>\u202egnp.exe\u0000\ud800';
    await api.receive(dns(1, { query: hostile }));
    await until('the look-up', async () => (await api.ask('/api/v1/dns')).json.items.length === 1);

    const { text, json, headers } = await api.ask('/api/v1/dns');

    expect(json.items[0].query).toBe(hostile);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
    expect(text.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(headers['content-type']).toBe('application/json');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('in a filter, a network or an id are looked for, no more', async () => {
    await api.receive(finding(1));
    for (const text of ["' OR 1=1 --", '"; DROP TABLE events; --', '%', '_', '*', '\u0000', '🦆', '\\']) {
      const { status, json } = await api.ask(`/api/v1/findings?network=${encodeURIComponent(text)}`);
      expect([status, idsOf(json)]).toEqual([200, []]);
      expect((await api.ask(`/api/v1/findings/${encodeURIComponent(text)}`)).status).toBe(404);
    }
  });
});
