import { describe, expect, it } from 'vitest';
import internalEgress from '../../analyzers/internal-egress.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  answered,
  container,
  flow,
  network,
  noRoute,
  secs,
  unattributed,
  workload,
} from '../support/records.ts';

const internal = network({ name: 'data', internal: true });
const db = container('db', '172.30.0.10');
const db6 = container('db', 'fd00:30::10');
const gateway = address('172.30.0.1', 'gateway');
const host = address('10.0.0.5', 'host');
const outside = address('198.51.100.7', 'internet');
const outside6 = address('2001:db8::7', 'internet');

const at = (endpoint: typeof db, port: number) => ({ ...endpoint, port });

function opened(fields: Partial<FlowRecord> & Pick<FlowRecord, 'orig' | 'resp'>): AnalyzerEvent {
  return { on: 'flow-start', flow: flow({ network: internal, ...fields }) };
}

/** A flow from its first packet to its end. */
function whole(
  fields: Partial<FlowRecord> & Pick<FlowRecord, 'orig' | 'resp'>,
  answer: Partial<FlowRecord> = {},
): AnalyzerEvent[] {
  const started = flow({ network: internal, ...fields });
  const spoken = answered(started, started.start + 1000, answer);
  return [
    { on: 'flow-start', flow: started },
    { on: 'flow-answered', flow: spoken },
    { on: 'flow-end', flow: { ...spoken, end: started.start + 2000, reason: 'closed' } },
  ];
}

function silentTo(name: string, ...events: AnalyzerEvent[]) {
  return { name, events };
}

