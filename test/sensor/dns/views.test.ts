import { describe, expect, it } from 'vitest';
import { batchOf, type MemoryFrame } from '../../../capture/memory.ts';
import type { DnsRecord } from '../../../src/model/dns.ts';
import { geoConfig, namesConfig } from '../../../src/sensor/config.ts';
import { createOutside } from '../../../src/sensor/names/outside.ts';
import type { Tap } from '../../../src/sensor/taps/tap.ts';
import { endpointFact, SECOND, T0 } from '../../support/inventory-facts.ts';
import {
  answer,
  concat,
  dnsQuery,
  dnsResponse,
  dockerMac,
  QTYPE,
  u16,
} from '../../support/packet-builder.ts';
import { at, datagram, IP, listener, type PipelineRun, startPipeline } from '../pipeline-run.ts';
import { lo, toClient, toResolver } from './container-side.ts';

const PORT = 40_001;
const RESOLVER = '198.51.100.53';
const SECOND_RESOLVER = '198.51.100.54';

/** The engine's own question on the bridge, and what comes back. */
const onBridge = (payload: Uint8Array, sport = 50_001, server = RESOLVER, src: string = IP.db) =>
  datagram({ src, dst: server, sport, dport: 53 }, payload);
const backOnBridge = (payload: Uint8Array, dport = 50_001, server = RESOLVER, dst: string = IP.db) =>
  datagram({ src: server, dst, sport: 53, dport }, payload);
const given = [answer.a(IP.outside)];

interface Heard extends PipelineRun {
  readonly lo: Tap;
  readonly bridge: Tap;
  readonly questions: { readonly query: string; readonly vantage: string; readonly labels: string[] }[];
}

function hear(options: Parameters<typeof startPipeline>[0] = {}): Heard {
  const questions: Heard['questions'] = [];
  const analyzer = listener('none', {
    onDnsQuery: ({ record, labels }) =>
      void questions.push({
        query: record.query,
        vantage: record.vantage,
        labels: labels.map((label) => Buffer.from(label).toString('latin1')),
      }),
  });
  const run = startPipeline({ analyzers: [analyzer], wants: { flows: false, traffic: false }, ...options });
  return { ...run, lo: run.pipeline.attach(lo('db', run)), bridge: run.tap(), questions };
}

const inContainer = [
  at(1, toResolver(dnsQuery({ name: 'a.test', id: 7 }), PORT)),
  at(1.03, toClient(dnsResponse({ name: 'a.test', id: 7, answers: given }), PORT)),
];
const overBridge = [
  at(1.005, onBridge(dnsQuery({ name: 'A.test', id: 7 }))),
  at(1.025, backOnBridge(dnsResponse({ name: 'A.test', id: 7, answers: given }))),
];
const upstreams = (run: PipelineRun) =>
  run.of('dns').map(({ query, vantage, upstream }) => [query, vantage, upstream?.server.ip, upstream?.rtt]);

describe('on a busy machine, where one tap is read long after another', () => {
  const later = at(1.9, onBridge(dnsQuery({ name: 'later.test', id: 8 }), 50_002));

  it('the other half is waited for until all taps have been read', () => {
    const run = hear();
    run.pipeline.heardUpTo(T0 + 0.5 * SECOND);
    run.feed(run.bridge, [...overBridge, later]);
    run.pipeline.advanceTo(T0 + 1.95 * SECOND);
    expect(run.questions).toEqual([]);

    run.feed(run.lo, inContainer);
    run.pipeline.heardUpTo(T0 + 1.5 * SECOND);

    expect(run.questions.map(({ query }) => query)).toEqual(['a.test']);
    expect(upstreams(run)).toEqual([['a.test', 'container', RESOLVER, 20_000]]);
  });

  it('a question is told as its own once they have, and not before', () => {
    const run = hear();
    run.pipeline.heardUpTo(T0 + 1.004 * SECOND);
    run.feed(run.bridge, [...overBridge, later]);
    run.pipeline.heardUpTo(T0 + 1.004 * SECOND);
    expect(run.questions).toEqual([]);

    run.pipeline.heardUpTo(T0 + 1.005 * SECOND);

    expect(run.questions.map(({ query, vantage }) => [query, vantage])).toEqual([['A.test', 'bridge']]);
  });

  it('what waits at the end is told', () => {
    const run = hear();
    run.pipeline.heardUpTo(T0);
    run.feed(run.bridge, [...overBridge, later]);
    run.pipeline.finish();

    expect(run.of('dns').map(({ query }) => query)).toEqual(['A.test', 'later.test']);
  });
});

