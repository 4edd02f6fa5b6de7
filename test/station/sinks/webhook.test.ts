import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentRecord } from '../../../src/model/record.ts';
import { DELIVERED_KINDS, type SinkDeps } from '../../../src/station/sinks/definition.ts';
import type { Sink, SinkError } from '../../../src/station/sinks/sink.ts';
import { webhookSink } from '../../../src/station/sinks/webhook.ts';
import { type PeerHarness, sinkCompliance } from '../../compliance/sink.ts';
import { entryOf, memoryLogger, temporaryDirectory } from '../support/harness.ts';
import { coverage, finding, flow, T0 } from '../support/records.ts';
import {
  answerWith,
  HANG,
  type Posted,
  startWebhookPeer,
  TAKE,
  type WebhookPeer,
} from '../support/webhook-peer.ts';

const SECRET_PATH = '/services/T0SECRET1/B0SECRET2/correct-horse-battery';
const never = new AbortController().signal;

function sinkOf(options: Record<string, unknown>, over: Partial<SinkDeps> = {}): Sink {
  const config = webhookSink.config.parse({ type: 'webhook', ...options });
  return webhookSink.create(config, {
    logger: memoryLogger().logger,
    host: 'host1',
    version: '1.2.3',
    now: () => T0,
    ...over,
  });
}

/** The records in what the peer took, each once: a request may have been tried again. */
function distinct(taken: readonly Posted[], recordsIn: (body: string) => readonly unknown[]): string[] {
  return [...new Set(taken.flatMap(({ body }) => recordsIn(body).map((record) => JSON.stringify(record))))];
}

function harness(options: Record<string, unknown>, recordsIn: (body: string) => readonly unknown[]) {
  return async (): Promise<PeerHarness> => {
    const peer = await startWebhookPeer();
    const sink = sinkOf({ url: `${peer.url}${SECRET_PATH}`, timeout_ms: 60_000, ...options });
    let writes = 0;
    const write = sink.write.bind(sink);
    // A write may be several requests.
    sink.write = async (...given) => {
      writes += 1;
      await write(...given);
    };
    return {
      sink,
      secret: SECRET_PATH.slice(10),
      stored: () => distinct(peer.taken, recordsIn),
      attempts: () => writes,
      accept: () => peer.answer(TAKE),
      fail: () => peer.answer(answerWith(503)),
      // Servers repeat the address.
      refuse: () => peer.answer((posted, reply) => reply.writeHead(403).end(`no access to ${posted.path}`)),
      reject: (text) =>
        peer.answer((posted, reply) =>
          reply.writeHead(new RegExp(`\\b${text}\\b`).test(posted.body) ? 400 : 200).end('invalid_payload'),
        ),
      hang: () => peer.answer(HANG),
      close: () => peer.close(),
    };
  };
}

const attachments = (body: string) => (JSON.parse(body) as { attachments: unknown[] }).attachments;
const embeds = (body: string) => (JSON.parse(body) as { embeds: unknown[] }).embeds;

sinkCompliance(
  'webhook-array',
  harness({ name: 'webhook-array', kinds: DELIVERED_KINDS, body: 'array' }, (body) => JSON.parse(body)),
);
sinkCompliance(
  'webhook-object',
  harness({ name: 'webhook-object', kinds: DELIVERED_KINDS }, (body) => [JSON.parse(body)]),
);
sinkCompliance('webhook-slack', harness({ preset: 'slack' }, attachments));
sinkCompliance('webhook-discord', harness({ preset: 'discord' }, embeds));

