import { expect } from 'vitest';
import hostServiceAccess from '../../analyzers/host-service-access.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
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

const back = network({ name: 'back' });
const app = container('app', '172.30.0.10', { workload: workload('app', ['back']) });
const app6 = container('app', 'fd00:30::10', { workload: workload('app', ['back']) });
const db = workload('db', ['other']);
const gateway = address('172.30.0.1', 'gateway');
const host = address('198.51.100.2', 'host');

const at = (end: Endpoint, port: number): Endpoint => ({ ...end, port });
const toHost = (port: number, fields: Partial<FlowRecord> = {}) =>
  flow({ network: back, orig: at(app, 40_000), resp: at(gateway, port), ...fields });

/** The host's ports that lead to containers. */
function inventory(hostPorts: readonly number[]): AnalyzerEvent {
  return {
    on: 'inventory',
    networks: [back],
    published: [
      { workload: app.workload!, protocol: 'tcp', hostPort: 65_000, containerPort: 65_000 },
      ...hostPorts.map((hostPort) => ({ workload: db, protocol: 'tcp', hostPort, containerPort: 5432 })),
    ],
  };
}
const known = inventory([]);
const portsUnknown: AnalyzerEvent = { on: 'inventory', networks: [back] };

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

testAnalyzer(hostServiceAccess, {
  fires: [
    {
      name: 'Prometheus at node_exporter on the host, as low',
      events: [known, ...whole(toHost(9100, { service: 'http' }))],
      findings: [
        {
          message: 'service',
          severity: 'low',
          confidence: 'certain',
          network: 'back',
          subject: at(app, 40_000),
          peers: [at(gateway, 9100)],
          evidence: {
            services: ['http'],
            targets: ['172.30.0.1:9100/tcp'],
            answeredFlows: 1,
            portsKnown: true,
          },
        },
      ],
    },
    {
      name: 'a reverse proxy at a web server on the host by another address of the host, as low',
      events: [known, ...whole(toHost(8123, { resp: at(host, 8123) }))],
      findings: [{ message: 'service', severity: 'low', evidence: { services: ['8123/tcp'] } }],
    },
    {
      name: 'time and logs at the host, as one low finding',
      events: [
        known,
        ...whole(toHost(123, { protocol: 'udp', portHint: 'ntp' })),
        ...unanswered(toHost(514, { protocol: 'udp', portHint: 'syslog' })),
      ],
      findings: [
        { message: 'service', severity: 'low', evidence: { services: ['ntp', 'syslog'], flows: 2 } },
      ],
    },
    ...(
      [
        [22, 'high', 'SSH'],
        [2375, 'low', 'Docker API'],
        [10_250, 'high', 'kubelet'],
        [5432, 'medium', 'PostgreSQL'],
        [445, 'medium', 'SMB'],
      ] as const
    ).map(
      ([port, severity, service]): FiringCase => ({
        name: `${service} of the host that answers, at once as ${severity}`,
        events: [known, ...whole(toHost(port)).slice(0, 2)],
        findings: [
          {
            message: 'sensitive-answered',
            severity,
            confidence: 'certain',
            evidence: { services: [service] },
          },
        ],
      }),
    ),
    {
      name: 'the same over IPv6',
      events: [
        known,
        ...whole(toHost(22, { orig: at(app6, 40_000), resp: at(address('fd00:30::1', 'gateway'), 22) })),
      ],
      findings: [
        { message: 'sensitive-answered', severity: 'high', evidence: { targets: ['[fd00:30::1]:22/tcp'] } },
      ],
    },
    {
      name: 'one that refuses, as low',
      events: [known, ...whole(toHost(22), { history: 'Sr', connState: 'REJ' })],
      findings: [{ message: 'sensitive-tried', severity: 'low', evidence: { refusedFlows: 1 } }],
    },
    {
      name: 'one that does not answer, as low',
      events: [known, ...unanswered(toHost(22))],
      findings: [{ message: 'sensitive-tried', severity: 'low', evidence: { answeredFlows: 0 } }],
    },
    {
      name: 'several that are tried and one that answers: one finding, as grave as that one',
      events: [
        known,
        ...whole(toHost(2375), { history: 'Sr', connState: 'REJ' }),
        ...whole(toHost(5432)),
        ...whole(toHost(22), { history: 'Sr', connState: 'REJ' }),
      ],
      findings: [
        {
          message: 'sensitive-answered',
          severity: 'medium',
          evidence: {
            flows: 3,
            answeredFlows: 1,
            refusedFlows: 2,
            answeredTargets: ['172.30.0.1:5432/tcp'],
            services: ['Docker API', 'PostgreSQL', 'SSH'],
            answeredServices: ['PostgreSQL'],
          },
        },
      ],
    },
    {
      name: 'a sensitive port where nobody told which are published: a step milder, with doubt, when it ends',
      events: [portsUnknown, ...whole(toHost(22)), ...whole(toHost(5432, { orig: at(app6, 1) }))],
      findings: [{ message: 'sensitive-answered', severity: 'medium', confidence: 'medium' }],
    },
    {
      name: 'a database where nobody told which ports are published, as low',
      events: [portsUnknown, ...whole(toHost(5432))],
      findings: [{ message: 'sensitive-answered', severity: 'low', evidence: { portsKnown: false } }],
    },
    {
      name: "a container on the host's network, whose service is no secret of the host, as low",
      events: [
        known,
        ...whole(toHost(5432, { resp: { ...at(gateway, 5432), workload: workload('ha', []) } })),
      ],
      findings: [{ message: 'service', severity: 'low' }],
    },
    {
      name: 'a sender that nobody could name, with little confidence',
      events: [known, ...whole(toHost(22, { orig: at(unattributed('172.30.0.77'), 1) }))],
      findings: [{ message: 'sensitive-answered', confidence: 'low' }],
    },
    {
      name: 'a scan of three hundred ports of the host, as one finding with a sample and one for the sensitive',
      events: [
        known,
        ...Array.from({ length: 300 }, (_, i) =>
          whole(toHost(i + 1, { start: secs(i / 10) }), { history: 'Sr', connState: 'REJ' }),
        ).flat(),
      ],
      findings: [
        { message: 'service', severity: 'low' },
        { message: 'sensitive-tried', severity: 'low' },
      ],
      also: ({ final }) => {
        expect(final[0]!.evidence['targets']).toHaveLength(16);
        expect(final[0]!.evidence['services']).toHaveLength(16);
      },
    },
    {
      name: 'more containers than are remembered, and says what it gave up',
      options: { max_clients: 16 },
      events: [
        known,
        ...Array.from({ length: 33 }, (_, i) =>
          unanswered(
            toHost(80, {
              orig: container(`c${i}`, `172.30.0.${i + 20}`, { workload: workload(`c${i}`, ['back']) }),
            }),
          ),
        ).flat(),
      ],
      findings: Array.from({ length: 33 }, () => ({ message: 'service' })),
      also: ({ losses }) =>
        expect(losses).toMatchObject([
          { where: 'host-service-access.clients', count: 1 },
          { where: 'host-service-access.services', count: 1 },
        ]),
    },
    {
      name: 'times of the clock as it was set',
      events: [known, ...whole(toHost(22)), setBack(10), ...whole(toHost(22, { start: secs(20 + BACK) }))],
      findings: [
        { message: 'sensitive-answered', evidence: { flows: 2, firstSeen: '2025-12-31T22:00:00.001000Z' } },
      ],
    },
  ],
  silent: [
    {
      name: 'a database that is published to the host: it is a container',
      events: [inventory([5432]), ...whole(toHost(5432)), ...whole(toHost(5432, { resp: at(host, 5432) }))],
    },
    {
      name: 'a port that docker-proxy turns out to hold when its handshake is over',
      events: [
        portsUnknown,
        ...whole(
          toHost(5432),
          {},
          { nat: { kind: 'docker-proxy', method: 'docker-proxy', confidence: 'likely' } },
        ),
      ],
    },
    {
      name: 'the resolver that the engine gave it',
      events: [
        known,
        ...whole(
          toHost(53, {
            protocol: 'udp',
            orig: { ...at(app, 1), workload: { ...app.workload!, resolvers: ['172.30.0.1'] } },
          }),
        ),
      ],
    },
    {
      name: 'a lease of an address',
      events: [known, ...whole(toHost(67, { protocol: 'udp' }))],
    },
    {
      name: 'a ping, which reaches no service',
      events: [
        known,
        ...whole(
          flow({ network: back, orig: app, resp: gateway, protocol: 'icmp', icmp: { type: 8, code: 0 } }),
        ),
      ],
    },
    {
      name: 'an internal network: internal-egress tells of it',
      events: [
        { on: 'inventory', networks: [{ ...back, internal: true }] },
        ...whole(toHost(22, { network: { ...back, internal: true } })),
      ],
    },
    {
      name: 'what the host asks of a container',
      events: [known, ...whole(flow({ network: back, orig: at(gateway, 40_000), resp: at(app, 80) }))],
    },
    {
      name: 'an answer to the host that the capture begins with',
      events: [
        known,
        ...whole(
          flow({
            network: back,
            orig: at(app, 80),
            resp: at(gateway, 40_000),
            history: 'H',
            coverage: 'started-midstream',
          }),
          { history: 'Hd' },
        ),
      ],
    },
    {
      name: 'the Internet',
      events: [known, ...whole(toHost(22, { resp: at(address('198.51.100.9', 'internet'), 22) }))],
    },
    {
      name: 'a port that every container may use',
      options: { ignore_ports: [22] },
      events: [known, ...whole(toHost(22))],
    },
    {
      name: "a container that forges the gateway's address: ip-spoof tells of it",
      events: [
        known,
        ...whole(
          toHost(22, {
            resp: {
              ...at(gateway, 22),
              attribution: {
                method: 'gateway',
                confidence: 'ambiguous',
                reason: 'spoofed',
                candidates: ['x'],
              },
            },
          }),
        ),
      ],
    },
  ],
});
