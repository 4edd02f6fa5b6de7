import { expect } from 'vitest';
import isolationBypass from '../../analyzers/isolation-bypass.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { NatFact } from '../../src/model/nat.ts';
import type { Network } from '../../src/model/network.ts';
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

const front = network({
  name: 'front',
  subnets: ['172.31.0.0/24', 'fd00:31::/64'],
  gateways: ['172.31.0.1', 'fd00:31::1'],
});
const back = network({ name: 'back' });
const web = container('web', '172.31.0.3', { workload: workload('web', ['front']) });
const web6 = container('web', 'fd00:31::3', { workload: workload('web', ['front']) });
const db = container('db', '172.30.0.10', { workload: workload('db', ['back']) });
const db6 = container('db', 'fd00:30::10', { workload: workload('db', ['back']) });
const outside = address('198.51.100.7', 'internet');
const lan = address('10.1.2.3', 'lan');

const at = (end: Endpoint, port: number): Endpoint => ({ ...end, port });
/** As the client's bridge shows it. */
const crossing = (fields: Partial<FlowRecord> = {}) =>
  flow({ network: front, orig: at(web, 50_000), resp: at(db, 5432), ...fields });
const fromOutside = (orig: Endpoint, fields: Partial<FlowRecord> = {}) =>
  flow({ network: back, orig: at(orig, 50_000), resp: at(db, 5432), ...fields });

/** Both networks are known, and of ports these. */
function inventory(ports: readonly number[] | undefined, ...more: Network[]): AnalyzerEvent {
  return {
    on: 'inventory',
    networks: [front, back, ...more],
    ...(ports === undefined
      ? {}
      : {
          published: ports.map((containerPort) => ({
            workload: db.workload!,
            protocol: 'tcp',
            hostPort: containerPort,
            containerPort,
          })),
        }),
  };
}
const nothingPublished = inventory([]);
const portsUnknown: AnalyzerEvent = { on: 'inventory', networks: [front, back] };

function whole(started: FlowRecord, answer: Partial<FlowRecord> = {}, atEnd: Partial<FlowRecord> = {}) {
  const spoken = answered(started, started.start + 1000, answer);
  return [
    { on: 'flow-start', flow: started },
    { on: 'flow-answered', flow: spoken },
    { on: 'flow-end', flow: { ...spoken, end: started.start + 2000, reason: 'closed', ...atEnd } },
  ] satisfies AnalyzerEvent[];
}

function unanswered(started: FlowRecord): AnalyzerEvent[] {
  return [
    { on: 'flow-start', flow: started },
    { on: 'flow-end', flow: { ...started, end: started.start + 2000, reason: 'idle' } },
  ];
}

const nat = (kind: NatFact['kind'], fields: Partial<NatFact> = {}): NatFact => ({
  kind,
  method: 'conntrack',
  confidence: 'certain',
  ...fields,
});
const option = (name: string, value: string): Network => ({
  ...back,
  options: { [`com.docker.network.bridge.${name}`]: value },
});

