/**
 * The channels of dns-tunnel beside the names of a zone, through the whole analyzer: for each the least that is told, and
 * a neighbour that says a little less, or the same for an ordinary reason.
 */
import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import type { NotDns } from '../../src/sensor/analysis/analyzer.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { random } from '../support/dns-traffic/random.ts';
import {
  address,
  askEvent,
  container,
  flow,
  lookUp,
  type QuestionFields,
  question,
  secs,
} from '../support/records.ts';

const ZONE = ['updates-cdn', 'net'];
const WWW = ['www', ...ZONE];
const ONE_ADDRESS = '198.51.100.9';
const app = container('app', '172.30.0.10');
const outside = address('198.51.100.53', 'internet', { port: 53 });
const afterwards: AnalyzerEvent = { on: 'tick', now: secs(60) };

const from = random(7);
const letters = (length: number) => from.text('abcdefghijklmnopqrstuvwxyz', length);
const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

const asked = (count: number, fields: (i: number) => Partial<QuestionFields>, everySecs = 0.5) =>
  times(count, (i) => askEvent({ labels: WWW, time: secs(i * everySecs), ...fields(i) }));

/** 91 bytes, 103 letters with the zone: 13 bytes of case a question. */
const LETTERED = [letters(45), letters(45), ...ZONE];

function mixed(labels: readonly string[], i: number): string[] {
  const coin = random(1000 + i);
  return labels.map((label) => [...label].map((c) => (coin.next() < 0.5 ? c.toUpperCase() : c)).join(''));
}

/** The plain name once, then `count` mixtures of capitals. */
function mixtures(count: number): AnalyzerEvent[] {
  return asked(count + 1, (i) => ({ labels: i === 0 ? LETTERED : mixed(LETTERED, i) }));
}

/** The same client asks so for everything: `use-caps-for-id` of a resolver. */
function mixedEverywhere(): AnalyzerEvent[] {
  const hosts = times(8, (i) => [letters(12), `${letters(9)}${i}`, 'com']);
  return asked(24, (i) => ({ labels: mixed(hosts[i % 8]!, 500 + i) }), 0.01);
}

const option = (bytes: number, i: number, code = 65_001) => ({
  options: [{ code, data: Uint8Array.from({ length: bytes }, (_, k) => (i * 37 + k * k) & 255) }],
});

/** `count` TXT answers of `bytes` each, each another. */
function downloads(count: number, bytes: number, data: (i: number) => string = (i) => `"${i}"`) {
  return times(count, (i) => {
    const fields = { labels: [`${i}`, ...ZONE], qtype: 'TXT', time: secs(i) };
    const record = question(fields);
    const answers = [{ name: record.query, type: 'TXT', ttl: 60, bytes, data: data(i) }];
    return [askEvent(fields), { on: 'dns', record: { ...record, rcode: 'NOERROR', answers } } as const];
  }).flat();
}

function raw(count: number, fields: (i: number) => Partial<NotDns>): AnalyzerEvent[] {
  return times(count, (i) => {
    const event = {
      time: secs(i),
      client: app,
      server: outside,
      transport: 'udp',
      fromClient: true,
      bytes: 100,
    } as const;
    return { on: 'not-dns', event: { ...event, ...fields(i) } } as const;
  });
}

interface Spreading {
  readonly names: number;
  /** Of a name in the i-th zone. */
  readonly length?: (zone: number) => number;
  readonly answer?: (zone: number) => string;
  readonly contacted?: boolean;
}

const SPREAD_ZONES = times(6, (i) => [`${letters(8)}${i}`, 'net']);

/** Six new domains in turn, faster than what a clock would be seen in. */
function spread({ names, length = () => 20, answer = () => ONE_ADDRESS, contacted = false }: Spreading) {
  return times(names * SPREAD_ZONES.length, (i) => {
    const zone = i % SPREAD_ZONES.length;
    const time = secs(i * 0.3);
    const events: AnalyzerEvent[] = lookUp(
      { labels: [letters(length(zone)), ...SPREAD_ZONES[zone]!], time },
      'NOERROR',
      [answer(zone)],
    );
    const resp = address(answer(zone), 'internet', { port: 443 });
    return contacted
      ? [...events, { on: 'flow-start', flow: flow({ orig: app, resp, start: time + 1000 }) } as const]
      : events;
  }).flat();
}

const ownAddress = (zone: number) => `198.51.100.${100 + zone}`;
/** 1794 bytes; no two zones have an address or a length in common, and none has 500 bytes. */
const UNLINKED = { names: 13, answer: ownAddress, length: (zone: number) => 8 + 6 * zone };

/** Sixteen names of one byte, in an order that nobody could predict, or in rounds. */
function order(count: number, isChance: boolean, ttl?: number): AnalyzerEvent[] {
  const chance = random(3);
  return times(count, (i) => {
    const name = isChance ? chance.int(0, 15) : i % 16;
    const fields = { labels: ['abcdefghijklmnop'[name]!, ...ZONE], time: secs(i * 0.4) };
    const record = question(fields);
    const answers = [{ name: record.query, type: 'A', ttl: ttl ?? 0, bytes: 4, data: ONE_ADDRESS }];
    return [askEvent(fields), { on: 'dns', record: { ...record, rcode: 'NOERROR', answers } } as const];
  }).flat();
}

const one = (lengths: readonly number[]) => [
  askEvent({ labels: [...lengths.map(letters), ...ZONE], time: secs(0) }),
  afterwards,
];

