/** Echo messages as packets, through decoder, flow table and pipeline: what detectors hear of them. */
import { randomFillSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchOf, type MemoryFrame } from '../../../capture/memory.ts';
import type { EchoTally } from '../../../src/model/echo.ts';
import { T0 } from '../../support/inventory-facts.ts';
import { concat, dockerMac, frame, hex, icmp, icmpv6, u32 } from '../../support/packet-builder.ts';
import { at, IP, listener, startPipeline } from '../pipeline-run.ts';

type Message = readonly [
  seconds: number,
  kind: 'ask' | 'reply',
  seq: number,
  payload: Uint8Array,
  id?: number,
];

const V6 = { asks: '2001:db8:1::2', replies: '2001:db8::7' };

function packet(kind: 'ask' | 'reply', seq: number, payload: Uint8Array, id: number, isV6: boolean) {
  const from = isV6 ? V6.asks : IP.db;
  const to = isV6 ? V6.replies : IP.outside;
  const ends = kind === 'ask' ? { src: from, dst: to } : { src: to, dst: from };
  const type = isV6 ? { ask: 128, reply: 129 }[kind] : { ask: 8, reply: 0 }[kind];
  const message = (isV6 ? icmpv6 : icmp)({ type, id, seq }, payload);
  return frame({ ...ends, srcMac: dockerMac(IP.db), dstMac: dockerMac(IP.dataGateway) }, message);
}

function frames(messages: readonly Message[], isV6 = false): MemoryFrame[] {
  return messages.map(([seconds, kind, seq, payload, id = 7]) =>
    at(seconds, packet(kind, seq, payload, id, isV6)),
  );
}

interface Heard {
  readonly tallies: readonly EchoTally[];
  readonly last: EchoTally | undefined;
  readonly losses: readonly string[];
}

function hear(input: readonly MemoryFrame[]): Heard {
  const tallies: EchoTally[] = [];
  const analyzer = listener('none', { onEcho: (tally) => void tallies.push(tally) });
  const run = startPipeline({ analyzers: [analyzer], wants: { flows: false, dns: false, traffic: false } });
  const tap = run.tap();
  for (const one of input) run.pipeline.onBatch(batchOf([one]), [tap]);
  run.pipeline.finish();
  return { tallies, last: tallies.at(-1), losses: run.of('loss').map(({ source }) => source) };
}

/** A request and its reply a tenth of a second apart, each second. */
function pings(
  count: number,
  payloadOf: (i: number) => Uint8Array,
  replyOf: (i: number) => Uint8Array = payloadOf,
): Message[] {
  return Array.from({ length: count }, (_, i): Message[] => {
    const asked = payloadOf(i);
    const replied = replyOf === payloadOf ? asked : replyOf(i);
    return [
      [i, 'ask', i + 1, asked],
      [i + 0.1, 'reply', i + 1, replied],
    ];
  }).flat();
}

function counting(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (from + i) & 0xff);
}

const random = (length: number): Uint8Array => randomFillSync(new Uint8Array(length));
const alphabet = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => 0x61 + (i % 23));
/** iputils: 16 bytes of time, then 0x10, 0x11, ... */
const iputils = (length: number) => (i: number) =>
  concat(u32(1_767_225_600 + i), u32(0), u32(i * 1000), u32(0), counting(0x10, length - 16));

const quiet: readonly (readonly [name: string, payload: (i: number) => Uint8Array])[] = [
  ['iputils', iputils(56)],
  ['iputils with 1,472 bytes, as a probe of the MTU', iputils(1472)],
  ['BSD, with 8 bytes of time', (i) => concat(u32(i), u32(i * 3), counting(8, 1000))],
  ['busybox', (i) => concat(u32(i * 1_000_000), new Uint8Array(1396))],
  ['Windows', () => alphabet(1000)],
  ['constant fill, as a probe of the MTU', () => new Uint8Array(1472).fill(0x58)],
  ['ping -p with 16 bytes', () => concat(...Array.from({ length: 60 }, () => counting(0xd3, 16)))],
  ['pro-bing', (i) => concat(u32(i), u32(i), random(16), new Uint8Array(976).fill(1))],
  ['no data', () => new Uint8Array(0)],
  ['64 random bytes', () => random(64)],
];