testAnalyzer(isolationBypass, {
  fires: [
    {
      name: 'an attempt that stays without answer, as low and at its first packet',
      events: [nothingPublished, { on: 'flow-start', flow: crossing() }],
      findings: [
        {
          message: 'attempted',
          severity: 'low',
          confidence: 'certain',
          network: 'front',
          subject: at(web, 50_000),
          evidence: { targetNetwork: 'back', flows: 1, answeredFlows: 0, unpublished: true },
        },
      ],
    },
    {
      name: 'an unpublished port that answers, at once as high',
      events: [nothingPublished, ...whole(crossing()).slice(0, 2)],
      findings: [
        {
          message: 'reached',
          severity: 'high',
          confidence: 'certain',
          evidence: { answeredTargets: ['shop/db 172.30.0.10:5432/tcp'], flows: 1, unpublished: true },
        },
      ],
    },
    {
      name: 'the same over IPv6',
      events: [nothingPublished, ...whole(crossing({ orig: at(web6, 50_000), resp: at(db6, 5432) }))],
      findings: [
        { message: 'reached', severity: 'high', evidence: { targets: ['shop/db [fd00:30::10]:5432/tcp'] } },
      ],
    },
    {
      name: 'a connection of which only the source is rewritten, though its port is published too',
      events: [inventory([5432]), ...whole(crossing({ nat: nat('masquerade') }))],
      findings: [{ message: 'reached', severity: 'high', evidence: { unpublished: true } }],
    },
    {
      name: "the client's own address on the bridge of the target: no published port looks so",
      events: [inventory([5432]), ...whole(crossing({ network: back }))],
      findings: [{ message: 'reached', severity: 'high', evidence: { unpublished: true } }],
    },
    {
      name: 'one connection that both bridges show, counted once',
      events: [nothingPublished, ...whole(crossing()), ...whole(crossing({ network: back }))],
      findings: [{ message: 'reached', evidence: { flows: 1, answeredFlows: 1, bytes: 60 } }],
    },
    {
      name: 'an answer where nobody knows what is published: when it ends, as medium and with doubt',
      events: [portsUnknown, ...whole(crossing())],
      findings: [
        { message: 'answered', severity: 'medium', confidence: 'medium', evidence: { unpublished: false } },
      ],
      also: ({ findings }) =>
        expect(findings.map(({ message }) => message)).toEqual(['attempted', 'answered']),
    },
    {
      name: 'an answer with doubt, and then one without: graver at once',
      events: [portsUnknown, ...whole(crossing()), ...whole(crossing({ network: back }))],
      findings: [{ message: 'reached', severity: 'high', confidence: 'certain' }],
    },
    {
      name: 'a refusal, as an attempt: a firewall may have written it',
      events: [nothingPublished, ...whole(crossing(), { history: 'Sr', connState: 'REJ' })],
      findings: [{ message: 'attempted', severity: 'low', evidence: { refusedFlows: 1 } }],
    },
    {
      name: 'an address of the other network that nobody holds',
      events: [nothingPublished, ...unanswered(crossing({ resp: at(unattributed('172.30.0.99'), 80) }))],
      findings: [{ message: 'attempted', evidence: { targets: ['172.30.0.99:80/tcp'] } }],
    },
    {
      name: 'a sender that nobody could name, and names nobody',
      events: [nothingPublished, ...whole(crossing({ orig: at(unattributed('172.31.0.77'), 50_000) }))],
      findings: [{ message: 'reached', confidence: 'low', subject: at(unattributed('172.31.0.77'), 50_000) }],
    },
    {
      name: 'a proxy that takes the wrong address of a service that it shares a network with, as low',
      events: [
        nothingPublished,
        ...whole(
          crossing({
            resp: at(container('app', '172.30.0.11', { workload: workload('app', ['back', 'front']) }), 8080),
          }),
        ),
      ],
      findings: [{ message: 'shared-network', severity: 'low' }],
    },
    {
      name: 'what arrives on an internal network, as low: internal-ingress tells of it',
      events: [inventory([], { ...back, internal: true }), ...whole(crossing())],
      findings: [{ message: 'reached', severity: 'low' }],
    },
    ...['routed', 'nat-unprotected'].map(
      (mode): FiringCase => ({
        name: `a network whose gateway mode is ${mode}, as low`,
        events: [inventory([], option('gateway_mode_ipv4', mode)), ...whole(crossing())],
        findings: [
          {
            message: 'reached',
            severity: 'low',
            evidence: { openedBy: `gateway mode ${mode}` },
          },
        ],
      }),
    ),
    {
      name: 'a network that is opened for the other family only, as high',
      events: [inventory([], option('gateway_mode_ipv6', 'routed')), ...whole(crossing())],
      findings: [{ message: 'reached', severity: 'high' }],
    },
    ...[outside, lan].map(
      (who): FiringCase => ({
        name: `an unpublished port that answers the ${who.scope} by the container's own address`,
        events: [inventory([80]), ...whole(fromOutside(who))],
        findings: [
          {
            message: 'reached-from-outside',
            severity: 'high',
            subject: at(db, 5432),
            peers: [at(who, 50_000)],
            evidence: { targetNetwork: 'back', answeredFlows: 1 },
          },
        ],
      }),
    ),
    {
      name: 'two hundred targets of one container, as one finding with a sample',
      events: [
        nothingPublished,
        ...Array.from({ length: 200 }, (_, i) =>
          unanswered(crossing({ start: secs(i / 10), resp: at(unattributed(`172.30.0.${i + 20}`), 80) })),
        ).flat(),
      ],
      findings: [{ message: 'attempted', severity: 'low', evidence: { flows: 200, targetCount: 64 } }],
      also: ({ final }) => expect(final[0]!.evidence['targets']).toHaveLength(16),
    },
    {
      name: 'more pairs than are remembered, and says what it gave up',
      options: { max_pairs: 16 },
      events: [
        nothingPublished,
        ...Array.from({ length: 17 }, (_, i) =>
          unanswered(
            crossing({
              orig: container(`c${i}`, `172.31.0.${i + 20}`, { workload: workload(`c${i}`, ['front']) }),
            }),
          ),
        ).flat(),
      ],
      findings: Array.from({ length: 17 }, () => ({ message: 'attempted' })),
      also: ({ losses }) => expect(losses).toMatchObject([{ where: 'isolation-bypass.pairs', count: 1 }]),
    },
    {
      name: 'times of the clock as it was set',
      events: [
        nothingPublished,
        ...unanswered(crossing()),
        setBack(10),
        ...unanswered(crossing({ start: secs(20 + BACK) })),
      ],
      findings: [{ message: 'attempted', evidence: { flows: 2, firstSeen: '2025-12-31T22:00:00.000000Z' } }],
    },
  ],
  silent: [
    ...(['published-port', 'hairpin', 'docker-proxy', 'unknown'] as const).map((kind) => ({
      name: `a published port of another network, unfolded as ${kind}`,
      events: [inventory([5432]), ...whole(crossing({ nat: nat(kind) }))],
    })),
    {
      name: 'an answer whose translation becomes known when it ends',
      events: [inventory([5432]), ...whole(crossing(), {}, { nat: nat('published-port') }).slice(1)],
    },
    {
      name: 'neighbours on one network',
      events: [
        nothingPublished,
        ...whole(crossing({ network: back, orig: container('api', '172.30.0.11') })),
      ],
    },
    {
      name: 'what leaves an internal network: internal-egress tells of it',
      events: [
        inventory([], { ...front, internal: true }),
        ...whole(crossing({ network: { ...front, internal: true } })),
      ],
    },
    {
      name: 'the gateway of another network, which is the host',
      events: [nothingPublished, ...whole(crossing({ resp: at(address('172.30.0.1', 'host'), 22) }))],
    },
    {
      name: 'the host, which reaches every container',
      events: [
        nothingPublished,
        ...whole(fromOutside(address('172.30.0.1', 'gateway'))),
        ...whole(fromOutside(address('172.31.0.1', 'host'))),
      ],
    },
    {
      name: "a container on both that speaks with its other network's address",
      events: [
        nothingPublished,
        ...whole(
          crossing({
            network: back,
            orig: container('proxy', '172.31.0.9', { workload: workload('proxy', ['front', 'back']) }),
          }),
        ),
      ],
    },
    {
      name: 'a published port that is reached from outside',
      events: [inventory([5432]), ...whole(fromOutside(lan))],
    },
    {
      name: 'a port from outside where nobody knows what is published',
      events: [portsUnknown, ...whole(fromOutside(lan))],
    },
    {
      name: 'a knock from outside that is not answered, or refused',
      events: [
        nothingPublished,
        ...unanswered(fromOutside(lan)),
        ...whole(fromOutside(outside), { history: 'Sr', connState: 'REJ' }),
      ],
    },
    {
      name: 'a late datagram of a server outside',
      events: [
        nothingPublished,
        ...whole(fromOutside(outside, { orig: at(outside, 443), resp: at(db, 50_000), protocol: 'udp' })),
      ],
    },
    {
      name: 'an answer from the other network to a question that the capture missed',
      events: [
        nothingPublished,
        ...whole(
          crossing({ orig: at(web, 80), resp: at(db, 50_000), history: 'H', coverage: 'started-midstream' }),
          { history: 'Hd' },
        ),
      ],
    },
    {
      name: 'a LAN that a macvlan network shares',
      events: [nothingPublished, ...whole(flow({ network: front, orig: at(web, 1), resp: at(lan, 80) }))],
    },
  ],
});