describe('a question of a container that the engine passes on over its bridge', () => {
  type Step = readonly ['lo' | 'bridge', number];
  const orders: readonly (readonly [string, readonly Step[]])[] = [
    [
      'as it happened',
      [
        ['lo', 0],
        ['bridge', 0],
        ['bridge', 1],
        ['lo', 1],
      ],
    ],
    [
      'the container first',
      [
        ['lo', 0],
        ['lo', 1],
        ['bridge', 0],
        ['bridge', 1],
      ],
    ],
    [
      'the bridge first',
      [
        ['bridge', 0],
        ['bridge', 1],
        ['lo', 0],
        ['lo', 1],
      ],
    ],
    [
      'the bridge in two turns',
      [
        ['bridge', 0],
        ['lo', 0],
        ['lo', 1],
        ['bridge', 1],
      ],
    ],
    [
      'the container in two turns',
      [
        ['lo', 0],
        ['bridge', 0],
        ['lo', 1],
        ['bridge', 1],
      ],
    ],
    [
      'the bridge around the question',
      [
        ['bridge', 0],
        ['lo', 0],
        ['bridge', 1],
        ['lo', 1],
      ],
    ],
  ];

  it.each(orders)('is one question and one record, with its upstream: %s', (_, order) => {
    const run = hear();
    for (const [tap, i] of order) run.feed(run[tap], [(tap === 'lo' ? inContainer : overBridge)[i]!]);
    run.pipeline.advanceTo(T0 + 2 * SECOND);

    expect(run.questions).toEqual([{ query: 'a.test', vantage: 'container', labels: ['a', 'test'] }]);
    expect(run.pipeline.dnsQuestions).toBe(1);
    expect(run.of('dns')).toMatchObject([
      {
        vantage: 'container',
        client: { ip: '127.0.0.1', workload: { name: 'db' } },
        rtt: 30_000,
        upstream: {
          server: { ip: RESOLVER, port: 53 },
          network: 'data',
          interface: 'br-data',
          rtt: 20_000,
        },
      },
    ]);
    run.pipeline.finish();
    expect(run.of('dns')).toHaveLength(1);
  });

  it('names flows at once, not after the wait', () => {
    const outside = createOutside({ names: namesConfig.parse({}), geo: geoConfig.parse({}) });
    const run = hear({ outside });
    run.feed(run.lo, inContainer);

    const [holder] = run.state.book.byIp(IP.db);
    const { workload } = holder!.holder;
    expect(run.of('dns')).toEqual([]);
    expect(outside.describe(IP.outside, 'internet', workload, IP.db, T0 + 1.1 * SECOND)?.names).toEqual([
      'a.test',
    ]);
  });

  it.each([
    ['answers it', 'NOERROR', SECOND_RESOLVER, 10_000],
    ['is silent', undefined, RESOLVER, 5000],
  ])('with a second resolver that %s: the last one that answered stands', (_, second, server, rtt) => {
    const query = dnsQuery({ name: 'a.test', id: 7 });
    const frames = [
      at(1.001, onBridge(query)),
      at(1.006, backOnBridge(dnsResponse({ name: 'a.test', id: 7, rcode: 2 }))),
      at(1.007, onBridge(query, 50_002, SECOND_RESOLVER)),
      ...(second === undefined
        ? []
        : [
            at(
              1.017,
              backOnBridge(dnsResponse({ name: 'a.test', id: 7, answers: given }), 50_002, SECOND_RESOLVER),
            ),
          ]),
    ];
    for (const first of ['lo', 'bridge'] as const) {
      const run = hear();
      const feedBridge = () => run.feed(run.bridge, frames);
      if (first === 'bridge') feedBridge();
      run.feed(run.lo, inContainer);
      if (first === 'lo') feedBridge();
      run.pipeline.finish();

      expect(upstreams(run)).toEqual([['a.test', 'container', server, rtt]]);
      expect(run.questions).toHaveLength(1);
    }
  });

  it('the client asks again and the engine too: still one', () => {
    const run = hear();
    const query = dnsQuery({ name: 'a.test', id: 7 });
    run.feed(run.lo, [at(1, toResolver(query, PORT))]);
    run.feed(run.bridge, [at(1.001, onBridge(query))]);
    run.feed(run.lo, [at(3, toResolver(query, PORT))]);
    run.feed(run.bridge, [
      at(3.001, onBridge(query, 50_002)),
      at(3.02, backOnBridge(dnsResponse({ name: 'a.test', id: 7, answers: given }), 50_002)),
    ]);
    run.feed(run.lo, [at(3.03, toClient(dnsResponse({ name: 'a.test', id: 7, answers: given }), PORT))]);
    run.pipeline.finish();

    expect(run.questions).toHaveLength(1);
    expect(upstreams(run)).toEqual([['a.test', 'container', RESOLVER, 19_000]]);
  });

  it('equal names in quick succession: each has its own upstream, in either order, with ids kept or not', () => {
    for (const keptIds of [true, false]) {
      for (const first of ['lo', 'bridge'] as const) {
        const run = hear();
        const own: MemoryFrame[] = [];
        const bridge: MemoryFrame[] = [];
        for (let i = 0; i < 10; i++) {
          const t = 1 + i / 100;
          const id = keptIds ? i : 900 - i;
          own.push(at(t, toResolver(dnsQuery({ name: 'a.test', id: i }), PORT + i)));
          own.push(at(t + 0.009, toClient(dnsResponse({ name: 'a.test', id: i, rcode: 3 }), PORT + i)));
          bridge.push(at(t + 0.001, onBridge(dnsQuery({ name: 'a.test', id }), 50_000 + i)));
          bridge.push(
            at(
              t + 0.002 + i / 10_000,
              backOnBridge(dnsResponse({ name: 'a.test', id, rcode: 3 }), 50_000 + i),
            ),
          );
        }
        run.feed(run[first], first === 'lo' ? own : bridge);
        run.feed(run[first === 'lo' ? 'bridge' : 'lo'], first === 'lo' ? bridge : own);
        run.pipeline.finish();

        expect(run.questions).toHaveLength(10);
        expect(run.of('dns').map(({ id, upstream }) => [id, upstream?.rtt])).toEqual(
          Array.from({ length: 10 }, (_, i) => [i, 1000 + i * 100]),
        );
      }
    }
  });

  it('is found again when the clock is set between the two views', () => {
    for (const hours of [-2, 2]) {
      const run = hear();
      const later = (frame: MemoryFrame) => ({ ...frame, time: frame.time + hours * 3600 * SECOND });
      run.pipeline.advanceTo(T0 + SECOND);
      run.feed(run.bridge, [overBridge[0]!]);
      run.pipeline.advanceTo(T0 + 1.005 * SECOND + hours * 3600 * SECOND);
      run.feed(
        run.lo,
        inContainer.map((frame) => later({ ...frame, time: frame.time + 5000 })),
      );
      run.pipeline.finish();

      expect(run.questions).toHaveLength(1);
      expect(run.of('dns')).toMatchObject([{ vantage: 'container', upstream: { server: { ip: RESOLVER } } }]);
    }
  });

  it('the container dies with its question open: one record, unanswered', () => {
    const run = hear();
    run.feed(run.lo, [inContainer[0]!]);
    run.feed(run.bridge, [overBridge[0]!]);
    run.pipeline.detach(run.lo);
    run.pipeline.advanceTo(T0 + 2 * SECOND);
    run.pipeline.finish();

    expect(run.of('dns').map(({ rcode, upstream }) => [rcode, upstream?.server.ip])).toEqual([
      [undefined, RESOLVER],
    ]);
  });
});

