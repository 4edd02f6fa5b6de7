import { expect } from 'vitest';
import dnsRebinding from '../../analyzers/dns-rebinding.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  BACK,
  container,
  flow,
  network,
  type QuestionFields,
  question,
  secs,
  setBack,
  workload,
} from '../support/records.ts';

const app = container('app', '172.30.0.10');
const net = network();
const resolver = address('198.51.100.53', 'internet', { port: 53 });
const second = address('10.0.0.53', 'lan', { port: 53 });
const engine = address('127.0.0.11', 'engine', { port: 53 });

/** A look-up that is answered with these addresses, 5 ms later. */
function answer(
  seconds: number,
  name: string,
  addresses: readonly string[],
  fields: Partial<QuestionFields> & { ttl?: number } = {},
): AnalyzerEvent {
  const { ttl = 1, qtype = addresses[0]?.includes(':') ? 'AAAA' : 'A', ...rest } = fields;
  const answers = addresses.map((data) => ({ name, type: qtype, ttl, bytes: 4, data }));
  const record = question({
    labels: name.split('.'),
    time: secs(seconds),
    client: app,
    server: resolver,
    network: net,
    qtype,
    rcode: 'NOERROR',
    rtt: 5000,
    answers,
    ...rest,
  });
  return { on: 'dns', record };
}

function connect(seconds: number, ip: string, from = app): AnalyzerEvent {
  const resp = address(ip, 'lan', { port: 80 });
  return {
    on: 'flow-start',
    flow: flow({ start: secs(seconds), network: net, orig: { ...from, port: 40_000 }, resp }),
  };
}

const NAME = 'a1.rebind.example.com';
const OUTSIDE = '198.51.100.7';
const turnedTo = (inside: string, fields: Parameters<typeof answer>[3] = {}) => [
  answer(0, NAME, [OUTSIDE]),
  answer(2, NAME, [inside], fields),
];

const inNamespace: Partial<QuestionFields> = {
  vantage: 'container',
  server: engine,
  network: undefined,
  networks: [
    { name: 'front', internal: false, subnets: ['172.30.4.0/24'], gateways: ['172.30.4.1'] },
    {
      name: 'back',
      internal: false,
      subnets: ['172.30.5.0/24', '2001:db8:30::/64'],
      gateways: ['172.30.5.1', '2001:db8:30::1'],
    },
  ],
};
const unknownNetwork = { ...inNamespace, networks: [{ name: 'back', internal: false }] };

