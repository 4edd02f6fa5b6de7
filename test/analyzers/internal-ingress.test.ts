import { expect } from 'vitest';
import internalIngress from '../../analyzers/internal-ingress.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { NatFact } from '../../src/model/nat.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { type FiringCase, testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  answered,
  BACK,
  container,
  flow,
  network,
  secs,
  setBack,
  unattributed,
  workload,
} from '../support/records.ts';

const internal = network({ name: 'data', internal: true });
const front = network({ name: 'front', subnets: ['172.31.0.0/24'], gateways: ['172.31.0.1'] });
const db = container('db', '172.30.0.10', { workload: workload('db', ['data']) });
const db6 = container('db', 'fd00:30::10', { workload: workload('db', ['data']) });
const web = container('web', '172.31.0.3', { workload: workload('web', ['front']) });
const gateway = address('172.30.0.1', 'gateway');
const outside = address('198.51.100.7', 'internet');
const lan = address('10.1.2.3', 'lan');

const at = (end: Endpoint, port: number): Endpoint => ({ ...end, port });
const toDb = (orig: Endpoint, fields: Partial<FlowRecord> = {}) =>
  flow({ network: internal, orig: at(orig, 50_000), resp: at(db, 5432), ...fields });

function opened(started: FlowRecord): AnalyzerEvent {
  return { on: 'flow-start', flow: started };
}

/** From its first packet to its end. */
function whole(started: FlowRecord, answer: Partial<FlowRecord> = {}): AnalyzerEvent[] {
  const spoken = answered(started, started.start + 1000, answer);
  return [
    opened(started),
    { on: 'flow-answered', flow: spoken },
    { on: 'flow-end', flow: { ...spoken, end: started.start + 2000, reason: 'closed' } },
  ];
}

function unanswered(started: FlowRecord): AnalyzerEvent[] {
  return [
    opened(started),
    { on: 'flow-end', flow: { ...started, end: started.start + 2000, reason: 'idle' } },
  ];
}

const nat = (fields: Partial<NatFact> & Pick<NatFact, 'kind'>): NatFact => ({
  method: 'conntrack',
  confidence: 'certain',
  ...fields,
});
const proxied = (client: Endpoint) =>
  nat({
    kind: 'docker-proxy',
    method: 'docker-proxy',
    client,
    published: { ip: '198.51.100.2', port: 5432 },
  });

