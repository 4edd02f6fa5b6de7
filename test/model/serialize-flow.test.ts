/** The quick way to a flow's text writes what the general way writes, whatever the flow says. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attribution, Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { flowRow } from '../../src/model/flow-row.ts';
import type { NatFact } from '../../src/model/nat.ts';
import type { Network, Workload } from '../../src/model/network.ts';
import { serializeByCopy, serializeRecord } from '../../src/model/serialize.ts';
import { benchFlow } from '../bench/throughput/flows.ts';
import { endpoint, flow, T0 } from '../station/support/records.ts';

/** What a name from the wire or from an operator may hold. */
const HOSTILE = [
  '"',
  '\\',
  '\\u0041',
  '\n',
  '\0',
  '\u001b[2J',
  '\u007f',
  '\u009b31m',
  '\u202e',
  '\u2028',
  '\ud800',
  '\udfff\ud800',
  '\ufeff',
  '😀',
  '',
  '</script>',
  '","kind":"finding',
  'null',
];
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(...HOSTILE),
  fc.array(fc.constantFrom(...HOSTILE), { maxLength: 4 }).map((parts) => parts.join('x')),
);
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const time = fc.oneof(
  fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
  fc.integer({ min: T0, max: T0 + 3000 }),
  fc.constantFrom(-1, 0, 999, 1000, 253_402_300_800_000_000, Number.MAX_SAFE_INTEGER),
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const workload = fc.record(
  {
    containerId: text,
    name: text,
    image: text,
    composeProject: maybe(text),
    composeService: maybe(text),
    composeNumber: maybe(count),
    swarmService: maybe(text),
    labels: fc.constant({}),
    networkMode: text,
    networks: fc.constant([]),
  },
  { requiredKeys: ['containerId', 'name', 'image', 'labels', 'networkMode', 'networks'] },
) as fc.Arbitrary<Workload>;
const network = fc.record({
  id: text,
  name: text,
  internal: fc.boolean(),
}) as unknown as fc.Arbitrary<Network>;
const attribution = fc.record(
  {
    method: fc.constantFrom('mac+ip', 'none'),
    confidence: fc.constantFrom('certain', 'ambiguous'),
    reason: maybe(text),
    candidates: maybe(fc.array(text, { maxLength: 3 })),
  },
  { requiredKeys: ['method', 'confidence'] },
) as fc.Arbitrary<Attribution>;
const end = fc.record(
  {
    ip: text,
    port: maybe(fc.nat(65_535)),
    mac: maybe(text),
    scope: fc.constantFrom('container', 'internet'),
    workload: maybe(workload),
    names: fc.array(text, { maxLength: 3 }),
    geo: maybe(
      fc.record(
        { country: maybe(text), asn: maybe(count), asOrganization: maybe(text) },
        { requiredKeys: [] },
      ),
    ),
    attribution,
  },
  { requiredKeys: ['ip', 'scope', 'names', 'attribution'] },
) as fc.Arbitrary<Endpoint>;
const address = fc.record({ ip: text, port: maybe(fc.nat(65_535)) });
const nat = fc.record(
  {
    kind: fc.constantFrom('masquerade', 'unknown'),
    method: fc.constantFrom('conntrack', 'none'),
    confidence: fc.constantFrom('certain', 'ambiguous'),
    reason: maybe(text),
    client: maybe(end),
    server: maybe(end),
    candidates: maybe(fc.array(text, { maxLength: 3 })),
    published: maybe(address),
    translatedSource: maybe(address),
    originalCommunityId: maybe(text),
  },
  { requiredKeys: ['kind', 'method', 'confidence'] },
) as fc.Arbitrary<NatFact>;
const anyFlow = fc.record(
  {
    kind: fc.constant('flow'),
    uid: text,
    communityId: maybe(text),
    start: time,
    end: time,
    network: maybe(network),
    interface: text,
    orig: end,
    resp: end,
    protocol: text,
    service: maybe(text),
    portHint: maybe(text),
    serverName: maybe(text),
    serverNameFrom: maybe(fc.constantFrom('tls-sni', 'certificate')),
    nat: maybe(nat),
    origBytes: count,
    respBytes: count,
    origPackets: count,
    respPackets: count,
    connState: fc.constantFrom('SF', 'S0'),
    history: text,
    direction: fc.constantFrom('egress', 'unknown'),
    coverage: fc.constantFrom('whole', 'started-midstream'),
    icmp: maybe(fc.record({ type: fc.nat(255), code: fc.nat(255) })),
    probe: maybe(fc.constantFrom('null', 'xmas')),
    reason: fc.constantFrom('closed', 'tap-ended'),
  },
  {
    requiredKeys: [
      'kind',
      'uid',
      'start',
      'end',
      'interface',
      'orig',
      'resp',
      'protocol',
      'origBytes',
      'respBytes',
      'origPackets',
      'respPackets',
      'connState',
      'history',
      'direction',
      'coverage',
      'reason',
    ],
  },
) as unknown as fc.Arbitrary<FlowRecord>;

describe('serializeFlow', () => {
  it('writes the same bytes as the general way, for arbitrary and hostile flows', () => {
    fc.assert(
      fc.property(anyFlow, (record) => {
        expect(serializeRecord(record)).toBe(serializeByCopy(record));
      }),
      { numRuns: 2000 },
    );
  });

  it('writes the same bytes for flows that share their containers and networks', () => {
    for (let n = 0; n < 500; n++) {
      const record = benchFlow(n, T0 + n * 777);
      expect(serializeRecord(record)).toBe(serializeByCopy(record));
    }
  });

  it('names a container anew when the engine tells of it anew', () => {
    const first = flow(1);
    const workload = { ...first.orig.workload!, name: 'renamed' };

    expect(serializeRecord(first)).not.toContain('renamed');
    expect(serializeRecord(flow(1, { orig: endpoint({ workload }) }))).toContain('"name":"renamed"');
  });
});

describe('flowRow', () => {
  it('names both ends, each name once, one a line', () => {
    const first = flow(1);
    const { containerId } = first.orig.workload!;
    const replica = { ...first.orig.workload!, name: 'shop-db-2', containerId: 'f'.repeat(64) };
    const [, , , , both] = flowRow(flow(1, { resp: endpoint({ workload: replica }) }));

    expect(both).toBe(`\nshop/db\nshop-db-1\ndb\n#${containerId}\nshop-db-2\n#${'f'.repeat(64)}\n`);
    expect(flowRow(first)[4]).toBe(`\nshop/db\nshop-db-1\ndb\n#${containerId}\n`);
    expect(flowRow(flow(1, { orig: first.resp }))[4]).toBeNull();
  });
});