testAnalyzer(internalEgress, {
  fires: [
    {
      name: 'one SYN to an outside address, with everything that one packet tells',
      events: [opened({ orig: at(db, 40000), resp: at(outside, 443) })],
      findings: [
        {
          message: 'attempted-on-the-wire',
          severity: 'medium',
          confidence: 'certain',
          network: 'data',
          status: 'open',
          evidence: {
            kind: 'attempted-on-the-wire',
            destinations: ['198.51.100.7:443/tcp'],
            destinationCount: 1,
            ports: [443],
            protocols: ['tcp'],
            flows: 1,
            packets: 1,
            bytes: 60,
            answeredCount: 0,
            firstPacket: '2026-01-01T00:00:00.000000Z',
          },
        },
      ],
      also: ({ final }) =>
        expect(final[0]!.explanation).toBe(
          'shop/db on internal network data sent packets outside it, to 198.51.100.7:443/tcp; no answer came (flows: 1, packets: 1, destinations: 1).',
        ),
    },
    {
      name: 'the same over IPv6',
      events: [opened({ orig: at(db6, 40000), resp: at(outside6, 53), protocol: 'udp' })],
      findings: [
        {
          message: 'attempted-on-the-wire',
          evidence: { destinations: ['[2001:db8::7]:53/udp'], dnsOnly: true },
        },
      ],
    },
    {
      name: 'an address inside the subnets that no inventory names',
      events: [opened({ orig: unattributed('172.30.0.77', { port: 4000 }), resp: at(outside, 80) })],
      findings: [{ message: 'attempted-on-the-wire', subject: unattributed('172.30.0.77', { port: 4000 }) }],
    },
    {
      name: 'a container of another network, as outside',
      events: [opened({ orig: at(db, 40000), resp: at(container('web', '172.31.0.3'), 80) })],
      findings: [
        { message: 'attempted-on-the-wire', evidence: { destinations: ['shop/web 172.31.0.3:80/tcp'] } },
      ],
    },
    {
      name: 'the metadata service of a cloud',
      events: [opened({ orig: at(db, 40000), resp: at(address('169.254.169.254', 'lan'), 80) })],
      findings: [{ message: 'attempted-on-the-wire' }],
    },
    {
      name: 'an attempt that is answered later: the same finding, told at once, graver',
      events: [
        opened({ orig: at(db, 40000), resp: at(outside, 443) }),
        ...whole({ orig: at(db, 40001), resp: at(outside, 443), start: secs(5) }),
      ],
      findings: [
        {
          message: 'succeeded',
          severity: 'critical',
          evidence: {
            kind: 'succeeded',
            answeredDestinations: ['198.51.100.7:443/tcp'],
            flows: 2,
            packets: 2,
            answerBytes: 60,
          },
        },
      ],
      also: ({ findings }) =>
        expect(findings.map(({ status, message, reason }) => [status, message, reason])).toEqual([
          ['open', 'attempted-on-the-wire', 'first report'],
          ['update', 'succeeded', 'severity rose from medium to critical'],
        ]),
    },
    {
      name: 'an echo request that is answered',
      events: whole({ orig: db, resp: outside, protocol: 'icmp', icmp: { type: 8, code: 0 } }),
      findings: [{ message: 'succeeded', evidence: { answeredDestinations: ['198.51.100.7/icmp'] } }],
    },
    {
      name: 'an echo reply that nobody asked for',
      events: [opened({ orig: db, resp: outside, protocol: 'icmp', icmp: { type: 0, code: 0 } })],
      findings: [{ message: 'attempted-on-the-wire' }],
    },
    {
      name: 'a reset in the name of the destination, as an attempt that was refused',
      events: whole({ orig: at(db, 40000), resp: at(outside, 443) }, { history: 'Sr', connState: 'REJ' }),
      findings: [
        { message: 'attempted-on-the-wire', severity: 'medium', evidence: { resets: 1, answeredCount: 0 } },
      ],
    },
    {
      name: 'a service behind the gateway address that answers',
      events: whole({ orig: at(db, 40000), resp: at(gateway, 22) }),
      findings: [
        {
          message: 'reached-host',
          severity: 'high',
          evidence: { answeredDestinations: ['172.30.0.1:22/tcp'] },
        },
      ],
    },
    {
      name: 'a service of the host that does not answer, milder',
      events: [opened({ orig: at(db, 40000), resp: at(host, 2375) })],
      findings: [{ message: 'reached-host', severity: 'medium', evidence: { answeredCount: 0 } }],
    },
    {
      name: 'a DNS question to the gateway: the embedded resolver would not cross the bridge',
      events: whole({ orig: at(db, 40000), resp: at(gateway, 53), protocol: 'udp' }),
      findings: [{ message: 'reached-host', evidence: { dnsOnly: true } }],
    },
    {
      name: 'the gateway, known from the network alone',
      events: whole({ orig: at(db, 40000), resp: at(unattributed('172.30.0.1'), 22) }),
      findings: [{ message: 'reached-host' }],
    },
    {
      name: 'a ping of the gateway, as low',
      events: whole({ orig: db, resp: gateway, protocol: 'icmp', icmp: { type: 8, code: 0 } }),
      findings: [{ message: 'reached-host', severity: 'low' }],
    },
    {
      name: "a service on the host's link-local address",
      events: whole({ orig: at(db6, 40000), resp: at(address('fe80::1', 'gateway'), 22) }),
      findings: [{ message: 'reached-host' }],
    },
    {
      name: 'the outside and the host, as two findings',
      events: [
        opened({ orig: at(db, 40000), resp: at(outside, 443) }),
        opened({ orig: at(db, 40001), resp: at(gateway, 80) }),
      ],
      findings: [{ message: 'attempted-on-the-wire' }, { message: 'reached-host' }],
    },
    {
      name: 'four hundred destinations, as one finding with a sample',
      events: Array.from({ length: 400 }, (_, i) =>
        opened({
          start: secs(i / 100),
          orig: at(db, 40000 + i),
          resp: at(address(`198.51.${100 + (i >> 8)}.${i & 255}`, 'internet'), 443),
        }),
      ),
      findings: [
        {
          message: 'attempted-on-the-wire',
          count: 400,
          evidence: { destinationCount: 400, flows: 400, packets: 400 },
        },
      ],
      also: ({ final, findings }) => {
        expect(final[0]!.evidence['destinations']).toHaveLength(16);
        expect(final[0]!.peers).toHaveLength(16);
        expect(final[0]!.flowUids).toHaveLength(32);
        expect(findings).toHaveLength(2);
      },
    },
    {
      name: 'two containers, as two findings',
      events: [
        opened({ orig: at(db, 40000), resp: at(outside, 443) }),
        opened({ orig: at(container('cache', '172.30.0.11'), 40000), resp: at(outside, 443) }),
      ],
      findings: [{ message: 'attempted-on-the-wire' }, { message: 'attempted-on-the-wire' }],
    },
    {
      name: 'a connection whose opening was missed, when its ports say who the client is; less certain',
      events: [
        opened({ orig: at(db, 40000), resp: at(outside, 443), history: 'D', coverage: 'started-midstream' }),
      ],
      findings: [{ message: 'attempted-on-the-wire', confidence: 'medium' }],
    },
    {
      name: 'sends that the kernel refused',
      events: [
        { on: 'no-route', record: noRoute({ subject: db, count: 3 }) },
        { on: 'no-route', record: noRoute({ subject: db, count: 2, family: 'ipv6', time: secs(70) }) },
      ],
      findings: [
        {
          message: 'attempted-without-route',
          count: 2,
          evidence: { attempts: 5, families: ['ipv4', 'ipv6'] },
        },
      ],
      also: ({ final }) => expect(final[0]!.explanation).toMatch(/destinations are not known/),
    },
  ],
  silent: [
    silentTo(
      'a neighbour inside the subnets',
      ...whole({ orig: at(db, 40000), resp: at(container('api', '172.30.0.11'), 80) }),
    ),
    silentTo(
      'the same over IPv6',
      ...whole({ orig: at(db6, 40000), resp: at(container('api', 'fd00:30::11'), 80) }),
    ),
    silentTo(
      'a network that is not internal',
      ...whole({ network: network({ name: 'front' }), orig: at(db, 40000), resp: at(outside, 443) }),
    ),
    silentTo('a flow opened from outside', ...whole({ orig: at(outside, 50000), resp: at(db, 5432) })),
    silentTo('a flow opened by the host', ...whole({ orig: at(gateway, 50000), resp: at(db, 5432) })),
    silentTo(
      'what the gateway address opens, known from the network alone',
      ...whole({ orig: at(unattributed('172.30.0.1'), 50000), resp: at(outside, 80) }),
    ),
    silentTo(
      'a SYN-ACK to a client outside whose SYN was missed',
      ...whole({ orig: at(db, 5432), resp: at(outside, 50000), history: 'H', coverage: 'started-midstream' }),
    ),
    silentTo(
      'a reset to a SYN from outside that was missed',
      opened({ orig: at(db, 5432), resp: at(outside, 50000), history: 'R', coverage: 'started-midstream' }),
    ),
    silentTo(
      'replies of a served port in mid-stream',
      ...whole(
        { orig: at(db, 5432), resp: at(outside, 50000), history: 'D', coverage: 'started-midstream' },
        { history: 'Dd' },
      ),
    ),
    silentTo(
      'a port unreachable sent to somebody outside',
      opened({ orig: db, resp: outside, protocol: 'icmp', icmp: { type: 3, code: 3 } }),
    ),
    silentTo(
      'multicast DNS',
      opened({ orig: at(db, 5353), resp: at(address('224.0.0.251', 'multicast'), 5353), protocol: 'udp' }),
    ),
    silentTo(
      'multicast that attribution did not name',
      opened({ orig: db, resp: unattributed('224.0.0.22'), protocol: 'ip-2' }),
    ),
    silentTo(
      'IPv6 multicast',
      opened({ orig: at(db6, 546), resp: at(unattributed('ff02::1:2'), 547), protocol: 'udp' }),
    ),
    silentTo(
      'DHCP broadcasts',
      opened({
        orig: at(unattributed('0.0.0.0'), 68),
        resp: at(unattributed('255.255.255.255'), 67),
        protocol: 'udp',
      }),
    ),
    silentTo(
      'a broadcast from an address of the network',
      opened({ orig: at(db, 68), resp: at(unattributed('255.255.255.255'), 67), protocol: 'udp' }),
    ),
    silentTo(
      'the broadcast address of the subnet',
      opened({ orig: at(db, 137), resp: at(unattributed('172.30.0.255'), 137), protocol: 'udp' }),
    ),
    silentTo(
      'neighbour discovery with the gateway',
      opened({
        orig: db6,
        resp: address('fd00:30::1', 'gateway'),
        protocol: 'icmp6',
        icmp: { type: 135, code: 0 },
      }),
    ),
    silentTo(
      'link-local neighbours',
      opened({ orig: at(container('db', 'fe80::10'), 40000), resp: at(unattributed('fe80::11'), 80) }),
    ),
    {
      name: 'an ignored network',
      events: [opened({ orig: at(db, 40000), resp: at(outside, 443) })],
      options: { ignore_networks: ['data'] },
    },
    {
      name: 'an ignored destination, by prefix and by address',
      events: [
        opened({ orig: at(db, 40000), resp: at(outside, 443) }),
        opened({ orig: at(db6, 40000), resp: at(outside6, 443) }),
      ],
      options: { ignore_destinations: ['198.51.100.0/24', '2001:db8::7'] },
    },
    {
      name: 'an ignored port of the host',
      events: [opened({ orig: at(db, 40000), resp: at(gateway, 3128) })],
      options: { ignore_host_ports: [3128] },
    },
    silentTo('a refused send of a container that also has an ordinary network', {
      on: 'no-route',
      record: noRoute({
        subject: db,
        networks: [
          { name: 'data', internal: true },
          { name: 'front', internal: false },
        ],
      }),
    }),
    silentTo('a refused send of a container without networks', {
      on: 'no-route',
      record: noRoute({ subject: db, networks: [] }),
    }),
  ],
});