describe('what is not the same question', () => {
  const alone = (run: PipelineRun) =>
    run
      .of('dns')
      .map(({ query, vantage }: DnsRecord) => [query, vantage])
      .sort();

  it('a container that goes past 127.0.0.11 is told, after a moment and with the bytes as they were', () => {
    const run = hear();
    const batch = batchOf([at(1, onBridge(dnsQuery({ name: 'direct.test', id: 3 })))]);
    run.pipeline.onBatch(batch, [run.bridge]);
    // The slab is the source's again.
    new Uint8Array(batch.data.buffer, batch.data.byteOffset, batch.data.byteLength).fill(0);

    run.pipeline.advanceTo(T0 + 1.299 * SECOND);
    expect(run.questions).toEqual([]);
    run.pipeline.advanceTo(T0 + 1.3 * SECOND);
    expect(run.questions).toEqual([{ query: 'direct.test', vantage: 'bridge', labels: ['direct', 'test'] }]);

    run.feed(run.bridge, [at(1.4, backOnBridge(dnsResponse({ name: 'direct.test', id: 3 })))]);
    expect(run.of('dns')).toMatchObject([{ vantage: 'bridge', rtt: 400_000, network: { name: 'data' } }]);
    run.pipeline.finish();
    expect(run.of('dns')).toHaveLength(1);
  });

  it('whose namespace is not tapped waits for nothing', () => {
    const run = hear();
    run.feed(run.bridge, [at(1, onBridge(dnsQuery({ name: 'a.test' }), 50_001, RESOLVER, IP.api))]);

    expect(run.questions).toHaveLength(1);
  });

  it.each([
    ['another name', { name: 'b.test', id: 7 }, 1.005],
    ['another type', { name: 'a.test', id: 7, type: QTYPE.AAAA }, 1.005],
    ['asked before the container did', { name: 'a.test', id: 7 }, 0.99],
    ['asked when the container had its answer', { name: 'a.test', id: 7 }, 1.04],
    [
      'with EDNS options that the container did not send',
      { name: 'a.test', id: 7, edns: { data: concat(u16(65_001), u16(40), new Uint8Array(40)) } },
      1.005,
    ],
  ])('%s', (_, fields, seconds) => {
    for (const first of ['lo', 'bridge'] as const) {
      const run = hear();
      const direct = [at(seconds, onBridge(dnsQuery(fields)))];
      if (first === 'bridge') run.feed(run.bridge, direct);
      run.feed(run.lo, inContainer);
      if (first === 'lo') run.feed(run.bridge, direct);
      run.pipeline.finish();

      expect(run.questions).toHaveLength(2);
      expect(alone(run)).toEqual(
        [
          ['a.test', 'container'],
          [fields.name, 'bridge'],
        ].sort(),
      );
      expect(run.of('dns').every(({ upstream }) => upstream === undefined)).toBe(true);
    }
  });

  it('an answer that is not what the container got is told, though its question was', () => {
    const run = hear();
    run.feed(run.lo, inContainer);
    run.feed(run.bridge, [
      overBridge[0]!,
      at(1.025, backOnBridge(dnsResponse({ name: 'A.test', id: 7, answers: [answer.txt('payload')] }))),
    ]);
    run.pipeline.finish();

    expect(run.questions).toHaveLength(1);
    expect(run.of('dns').map(({ vantage, answers }) => [vantage, answers[0]?.type])).toEqual([
      ['container', 'A'],
      ['bridge', 'TXT'],
    ]);
  });

  it('another container, even with an equal address on another network', () => {
    const run = hear();
    run.state.connected(endpointFact('web', 'front', [IP.db], dockerMac(IP.db)), T0);
    const front = run.tap('front');
    run.feed(front, overBridge);
    run.feed(run.lo, inContainer);
    run.pipeline.finish();

    const seen = run.of('dns').map(({ client, upstream }) => [client.workload?.name, upstream]);
    expect(seen).toEqual(
      expect.arrayContaining([
        ['db', undefined],
        ['web', undefined],
      ]),
    );
    expect(run.questions).toHaveLength(2);
  });
});

