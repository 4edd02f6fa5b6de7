/** Every tunnel as a case with its numbers: the real tools, the idle ones, and the channels built against detectors. */
import {
  addressDress,
  base32Dress,
  digitsDress,
  hexDress,
  podDress,
  serviceDress,
  shortDress,
  splitDress,
  syllablesDress,
  twoLettersDress,
  uuidDress,
  wordLabelsDress,
  wordsDress,
} from './dressed.ts';
import {
  addressDownlink,
  bursts,
  contacted,
  downlink,
  dressed,
  ednsOption,
  fixedAlphabet,
  letterCase,
  manyZones,
  noDomain,
  oneShot,
  rawBytes,
  reverseLabels,
  reverseNibbles,
  searchListed,
  trailing,
  typeMix,
  unknownType,
} from './evasions.ts';
import { addressAnswer, type Happening, later, outsideServer, together } from './exchange.ts';
import type { Random } from './random.ts';
import { cobaltStrike, dns2tcp, dnscat2, dnsExfiltrator, idleBeacon, iodine, ozymandns } from './tools.ts';

export interface TunnelCase {
  readonly name: string;
  readonly kind: 'tool' | 'idle' | 'evasion';
  readonly stream: (from: Random) => Iterable<Happening>;
  /** Over what time; ordinary traffic goes on around it. */
  readonly spanSecs: number;
  /** It goes to a server of its own, so it can only be seen at the bridge. */
  readonly direct?: boolean;
  /** How many labels at the end of its names are a domain that was bought; 2 unless told. */
  readonly zoneLabels?: number;
  /** One name is reason for a remark, not for waking anybody. */
  readonly mayBeLow?: boolean;
}

const ZONE = 'telemetry-sync.net';
const HOUR = 3600;
const DAY = 24 * HOUR;

const IODINE_TYPES = ['NULL', 'TXT', 'CNAME', 'MX', 'SRV', 'A'] as const;
const CODECS = ['base32', 'base64', 'base128'] as const;

export const TOOLS: readonly TunnelCase[] = [
  ...IODINE_TYPES.map(
    (type, i): TunnelCase => ({
      name: `iodine ${type} ${CODECS[i % 3]} ${i % 2 === 0 ? 'lazy' : 'polling'}`,
      kind: 'tool',
      spanSecs: 30,
      stream: (from) =>
        iodine(from, {
          zone: `t.${ZONE}`,
          type,
          codec: CODECS[i % 3]!,
          lazy: i % 2 === 0,
          data: 100,
          pings: 0,
        }),
    }),
  ),
  {
    name: 'iodine under a domain in no list',
    kind: 'tool',
    spanSecs: 30,
    stream: (from) =>
      iodine(from, { zone: 'pirate.sea', type: 'NULL', codec: 'base128', lazy: true, data: 100, pings: 0 }),
  },
  ...[true, false].map(
    (encrypted): TunnelCase => ({
      name: `dnscat2 ${encrypted ? 'encrypted' : 'clear'} with a domain`,
      kind: 'tool',
      spanSecs: 60,
      stream: (from) =>
        dnscat2(from, { zone: ZONE, encrypted, withDomain: true, payload: 60, count: 100, everySecs: 0.1 }),
    }),
  ),
  {
    name: 'dnscat2 encrypted without a domain',
    kind: 'tool',
    spanSecs: 60,
    direct: true,
    zoneLabels: 0,
    stream: (from) =>
      straight(
        dnscat2(from, {
          zone: '',
          encrypted: true,
          withDomain: false,
          payload: 60,
          count: 100,
          everySecs: 0.1,
        }),
      ),
  },
  ...(['TXT', 'KEY'] as const).map(
    (type): TunnelCase => ({
      name: `dns2tcp ${type}`,
      kind: 'tool',
      spanSecs: 30,
      stream: (from) => dns2tcp(from, { zone: `d.${ZONE}`, type, count: 200, everySecs: 0.05 }),
    }),
  ),
  {
    name: 'ozymandns',
    kind: 'tool',
    spanSecs: 30,
    stream: (from) => ozymandns(from, { zone: ZONE, count: 100, everySecs: 0.2 }),
  },
  ...[100, 30].map(
    (bytesPerName): TunnelCase => ({
      name: `DNSExfiltrator ${bytesPerName} B a name`,
      kind: 'tool',
      spanSecs: 60,
      stream: (from) => dnsExfiltrator(from, { zone: ZONE, count: 100, everySecs: 0.5, bytesPerName }),
    }),
  ),
  {
    name: 'Cobalt Strike, a task and its output over A',
    kind: 'tool',
    spanSecs: 60,
    stream: (from) => cobaltStrike(from, { zone: ZONE, count: 100, everySecs: 0.5 }),
  },
];

