/** Deciding about findings over HTTP. Each answer is held against docs/openapi.json by the support. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finding, T0 } from '../support/records.ts';
import { startTestApi, type TestApi } from './support.ts';

const HOUR = 3_600_000_000;
const ID = '5c1d9a03b2e4f611';
const OTHER = '5c1d9a03b2e4f622';

let api: TestApi;

beforeEach(async () => {
  api = await startTestApi({ now: () => T0 + HOUR });
  await api.receive(finding(1, { id: ID }), finding(2, { id: OTHER, status: 'closed' }));
});

afterEach(async () => {
  await api.stop();
});

const post = (path: string, body: object = {}, more: object = {}) =>
  api.ask(`/api/v1${path}`, { method: 'POST', body, ...more });

describe('acknowledging over HTTP', () => {
  it('answers with the finding as it is now, said once or twice', async () => {
    const first = await post(`/findings/${ID}/acknowledge`, { by: 'alice', note: 'looking' });
    const again = await post(`/findings/${ID}/acknowledge`, { by: 'alice', note: 'looking' });

    expect(first.json).toMatchObject({
      isNew: true,
      finding: { id: ID, status: 'update', acknowledged: { by: 'alice', note: 'looking' } },
    });
    expect(again.json).toMatchObject({ isNew: false, finding: { acknowledged: { by: 'alice' } } });
    expect((await api.ask(`/api/v1/findings/${ID}`)).json.finding).toEqual(first.json.finding);
    expect((await post(`/findings/${ID}/unacknowledge`, { by: 'alice' })).json).toMatchObject({
      isNew: true,
    });
  });

  it('takes the beginning of an id where it is one finding', async () => {
    expect((await post(`/findings/${ID.slice(0, 15)}/acknowledge`)).status).toBe(200);
    expect((await post('/findings/5c1d/acknowledge')).status).toBe(409);
  });

  it('refuses what makes no sense, each with its status', async () => {
    const statuses = await Promise.all([
      post(`/findings/${OTHER}/acknowledge`),
      post('/findings/ffffffff/acknowledge'),
      post(`/findings/${ID}/acknowledge`, { note: 'a\u001b[2Jb' }),
      post(`/findings/${ID}/acknowledge`, { nosuch: 1 }),
      post(`/findings/${ID}/unmute`),
    ]);

    expect(statuses.map(({ status }) => status)).toEqual([409, 404, 400, 400, 409]);
    expect(statuses[0]!.json.detail).toContain('closed');
  });
});

describe('muting over HTTP', () => {
  it('mutes a finding and what a filter describes, lists and ends both', async () => {
    const own = await post(`/findings/${ID}/mute`, { reason: 'backup host', for: '7d', by: 'alice' });
    const all = await post('/mutes', { where: 'severity>=high', reason: 'drill', until: '2999-01-01' });
    const listed = (await api.ask('/api/v1/mutes')).json.items;

    expect(own.json).toMatchObject({ isNew: true, findings: 1, mute: { finding: ID, by: 'alice' } });
    expect(all.json).toMatchObject({
      isNew: true,
      mute: { where: 'severity>=high', until: '2999-01-01T00:00:00.000000Z' },
    });
    expect(listed.map(({ id }: { id: string }) => id)).toEqual([own.json.mute.id, all.json.mute.id]);
    for (const { id } of listed)
      expect((await api.ask(`/api/v1/mutes/${id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await api.ask('/api/v1/mutes')).json.items).toEqual([]);
    expect((await api.ask(`/api/v1/mutes/${own.json.mute.id}`, { method: 'DELETE' })).status).toBe(404);
  });

  it('is for a time that was said, and for a reason', async () => {
    for (const body of [
      { reason: 'r' },
      { reason: 'r', for: '1h', forever: true },
      { forever: true },
      { reason: '', forever: true },
      { reason: 'r', until: '2001-01-01' },
    ]) {
      expect((await post(`/findings/${ID}/mute`, body)).status, JSON.stringify(body)).toBe(400);
    }
    expect((await post('/mutes', { where: 'time>-1h', reason: 'r', forever: true })).status).toBe(400);
  });
});

describe('the audit trail over HTTP', () => {
  it('has every decision, the newest first, and can be filtered', async () => {
    await post(`/findings/${ID}/acknowledge`, { by: 'alice' });
    await post(`/findings/${ID}/mute`, { reason: 'drill', forever: true, by: 'bob' });
    await post(`/findings/${ID}/unmute`, { by: 'bob' });

    const actions = async (query: string) =>
      (await api.ask(`/api/v1/decisions${query}`)).json.items.map(({ action }: { action: string }) => action);
    expect(await actions('')).toEqual(['unmute', 'mute', 'acknowledge']);
    expect(await actions('?filter=by:bob%20or%20by:alice')).toHaveLength(3);
    expect(await actions('?filter=action:mute')).toEqual(['mute']);
  });

  it('says how somebody came in, beside who they say they are', async () => {
    const more = { via: 'tcp', headers: { authorization: `Bearer ${api.token()}` } };
    expect((await post(`/findings/${ID}/acknowledge`, { by: 'alice' }, { via: 'tcp' })).status).toBe(401);
    await post(`/findings/${ID}/acknowledge`, { by: 'alice' }, more);
    await post(`/findings/${ID}/unacknowledge`);

    const said = (await api.ask('/api/v1/decisions')).json.items.map(({ by }: { by: string }) => by);
    expect(said).toEqual(['somebody over the socket', 'alice, by token from 127.0.0.1']);
  });
});
