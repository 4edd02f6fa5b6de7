import { expect } from 'vitest';
import publishedExposure from '../../analyzers/published-exposure.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { NatFact } from '../../src/model/nat.ts';
import type { Micros } from '../../src/model/time.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { type FiringCase, testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  answered,
  container,
  flow,
  network,
  secs,
  setBack,
  T0,
  workload,
} from '../support/records.ts';

const back = network({ name: 'back' });
const web = container('web', '172.30.0.10', { workload: workload('web', ['back']) });
const web6 = container('web', 'fd00:30::10', { workload: workload('web', ['back']) });
const gateway = address('172.30.0.1', 'gateway');
const outside = address('198.51.100.7', 'internet');
const lan = address('10.1.2.3', 'lan');
const HOUR = 3600;

const at = (end: Endpoint, port: number): Endpoint => ({ ...end, port });
const published = (fields: Partial<NatFact> = {}): NatFact => ({
  kind: 'published-port',
  method: 'conntrack',
  confidence: 'certain',
  published: { ip: '198.51.100.2', port: 8080 },
  ...fields,
});

function reach(
  client: Endpoint,
  port: number,
  fields: Partial<FlowRecord> = {},
  end?: Micros,
): AnalyzerEvent {
  const started = flow({
    network: back,
    orig: at(client, 50_000),
    resp: at(web, port),
    nat: published(),
    ...fields,
  });
  const history = fields.history === undefined ? {} : { history: fields.history };
  return { on: 'flow-answered', flow: answered(started, end ?? started.start + 1000, history) };
}

const from = (ip: string, country: string, asn: number): Endpoint =>
  address(ip, 'internet', { geo: { country, asn, asOrganization: `Net ${asn}` } });

function inventory(containerPorts: readonly number[]): AnalyzerEvent {
  return {
    on: 'inventory',
    networks: [back],
    published: containerPorts.map((containerPort) => ({
      workload: web.workload!,
      protocol: 'tcp',
      hostPort: containerPort,
      containerPort,
    })),
  };
}

const known: AnalyzerEvent = { on: 'inventory', networks: [back] };

