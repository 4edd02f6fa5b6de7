/** Records of a small world, as public JSON, and generators of more. */
import fc from 'fast-check';
import type { DnsRecord } from '../../src/model/dns.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { NatFact } from '../../src/model/nat.ts';
import type { Network, Workload } from '../../src/model/network.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import { type PublicRecord, parseRecord, serializeRecord } from '../../src/model/serialize.ts';
import * as small from '../station/support/records.ts';

export const T0 = small.T0;

export function toPublic(record: AgentRecord): PublicRecord {
  return parseRecord(serializeRecord(record));
}

/** Few values, so that filters over them hit; and some that nobody would think of. */
const NAMES = [
  'db',
  'api',
  'DB',
  'Größe',
  'a"b\\c',
  'with space',
  '\u202e\u0000',
  '\ud800',
  'x/y',
  '#3f2a',
  'data',
];
const IPS = [
  '172.30.1.5',
  '172.30.1.50',
  '172.3.0.1',
  '10.0.0.1',
  '198.51.100.7',
  '2001:db8::7',
  'fe80::1',
  '::1',
];

const name = fc.constantFrom(...NAMES);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const workload: fc.Arbitrary<Workload> = fc.record({
  containerId: fc.constantFrom('3f2ab4c5d6e7'.repeat(5), 'beefb4c5d6e7'.repeat(5)).map((id) => `${id}0000`),
  name,
  image: fc.constantFrom('postgres:17', 'nginx', 'shop/api:2'),
  composeProject: maybe(fc.constantFrom('shop', 'Edge', 'x/y')),
  composeService: maybe(name),
  swarmService: maybe(name),
  labels: fc.constant({}),
  networkMode: fc.constant('bridge'),
  networks: fc.constant([]),
}) as fc.Arbitrary<Workload>;

const network: fc.Arbitrary<Network> = fc
  .constantFrom('shop_data', 'Edge_front', 'data', 'bridge', 'x/y_data')
  .chain((networkName) =>
    fc.boolean().map((internal) => ({ ...small.network, name: networkName, internal })),
  );

const endpoint: fc.Arbitrary<Endpoint> = fc.record({
  ip: fc.constantFrom(...IPS),
  port: maybe(fc.constantFrom(0, 53, 80, 443, 4430, 5432, 65_535)),
  mac: maybe(fc.constantFrom('02:42:ac:1e:01:05', '02:42:ac:1e:01:06')),
  scope: fc.constantFrom('container', 'internet', 'lan', 'unknown', 'gateway'),
  workload: maybe(workload),
  names: fc.array(fc.constantFrom('api.example.com', 'API.Example.com', 'db'), { maxLength: 2 }),
  geo: maybe(
    fc.record({ country: maybe(fc.constantFrom('DE', 'FR')), asn: maybe(fc.constantFrom(64_496, 64_497)) }),
  ),
  attribution: fc.constantFrom(
    { method: 'mac+ip', confidence: 'certain' } as const,
    { method: 'none', confidence: 'none', reason: 'nobody "knows"' } as const,
  ),
});

const nat: fc.Arbitrary<NatFact> = fc.record({
  kind: fc.constantFrom('published-port', 'hairpin', 'unknown'),
  method: fc.constantFrom('conntrack', 'none'),
  confidence: fc.constant('certain'),
  client: maybe(endpoint),
  published: maybe(fc.record({ ip: fc.constantFrom(...IPS), port: maybe(fc.constantFrom(80, 8080)) })),
  originalCommunityId: maybe(fc.constant('1:orig=')),
}) as fc.Arbitrary<NatFact>;

const time = fc.integer({ min: -5, max: 5 }).map((minutes) => T0 + minutes * 60_000_000);

let nextUid = 0;

