import { describe, expect, it } from 'vitest';
import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import { AnalyzerRunner } from '../../src/sensor/analysis/runner.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  askEvent,
  container,
  flow,
  lookUp,
  type QuestionFields,
  secs,
  T0,
  unattributed,
} from '../support/records.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const ZONE = 'updates-cdn.net';
const app = container('app', '172.30.0.10');
const outsideResolver = address('198.51.100.53', 'internet', { port: 53 });

/** The i-th label of a stream that never repeats and never changes. */
function label(i: number, length: number): string {
  let text = '';
  let state = Math.imul(i + 1, 0x9e37_79b1);
  for (let k = 0; k < length; k++) {
    state = Math.imul(state, 1_103_515_245) + 12_345;
    text += ALPHABET[(state >>> 16) % 32];
  }
  return text;
}

interface Stream extends Omit<QuestionFields, 'labels' | 'time'> {
  readonly count: number;
  readonly under?: string;
  readonly length?: number;
  readonly spacingSecs?: number;
}

function labelsOf({ under = ZONE, length = 20 }: Stream, i: number): string[] {
  return [label(i, length), ...under.split('.')];
}

/** `count` names of `length` bytes, left of `under`. */
function names(stream: Stream): AnalyzerEvent[] {
  const { count, under: _, length: __, spacingSecs = 0.5, ...rest } = stream;
  return Array.from({ length: count }, (_, i) =>
    askEvent({ ...rest, labels: labelsOf(stream, i), time: secs(at(i, spacingSecs)) }),
  );
}

/** Every other name a little late: not by the clock. */
function at(i: number, spacingSecs: number): number {
  return (i + (i % 2 === 0 ? 0 : 0.4)) * spacingSecs;
}

interface AnsweredStream extends Stream {
  readonly answer?: (i: number) => string;
  readonly rcode?: string;
  /** Whether the client connects to the i-th answer, 1 ms later. */
  readonly contacts?: (i: number) => boolean;
}

function lookUps(stream: AnsweredStream): AnalyzerEvent[] {
  const { answer = ownAddress, rcode: code = 'NOERROR', contacts = () => false } = stream;
  return Array.from({ length: stream.count }, (_, i) => {
    const time = secs(i * (stream.spacingSecs ?? 0.5));
    const fields = { labels: labelsOf(stream, i), time, qtype: stream.qtype ?? 'A' };
    const events = lookUp(fields, code, code === 'NOERROR' ? [answer(i)] : []);
    if (!contacts(i)) return events;
    const started = flow({
      orig: app,
      resp: address(answer(i), 'internet', { port: 443 }),
      start: time + 1000,
    });
    return [...events, { on: 'flow-start', flow: started } as const];
  }).flat();
}

function ownAddress(i: number): string {
  return `198.51.${100 + (i >> 8)}.${i & 255}`;
}

/** Streams of several clients, merged by time. */
function together(...streams: readonly AnalyzerEvent[][]): AnalyzerEvent[] {
  return streams.flat().sort((a, b) => askedAt(a) - askedAt(b));
}

function askedAt(event: AnalyzerEvent): number {
  return event.on === 'dns-query' ? event.query.time : T0;
}

const afterwards: AnalyzerEvent = { on: 'tick', now: secs(60) };