testAnalyzer(publishedExposure, {
  fires: [
    {
      name: 'a web server that the Internet reaches, as low, with who and as what',
      events: [known, reach(outside, 80)],
      findings: [
        {
          message: 'from-internet',
          severity: 'low',
          confidence: 'certain',
          network: 'back',
          subject: at(web, 80),
          evidence: {
            port: 80,
            protocol: 'tcp',
            connections: 1,
            connectionsFromInternet: 1,
            clients: ['internet 198.51.100.7'],
            hostPorts: ['198.51.100.2:8080'],
          },
        },
      ],
    },
    {
      name: 'the same over IPv6',
      events: [known, reach(address('2001:db8::7', 'internet'), 80, { resp: at(web6, 80) })],
      findings: [{ message: 'from-internet', evidence: { clients: ['internet 2001:db8::7'] } }],
    },
    {
      name: 'a client of the LAN, as information',
      events: [known, reach(lan, 5432)],
      findings: [{ message: 'from-lan', severity: 'informational' }],
    },
    ...(
      [
        [2375, 'critical', 'Docker API'],
        [5432, 'high', 'PostgreSQL'],
        [445, 'high', 'SMB'],
        [22, 'medium', 'SSH'],
      ] as const
    ).map(
      ([port, severity, service]): FiringCase => ({
        name: `${service} that answers the Internet, as ${severity}`,
        events: [known, reach(outside, port)],
        findings: [{ message: 'sensitive-from-internet', severity, evidence: { service } }],
      }),
    ),
    {
      name: 'the LAN first and then the Internet, told at once',
      events: [known, reach(lan, 6379), reach(outside, 6379, { start: secs(5) })],
      findings: [{ message: 'sensitive-from-internet', severity: 'high', evidence: { connections: 2 } }],
      also: ({ findings }) =>
        expect(findings.map(({ message }) => message)).toEqual(['from-lan', 'sensitive-from-internet']),
    },
    {
      name: 'who is behind docker-proxy',
      events: [known, reach(gateway, 80, { nat: published({ kind: 'docker-proxy', client: outside }) })],
      findings: [{ message: 'from-internet', evidence: { clients: ['internet 198.51.100.7'] } }],
    },
    {
      name: 'a port that the inventory says is published, where the translation is not known',
      events: [inventory([80]), reach(outside, 80, { nat: undefined })],
      findings: [{ message: 'from-internet', confidence: 'medium' }],
      also: ({ final }) => expect(final[0]!.evidence).not.toHaveProperty('hostPorts'),
    },
    {
      name: 'a handshake from outside where nobody knows what is published',
      events: [known, reach(outside, 80, { nat: undefined })],
      findings: [{ message: 'from-internet', confidence: 'medium' }],
    },
    {
      name: 'a thousand clients, as one finding with a sample',
      events: [
        known,
        ...Array.from({ length: 1000 }, (_, i) =>
          reach(address(`198.51.${100 + (i >> 8)}.${i & 255}`, 'internet'), 443, { start: secs(i / 100) }),
        ),
      ],
      findings: [{ message: 'from-internet', evidence: { connections: 1000, clientCount: 256 } }],
      also: ({ final }) => {
        expect(final[0]!.evidence['clients']).toHaveLength(8);
        expect(final[0]!.peers).toHaveLength(8);
      },
    },
    {
      name: 'two ports of one container, as two findings',
      events: [known, reach(lan, 80), reach(lan, 443)],
      findings: [{ message: 'from-lan' }, { message: 'from-lan' }],
    },
    {
      name: 'a country that is new after the port has been known for a day',
      events: [
        known,
        reach(from('198.51.100.1', 'DE', 1), 80),
        reach(from('198.51.100.2', 'FR', 2), 80, { start: secs(24 * HOUR - 1) }, secs(24 * HOUR - 1)),
        reach(from('198.51.100.3', 'BR', 3), 80, { start: secs(25 * HOUR) }),
      ],
      findings: [
        // Quiet for so long, each of these was closed before the next.
        { message: 'from-internet' },
        { message: 'from-internet' },
        { message: 'from-internet', evidence: { countries: ['BR', 'DE', 'FR'] } },
        {
          message: 'new-origin',
          severity: 'low',
          evidence: { newCountries: ['BR'], newSystems: ['AS3 Net 3'], learnedHours: 24 },
        },
      ],
    },
    {
      name: 'no new country where the port has not been known for long enough',
      options: { learn_hours: 26 },
      events: [
        known,
        reach(from('198.51.100.1', 'DE', 1), 80),
        reach(from('198.51.100.3', 'BR', 3), 80, { start: secs(25 * HOUR) }),
      ],
      findings: [{ message: 'from-internet' }, { message: 'from-internet' }],
    },
    {
      name: 'no new network operator at a port that many use',
      options: { learn_hours: 1, few_systems: 2 },
      events: [
        known,
        ...[1, 2, 3].map((asn) => reach(from(`198.51.100.${asn}`, 'DE', asn), 80)),
        reach(from('198.51.100.9', 'DE', 9), 80, { start: secs(2 * HOUR) }),
      ],
      findings: [{ message: 'from-internet' }, { message: 'from-internet' }],
    },
    {
      name: 'a new network operator at a port that few use',
      options: { learn_hours: 1 },
      events: [
        known,
        reach(from('198.51.100.1', 'DE', 1), 80),
        reach(from('198.51.100.2', 'DE', 2), 80, { start: secs(2 * HOUR) }),
      ],
      findings: [
        { message: 'from-internet' },
        { message: 'from-internet' },
        { message: 'new-origin', evidence: { newSystems: ['AS2 Net 2'], newCountries: [] } },
      ],
    },
    {
      name: 'more connections in a second than are looked at, and says so',
      options: { max_flows_per_sec: 100 },
      events: [known, ...Array.from({ length: 150 }, () => reach(outside, 80))],
      findings: [{ message: 'from-internet', evidence: { connections: 100 } }],
      also: ({ losses }) => expect(losses).toMatchObject([{ where: 'published-exposure.flows', count: 50 }]),
    },
    {
      name: 'times of the clock as it was set',
      events: [known, reach(outside, 80), setBack(10), reach(outside, 80, { start: T0 - 7180 * 1_000_000 })],
      findings: [
        { message: 'from-internet', evidence: { connections: 2, firstSeen: '2025-12-31T22:00:00.001000Z' } },
      ],
    },
  ],
  silent: [
    { name: 'the host, at a published port', events: [known, reach(gateway, 80)] },
    {
      name: 'a neighbour through docker-proxy',
      events: [known, reach(gateway, 80, { nat: published({ kind: 'docker-proxy', client: web }) })],
    },
    {
      name: 'somebody behind a translation that nobody knows',
      events: [
        known,
        reach(gateway, 80, { nat: published({ kind: 'unknown', confidence: 'none', published: undefined }) }),
      ],
    },
    { name: 'a neighbour', events: [known, reach(container('api', '172.30.0.11'), 80)] },
    { name: 'a knock that is refused', events: [known, reach(outside, 80, { history: 'Sr' })] },
    {
      name: 'an unpublished port that is reached: isolation-bypass tells of it',
      events: [inventory([443]), reach(outside, 80, { nat: undefined })],
    },
    {
      name: 'an internal network: internal-ingress tells of it',
      events: [
        { on: 'inventory', networks: [{ ...back, internal: true }] },
        reach(outside, 80, { network: { ...back, internal: true } }),
      ],
    },
    {
      name: 'a datagram from a server outside that answers late',
      events: [
        known,
        reach(at(outside, 443), 50_000, { protocol: 'udp', nat: undefined, orig: at(outside, 443) }),
      ],
    },
  ],
});