testAnalyzer(internalIngress, {
  fires: [
    {
      name: 'a SYN from the Internet that the host passed on, at its first packet',
      events: [opened(toDb(outside))],
      findings: [
        {
          message: 'routed',
          severity: 'medium',
          confidence: 'certain',
          network: 'data',
          subject: at(db, 5432),
          evidence: {
            way: 'routed',
            flows: 1,
            answeredFlows: 0,
            openers: ['internet 198.51.100.7'],
            targets: ['shop/db 172.30.0.10:5432/tcp'],
          },
        },
      ],
    },
    ...[outside, lan].map(
      (who): FiringCase => ({
        name: `an answer to ${who.scope}, at once as critical`,
        events: whole(toDb(who)),
        findings: [
          {
            message: 'routed-answered',
            severity: 'critical',
            confidence: 'certain',
            evidence: { flows: 1, answeredFlows: 1, bytes: 60, answerBytes: 60 },
          },
        ],
      }),
    ),
    {
      name: 'the same over IPv6, where the address is nobody known',
      events: whole(toDb(address('2001:db8::7', 'internet'), { resp: at(unattributed('fd00:30::99'), 80) })),
      findings: [
        { message: 'routed-answered', confidence: 'low', evidence: { targets: ['[fd00:30::99]:80/tcp'] } },
      ],
    },
    {
      name: 'a reset by the container: reached, and no service',
      events: whole(toDb(lan), { history: 'Sr', connState: 'REJ' }),
      findings: [{ message: 'routed', severity: 'medium', evidence: { refusedFlows: 1, answeredFlows: 0 } }],
    },
    {
      name: 'a container of another network, routed: high when answered',
      events: whole(toDb(web)),
      findings: [{ message: 'routed-answered', severity: 'high', peers: [at(web, 50_000)] }],
    },
    {
      name: "the same behind the gateway's address, where the kernel knows who it was",
      events: whole(toDb(gateway, { nat: nat({ kind: 'masquerade', client: web }) })),
      findings: [{ message: 'routed-answered', severity: 'high', evidence: { openers: ['shop/web'] } }],
    },
    {
      name: 'a container that left another internal network, as low: internal-egress tells of it',
      events: [{ on: 'inventory', networks: [{ ...front, internal: true }] }, ...whole(toDb(web))],
      findings: [{ message: 'routed-answered', severity: 'low' }],
    },
    {
      name: 'a client of docker-proxy on the Internet, not the host that it seems to be',
      events: whole(toDb(gateway, { nat: proxied(outside) })),
      findings: [
        {
          message: 'published-answered',
          severity: 'critical',
          evidence: { way: 'published-port', openers: ['internet 198.51.100.7'] },
        },
      ],
    },
    {
      name: 'a forwarded port with the client still to be seen',
      events: whole(
        toDb(lan, { nat: nat({ kind: 'published-port', published: { ip: '10.1.2.1', port: 1 } }) }),
      ),
      findings: [{ message: 'published-answered', severity: 'critical' }],
    },
    {
      name: 'a translation that becomes known after the first packet, as one finding',
      events: (() => {
        const started = toDb(lan);
        return [opened(started), ...whole({ ...started, nat: nat({ kind: 'published-port' }) }).slice(1)];
      })(),
      findings: [{ message: 'published-answered', evidence: { flows: 1 } }],
    },
    {
      name: 'somebody behind a translation that nobody knows, as low and with little confidence',
      events: whole(toDb(gateway, { nat: nat({ kind: 'unknown', method: 'none', confidence: 'none' }) })),
      findings: [{ message: 'origin-unknown', severity: 'low', confidence: 'low' }],
    },
    {
      name: 'several candidates behind docker-proxy, of whom none is accused',
      events: whole(
        toDb(gateway, {
          nat: nat({
            kind: 'docker-proxy',
            confidence: 'ambiguous',
            candidates: ['shop/web 172.31.0.3:1', 'host'],
          }),
        }),
      ),
      findings: [
        {
          message: 'origin-unknown',
          severity: 'low',
          evidence: { candidates: ['shop/web 172.31.0.3:1', 'host'] },
        },
      ],
    },
    {
      name: 'a person on the host who asks a container, as low',
      events: whole(toDb(gateway)),
      findings: [{ message: 'from-host', severity: 'low', evidence: { way: 'from-host' } }],
    },
    {
      name: 'the host at its own address through a published port, as the host',
      events: whole(toDb(gateway, { nat: proxied(address('127.0.0.1', 'host')) })),
      findings: [{ message: 'from-host', severity: 'low' }],
    },
    {
      name: 'a flow caught in mid-stream, with less confidence and less than critical',
      events: whole(toDb(lan, { history: 'D', coverage: 'started-midstream' }), { history: 'Dd' }),
      findings: [{ message: 'routed-answered', severity: 'high', confidence: 'medium' }],
    },
    {
      name: 'forty clients of one container, as one finding',
      events: Array.from({ length: 40 }, (_, i) =>
        whole(toDb(address(`198.51.100.${i}`, 'internet'), { start: secs(i) })),
      ).flat(),
      findings: [{ message: 'routed-answered', evidence: { flows: 40, answeredFlows: 40, openerCount: 40 } }],
      also: ({ final }) => {
        expect(final[0]!.peers).toHaveLength(16);
        expect(final[0]!.evidence['openers']).toHaveLength(16);
      },
    },
    {
      name: 'more containers than are remembered, and says what it gave up',
      options: { max_subjects: 16 },
      events: Array.from({ length: 17 }, (_, i) =>
        opened(
          toDb(lan, {
            resp: container(`c${i}`, `172.30.0.${20 + i}`, { workload: workload(`c${i}`, ['data']) }),
          }),
        ),
      ),
      findings: Array.from({ length: 17 }, () => ({ message: 'routed' })),
      also: ({ losses }) => expect(losses).toMatchObject([{ where: 'internal-ingress.subjects', count: 1 }]),
    },
    {
      name: 'times of the clock as it was set',
      events: [
        ...whole(toDb(lan, { start: secs(0) })),
        setBack(10),
        ...whole(toDb(lan, { start: secs(20 + BACK) })),
      ],
      findings: [{ message: 'routed-answered', evidence: { flows: 2 } }],
      also: ({ final }) =>
        expect(final[0]!.evidence).toMatchObject({
          firstSeen: '2025-12-31T22:00:00.000000Z',
          lastSeen: '2025-12-31T22:00:20.001000Z',
        }),
    },
  ],
  silent: [
    {
      name: 'neighbours on the network',
      events: whole(toDb(container('api', '172.30.0.11', { workload: workload('api', ['data']) }))),
    },
    {
      name: 'an address of the subnet that nobody could name',
      events: whole(toDb(unattributed('172.30.0.77'))),
    },
    {
      name: 'a container that is on this network as well, by its other address',
      events: whole(toDb(container('api', '172.31.0.9', { workload: workload('api', ['front', 'data']) }))),
    },
    {
      name: 'what leaves the network',
      events: whole(flow({ network: internal, orig: at(db, 40_000), resp: at(outside, 443) })),
    },
    {
      name: 'an answer from outside to a question that the capture missed',
      events: whole(
        flow({
          network: internal,
          orig: at(outside, 443),
          resp: at(db, 40_000),
          history: 'H',
          coverage: 'started-midstream',
        }),
        { history: 'Hd' },
      ),
    },
    {
      name: 'a network that is not internal',
      events: whole(toDb(outside, { network: { ...internal, internal: false } })),
    },
    {
      name: 'neighbour discovery from the gateway',
      events: whole(
        flow({
          network: internal,
          orig: address('fe80::1', 'gateway'),
          resp: db6,
          protocol: 'icmp6',
          icmp: { type: 135, code: 0 },
        }),
      ),
    },
    {
      name: 'an ICMP error of a router',
      events: whole(
        flow({ network: internal, orig: outside, resp: db, protocol: 'icmp', icmp: { type: 3, code: 4 } }),
      ),
    },
    {
      name: "a container that forges the gateway's address: ip-spoof tells of it",
      events: whole(
        toDb({
          ...gateway,
          attribution: {
            method: 'gateway',
            confidence: 'ambiguous',
            reason: 'spoofed',
            candidates: ['shop/api'],
          },
        }),
      ),
    },
    {
      name: 'a network that is left alone',
      options: { ignore_networks: ['data'] },
      events: whole(toDb(outside)),
    },
    {
      name: 'the host until it is known that nobody is behind it',
      events: unanswered(toDb(gateway)).slice(0, 1),
    },
  ],
});