testAnalyzer(dnsTunnel, {
  fires: [
    {
      name: '500 bytes of names within ten minutes, and tells what crossed',
      events: names({ count: 25 }),
      findings: [
        {
          message: 'zone',
          severity: 'medium',
          confidence: 'medium',
          firstSeen: T0,
          lastSeen: secs(12),
          evidence: {
            channel: 'names',
            zone: ZONE,
            window: '10 min',
            windowBytes: 500,
            thresholdBytes: 500,
            factor: 1,
            circumstances: [],
            distinctNames: 25,
            bytesPerSecond: 41.7,
            estimatedDataBytes: 312,
            queries: 25,
            queryTypes: ['A 25'],
            sampleNames: [0, 1, 2].map((i) => `${label(i, 20)}.${ZONE}`),
            resolver: '172.30.0.2',
            firstQuery: '2026-01-01T00:00:00.000000Z',
            lastQuery: '2026-01-01T00:00:12.000000Z',
          },
        },
      ],
      also: ({ final }) =>
        expect(final[0]!.explanation).toBe(
          'shop/app asked lan 172.30.0.2 for 25 different names under updates-cdn.net: names of 500 bytes within 10 min where 500 are suspicious (41.7 B/s). That carries about 312 bytes of data to whoever runs the name servers of updates-cdn.net. Block updates-cdn.net, and see what in shop/app asks for it.',
        ),
    },
    {
      name: 'twice the threshold, as high',
      events: names({ count: 50 }),
      findings: [{ message: 'zone', severity: 'high', confidence: 'high', evidence: { windowBytes: 1000 } }],
    },
    {
      name: '1000 bytes within an hour, too slow for ten minutes',
      events: names({ count: 50, spacingSecs: 61 }),
      findings: [{ message: 'zone', evidence: { window: '1 h', windowBytes: 1000 } }],
    },
    {
      name: 'the bytes of a day, too slow for an hour',
      events: names({ count: 50, spacingSecs: 1700 }),
      options: { window_24h_bytes: 1000 },
      findings: [{ message: 'zone', evidence: { window: '24 h', windowBytes: 1000 } }],
    },
    {
      name: '3000 bytes within a day, from a sample of the names',
      events: names({ count: 150, spacingSecs: 550 }),
      findings: [{ message: 'zone', evidence: { window: '24 h', thresholdBytes: 2500 } }],
    },
    {
      name: 'short labels, when there are enough of them',
      events: names({ count: 60, length: 10 }),
      findings: [{ message: 'zone' }],
    },
    {
      name: 'half as much where the record type carries data',
      events: names({ count: 13, qtype: 'TXT' }),
      findings: [
        {
          message: 'zone',
          evidence: {
            windowBytes: 260,
            thresholdBytes: 250,
            circumstances: ['record types that carry data (x0.5)'],
          },
        },
      ],
    },
    {
      name: 'half as much where the resolver is not the configured one',
      events: names({ count: 13, server: outsideResolver }),
      options: { resolvers: ['172.30.0.2'] },
      findings: [{ message: 'zone', evidence: { circumstances: ['not a configured resolver (x0.5)'] } }],
    },
    {
      name: 'raw bytes under a domain that is in no list',
      events: Array.from({ length: 25 }, (_, i) =>
        askEvent({ labels: [`\xff.\x00${label(i, 17)}`, 'pirate', 'sea'], time: secs(i) }),
      ),
      findings: [{ message: 'zone', evidence: { zone: 'pirate.sea', windowBytes: 500 } }],
      also: ({ final }) =>
        expect(final[0]!.evidence['sampleNames']).toContain(`\\255\\046\\000${label(0, 17)}.pirate.sea`),
    },
    {
      name: 'base64 with `=`, `+` and `/`, which no host name has',
      events: Array.from({ length: 30 }, (_, i) =>
        askEvent({ labels: [`${label(i, 10)}+/=auth`, 'd', 'telemetry-edge', 'com'], time: secs(i) }),
      ),
      findings: [{ message: 'zone', evidence: { zone: 'telemetry-edge.com' } }],
    },
    {
      name: 'names under no domain at all, straight to their server',
      events: Array.from({ length: 10 }, (_, i) =>
        askEvent({ labels: ['dnscat', label(i, 30)], time: secs(i), qtype: 'TXT', server: outsideResolver }),
      ),
      findings: [{ message: 'no-zone', evidence: { zone: 'no registered zone', resolver: '198.51.100.53' } }],
    },
    {
      name: 'names whose last label is no text',
      events: Array.from({ length: 25 }, (_, i) =>
        askEvent({ labels: ['x', `\xfe${label(i, 20)}`], time: secs(i) }),
      ),
      findings: [{ message: 'no-zone' }],
    },
    {
      name: 'addresses that nobody contacts, at the next tick',
      events: [...lookUps({ count: 26 }), afterwards],
      findings: [{ message: 'zone', evidence: { contactedPercent: 0 } }],
    },
    {
      name: 'addresses of which half are contacted',
      events: [...lookUps({ count: 60, contacts: (i) => i % 2 === 0 }), afterwards],
      findings: [{ message: 'zone', evidence: { factor: 1 } }],
    },
    {
      name: 'one address for every name, contacted now and then: a connection vouches for four names',
      events: [
        ...lookUps({ count: 60, answer: () => '198.51.100.9', contacts: (i) => i % 10 === 0 }),
        afterwards,
      ],
      findings: [{ message: 'zone', evidence: { factor: 1 } }],
    },
    {
      name: 'contacted addresses all the same, at four times the bytes where they are few',
      events: [
        ...lookUps({ count: 55, length: 40, answer: (i) => ownAddress(i % 3), contacts: () => true }),
        afterwards,
      ],
      findings: [
        {
          message: 'zone',
          evidence: { thresholdBytes: 2000, circumstances: ['the answers are contacted (x4)'] },
        },
      ],
    },
    {
      name: 'a known service asked straight at an address that is no resolver of anybody',
      events: names({ count: 25, under: 'i.00.s.sophosxl.net', server: outsideResolver }),
      findings: [{ message: 'zone', evidence: { factor: 1 } }],
    },
    {
      name: 'a protocol word put in front of the data, at four times the bytes',
      events: Array.from({ length: 60 }, (_, i) =>
        askEvent({ labels: ['_dmarc', label(i, 40), ...ZONE.split('.')], time: secs(i / 2) }),
      ),
      findings: [{ message: 'zone', evidence: { circumstances: ['names of a protocol (x4)'] } }],
    },
    {
      name: 'two clients of one zone, each by itself',
      events: together(names({ count: 25 }), names({ count: 25, client: container('db', '172.30.0.11') })),
      findings: [{ message: 'zone' }, { message: 'zone' }],
    },
  ],
  silent: [
    {
      name: 'questions for the root, as resolvers ask for its servers',
      events: [0, 1, 2].map((second) => askEvent({ labels: [], qtype: 'NS', time: secs(second) })),
    },
    {
      name: '499 bytes',
      events: [
        ...names({ count: 24 }),
        askEvent({ labels: [label(99, 19), ...ZONE.split('.')], time: secs(13) }),
      ],
    },
    {
      name: '20 names, however often they come again in the same order',
      events: Array.from({ length: 20 }, () => names({ count: 20 })).flat(),
    },
    { name: '980 bytes in an hour', events: names({ count: 49, spacingSecs: 61 }) },
    { name: '2000 bytes in a day', events: names({ count: 100, spacingSecs: 600 }) },
    {
      name: 'one name less than a day takes',
      events: names({ count: 49, spacingSecs: 1700 }),
      options: { window_24h_bytes: 1000 },
    },
    { name: '240 bytes of data types', events: names({ count: 12, qtype: 'TXT' }) },
    {
      name: 'a long constant part that all names share',
      events: names({ count: 24, under: `a-rather-long-constant-part.of.${ZONE}` }),
    },
    {
      name: 'names that are contacted',
      events: [...lookUps({ count: 90, contacts: () => true }), afterwards],
    },
    {
      name: 'addresses contacted by one family only',
      events: [
        ...Array.from({ length: 60 }, (_, i) => {
          const time = secs(i / 2);
          const labels = labelsOf({ count: 1 }, i);
          const resp = address(ownAddress(i), 'internet', { port: 443 });
          return [
            ...lookUp({ labels, time }, 'NOERROR', [ownAddress(i)]),
            ...lookUp({ labels, time, qtype: 'AAAA' }, 'NOERROR', [`2001:db8::${i.toString(16)}`]),
            { on: 'flow-start', flow: flow({ orig: app, resp, start: time + 1000 }) } as const,
          ];
        }).flat(),
        afterwards,
      ],
    },
    {
      name: 'a zone that four clients ask alike',
      events: together(
        ...[10, 11, 12, 13].map((host) => names({ count: 50, client: unattributed(`172.30.0.${host}`) })),
      ),
    },
    {
      name: 'a known look-up service through a shared resolver',
      events: names({ count: 1000, length: 40, under: 'i.00.s.sophosxl.net' }),
    },
    { name: 'a known platform', events: names({ count: 1000, under: 'googlevideo.com' }) },
    {
      name: 'a zone the operator declared',
      events: names({ count: 1000 }),
      options: { known_zones: [ZONE] },
    },
    {
      name: 'distributions of a content network, each a zone of its own',
      events: names({ count: 500, length: 14, under: 'cloudfront.net' }),
    },
    {
      name: 'a search list: every name was asked for without its domain before',
      events: Array.from({ length: 100 }, (_, i) => [
        askEvent({ labels: [label(i, 12)], time: secs(i * 6) }),
        askEvent({ labels: [label(i, 12), 'corp', 'example', 'net'], time: secs(i * 6 + 0.01) }),
      ]).flat(),
    },
    {
      name: 'a storm of names that do not exist, under a domain that does not either',
      events: lookUps({ count: 90, under: 'localdomain', rcode: 'NXDOMAIN' }),
    },
    {
      name: 'a sweep of reverse look-ups',
      events: Array.from({ length: 4096 }, (_, i) =>
        askEvent({
          labels: [`${i & 255}`, `${i >> 8}`, '51', '198', 'in-addr', 'arpa'],
          qtype: 'PTR',
          time: secs(i / 20),
        }),
      ),
    },
    {
      name: 'reverse look-ups of local IPv6 addresses',
      events: Array.from({ length: 200 }, (_, i) =>
        askEvent({
          labels: [
            ...i.toString(16).padStart(20, '0').split('').reverse(),
            ...'000000300dfip6arpa'.slice(0, 10).split(''),
            'd',
            'f',
            'ip6',
            'arpa',
          ],
          qtype: 'PTR',
          time: secs(i),
        }),
      ),
    },
    {
      name: 'multicast DNS',
      events: names({ count: 100, server: address('224.0.0.251', 'multicast', { port: 5353 }) }),
    },
    {
      name: 'strangers who ask a name server in a container',
      events: names({
        count: 100,
        client: address('198.51.100.7', 'internet'),
        server: container('dns', '172.30.0.53'),
      }),
    },
    {
      name: 'validations of certificates for one host, over and over',
      events: Array.from({ length: 100 }, (_, i) =>
        askEvent({ labels: ['_acme-challenge', 'www', 'example', 'com'], qtype: 'TXT', time: secs(i) }),
      ),
    },
  ],
});