export const IDLE: readonly TunnelCase[] = [
  ...[1, 5, 60].flatMap((everySecs) =>
    [true, false].map(
      (encrypted): TunnelCase => ({
        name: `dnscat2 ${encrypted ? 'encrypted' : 'clear'}, idle, every ${everySecs} s`,
        kind: 'idle',
        spanSecs: 40 * everySecs,
        stream: (from) =>
          dnscat2(from, { zone: ZONE, encrypted, withDomain: true, payload: 0, count: 40, everySecs }),
      }),
    ),
  ),
  ...[4, 1].map(
    (everySecs): TunnelCase => ({
      name: `iodine idle, ${everySecs === 4 ? 'lazy' : 'polling'}`,
      kind: 'idle',
      spanSecs: 40 * everySecs,
      stream: (from) =>
        iodine(from, {
          zone: `t.${ZONE}`,
          type: 'NULL',
          codec: 'base32',
          lazy: everySecs === 4,
          data: 0,
          pings: 40,
        }),
    }),
  ),
  ...[10, 60].map(
    (everySecs): TunnelCase => ({
      name: `A beacon with a nonce, every ${everySecs} s`,
      kind: 'idle',
      spanSecs: 40 * everySecs,
      stream: (from) => idleBeacon(from, { zone: ZONE, count: 40, everySecs }),
    }),
  ),
];

/** A channel that is busy for some minutes. */
function evasion(
  name: string,
  stream: TunnelCase['stream'],
  spanSecs = 600,
  more: Partial<TunnelCase> = {},
): TunnelCase {
  return { name, kind: 'evasion', stream, spanSecs, ...more };
}

/** 2 kB of data or more, a question every two seconds unless the channel is about something else. */
const busy = { zone: ZONE, everySecs: 2 };
const direct = { direct: true, zoneLabels: 0 };