describe('internal-egress', () => {
  it('counts the bytes of a long flow while it lives, and only once', () => {
    const started = flow({ network: internal, orig: at(db, 40000), resp: at(outside, 443) });
    const half = answered(started, secs(60), {
      origPackets: 10,
      origBytes: 6000,
      respPackets: 5,
      respBytes: 300,
    });
    const end = { ...half, end: secs(120), origPackets: 12, origBytes: 7000, respPackets: 6, respBytes: 360 };

    const { final } = runAnalyzer(internalEgress, [
      { on: 'flow-start', flow: started },
      { on: 'flow-active', flow: half },
      { on: 'flow-end', flow: end },
    ]);

    expect(final[0]!.evidence).toMatchObject({ flows: 1, packets: 12, bytes: 7000, answerBytes: 360 });
  });

  it('starts its totals anew when the finding was closed in between', () => {
    const again = flow({ network: internal, orig: at(db, 40001), resp: at(outside, 80), start: secs(2000) });

    const { final, findings } = runAnalyzer(internalEgress, [
      opened({ orig: at(db, 40000), resp: at(outside, 443) }),
      { on: 'flow-start', flow: again },
    ]);

    expect(findings.map(({ status }) => status)).toEqual(['open', 'closed', 'reopened']);
    expect(final).toHaveLength(2);
    expect(final[1]!.evidence).toMatchObject({
      flows: 1,
      ports: [80],
      firstPacket: '2026-01-01T00:33:20.000000Z',
    });
  });

  it('gives the same findings, ids included, when the same events come again', () => {
    const started = flow({ network: internal, orig: at(db, 40000), resp: at(outside, 443) });
    const events: AnalyzerEvent[] = [{ on: 'flow-start', flow: started }];

    expect(runAnalyzer(internalEgress, events)).toEqual(runAnalyzer(internalEgress, events));
  });

  it('is the same finding whatever the destination is called', () => {
    const named = { ...at(outside, 443), names: ['api.example.com'] };
    const first = flow({ network: internal, orig: at(db, 40000), resp: at(outside, 443) });
    const [one, other] = [at(outside, 443), named].map((resp) =>
      runAnalyzer(internalEgress, [{ on: 'flow-start', flow: { ...first, resp } }]),
    );
    const both = runAnalyzer(internalEgress, [
      { on: 'flow-start', flow: first },
      { on: 'flow-start', flow: { ...first, uid: 'F-later', resp: named } },
    ]);

    expect(other!.final[0]).toMatchObject({ id: one!.final[0]!.id, key: one!.final[0]!.key });
    expect(other!.final[0]!.explanation).toContain('to api.example.com (198.51.100.7:443/tcp); no answer');
    expect(both.final).toMatchObject([
      { id: one!.final[0]!.id, evidence: { destinationCount: 1, flows: 2 } },
    ]);
  });

  it('refuses a destination to ignore that is no address', () => {
    expect(() => runAnalyzer(internalEgress, [], { ignore_destinations: ['example.com'] })).toThrow(
      /address or a prefix/,
    );
  });

  it('stays within its bounds, and says what it gave up', () => {
    const events = Array.from({ length: 40 }, (_, i) =>
      opened({
        orig: at(container('db', `172.30.0.${i + 10}`, { workload: workload(`db${i}`) }), 1),
        resp: at(outside, 1),
      }),
    );

    const { losses } = runAnalyzer(internalEgress, events, { max_subjects: 16 });

    expect(losses).toMatchObject([
      { source: 'analyzer-window', where: 'internal-egress.subjects', count: 24 },
    ]);
  });
});