describe('nothing is told of', () => {
  it.each(quiet)('%s', (_, payload) => {
    expect(hear(frames(pings(20, payload))).tallies).toEqual([]);
    expect(hear(frames(pings(20, payload), true)).tallies).toEqual([]);
  });

  it('replies cut short, as some public resolvers send them', () => {
    const messages = pings(5, iputils(1000), (i) => iputils(1000)(i).subarray(0, 68));

    expect(hear(frames(messages)).tallies).toEqual([]);
  });

  it('requests that nobody answers', () => {
    const messages = pings(30, iputils(56)).filter(([, kind]) => kind === 'ask');

    expect(hear(frames(messages)).tallies).toEqual([]);
  });

  it('replies that come in another order, or late', () => {
    const [first, second] = [iputils(56)(1), iputils(56)(2)];
    const messages: Message[] = [
      [0, 'ask', 1, first],
      [1, 'ask', 2, second],
      [9, 'reply', 2, second],
      [25, 'reply', 1, first],
    ];

    expect(hear(frames(messages)).tallies).toEqual([]);
  });

  it('two requests with the same number on their way, answered in turn', () => {
    const [first, second] = [iputils(56)(1), iputils(56)(2)];
    const messages: Message[] = [
      [0, 'ask', 1, first],
      [1, 'ask', 1, second],
      [1.2, 'reply', 1, first],
      [1.3, 'reply', 1, second],
    ];

    expect(hear(frames(messages)).tallies).toEqual([]);
  });

  it('replies to what was asked before anybody looked', () => {
    const messages: Message[] = [
      [0, 'reply', 1, iputils(56)(1)],
      [0.5, 'ask', 2, iputils(56)(2)],
      [0.6, 'reply', 2, iputils(56)(2)],
    ];

    expect(hear(frames(messages)).tallies).toEqual([]);
  });

  it('data that the snaplen cut, though what was left out differs', () => {
    const messages = frames(
      pings(
        5,
        (i) => concat(iputils(56)(i), random(900)),
        (i) => concat(iputils(56)(i), random(900)),
      ),
    );
    const cut = messages.map(({ time, data }) => ({
      time,
      data: data.subarray(0, 14 + 20 + 8 + 50),
      wireLen: data.length,
    }));

    expect(hear(cut).tallies).toEqual([]);
  });
});

describe('a reply with other data than its request', () => {
  it.each([false, true])('is altered (IPv6: %s)', (isV6) => {
    const { last } = hear(
      frames(
        pings(4, iputils(56), () => random(56)),
        isV6,
      ),
    );

    expect(last).toMatchObject({
      requests: 4,
      replies: 4,
      alteredReplies: 4,
      unaskedReplies: 0,
      oddBytes: 224,
    });
    expect(last!.flow.protocol).toBe(isV6 ? 'icmp6' : 'icmp');
  });

  it('is altered when it says more than was asked', () => {
    const { last } = hear(frames(pings(1, iputils(56), (i) => concat(iputils(56)(i), counting(1, 8)))));

    expect(last).toMatchObject({ alteredReplies: 1 });
  });

  it('is altered when its beginning differs, though the snaplen cut the rest', () => {
    const input = frames(pings(2, iputils(1000), () => random(1000)));
    const cut = input.map(({ time, data }) => ({ time, data: data.subarray(0, 96), wireLen: data.length }));

    expect(hear(cut).last).toMatchObject({ alteredReplies: 2 });
  });

  it('is altered where request after request has the same number', () => {
    const messages = Array.from({ length: 5 }, (_, i): Message[] => [
      [i, 'ask', 0, random(200)],
      [i + 0.1, 'reply', 0, random(200)],
    ]).flat();

    expect(hear(frames(messages)).last).toMatchObject({ alteredReplies: 5, repeatedSequences: 4 });
  });

  it('names no altered reply where a fragment carries only a part', () => {
    const messages = frames(pings(2, iputils(56), (i) => iputils(64)(i)));
    for (const { data } of messages) {
      // More fragments follow.
      data[14 + 6] = 0x20;
    }

    expect(hear(messages).tallies).toEqual([]);
  });
});

describe('a reply that nobody asked for', () => {
  const stray = (count: number, from = 0): Message[] =>
    Array.from({ length: count }, (_, i): Message => [from + i, 'reply', 100 + i, random(400)]);

  it('is counted, with its bytes, behind a request that was seen', () => {
    const { last } = hear(frames([[0, 'ask', 1, iputils(56)(0)], ...stray(10, 1)]));

    expect(last).toMatchObject({ requests: 1, replies: 10, unaskedReplies: 10, oddBytes: 4000 });
  });

  it('is counted once the flow has been looked at for 5 s, where no request was seen at all', () => {
    expect(hear(frames(stray(5))).tallies).toEqual([]);
    expect(hear(frames(stray(10))).last).toMatchObject({ requests: 0, unaskedReplies: 5 });
  });

  it('is counted when a request is answered twice, and has no odd bytes where they are the same', () => {
    const data = random(500);
    const messages: Message[] = [
      [0, 'ask', 1, iputils(500)(1)],
      [0.1, 'reply', 1, iputils(500)(1)],
      [0.2, 'reply', 1, iputils(500)(1)],
      [0.3, 'reply', 1, data],
    ];

    expect(hear(frames(messages)).last).toMatchObject({
      unaskedReplies: 2,
      alteredReplies: 0,
      oddBytes: 500,
    });
  });
});

