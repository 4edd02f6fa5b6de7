/**
 * Random bytes are nothing: a million payloads through every recogniser. And whatever the bytes are, nothing throws
 * and nothing reads outside the payload. CONTENT_FUZZ_PAYLOADS sets how many; the seed is fixed, so a failure stays.
 */
import { describe, expect, it } from 'vitest';
import { type FirstBytes, VERDICT } from '../../../src/sensor/content/recognizer.ts';
import { TCP_RECOGNIZERS, UDP_RECOGNIZERS } from '../../../src/sensor/content/recognizers.ts';
import { GuardedView } from '../../support/guarded-view.ts';
import { ContentWorld } from './conversation.ts';
import { RECORDED } from './recorded.ts';
import { WRITTEN } from './written.ts';

const PAYLOADS = Number(process.env['CONTENT_FUZZ_PAYLOADS'] ?? 1_000_000);
const ALL = [...new Set([...TCP_RECOGNIZERS, ...UDP_RECOGNIZERS])];
const CONVERSATIONS = [...RECORDED, ...WRITTEN];

function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

describe('random payloads', () => {
  it(`are recognised by nobody alone, and by both sides of one protocol never: ${PAYLOADS} of them`, () => {
    const random = xorshift(0x1f123bb5);
    const buffer = new ArrayBuffer(256);
    const words = new Uint32Array(buffer);
    const data = new DataView(buffer);
    const bytes: FirstBytes = { data, at: 0, end: 0, length: 0, token: 0 };
    const sure: string[] = [];
    let both = 0;
    let clientFits = new Uint8Array(ALL.length);

    for (let n = 0; n < PAYLOADS; n++) {
      const length = 1 + (random() % 200);
      for (let i = 0; i * 4 < length; i++) words[i] = random();
      // Half of them with a first byte that is a protocol's: the others end there.
      if ((n & 1) === 0) {
        const [, payload] = CONVERSATIONS[random() % CONVERSATIONS.length]!.says[0]!;
        data.setUint8(0, payload[0]!);
      }
      const asClient = (n & 2) === 0;
      const fits = new Uint8Array(ALL.length);
      for (let i = 0; i < ALL.length; i++) {
        bytes.end = length;
        bytes.length = length;
        const rule = asClient ? ALL[i]!.client : ALL[i]!.server;
        const verdict = rule(bytes);
        if (verdict === VERDICT.SURE) sure.push(ALL[i]!.service);
        fits[i] = verdict;
        if (!asClient && verdict !== VERDICT.NO && clientFits[i] !== VERDICT.NO) both++;
      }
      if (asClient) clientFits = fits;
    }

    expect(sure).toEqual([]);
    expect(both).toBe(0);
  });
});

describe('hostile payloads', () => {
  const guarded = (payload: Uint8Array, claimed: number): FirstBytes => {
    const before = 7;
    const data = new GuardedView(new ArrayBuffer(before + payload.length + 7));
    new Uint8Array(data.buffer).fill(0xff).set(payload, before);
    data.from = before;
    data.to = before + payload.length;
    return { data, at: before, end: before + payload.length, length: claimed, token: 0 };
  };

  it('are read within their bounds by every recogniser, cut anywhere', () => {
    for (const { says } of CONVERSATIONS) {
      for (const [, payload] of says) {
        for (let cut = 1; cut <= Math.min(payload.length, 300); cut++) {
          for (const { client, server } of ALL) {
            client(guarded(payload.slice(0, cut), payload.length));
            server(guarded(payload.slice(0, cut), cut));
          }
        }
      }
    }
  });

  it('never throw and never make a name that may not be printed, whatever is changed in a conversation', () => {
    const random = xorshift(0x9e3779b9);
    const world = new ContentWorld(64);
    for (let n = 0; n < 20_000; n++) {
      const { transport, says } = CONVERSATIONS[n % CONVERSATIONS.length]!;
      const changed = says.map(([side, payload]) => {
        const copy = payload.slice(0, 1 + (random() % payload.length));
        for (let i = random() % 8; i > 0; i--) copy[random() % Math.min(copy.length, 400)] = random() & 0xff;
        return [side, copy] as const;
      });
      const port = 1024 + (random() % 60_000);
      if (transport === 'udp') for (const [side, payload] of changed) world.datagram(side, payload, port);
      else {
        const talk = world.connect(port);
        for (const [side, payload] of changed) talk.say(side, payload);
        const name = world.content.of(talk.slot)?.serverName;
        if (name !== undefined) expect(name).toMatch(/^[\x20-\x7e]{1,253}$/);
      }
    }
  }, 60_000);
});