describe('WebhookSink', () => {
  let peer: WebhookPeer;
  let directory: ReturnType<typeof temporaryDirectory>;

  beforeEach(async () => {
    peer = await startWebhookPeer();
    directory = temporaryDirectory();
  });

  afterEach(async () => {
    await peer.close();
    directory.remove();
  });

  async function deliver(sink: Sink, ...records: AgentRecord[]): Promise<void> {
    await sink.prepare(never);
    await sink.write(records.map(entryOf), never);
    await sink.close();
  }

  async function failureOf(sink: Sink, ...records: AgentRecord[]): Promise<SinkError> {
    return deliver(sink, ...records).then(
      () => expect.fail('it was taken'),
      (error: SinkError) => error,
    );
  }

  it('posts a finding as it is, with the headers of the operator', async () => {
    const sink = sinkOf({ url: `${peer.url}/in?a=1`, headers: { 'X-Api-Key': 'k1' } });

    await deliver(sink, finding(1));

    const [posted] = peer.posts;
    expect(posted).toMatchObject({
      method: 'POST',
      path: '/in?a=1',
      headers: {
        'x-api-key': 'k1',
        'content-type': 'application/json',
        'user-agent': 'bridgewatch/1.2.3',
      },
    });
    expect(JSON.parse(posted!.body)).toMatchObject({ kind: 'finding', id: 'f-1', severity: 'high' });
  });

  it.each([
    ['eve', (body: string) => JSON.parse(body).event_type, 'alert'],
    ['ecs', (body: string) => JSON.parse(body).ecs.version, '8.11.0'],
    ['ocsf', (body: string) => JSON.parse(body).class_uid, 2004],
  ])('writes %s', async (format, read, expected) => {
    await deliver(sinkOf({ url: peer.url, format }), finding(1));

    expect(read(peer.posts[0]!.body)).toBe(expected);
  });

  it('sends a batch as lines, each a record', async () => {
    const sink = sinkOf({ url: peer.url, body: 'ndjson', kinds: ['finding', 'coverage'] });

    await deliver(sink, finding(1), coverage(1));

    expect(peer.posts).toHaveLength(1);
    expect(peer.posts[0]!.headers['content-type']).toBe('application/x-ndjson');
    const lines = peer.posts[0]!.body.split('\n');
    expect(lines.map((line) => (line === '' ? '' : JSON.parse(line).kind))).toEqual([
      'finding',
      'coverage',
      '',
    ]);
  });

  it('sends nothing where no record of the batch has a form yet', async () => {
    const sink = sinkOf({ url: peer.url, body: 'array', format: 'eve', kinds: ['flow'] });

    await deliver(sink, flow(1, { reason: 'start' }));

    expect(peer.posts).toEqual([]);
  });

  it('does not pass over a finding in silence because its time cannot be written', async () => {
    const error = await failureOf(sinkOf({ url: peer.url, format: 'eve' }), finding(1, { lastSeen: 3e17 }));

    expect(error).toMatchObject({ remedy: 'split', message: expect.stringContaining('no form in eve') });
  });

  describe('says the same request twice the same way', () => {
    it('with a key of id, status and count, the same after a failure, another after an update', async () => {
      peer.answer(answerWith(503));
      const sink = sinkOf({ url: peer.url });
      await sink.prepare(never);
      const first = entryOf(finding(1));
      await sink.write([first], never).catch(() => {});
      peer.answer(TAKE);
      await sink.write([first], never);
      await sink.write([entryOf(finding(1, { status: 'update', count: 2 }))], never);
      await sink.close();

      const keys = peer.posts.map(({ headers }) => headers['idempotency-key']);
      expect(keys[0]).toMatch(/^f-1:open:high:1:/);
      expect(keys[1]).toBe(keys[0]);
      expect(keys[2]).toMatch(/^f-1:update:high:2:/);
    });

    it('and a batch by all that is in it', async () => {
      const sink = sinkOf({ url: peer.url, body: 'array' });
      const keyOf = async (...numbers: number[]) => {
        await deliver(sinkOf({ url: peer.url, body: 'array' }), ...numbers.map((number) => finding(number)));
        return peer.posts.at(-1)!.headers['idempotency-key'];
      };
      await sink.close();

      const key = await keyOf(1, 2);
      expect(key).toMatch(/^[0-9a-f]{64}$/);
      expect(await keyOf(1, 2)).toBe(key);
      expect(await keyOf(1, 3)).not.toBe(key);
    });
  });

  it('sends again only what did not arrive, when one request of many failed', async () => {
    peer.answer((posted, reply) => reply.writeHead(posted.body.includes('"f-2"') ? 503 : 200).end());
    const sink = sinkOf({ url: peer.url });
    await sink.prepare(never);
    const batch = [1, 2, 3].map((number) => entryOf(finding(number)));
    await expect(sink.write(batch, never)).rejects.toMatchObject({ remedy: 'wait' });
    peer.answer(TAKE);
    await sink.write(batch, never);
    await sink.close();

    expect(peer.taken.map(({ body }) => JSON.parse(body).id)).toEqual(['f-1', 'f-2', 'f-3']);
    expect(peer.posts).toHaveLength(4);
  });

  describe('what an answer means', () => {
    it.each([
      [400, 'split', 'SINK_REJECTED'],
      [413, 'split', 'SINK_TOO_LARGE'],
      [422, 'split', 'SINK_REJECTED'],
      [401, 'act', 'SINK_UNAUTHORIZED'],
      [403, 'act', 'SINK_UNAUTHORIZED'],
      [404, 'act', 'SINK_NO_TARGET'],
      [410, 'act', 'SINK_NO_TARGET'],
      [408, 'wait', 'SINK_UNAVAILABLE'],
      [429, 'wait', 'SINK_UNAVAILABLE'],
      [500, 'wait', 'SINK_UNAVAILABLE'],
      [503, 'wait', 'SINK_UNAVAILABLE'],
    ])('%i: %s', async (status, remedy, code) => {
      peer.answer(answerWith(status, {}, 'words of the server'));

      const error = await failureOf(sinkOf({ url: peer.url }), finding(1));

      expect(error).toMatchObject({ remedy, code });
      expect(error.message).toMatch(new RegExp(`answered ${status}: words of the server`));
    });

    it.each([
      ['7', 7000],
      ['0.75', 750],
    ])('429 with Retry-After %s', async (value, milliseconds) => {
      peer.answer(answerWith(429, { 'retry-after': value }));

      expect((await failureOf(sinkOf({ url: peer.url }), finding(1))).retryAfterMs).toBe(milliseconds);
    });

    it('a redirect is not followed', async () => {
      const other = await startWebhookPeer();
      peer.answer(answerWith(307, { location: `${other.url}/elsewhere` }));

      const error = await failureOf(sinkOf({ url: peer.url }), finding(1));

      expect(error).toMatchObject({ remedy: 'act', message: expect.stringContaining('not followed') });
      expect(other.posts).toEqual([]);
      await other.close();
    });
  });

  describe('what can happen to a connection', () => {
    it('reset before an answer: to be tried again', async () => {
      peer.answer((_, reply) => reply.socket?.resetAndDestroy());

      expect(await failureOf(sinkOf({ url: peer.url }), finding(1))).toMatchObject({
        remedy: 'wait',
        code: 'SINK_UNREACHABLE',
        message: expect.stringMatching(/cannot reach http:\/\/127\.0\.0\.1:\d+: ECONNRESET/),
      });
    });

    it('reset in the middle of the body of a 200: it was taken, and is not sent twice', async () => {
      peer.answer((_, reply) => {
        reply.writeHead(200, { 'content-length': '100' });
        reply.write('half', () => reply.socket?.resetAndDestroy());
      });

      await deliver(sinkOf({ url: peer.url }), finding(1));

      expect(peer.posts).toHaveLength(1);
    });

    it('reset in the middle of the body of a 503: to be tried again', async () => {
      peer.answer((_, reply) => {
        reply.writeHead(503, { 'content-length': '100' });
        reply.write('half', () => reply.socket?.resetAndDestroy());
      });

      expect(await failureOf(sinkOf({ url: peer.url }), finding(1))).toMatchObject({ remedy: 'wait' });
    });

    it('no answer within its time: to be tried again', async () => {
      peer.answer(HANG);

      expect(await failureOf(sinkOf({ url: peer.url, timeout_ms: 150 }), finding(1))).toMatchObject({
        remedy: 'wait',
        message: expect.stringContaining('no answer within 150 ms'),
      });
    });

    it('nobody there: to be tried again', async () => {
      const gone = await startWebhookPeer();
      await gone.close();

      expect(await failureOf(sinkOf({ url: gone.url }), finding(1))).toMatchObject({
        remedy: 'wait',
        message: expect.stringContaining('ECONNREFUSED'),
      });
    });
  });

  describe('secrets', () => {
    it('are in no message, whatever the server repeats', async () => {
      const url = `${peer.url}/hook/T0SECRETPATH?token=S3CRETQUERY`;
      peer.answer((posted, reply) =>
        reply
          .writeHead(404)
          .end(`nothing at ${posted.path} for ${posted.headers['x-key']}, nor at T0SECRETPATH`),
      );

      const error = await failureOf(sinkOf({ url, headers: { 'x-key': 'HEADERSECRET' } }), finding(1));

      expect(error.message).toContain('answered 404: nothing at ***');
      expect(error.message).not.toMatch(/SECRET|S3CRET/);
    });

    it('are in no refusal of the configuration', () => {
      const parsed = webhookSink.config.safeParse({ type: 'webhook', url: 'ftp://host/T0SECRETPATH' });

      expect(parsed.success).toBe(false);
      expect(JSON.stringify(parsed.error?.issues)).not.toContain('SECRET');
    });

    it('are read from files again when it prepares', async () => {
      const path = join(directory.path, 'url');
      const token = join(directory.path, 'token');
      writeFileSync(path, `${peer.url}/first\n`);
      writeFileSync(token, 't1\n');
      const sink = sinkOf({ url_file: path, bearer_token_file: token });
      await sink.prepare(never);
      await sink.write([entryOf(finding(1))], never);
      writeFileSync(path, `${peer.url}/second`);
      writeFileSync(token, 't2');
      await deliver(sink, finding(2));

      expect(peer.posts.map(({ path, headers }) => [path, headers.authorization])).toEqual([
        ['/first', 'Bearer t1'],
        ['/second', 'Bearer t2'],
      ]);
    });

    it('a file that cannot be read is named, and what to do', async () => {
      const missing = join(directory.path, 'nothing');

      expect(await failureOf(sinkOf({ url_file: missing }), finding(1))).toMatchObject({
        code: 'SINK_MISCONFIGURED',
        remedy: 'act',
        message: expect.stringMatching(/cannot read url_file .*nothing: ENOENT; check/),
      });
    });

    it('a file that holds no address is named, not its content', async () => {
      const path = join(directory.path, 'url');
      writeFileSync(path, 'T0SECRETPATH');

      const error = await failureOf(sinkOf({ url_file: path }), finding(1));

      expect(error).toMatchObject({ remedy: 'act' });
      expect(error.message).not.toContain('SECRET');
    });
  });

  it('is asked whether it is there without being told anything', async () => {
    const sink = sinkOf({ url: peer.url });

    expect(await sink.check(never)).toMatch(/^http:\/\/127\.0\.0\.1:\d+ answers/);

    expect(peer.posts.map(({ method, body }) => [method, body])).toEqual([['OPTIONS', '']]);
    peer.answer(answerWith(502));
    await expect(sink.check(never)).rejects.toMatchObject({ remedy: 'wait' });
    await sink.close();
  });

  describe('TLS', () => {
    let tls: WebhookPeer;

    beforeEach(async () => {
      const [key, cert] = [join(directory.path, 'key.pem'), join(directory.path, 'cert.pem')];
      execFileSync(
        'openssl',
        // biome-ignore format: one option with its value a pair
        ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
          '-subj', '/CN=peer', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
        { stdio: 'ignore' },
      );
      tls = await startWebhookPeer({ key: readFileSync(key), cert: readFileSync(cert) });
    });

    afterEach(() => tls.close());

    it('takes the authority that the operator names', async () => {
      await deliver(sinkOf({ url: tls.url, ca_file: join(directory.path, 'cert.pem') }), finding(1));

      expect(tls.taken).toHaveLength(1);
    });

    it('sends nothing to a server that nobody vouches for, and says what to do', async () => {
      const error = await failureOf(sinkOf({ url: tls.url }), finding(1));

      expect(error).toMatchObject({
        code: 'SINK_MISCONFIGURED',
        remedy: 'act',
        message: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT; check its certificate, and ca_file/),
      });
      expect(tls.posts).toEqual([]);
    });
  });

  describe('updates of an open finding', () => {
    it('that only count are no message; a graver one is, and the end', async () => {
      const sink = sinkOf({ url: peer.url, updates: 'notable' });
      await sink.prepare(never);
      const told = [
        finding(1, { severity: 'low' }),
        finding(1, { severity: 'low', status: 'update', count: 2 }),
        finding(1, { severity: 'high', status: 'update', count: 3 }),
        finding(1, { severity: 'high', status: 'update', count: 4 }),
        finding(1, { severity: 'high', status: 'closed', count: 4 }),
      ];
      for (const record of told) await sink.write([entryOf(record)], never);
      await sink.write(told.map(entryOf), never);
      await sink.close();

      const counts = peer.posts.map(({ body }) => [JSON.parse(body).status, JSON.parse(body).count]);
      const once = [
        ['open', 1],
        ['update', 3],
        ['closed', 4],
      ];
      expect(counts).toEqual([...once, ...once]);
    });

    it('are all told to a program', async () => {
      await deliver(sinkOf({ url: peer.url }), finding(1), finding(1, { status: 'update', count: 2 }));

      expect(peer.posts).toHaveLength(2);
    });

    it('whose first message failed is told by the update', async () => {
      const sink = sinkOf({ url: peer.url, updates: 'notable' });
      await sink.prepare(never);
      peer.answer(answerWith(400));
      await sink.write([entryOf(finding(1))], never).catch(() => {});
      peer.answer(TAKE);
      await sink.write([entryOf(finding(1, { status: 'update' }))], never);
      await sink.close();

      expect(peer.taken).toHaveLength(1);
    });
  });
});