describe('bounds', () => {
  it('a flood of questions past 127.0.0.11 is told whole, once each, and what was hurried is counted', () => {
    const run = hear({ dns: { max_pending: 256 } });
    const frames = Array.from({ length: 5000 }, (_, i) =>
      at(1 + i / 100_000, onBridge(dnsQuery({ name: `n${i}.test`, id: i }), 20_000 + i)),
    );
    run.feed(run.bridge, frames);
    expect(run.questions.length).toBe(5000 - 256);
    run.pipeline.finish();

    expect(run.questions.map(({ query }) => query)).toEqual(frames.map((_, i) => `n${i}.test`));
    expect(new Set(run.of('dns').map(({ query }) => query)).size).toBe(5000);
    expect(run.of('dns')).toHaveLength(5000);
    expect(run.of('loss')).toContainEqual(
      expect.objectContaining({ source: 'dns-views', where: 'dns.max_pending', count: 5000 - 256 }),
    );
  });

  it('and so is a flood of finished records, and one name over and over', () => {
    for (const nameOf of [(i: number) => `n${i}.test`, () => 'same.test']) {
      const run = hear({ dns: { max_pending: 256 } });
      const frames = Array.from({ length: 1000 }, (_, i) => [
        at(1 + i / 100_000, toResolver(dnsQuery({ name: nameOf(i), id: i }), PORT)),
        at(1 + i / 100_000, toClient(dnsResponse({ name: nameOf(i), id: i }), PORT)),
      ]).flat();
      run.feed(run.lo, frames);
      run.pipeline.finish();

      expect(run.questions).toHaveLength(1000);
      expect(run.of('dns').map(({ id }) => id)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
      expect(run.of('loss').some(({ source }) => source === 'dns-views')).toBe(true);
    }
  });
});