testAnalyzer(dnsTunnel, {
  fires: [
    {
      name: 'names in the namespace of a container, and names all its networks',
      events: asked(25, () => ({
        labels: [letters(20), ...ZONE],
        vantage: 'container',
        networks: [
          { name: 'back', internal: true },
          { name: 'front', internal: false },
        ],
      })),
      findings: [{ message: 'zone', network: 'back, front' }],
    },
    {
      name: 'the order of sixteen names, once it has no pattern',
      events: order(700, true),
      findings: [{ message: 'sequence', evidence: { channel: 'sequence' } }],
    },
    {
      name: 'ever new mixtures of capitals in one name',
      events: mixtures(32),
      findings: [{ message: 'case', evidence: { channel: 'case', windowBytes: 91 + 32 * 13 } }],
    },
    {
      name: 'an EDNS option with other data each time',
      events: asked(32, (i) => option(16, i)),
      findings: [{ message: 'edns', evidence: { channel: 'edns', windowBytes: 3 + 32 * 16 } }],
    },
    {
      name: 'bytes behind the message',
      events: asked(50, () => ({ trailingBytes: 10 })),
      findings: [{ message: 'edns', evidence: { channel: 'trailing', windowBytes: 503 } }],
    },
    {
      name: '2000 bytes of answers',
      events: downloads(8, 250),
      findings: [
        { message: 'answers', evidence: { channel: 'answers', windowBytes: 2000, thresholdBytes: 2000 } },
      ],
    },
    {
      name: '500 bytes that are no DNS',
      events: raw(5, () => ({})),
      findings: [
        {
          message: 'not-dns',
          severity: 'medium',
          evidence: { bytesUp: 500, bytesDown: 0, resolver: outside.ip },
        },
      ],
    },
    {
      name: 'a little in each of six new domains that one address answers for',
      events: [...spread({ names: 17 }), afterwards],
      findings: [
        { message: 'spread', severity: 'medium', evidence: { windowBytes: 2000, distinctNames: 100 } },
      ],
    },
    {
      name: 'domains that have nothing in common, at four times the bytes, as low',
      events: [...spread(UNLINKED), afterwards],
      options: { spread_10min_bytes: 400 },
      findings: [{ message: 'spread', severity: 'low', evidence: { thresholdBytes: 1600 } }],
    },
    {
      name: 'one name of a hundred bytes, as low',
      events: one([48, 51]),
      findings: [{ message: 'one-shot', severity: 'low', confidence: 'low', evidence: { windowBytes: 100 } }],
    },
    {
      name: 'one name whose first label has 49 bytes',
      events: one([49]),
      findings: [{ message: 'one-shot' }],
    },
  ],
  silent: [
    { name: 'the same order for less than half as long', events: order(300, true) },
    { name: 'the same names in rounds', events: order(700, false) },
    { name: 'the same order where caches answer', events: order(700, true, 3600) },
    { name: 'one mixture less', events: mixtures(31) },
    { name: 'mixtures by a client that mixes everywhere', events: [...mixedEverywhere(), ...mixtures(60)] },
    { name: 'one mixture over and over', events: asked(200, (i) => ({ labels: mixed(LETTERED, i % 4) })) },
    { name: 'one option less', events: asked(31, (i) => option(16, i)) },
    { name: 'an option that is always the same', events: asked(200, () => option(16, 1)) },
    { name: 'cookies', events: asked(200, (i) => option(24, i, 10)) },
    { name: 'one message less with bytes behind it', events: asked(49, () => ({ trailingBytes: 10 })) },
    {
      name: 'a device that puts the same bytes behind all its questions',
      events: asked(200, (i) => ({ labels: ['www', `vendor${i % 4}`, 'com'], trailingBytes: 10 })),
    },
    { name: '1992 bytes of answers', events: downloads(8, 249) },
    { name: '2100 bytes in seven answers: a large set, whole at once', events: downloads(7, 300) },
    { name: 'the same answer to a hundred names', events: downloads(100, 250, () => '"same"') },
    { name: '499 bytes that are no DNS', events: raw(5, (i) => ({ bytes: i === 0 ? 99 : 100 })) },
    {
      name: 'a stream caught in the middle: the server speaks, the client acknowledges',
      events: raw(20, (i) => ({ fromClient: i < 3, bytes: 1000 })),
    },
    {
      name: 'strangers who send no DNS to a server in a container',
      events: raw(20, () => ({
        client: address('198.51.100.7', 'internet'),
        server: container('dns', '172.30.0.53'),
      })),
    },
    { name: 'six new domains with a name less in each', events: [...spread({ names: 16 }), afterwards] },
    {
      name: 'six new domains that are connected to',
      events: [...spread({ names: 17, contacted: true, answer: ownAddress }), afterwards],
    },
    {
      name: 'six new domains with nothing in common',
      events: [...spread(UNLINKED), afterwards],
      options: { spread_10min_bytes: 470 },
    },
    { name: 'one name of 99 bytes', events: one([48, 50]) },
    { name: 'one name whose first label has 48 bytes', events: one([48]) },
    {
      name: 'one long name that is connected to',
      events: [
        ...lookUp({ labels: [letters(60), ...ZONE], time: secs(0) }, 'NOERROR', [ONE_ADDRESS]),
        {
          on: 'flow-start',
          flow: flow({ orig: app, resp: address(ONE_ADDRESS, 'internet', { port: 443 }), start: secs(0.1) }),
        },
        afterwards,
      ],
    },
  ],
});
