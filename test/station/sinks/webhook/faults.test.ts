/** A webhook in front of a server that fails in every way it can: all arrives, once by its key, in order. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LossTally } from '../../../../src/model/loss-tally.ts';
import { storeConfig } from '../../../../src/station/config.ts';
import { Outlet } from '../../../../src/station/sinks/outlet.ts';
import { webhookSink } from '../../../../src/station/sinks/webhook.ts';
import { openStore, type Store } from '../../../../src/station/store/store.ts';
import { append, memoryLogger, QUICK_RETRY, temporaryDirectory, until } from '../../support/harness.ts';
import { finding, T0 } from '../../support/records.ts';
import { answerWith, HANG, startWebhookPeer, TAKE, type WebhookPeer } from '../../support/webhook-peer.ts';

const FINDINGS = 200;

let peer: WebhookPeer;
let directory: ReturnType<typeof temporaryDirectory>;
let store: Store;

beforeEach(async () => {
  peer = await startWebhookPeer();
  directory = temporaryDirectory();
});

afterEach(async () => {
  store.close();
  await peer.close();
  directory.remove();
});

describe.each(['object', 'array'])('a webhook with body: %s', (body) => {
  it('brings every finding, none twice by its key, in order, through every fault', async () => {
    const { logger } = memoryLogger();
    const losses = new LossTally();
    store = await openStore(storeConfig.parse({ path: `${directory.path}/x.db` }), {
      logger,
      losses,
      now: () => T0,
      onDurable: () => outlet.onDurable(),
      onShed: () => {},
      onSkipped: () => {},
    });
    const config = webhookSink.config.parse({ type: 'webhook', url: peer.url, body, timeout_ms: 100 });
    const sink = webhookSink.create(config, { logger, host: 'host1', version: '1', now: () => T0 });
    const dead: string[] = [];
    const outlet = new Outlet(
      sink,
      {
        ...QUICK_RETRY,
        retryMaxMs: 20,
        batchMaxRecords: 16,
        batchMaxBytes: 1_000_000,
        flushIntervalMs: 10,
        queueMaxRecords: 100,
        queueMaxBytes: 100_000,
      },
      {
        logger,
        losses,
        finding: store.openOutbox(sink.name, 'finding', new Set(['finding'])),
        event: store.openOutbox(sink.name, 'event', new Set()),
        deadLetter: ({ text }) => dead.push(JSON.parse(text).id),
      },
    );
    // As a receiver does it: by the key. What it took before a connection broke, it keeps.
    const kept = new Map<string, string[]>();
    let takenTwice = 0;
    const keep = (posted: (typeof peer.posts)[number]) => {
      const key = String(posted.headers['idempotency-key']);
      const records = JSON.parse(posted.body);
      if (kept.has(key)) takenTwice += 1;
      kept.set(
        key,
        (Array.isArray(records) ? records : [records]).map(({ id }) => id),
      );
    };
    const faults = [
      answerWith(503),
      answerWith(429, { 'retry-after': '0.01' }),
      answerWith(500, {}, 'x'.repeat(10_000)),
      HANG,
      (_, reply) => reply.socket?.resetAndDestroy(),
      (posted, reply) => {
        keep(posted);
        reply.socket?.resetAndDestroy();
      },
      (posted, reply) => {
        keep(posted);
        reply.writeHead(200, { 'content-length': '100' });
        reply.write('half', () => reply.socket?.resetAndDestroy());
      },
      (_, reply) => {
        reply.writeHead(502, { 'content-length': '100' });
        reply.write('half', () => reply.socket?.resetAndDestroy());
      },
    ] satisfies Parameters<typeof peer.answer>[0][];
    let posts = 0;
    peer.answer((posted, reply) => {
      posts += 1;
      // No retry can help these, however they are asked.
      if (body === 'object' && /"f-(77|111)"/.test(posted.body)) return answerWith(413)(posted, reply);
      const fault = posts % 3 === 0 ? faults[(posts / 3) % faults.length]! : undefined;
      if (fault !== undefined) return fault(posted, reply);
      keep(posted);
      TAKE(posted, reply);
    });
    outlet.start();

    append(store, ...Array.from({ length: FINDINGS }, (_, i) => finding(i)));
    store.flush();
    await until('all', () => outlet.status().queued === 0, 15_000);
    await outlet.stop(1000);

    const refused = body === 'object' ? ['f-77', 'f-111'] : [];
    const expected = Array.from({ length: FINDINGS }, (_, i) => `f-${i}`).filter(
      (id) => !refused.includes(id),
    );
    expect([...kept.values()].flat()).toEqual(expected);
    expect(dead).toEqual(refused);
    // The fault that takes and gives no answer was among them: the key is what tells.
    expect(takenTwice).toBeGreaterThan(0);
    expect(outlet.status()).toMatchObject({ sent: expected.length, dropped: 0, deadLetters: refused.length });
  });
});