testAnalyzer(dnsRebinding, {
  fires: [
    {
      name: 'a name that turns from outside to the host behind the gateway address, with both answers',
      events: turnedTo('172.30.0.1'),
      findings: [
        {
          message: 'turned',
          severity: 'high',
          confidence: 'medium',
          network: 'back',
          evidence: {
            kind: 'turned',
            zone: 'example.com',
            names: [NAME],
            outsideAddress: OUTSIDE,
            insideAddress: '172.30.0.1',
            insideKind: 'gateway',
            secondsBetween: 2,
            outsideTtlSecs: 1,
            doubts: [],
            connections: 0,
          },
        },
      ],
    },
    ...(
      [
        ['127.0.0.1', 'loopback'],
        ['169.254.169.254', 'metadata'],
        ['169.254.10.1', 'link-local'],
        ['10.0.0.5', 'private'],
        ['100.64.0.9', 'shared'],
        ['172.30.0.77', 'own-network'],
      ] as const
    ).map(([inside, insideKind]) => ({
      name: `a name that turns to ${inside}, as ${insideKind}`,
      events: turnedTo(inside),
      findings: [{ message: 'turned', severity: 'high' as const, evidence: { insideKind } }],
    })),
    ...(
      [
        ['::1', 'loopback', '::1'],
        ['fe80::1', 'link-local', 'fe80::1'],
        ['fd12::5', 'private', 'fd12::5'],
        ['fd00:30::77', 'own-network', 'fd00:30::77'],
        ['fd00:ec2::254', 'metadata', 'fd00:ec2::254'],
        ['64:ff9b::a00:5', 'private', '10.0.0.5'],
        ['2002:7f00:1::', 'loopback', '127.0.0.1'],
        ['::10.0.0.5', 'private', '10.0.0.5'],
      ] as const
    ).map(([inside, insideKind, meansAddress]) => ({
      name: `a name that turns to ${inside}, as ${insideKind} ${meansAddress}`,
      events: [answer(0, NAME, ['2001:db8::7']), answer(2, NAME, [inside])],
      findings: [{ message: 'turned', severity: 'high' as const, evidence: { insideKind, meansAddress } }],
    })),
    ...(
      [
        ['172.30.5.9', OUTSIDE, 'own-network'],
        ['172.30.5.1', OUTSIDE, 'gateway'],
        ['172.30.6.9', OUTSIDE, 'private'],
        // A public range that a network was given.
        ['2001:db8:30::9', '2001:db8::7', 'own-network'],
      ] as const
    ).map(([inside, outside, insideKind]) => ({
      name: `a name that turns to ${inside} in the container's namespace, as ${insideKind} by the networks it is on`,
      events: [answer(0, NAME, [outside], inNamespace), answer(2, NAME, [inside], inNamespace)],
      findings: [{ message: 'turned', severity: 'high' as const, evidence: { insideKind } }],
    })),
    {
      name: 'a name that turns to an address of a network that the inventory does not know, as private',
      events: [answer(0, NAME, [OUTSIDE], unknownNetwork), answer(2, NAME, ['172.30.5.9'], unknownNetwork)],
      findings: [{ message: 'turned', evidence: { insideKind: 'private' } }],
    },
    {
      name: 'case that differs: it is the same name',
      events: [answer(0, NAME.toUpperCase(), [OUTSIDE]), answer(2, NAME, ['10.0.0.5'])],
      findings: [{ message: 'turned' }],
    },
    {
      name: 'a change just within the window',
      events: [answer(0, NAME, [OUTSIDE]), answer(600, NAME, ['10.0.0.5'])],
      findings: [{ message: 'turned', evidence: { secondsBetween: 600 } }],
    },
    {
      name: 'a connection to the inside address, graver at once',
      events: [...turnedTo('10.0.0.5'), connect(3, '10.0.0.5')],
      findings: [
        { message: 'connected', severity: 'critical', confidence: 'high', evidence: { connections: 1 } },
      ],
      also: ({ findings }) =>
        expect(findings.map(({ status, severity }) => [status, severity])).toEqual([
          ['open', 'high'],
          ['update', 'critical'],
        ]),
    },
    {
      name: 'a connection to what a wrapped address means',
      events: [answer(0, NAME, ['2001:db8::7']), answer(2, NAME, ['64:ff9b::a00:5']), connect(3, '10.0.0.5')],
      findings: [{ message: 'connected', severity: 'critical' }],
    },
    {
      name: 'a connection too late to belong to the answer, or of another container, as none',
      events: [
        ...turnedTo('10.0.0.5'),
        connect(3, '10.0.0.5', container('web', '172.30.0.11')),
        { on: 'tick', now: secs(70) },
        connect(71, '10.0.0.5'),
      ],
      findings: [{ message: 'turned', severity: 'high', evidence: { connections: 0 } }],
    },
    {
      name: 'both at once in one answer',
      events: [answer(0, NAME, [OUTSIDE, '10.0.0.5'])],
      findings: [
        {
          message: 'mixed',
          severity: 'medium',
          evidence: { outsideAddress: OUTSIDE, insideAddress: '10.0.0.5' },
        },
      ],
    },
    {
      name: 'a name that leads to the metadata service, without any change, and graver when it is followed',
      events: [answer(0, '169.254.169.254.nip.io', ['169.254.169.254']), connect(1, '169.254.169.254')],
      findings: [{ message: 'connected', severity: 'high', evidence: { kind: 'metadata' } }],
      also: ({ findings }) => expect(findings[0]).toMatchObject({ message: 'metadata', severity: 'medium' }),
    },
    {
      name: 'an inside IPv4 address in an IPv6 record',
      events: [answer(0, NAME, ['10.0.0.5'], { qtype: 'AAAA' })],
      findings: [
        {
          message: 'disguised',
          severity: 'medium',
          evidence: { insideAddress: '::ffff:10.0.0.5', meansAddress: '10.0.0.5' },
        },
      ],
    },
    {
      name: 'a change between two resolvers that do not agree, as low, also when it is followed',
      events: [
        answer(0, NAME, [OUTSIDE]),
        answer(2, NAME, ['10.0.0.5'], { server: second }),
        connect(3, '10.0.0.5'),
      ],
      findings: [
        {
          message: 'connected',
          severity: 'low',
          evidence: { doubts: ['another resolver gave the outside answer'] },
        },
      ],
    },
    {
      name: 'a change to the metadata service between two resolvers, as grave as without a change',
      events: [
        answer(0, NAME, [OUTSIDE]),
        answer(2, NAME, ['169.254.169.254'], { server: second }),
        connect(3, '169.254.169.254'),
      ],
      findings: [{ message: 'connected', severity: 'high', evidence: { kind: 'turned' } }],
      also: ({ findings }) => expect(findings[0]).toMatchObject({ message: 'turned', severity: 'medium' }),
    },
    {
      name: 'an outside answer that could be kept for 61 s, as low, and for 60 s as high',
      events: [
        answer(0, NAME, [OUTSIDE], { ttl: 61 }),
        answer(2, NAME, ['10.0.0.5']),
        answer(3, 'b.example.net', [OUTSIDE], { ttl: 60 }),
        answer(4, 'b.example.net', ['10.0.0.6']),
      ],
      findings: [
        { message: 'turned', severity: 'low' },
        { message: 'turned', severity: 'high' },
      ],
    },
    {
      name: 'a block list that came into force: 0.0.0.0 as low',
      events: turnedTo('0.0.0.0'),
      findings: [{ message: 'turned', severity: 'low' }],
    },
    {
      name: 'a block list with an address of its own, as low once it was given for three other domains',
      events: [
        answer(0, 'ads.example.net', ['10.0.0.9']),
        answer(0, 'ads.example.org', ['10.0.0.9']),
        answer(0, 'ads.debian.org', ['10.0.0.9']),
        answer(1, NAME, [OUTSIDE]),
        answer(2, NAME, ['10.0.0.9']),
      ],
      findings: [
        {
          message: 'turned',
          severity: 'low',
          evidence: { doubts: ['looks like the answer of a block list'] },
        },
      ],
    },
    {
      name: 'an inside address that was given for two other domains, as high',
      events: [
        answer(0, 'ads.example.net', ['10.0.0.9']),
        answer(0, 'ads.example.org', ['10.0.0.9']),
        answer(1, NAME, [OUTSIDE]),
        answer(2, NAME, ['10.0.0.9']),
      ],
      findings: [{ message: 'turned', severity: 'high', evidence: { doubts: [] } }],
    },
    {
      name: 'a container alias that came up under an outside name, as low',
      events: [
        answer(0, NAME, [OUTSIDE], { server: engine }),
        answer(2, NAME, ['172.30.0.7'], { server: engine, ttl: 600 }),
      ],
      findings: [{ message: 'turned', severity: 'low' }],
    },
    {
      name: 'a container with two resolvers behind the engine, where nobody saw which answered: not graver when followed',
      events: [
        ...[OUTSIDE, '10.0.0.5'].map((ip, i) =>
          answer(i, NAME, [ip], {
            server: engine,
            client: {
              ...app,
              workload: workload('app', ['back'], {
                resolvers: ['127.0.0.11', '10.0.0.53', '198.51.100.53'],
              } as object),
            },
          }),
        ),
        connect(3, '10.0.0.5'),
      ],
      findings: [{ message: 'connected', severity: 'high', confidence: 'low' }],
    },
    {
      name: 'a change, and a connection, across a clock that is set back',
      events: [
        answer(0, NAME, [OUTSIDE]),
        setBack(1),
        answer(BACK + 2, NAME, ['10.0.0.5']),
        setBack(BACK + 3),
        connect(2 * BACK + 4, '10.0.0.5'),
      ],
      findings: [
        { message: 'connected', severity: 'critical', evidence: { secondsBetween: 2, connections: 1 } },
      ],
    },
    {
      name: 'nothing for a name that was given up for want of room, which is counted',
      options: { max_names: 256 },
      events: [
        answer(0, NAME, [OUTSIDE]),
        ...Array.from({ length: 256 }, (_, i) => answer(1, `n${i}.example.org`, [OUTSIDE])),
        answer(2, NAME, ['10.0.0.5']),
      ],
      findings: [],
      also: ({ losses }) =>
        expect(losses).toMatchObject([{ source: 'analyzer-window', where: 'dns-rebinding.names', count: 1 }]),
    },
    {
      name: 'the name that was kept, with one less',
      options: { max_names: 256 },
      events: [
        answer(0, NAME, [OUTSIDE]),
        ...Array.from({ length: 255 }, (_, i) => answer(1, `n${i}.example.org`, [OUTSIDE])),
        answer(2, NAME, ['10.0.0.5']),
      ],
      findings: [{ message: 'turned' }],
      also: ({ losses }) => expect(losses).toEqual([]),
    },
    {
      name: 'many names of one zone as one finding',
      events: Array.from({ length: 20 }, (_, i) => [
        answer(i, `n${i}.rebind.example.com`, [OUTSIDE]),
        answer(i + 0.5, `n${i}.rebind.example.com`, ['127.0.0.1']),
      ]).flat(),
      findings: [{ message: 'turned', evidence: { nameCount: 20 } }],
    },
  ],
  silent: [
    silent(
      'a zone that always leads inside: split horizon',
      answer(0, 'git.example.com', ['10.0.0.5']),
      answer(9, 'git.example.com', ['10.0.0.5']),
    ),
    silent('a connection to it', answer(0, 'git.example.com', ['10.0.0.5']), connect(1, '10.0.0.5')),
    silent(
      'a development name',
      answer(0, 'app.localtest.me', ['127.0.0.1']),
      answer(1, 'app.localtest.me', ['::1']),
    ),
    silent(
      'a name that spells its address',
      answer(0, '10.0.0.5.nip.io', ['10.0.0.5']),
      answer(1, '192-168-1-5.abc.plex.direct', ['192.168.1.5']),
    ),
    silent(
      'a DNS block list, and antivirus look-ups',
      answer(0, '2.0.0.127.zen.spamhaus.org', ['127.0.0.2']),
      answer(1, 'a-0.19.avts.mcafee.com', ['127.161.0.8']),
    ),
    silent(
      'an ad blocker',
      ...['a', 'b', 'c', 'd'].flatMap((name) => [
        answer(0, `ads.${name}.com`, ['0.0.0.0']),
        answer(0, `ads.${name}.com`, ['::']),
      ]),
    ),
    silent(
      'an own IPv4 address where IPv6 is left to the outside',
      answer(0, NAME, ['2001:db8::7']),
      answer(0.1, NAME, ['10.0.0.5']),
    ),
    silent(
      'a change one second after the window',
      answer(0, NAME, [OUTSIDE]),
      answer(601, NAME, ['10.0.0.5']),
    ),
    silent(
      'a change to another outside address',
      answer(0, NAME, [OUTSIDE]),
      answer(2, NAME, ['198.51.100.8']),
    ),
    silent(
      'a name that turns from inside to outside',
      answer(0, NAME, ['10.0.0.5']),
      answer(2, NAME, [OUTSIDE]),
    ),
    silent(
      'outside for one container, inside for another',
      answer(0, NAME, [OUTSIDE]),
      answer(2, NAME, ['10.0.0.5'], { client: container('web', '172.30.0.11') }),
    ),
    silent(
      'a name of a private top level',
      answer(0, 'nas.lan', [OUTSIDE]),
      answer(2, 'nas.lan', ['10.0.0.5']),
    ),
    silent('a service name', answer(0, 'db', ['172.30.0.5'])),
    silent(
      'an answer that is beside the question',
      answer(0, NAME, [OUTSIDE]),
      answer(2, NAME, ['10.0.0.5'], {
        answers: [{ name: NAME, type: 'TXT', ttl: 1, bytes: 8, data: '10.0.0.5' }],
      }),
    ),
    silent(
      'mDNS',
      answer(0, NAME, [OUTSIDE], { protocol: 'mdns' }),
      answer(2, NAME, ['10.0.0.5'], { protocol: 'mdns' }),
    ),
    silent(
      'an answer without its question, which anybody may send',
      answer(0, NAME, [OUTSIDE]),
      answer(2, NAME, ['10.0.0.5'], { rtt: undefined }),
    ),
    silent(
      'a change after the window, though the clock was set back in between',
      answer(0, NAME, [OUTSIDE]),
      setBack(1),
      answer(BACK + 601, NAME, ['10.0.0.5']),
    ),
    {
      name: 'an own zone',
      options: { own_zones: ['example.com'] },
      events: turnedTo('10.0.0.5'),
    },
  ],
});