describe('data that no ping sends', () => {
  it('is odd from 65 bytes on', () => {
    expect(hear(frames(pings(3, () => random(64)))).tallies).toEqual([]);

    expect(hear(frames(pings(3, () => random(65)))).last).toMatchObject({
      oddPayloads: 3,
      oddBytes: 195,
      alteredReplies: 0,
      payloadSizes: 1,
    });
  });

  it('is odd once when it is sent again and again', () => {
    const text = Buffer.from(
      'the same words of a monitor that has its own idea of what to put into a ping, 2.1',
    );

    expect(hear(frames(pings(10, () => text))).last).toMatchObject({ oddPayloads: 1 });
  });

  it('is of a tool that is known by its first four bytes', () => {
    const with4 = (magic: string) => frames(pings(1, () => concat(hex(magic), new Uint8Array(24))));

    expect(hear(with4('d5200880')).last).toMatchObject({ tool: 'ptunnel', alteredReplies: 0 });
    expect(hear(with4('deadc0de')).last).toMatchObject({ tool: 'ptunnel-ng' });
    expect(hear(with4('deadc0df')).last).toBeUndefined();
  });

  it('has its sizes counted to 16', () => {
    expect(hear(frames(pings(40, (i) => random(100 + i)))).last).toMatchObject({ payloadSizes: 16 });
  });
});

describe('how often it is told', () => {
  it('is at the first oddity, then once a second, and the rest when the flow ends', () => {
    const sent = Array.from({ length: 100 }, () => random(100));
    const messages = sent.map((data, i): Message => [i * 0.025, 'ask', i, data]);

    const { tallies } = hear(frames(messages));

    expect(tallies.map(({ oddPayloads }) => oddPayloads)).toEqual([1, 40, 80, 100]);
    expect(tallies[0]!.time).toBe(T0);
  });
});

describe('a monitor that pings two thousand addresses of which most are dead', () => {
  it('loses nothing, and is told of nothing', () => {
    const asked = Array.from({ length: 20_000 }, (_, i) => {
      const target = `10.9.${(i % 2000) >> 8}.${(i % 2000) & 0xff}`;
      return at(
        i / 2000,
        frame(
          { src: IP.db, dst: target },
          icmp({ type: 8, id: 9, seq: Math.floor(i / 2000) }, iputils(56)(i)),
        ),
      );
    });

    const { tallies, losses } = hear(asked);

    expect(tallies).toEqual([]);
    expect(losses).not.toContain('echo');
  });
});

describe('a flood from more flows than are kept', () => {
  it('leaves the flow that has shown most, and is counted', () => {
    const others = Array.from({ length: 9000 }, (_, i) =>
      at(
        3 + i / 10_000,
        frame(
          { src: `10.${1 + (i >> 16)}.${(i >> 8) & 0xff}.${i & 0xff}`, dst: IP.db },
          icmp({ type: 8, id: 1, seq: 1 }, iputils(56)(i)),
        ),
      ),
    );
    const tunnel = pings(40, iputils(56), () => random(56));

    const { last, losses } = hear([...frames(tunnel.slice(0, 6)), ...others, ...frames(tunnel.slice(8))]);

    expect(losses).toContain('echo');
    expect(last).toMatchObject({ alteredReplies: 39 });
  });
});

it('bears whatever bytes and lengths a message has', () => {
  const message = fc.record({
    type: fc.constantFrom(0, 8, 3),
    id: fc.nat(3),
    seq: fc.nat(3),
    data: fc.uint8Array({ maxLength: 120 }),
    cutBytes: fc.nat(130),
  });
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 20 }), (messages) => {
      const input = messages.map(({ type, id, seq, data, cutBytes }, i) => {
        const ends = type === 0 ? { src: IP.outside, dst: IP.db } : { src: IP.db, dst: IP.outside };
        const whole = frame(ends, icmp({ type, id, seq }, data));
        return { ...at(i, whole.subarray(0, Math.max(14, whole.length - cutBytes))), wireLen: whole.length };
      });

      const { last } = hear(input);

      if (last === undefined) return;
      expect(last.alteredReplies + last.unaskedReplies).toBeLessThanOrEqual(last.replies);
      expect(last.oddPayloads).toBeLessThanOrEqual(last.requests);
    }),
    { numRuns: 300 },
  );
});