export const flowRecord: fc.Arbitrary<FlowRecord> = fc
  .record({
    start: time,
    lasts: fc.constantFrom(0, 1, 1_500_000, 60_000_000),
    network: maybe(network),
    orig: endpoint,
    resp: endpoint,
    nat: maybe(nat),
    protocol: fc.constantFrom('tcp', 'udp', 'icmp', 'ip-47'),
    service: maybe(fc.constantFrom('tls', 'http', 'postgresql')),
    portHint: maybe(fc.constantFrom('http', 'redis')),
    serverName: maybe(fc.constantFrom('api.example.com', 'Evil"\\.example')),
    origBytes: fc.constantFrom(0, 60, 1000, 1_000_001),
    respBytes: fc.constantFrom(0, 60, 1024, 5_000_000),
    origPackets: fc.nat(3),
    respPackets: fc.nat(3),
    connState: fc.constantFrom('SF', 'S0', 'REJ', 'RSTO'),
    history: fc.constantFrom('S', 'ShADadFf', 'Sr'),
    direction: fc.constantFrom('egress', 'ingress', 'east-west', 'unknown'),
    coverage: fc.constantFrom('whole', 'lossy'),
  })
  .map(({ lasts, start, ...fields }) => {
    nextUid += 1;
    const known = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
    return small.flow(nextUid, { ...(known as Partial<FlowRecord>), start, end: start + lasts });
  });

export const findingRecord: fc.Arbitrary<Finding> = fc
  .record({
    lastSeen: time,
    severity: fc.constantFrom('informational', 'low', 'medium', 'high', 'critical'),
    analyzer: fc.constantFrom('dns-tunnel', 'internal-egress'),
    status: fc.constantFrom('open', 'update', 'closed'),
    network: fc.constantFrom('shop_data', 'Edge_front'),
    subject: endpoint,
    peers: fc.array(endpoint, { maxLength: 2 }),
    count: fc.nat(3),
  })
  .map((fields) => {
    nextUid += 1;
    return small.finding(nextUid, { ...(fields as Partial<Finding>), firstSeen: fields.lastSeen });
  });

export const dnsRecord: fc.Arbitrary<DnsRecord> = fc
  .record({
    time,
    client: endpoint,
    server: endpoint,
    network: maybe(network),
    query: fc.constantFrom('www.Example.com', 'a\\032b.example', 'db'),
    qtype: fc.constantFrom('A', 'TXT', 'TYPE65'),
    qclass: fc.constantFrom('IN', 'CH'),
    rcode: maybe(fc.constantFrom('NOERROR', 'NXDOMAIN')),
    rtt: maybe(fc.constantFrom(0, 1200, 900_000)),
    vantage: fc.constantFrom('bridge', 'container', 'file'),
    networks: maybe(
      fc.uniqueArray(
        fc.record({ name: fc.constantFrom('shop_data', 'Edge_front', 'data'), internal: fc.boolean() }),
        { maxLength: 2, selector: ({ name }) => name },
      ),
    ),
    upstream: maybe(
      fc.record({
        server: endpoint,
        network: maybe(fc.constantFrom('shop_front', 'bridge')),
        interface: fc.constant('br-1'),
        rtt: maybe(fc.constantFrom(0, 1200, 900_000)),
      }),
    ),
    protocol: fc.constantFrom('dns', 'mdns'),
    transport: fc.constantFrom('udp', 'tcp'),
    opcode: fc.constantFrom('QUERY', 'OPCODE7'),
    flags: fc.subarray(['AA', 'TC', 'RD'] as const),
    answers: fc.array(
      fc.record({
        name: fc.constantFrom('www.Example.com', 'cdn.example.net'),
        type: fc.constantFrom('A', 'CNAME', 'TXT'),
        ttl: fc.constantFrom(0, 1, 60),
        bytes: fc.constantFrom(0, 4),
        data: fc.constantFrom('198.51.100.9', '2001:db8::7', 'cdn.Example.net', '"a\\"b"', '10.0.0.1'),
      }),
      { maxLength: 3 },
    ),
    edns: maybe(
      fc.record({
        udpSizeBytes: fc.constantFrom(512, 1000, 4096),
        version: fc.constant(0),
        dnssecOk: fc.boolean(),
        options: fc.array(
          fc.record({ code: fc.constantFrom(1, 53, 65_535), bytes: fc.constantFrom(0, 60) }),
          {
            maxLength: 2,
          },
        ),
      }),
    ),
    trailingBytes: maybe(fc.constantFrom(1, 60)),
    anomalies: fc.subarray(['dns-trailing-bytes', 'dns-name-loop']),
  })
  .map((fields) => small.dns(1, fields as Partial<DnsRecord>));