export const EVASIONS: readonly TunnelCase[] = [
  evasion('alphabet: hex, 60 a label', (f) => dressed(f, { ...busy, count: 100 }, hexDress(30))),
  evasion('alphabet: hex, 16 a label', (f) => dressed(f, { ...busy, count: 250 }, hexDress(8))),
  evasion('alphabet: base32, two labels', (f) => dressed(f, { ...busy, count: 60 }, base32Dress(60))),
  evasion('alphabet: hex in AAAA', (f) =>
    dressed(f, { ...busy, count: 100 }, hexDress(20), { qtype: 'AAAA', answers: [], rcode: 'NOERROR' }),
  ),
  evasion('alphabet: hex in HTTPS', (f) =>
    dressed(f, { ...busy, count: 100 }, hexDress(20), { qtype: 'HTTPS', answers: [], rcode: 'NOERROR' }),
  ),
  evasion('alphabet: base32, answered NXDOMAIN', (f) =>
    dressed(f, { ...busy, count: 100 }, base32Dress(20), { answers: [], rcode: 'NXDOMAIN' }),
  ),
  evasion('alphabet: base32, never answered', (f) =>
    dressed(f, { ...busy, count: 100 }, base32Dress(20), { answers: [] }),
  ),
  evasion('words: three by hyphens', (f) => dressed(f, { ...busy, count: 700 }, wordsDress(3))),
  evasion('words: four labels', (f) => dressed(f, { ...busy, count: 500 }, wordLabelsDress(4))),
  evasion('words: two labels', (f) => dressed(f, { ...busy, count: 2000 }, wordLabelsDress(2))),
  evasion('syllables: five', (f) => dressed(f, { ...busy, count: 500 }, syllablesDress(5))),
  evasion('syllables: three', (f) => dressed(f, { ...busy, count: 800 }, syllablesDress(3))),
  evasion('dressed as a UUID', (f) => dressed(f, { ...busy, count: 150 }, uuidDress)),
  evasion('dressed as an address', (f) => dressed(f, { ...busy, count: 500 }, addressDress)),
  evasion('dressed as a pod', (f) => dressed(f, { ...busy, count: 250 }, podDress)),
  evasion('dressed as a protocol', (f) => dressed(f, { ...busy, count: 150 }, serviceDress)),
  evasion('low entropy: digits', (f) => dressed(f, { ...busy, count: 400 }, digitsDress(12))),
  evasion('low entropy: two letters', (f) => dressed(f, { ...busy, count: 500 }, twoLettersDress(40))),
  evasion('low entropy: many labels of one', (f) => dressed(f, { ...busy, count: 250 }, splitDress(14))),
  evasion('short labels: 9', (f) => dressed(f, { ...busy, count: 400 }, shortDress(9))),
  evasion('short labels: 6', (f) => dressed(f, { ...busy, count: 600 }, shortDress(6))),
  evasion('short labels: 4, ten a second', (f) =>
    dressed(f, { zone: ZONE, everySecs: 0.1, count: 2000 }, shortDress(4)),
  ),
  evasion('types: eight on one name', (f) =>
    typeMix(f, { zone: ZONE, everySecs: 0.2, count: 4000 }, 'A AAAA TXT MX NS SRV SOA CNAME'.split(' '), 1),
  ),
  evasion('types: sixteen on one name', (f) =>
    typeMix(
      f,
      { zone: ZONE, everySecs: 0.5, count: 3000 },
      'A AAAA TXT MX NS SRV SOA CNAME PTR HINFO CAA DS NAPTR SSHFP TLSA LOC'.split(' '),
      1,
    ),
  ),
  evasion('types: four on eight names', (f) =>
    typeMix(f, { zone: ZONE, everySecs: 0.5, count: 3000 }, ['A', 'TXT', 'MX', 'NS'], 8),
  ),
  evasion('repeated names: 4', (f) => fixedAlphabet(f, { zone: ZONE, everySecs: 0.1, count: 5000 }, 4)),
  evasion('repeated names: 16', (f) => fixedAlphabet(f, { zone: ZONE, everySecs: 0.2, count: 4000 }, 16)),
  evasion('repeated names: 64', (f) => fixedAlphabet(f, { zone: ZONE, everySecs: 0.5, count: 3000 }, 64)),
  evasion('repeated names: 256', (f) => fixedAlphabet(f, { zone: ZONE, everySecs: 1, count: 2500 }, 256)),
  evasion('case: 20 letters', (f) => letterCase(f, { ...busy, count: 700 }, 'cdn')),
  evasion('case: 40 letters', (f) => letterCase(f, { ...busy, count: 400 }, 'static-content.delivery.edge')),
  evasion('case: 100 letters', (f) =>
    letterCase(f, { ...busy, count: 150 }, `${'abcdefghij'.repeat(4)}.${'klmnopqrst'.repeat(4)}`),
  ),
  evasion('EDNS: unknown option, 16 B', (f) => ednsOption(f, { ...busy, count: 150 }, 65_001, 16)),
  evasion('EDNS: unknown option, 400 B', (f) => ednsOption(f, { ...busy, count: 20 }, 65_001, 400)),
  evasion('EDNS: padding with data', (f) => ednsOption(f, { ...busy, count: 60 }, 12, 64)),
  evasion('EDNS: NSID with data', (f) => ednsOption(f, { ...busy, count: 100 }, 3, 32)),
  evasion('EDNS: client subnet', (f) => ednsOption(f, { ...busy, count: 200 }, 8, 20)),
  evasion('EDNS: cookie, 40 B anew each time', (f) => ednsOption(f, { ...busy, count: 200 }, 10, 40)),
  ...[20, 50].flatMap((zones) => [
    evasion(`zones: ${zones}, base32`, (f) => manyZones(f, { count: 400, everySecs: 1 }, zones, 16)),
    evasion(`zones: ${zones}, slowly`, (f) => manyZones(f, { count: 700, everySecs: 5 }, zones, 12), HOUR),
  ]),
  evasion('zones: 200, one name each in turn', (f) => manyZones(f, { count: 600, everySecs: 1 }, 200, 20)),
  evasion(
    'no domain: invented last labels',
    (f) => noDomain(f, { count: 200, everySecs: 2 }, 20),
    600,
    direct,
  ),
  evasion(
    'no domain: `dnscat.` and hex, TXT',
    (f) => {
      const tunnel = { zone: '', encrypted: false, withDomain: false, payload: 20, count: 100, everySecs: 2 };
      return straight(dnscat2(f, tunnel));
    },
    600,
    direct,
  ),
  evasion('no domain: a last label in no list', (f) =>
    dressed(f, { zone: 'office.lan-sync', everySecs: 2, count: 100 }, base32Dress(20)),
  ),
  ...(
    [
      ['TXT', 200],
      ['NULL', 200],
      ['CNAME', 80],
      ['MX', 80],
      ['AAAA', 14],
      ['A', 4],
    ] as const
  ).map(([type, bytes]) =>
    evasion(`downlink: ${type}`, (f) =>
      downlink(f, { ...busy, count: Math.max(100, Math.ceil(4000 / bytes)) }, type, bytes),
    ),
  ),
  evasion('downlink: TXT, one name', (f) => downlink(f, { ...busy, count: 100 }, 'TXT', 200, 1)),
  evasion('downlink: six addresses an answer', (f) => addressDownlink(f, { ...busy, count: 200 })),
  evasion('downlink: a type nobody knows', (f) => unknownType(f, { ...busy, count: 60 }, 300)),
  evasion('not DNS: UDP, 200 B', (f) => rawBytes(f, { count: 100, everySecs: 0.5 }, 'udp', 200), 120, direct),
  evasion(
    'not DNS: UDP, keep-alives',
    (f) => rawBytes(f, { count: 200, everySecs: 5 }, 'udp', 24),
    HOUR,
    direct,
  ),
  evasion('not DNS: TCP', (f) => rawBytes(f, { count: 30, everySecs: 1 }, 'tcp', 1400), 120, direct),
  evasion('over TCP: base32', (f) =>
    dressed(f, { ...busy, count: 100 }, base32Dress(30), { transport: 'tcp' }),
  ),
  evasion('over TCP: TXT down', function* (f) {
    const tunnel = { ...busy, count: 60 };
    for (const it of downlink(f, tunnel, 'TXT', 1200)) yield { ...it, transport: 'tcp' } as Happening;
  }),
  evasion('after the message: 50 B', () => trailing({ ...busy, count: 100 }, 50)),
  evasion('after the message: 400 B', () => trailing({ ...busy, count: 20 }, 400)),
  evasion('another opcode', (f) =>
    dressed(f, { ...busy, count: 100 }, base32Dress(20), { opcode: 'OPCODE6', answers: [] }),
  ),
  evasion('another class', (f) => dressed(f, { ...busy, count: 100 }, base32Dress(20), { qclass: 'CH' })),
  evasion(
    'slow: 0.5 B/s, 30 B a name',
    (f) => dressed(f, { zone: ZONE, everySecs: 60, count: 1440 }, base32Dress(30)),
    DAY,
  ),
  evasion(
    'slow: 0.1 B/s, 30 B a name',
    (f) => dressed(f, { zone: ZONE, everySecs: 300, count: 600 }, base32Dress(30)),
    2 * DAY,
  ),
  evasion(
    'slow: 0.1 B/s, 9 characters a name',
    (f) => dressed(f, { zone: ZONE, everySecs: 56, count: 3000 }, shortDress(9)),
    2 * DAY,
  ),
  evasion(
    'slow: 0.05 B/s, 30 B a name',
    (f) => dressed(f, { zone: ZONE, everySecs: 600, count: 430 }, base32Dress(30)),
    3 * DAY,
  ),
  evasion(
    'slow: 0.05 B/s, words',
    (f) => dressed(f, { zone: ZONE, everySecs: 55, count: 4500 }, wordsDress(3)),
    3 * DAY,
  ),
  evasion('slow: 0.05 B/s, five zones', (f) => manyZones(f, { everySecs: 400, count: 640 }, 5, 20), 3 * DAY),
  evasion(
    'bursts: 400 B each two hours',
    (f) =>
      bursts(f, { zone: ZONE, everySecs: 1, count: 400 }, { names: 20, everyHours: 2, dress: hexDress(10) }),
    40 * HOUR,
  ),
  evasion(
    'bursts: 20 kB once in two days',
    (f) =>
      bursts(
        f,
        { zone: ZONE, everySecs: 0.1, count: 400 },
        { names: 200, everyHours: 48, dress: base32Dress(100) },
      ),
    2 * DAY + HOUR,
  ),
  evasion(
    'bursts: a name with 30 B each half hour, six at once',
    (f) =>
      bursts(
        f,
        { zone: ZONE, everySecs: 3, count: 600 },
        { names: 6, everyHours: 0.5, dress: base32Dress(30) },
      ),
    50 * HOUR,
  ),
  evasion('one name: 180 B', (f) => oneShot(f, ZONE, [60, 60, 60]), 60, { mayBeLow: true }),
  evasion('one name: 120 B', (f) => oneShot(f, ZONE, [40, 40, 40]), 60, { mayBeLow: true }),
  evasion('one name: a label of 63', (f) => oneShot(f, ZONE, [63]), 60, { mayBeLow: true }),
  evasion(
    'mixed: 10 B a name between ordinary look-ups',
    (f) => dressed(f, { zone: ZONE, everySecs: 11, count: 400 }, base32Dress(10)),
    HOUR,
  ),
  evasion('mixed: contacted as a content network is', (f) =>
    contacted(f, { ...busy, count: 300 }, base32Dress(15)),
  ),
  evasion('dressed as a search list', (f) => searchListed(f, { ...busy, count: 200 }, base32Dress(20))),
  evasion('dressed as a reputation service: 127.0.0.2', (f) => {
    const answers = [addressAnswer('127.0.0.2', 60)];
    return dressed(f, { ...busy, count: 200 }, hexDress(16), { answers });
  }),
  evasion('alphabet: base32 below a dynamic DNS name', (f) =>
    dressed(f, { zone: 'homecam7.duckdns.org', everySecs: 2, count: 100 }, base32Dress(20)),
  ),
  evasion('case: five zones in turn', (f) =>
    together(
      ...['a', 'b', 'c', 'd', 'e'].map((name, i) =>
        later(
          i,
          letterCase(f, { zone: `${name}-telemetry.net`, everySecs: 5, count: 120 }, 'static-content.edge'),
        ),
      ),
    ),
  ),
  evasion(
    'repeated names: 16, one in ten seconds',
    (f) => fixedAlphabet(f, { zone: ZONE, everySecs: 10, count: 8000 }, 16),
    DAY,
  ),
  evasion('EDNS: unknown option, 4 B', (f) => ednsOption(f, { ...busy, count: 600 }, 65_001, 4)),
  evasion('downlink: NS', (f) => downlink(f, { ...busy, count: 100 }, 'NS', 60)),
  evasion('downlink: HTTPS', (f) => downlink(f, { ...busy, count: 60 }, 'HTTPS', 120)),
  evasion('reverse names: IPv6 nibbles', (f) => reverseNibbles(f, { count: 400, everySecs: 1 })),
  evasion('reverse names: labels below an octet', (f) => reverseLabels(f, { count: 150, everySecs: 2 }, 12)),
];

/** Past every resolver, to the attacker itself. */
function* straight(stream: Iterable<Happening>): Generator<Happening> {
  for (const happening of stream) yield { ...happening, server: outsideServer };
}
