/** Packets that were put aside, over HTTP. Each answer is held against docs/openapi.json by the support. */
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collection } from '../evidence/support.ts';
import { until } from '../support/harness.ts';
import { finding, T0 } from '../support/records.ts';
import { startTestApi, type TestApi } from './support.ts';

const FINDING = '5c1d9a03b2e4f611';

let api: TestApi;

beforeEach(async () => {
  api = await startTestApi({ now: () => T0 });
});

afterEach(async () => {
  await api.stop();
});

const kept = collection({ id: 'e-1', packets: 120, payloadBytes: 800 });

async function keep(): Promise<void> {
  for (const piece of kept.all) api.station.receiveEvidence(piece);
  await until('the evidence', async () => (await api.ask('/api/v1/evidence')).json.items.length === 1);
}

/** The bytes as they come. */
function packets(path: string): Promise<{ status: number; headers: object; body: Buffer }> {
  return new Promise((resolve, reject) => {
    request({ socketPath: api.socketPath, path, agent: false }, (incoming) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => void parts.push(part));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode!, headers: incoming.headers, body: Buffer.concat(parts) }),
      );
    })
      .on('error', reject)
      .end();
  });
}

describe('evidence over HTTP', () => {
  it('is listed, told by its id and that of its finding, and handed out byte for byte', async () => {
    await keep();
    const facts = (await api.ask('/api/v1/evidence/e-1')).json;

    expect(facts).toMatchObject({ id: 'e-1', finding: FINDING, packets: 120, file: 'e-1.pcapng' });
    expect((await api.ask(`/api/v1/evidence/${FINDING}`)).json).toEqual(facts);
    expect((await api.ask('/api/v1/evidence?filter=severity>=high')).json.items).toEqual([facts]);
    for (const id of ['e-1', FINDING]) {
      const { status, headers, body } = await packets(`/api/v1/evidence/${id}/packets`);
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'content-type': 'application/vnd.tcpdump.pcap',
        'content-disposition': 'attachment; filename="e-1.pcapng"',
        'content-length': String(kept.file.length),
      });
      expect(body.equals(kept.file)).toBe(true);
    }
  });

  it('refuses what is no id, and what there are no packets of', async () => {
    await keep();
    const statuses = await Promise.all(
      ['%2e%2e%2fapi-token', 'nosuch', 'a%00b', 'e-1%2f..%2f..'].map(
        async (id) => (await api.ask(`/api/v1/evidence/${id}/packets`)).status,
      ),
    );

    expect(statuses).toEqual([400, 404, 400, 400]);
  });

  it('hands packets over TCP to nobody without the token, on this machine neither', async () => {
    await keep();
    const path = '/api/v1/evidence/e-1/packets';
    const open = await api.ask(path, { via: 'tcp' });
    const headers = { authorization: `Bearer ${api.token()}` };

    expect([open.status, open.headers['www-authenticate']]).toEqual([401, 'Bearer realm="bridgewatch"']);
    expect((await api.ask('/api/v1/evidence/e-1', { via: 'tcp' })).status).toBe(200);
    expect((await api.ask(path, { via: 'tcp', headers, method: 'HEAD' })).status).toBe(200);
  });

  it('hands out to few at a time, and to others when those are gone', async () => {
    const large = collection({ id: 'large', packets: 3000, payloadBytes: 1400 });
    for (const piece of large.all) api.station.receiveEvidence(piece);
    await until('it', async () => (await api.ask('/api/v1/evidence')).json.items.length === 1);
    const path = '/api/v1/evidence/large/packets';
    const slow = await Promise.all(
      Array.from(
        { length: 4 },
        () =>
          new Promise<ReturnType<typeof request>>((resolve, reject) => {
            const asked = request({ socketPath: api.socketPath, path, agent: false }, (incoming) => {
              incoming.pause();
              incoming.on('error', () => {});
              resolve(asked);
            });
            asked.on('error', reject);
            asked.end();
          }),
      ),
    );

    expect((await api.ask(path)).status).toBe(503);
    for (const asked of slow) asked.destroy();
    await until('room', async () => (await packets(path)).status === 200);
    expect((await packets(path)).body.equals(large.file)).toBe(true);
    for (let i = 0; i < 6; i++) expect((await api.ask(path, { method: 'HEAD' })).status).toBe(200);
  });

  it('says that nobody is there to be asked for packets', async () => {
    const answer = await api.ask('/api/v1/evidence', {
      method: 'POST',
      body: { targets: ['shop_data'], lastSecs: 60 },
    });

    expect([answer.status, answer.json.detail]).toEqual([
      503,
      'no sensor is there that could be asked for packets',
    ]);
    const invalid = [
      {},
      { targets: [], lastSecs: 60 },
      { targets: ['a'], lastSecs: 0 },
      { targets: ['a'], lastSecs: 1e6 },
    ];
    for (const body of invalid)
      expect((await api.ask('/api/v1/evidence', { method: 'POST', body })).status).toBe(400);
  });

  it('keeps in the audit trail who captured beside the agent', async () => {
    await api.receive(finding(1));
    const told = {
      targets: ['shop/db'],
      networks: ['shop_data'],
      filter: 'tcp port 5432',
      packets: 12,
      bytes: 3456,
      sha256: 'a'.repeat(64),
      end: 'whole',
    };
    const { json } = await api.ask('/api/v1/captures', { method: 'POST', body: { ...told, by: 'alice' } });

    expect(json).toMatchObject({ ...told, kind: 'evidence', cause: 'command', by: 'alice', missing: [] });
    expect(json.file).toBeUndefined();
    await until(
      'the trail',
      async () => (await api.ask('/api/v1/evidence?filter=cause:command')).json.items.length === 1,
    );
    expect((await packets(`/api/v1/evidence/${json.id}/packets`)).status).toBe(404);
  });
});