describe('dns-tunnel', () => {
  it('asks for flows only while a zone with addresses comes near its threshold', () => {
    const runner = new AnalyzerRunner({
      analyzers: [{ definition: dnsTunnel, config: dnsTunnel.config.parse({}) }],
      findings: { report: () => {}, isOpen: () => false },
      onLoss: () => {},
      onFailure: ({ error }) => {
        throw error;
      },
    });
    const interest = (count: number) => {
      for (const event of lookUps({ count })) {
        if (event.on === 'dns-query') runner.dnsQuery(event.query);
        if (event.on === 'dns') runner.dns(event.record);
      }
      return runner.wants.flowStart;
    };

    const before = runner.wants.flowStart;
    const few = interest(6);
    const several = interest(8);
    runner.tick(secs(43_000));
    const within = runner.wants.flowStart;
    runner.tick(secs(90_000));

    expect({ before, few, several, within, after: runner.wants.flowStart }).toEqual({
      before: 'none',
      few: 'none',
      several: 'chosen',
      within: 'none',
      after: 'none',
    });
  });

  it('gives the same findings when the same questions come again', () => {
    const events = names({ count: 200, length: 30 });

    expect(runAnalyzer(dnsTunnel, events)).toEqual(runAnalyzer(dnsTunnel, events));
  });

  it('keeps the bytes of both halves of a window, and counts what both hold once', () => {
    const first = names({ count: 20, spacingSecs: 1 });
    const again = names({ count: 20, spacingSecs: 1 }).map((event) => {
      if (event.on !== 'dns-query') return event;
      const time = event.query.time + secs(400) - T0;
      return { on: event.on, query: { ...event.query, time, record: { ...event.query.record, time } } };
    });

    const repeated = runAnalyzer(dnsTunnel, [...first, ...again]);
    const fresh = runAnalyzer(dnsTunnel, names({ count: 25, spacingSecs: 20 }));

    expect(repeated.findings).toEqual([]);
    expect(fresh.final).toMatchObject([{ evidence: { window: '10 min', windowBytes: 500 } }]);
  });

  it('survives time that jumps forwards and runs backwards', () => {
    const jumps = [0, 5e9, 1, 5e9 + 1, 2].flatMap((start) =>
      names({ count: 10 }).map((event) => {
        if (event.on !== 'dns-query') return event;
        const time = event.query.time + start * 1000;
        return { on: event.on, query: { ...event.query, time, record: { ...event.query.record, time } } };
      }),
    );

    expect(runAnalyzer(dnsTunnel, jumps).failures).toEqual([]);
  });

  it('stays within its bounds under made-up zones, and says what it gave up', () => {
    const events = Array.from({ length: 1000 }, (_, i) =>
      askEvent({ labels: ['www', `${label(i, 10)}`, 'com'], time: secs(i / 100) }),
    );

    const { findings, losses } = runAnalyzer(dnsTunnel, events, { max_zones: 256 });

    expect(findings).toEqual([]);
    expect(losses.map(({ where }) => where)).toContain('dns-tunnel.zones');
    expect(
      losses.filter(({ where }) => where === 'dns-tunnel.zones').reduce((sum, loss) => sum + loss.count, 0),
    ).toBe(744);
  });

  it('tells again within seconds when it gets graver, and counts on', () => {
    const { findings } = runAnalyzer(dnsTunnel, names({ count: 400, spacingSecs: 1 }));

    expect(findings.map(({ status, severity }) => `${status} ${severity}`).slice(0, 3)).toEqual([
      'open medium',
      'update high',
      'update high',
    ]);
    expect(findings.at(-1)!.evidence['queries']).toBeGreaterThan(380);
  });

  it('starts anew after its finding was closed', () => {
    const second = names({ count: 30 }).map((event) => {
      if (event.on !== 'dns-query') return event;
      const time = event.query.time + secs(90_000) - T0;
      return { on: event.on, query: { ...event.query, time, record: { ...event.query.record, time } } };
    });

    const { final } = runAnalyzer(dnsTunnel, [...names({ count: 30 }), ...second]);

    expect(final).toHaveLength(2);
    expect(final.map(({ evidence }) => evidence['queries'])).toEqual([30, 30]);
  });
});