describe('the configuration of a webhook', () => {
  it.each([
    [{}, 'url'],
    [{ url: 'http://a.example', url_file: '/x' }, 'url'],
    [{ url: 'http://a.example', headers: { 'Content-Length': '1' } }, 'headers'],
    [{ url: 'http://a.example', headers: { 'X-A': 'b\r\nX-C: d' } }, 'headers'],
    [
      { url: 'http://a.example', headers: { authorization: 'b' }, bearer_token_file: '/x' },
      'bearer_token_file',
    ],
    [{ url: 'http://a.example', hmac_secret: 'a', hmac_secret_file: '/x' }, 'hmac_secret'],
    [{ url: 'http://a.example', preset: 'slack', kinds: ['flow'] }, 'kinds'],
    [{ url: 'http://a.example', preset: 'slack', template: '{id}' }, 'template'],
    [{ url: 'http://a.example', preset: 'ntfy', body: 'array' }, 'body'],
    [{ url: 'http://a.example', template: '{"a": "{id}"}', body: 'ndjson' }, 'body'],
    [{ url: 'http://a.example', template: '{"a": "{nonsense}"}' }, 'template'],
    [{ url: 'http://a.example', template: '{"a": {title}}' }, 'template'],
    [{ url: 'http://a.example', content_type: 'text/plain\r\nX: y' }, 'content_type'],
  ])('%j is refused at %s', (options, option) => {
    const parsed = webhookSink.config.safeParse({ type: 'webhook', ...options });

    expect(parsed.error?.issues.map(({ path }) => path[0])).toEqual([option]);
  });

  it('is the same after having been applied once, with the secrets revealed', () => {
    const given = { type: 'webhook', url: 'http://a.example/x', headers: { a: 'b' }, hmac_secret: 's' };
    const once = webhookSink.config.parse(given);
    const again = webhookSink.config.parse({
      ...once,
      url: once.url!.reveal(),
      headers: { a: once.headers['a']!.reveal() },
      hmac_secret: once.hmac_secret!.reveal(),
    });

    expect(again).toEqual(once);
    expect(JSON.stringify(once)).not.toContain('a.example');
  });
});
