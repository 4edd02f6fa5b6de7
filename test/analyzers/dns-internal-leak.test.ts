import { expect } from 'vitest';
import dnsInternalLeak from '../../analyzers/dns-internal-leak.ts';
import type { DnsAnswer, DnsRecord } from '../../src/model/dns.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  container,
  flow,
  network,
  type QuestionFields,
  question,
  secs,
  unattributed,
  workload,
} from '../support/records.ts';

const internal = network({ name: 'data', internal: true });
const ordinary = network({ name: 'front', subnets: ['172.31.0.0/24'], gateways: ['172.31.0.1'] });
const onlyData = workload('db', ['data']);
const db = container('db', '172.30.0.10', { workload: onlyData });
const db6 = container('db', 'fd00:30::10', { workload: onlyData });
const both = container('api', '172.30.0.11', { workload: workload('api', ['data', 'front']) });
const engine = address('127.0.0.11', 'engine', { port: 53 });
const gateway = address('172.30.0.1', 'gateway', { port: 53 });
const resolver = container('dns', '172.30.0.5', { workload: workload('dns', ['data', 'front']), port: 53 });
const outside = address('198.51.100.53', 'internet', { port: 53 });

const DATA = [{ name: 'data', internal: true }];

function answers(name: string, ...data: readonly (readonly [type: string, data: string])[]): DnsAnswer[] {
  return data.map(([type, text]) => ({ name, type, ttl: 60, bytes: text.length, data: text }));
}

/** Seen in the container's own namespace, answered by the embedded resolver after 12 ms. */
function viaEngine(
  name: string,
  fields: Partial<QuestionFields> = {},
  ...data: readonly (readonly [type: string, data: string])[]
): AnalyzerEvent {
  const record: DnsRecord = question({
    labels: name.split('.'),
    client: db,
    server: engine,
    vantage: 'container',
    interface: 'lo',
    networks: DATA,
    rcode: 'NOERROR',
    rtt: 12_000,
    answers: answers(name, ...data),
    ...fields,
  });
  return { on: 'dns', record };
}

/** The same across a bridge. */
function viaBridge(
  name: string,
  fields: Partial<QuestionFields> = {},
  ...data: readonly (readonly [type: string, data: string])[]
): AnalyzerEvent {
  const onBridge = { vantage: 'bridge', networks: undefined, network: internal, server: gateway } as const;
  return viaEngine(name, { ...onBridge, ...fields }, ...data);
}

const A = ['A', '198.51.100.7'] as const;
const AAAA = ['AAAA', '2001:db8::7'] as const;

testAnalyzer(dnsInternalLeak, {
  fires: [
    {
      name: 'an outside name that the engine answered, with what to do',
      events: [viaEngine('www.example.com', {}, A)],
      findings: [
        {
          message: 'engine',
          severity: 'medium',
          confidence: 'certain',
          network: 'data',
          evidence: {
            path: 'engine',
            networks: ['data'],
            names: ['www.example.com'],
            answers: ['A 198.51.100.7'],
            answered: 1,
            nameErrors: 0,
            roundTripMs: 12,
          },
        },
      ],
      also: ({ final }) => expect(final[0]!.explanation).toContain('Engines 23.0.11, 25.0.5, 26.0 and later'),
    },
    {
      name: 'an IPv6 answer to a container that has an IPv6 address',
      events: [viaEngine('www.example.com', { client: db6, qtype: 'AAAA' }, AAAA)],
      findings: [{ message: 'engine', evidence: { answers: ['AAAA 2001:db8::7'] } }],
    },
    {
      name: 'an answer that carries data, graver, without any address',
      events: [viaEngine('x1.t.example.com', { qtype: 'TXT' }, ['TXT', '"aGVsbG8"'])],
      findings: [{ message: 'engine', severity: 'high', evidence: { dataTypes: ['TXT'] } }],
    },
    {
      name: 'two internal networks, as one',
      events: [viaEngine('www.example.com', { networks: [...DATA, { name: 'logs', internal: true }] }, A)],
      findings: [{ message: 'engine', network: 'data, logs' }],
    },
    {
      name: 'many names of one container as one finding with totals',
      events: Array.from({ length: 300 }, (_, i) => viaEngine(`n${i}.example.com`, { time: secs(i) }, A)),
      findings: [
        {
          message: 'engine',
          evidence: { answered: 300, nameCount: 256, zoneCount: 1, zones: ['example.com'] },
        },
      ],
    },
    {
      name: 'a resolver behind the gateway address',
      events: [viaBridge('www.example.com', {}, A)],
      findings: [{ message: 'host-resolver', severity: 'medium', evidence: { path: 'host' } }],
    },
    {
      name: 'a resolver of the host that the engine asks for the container',
      events: [
        viaEngine(
          'www.example.com',
          { upstream: { server: gateway, network: 'data', interface: 'br-1', rtt: 900 } },
          A,
        ),
      ],
      findings: [{ message: 'host-resolver', evidence: { path: 'host', upstream: 'gateway 172.30.0.1' } }],
    },
    {
      name: 'a container that forwards, as low',
      events: [viaBridge('www.example.com', { server: resolver }, A)],
      findings: [{ message: 'forwarder', severity: 'low', peers: [resolver] }],
    },
    {
      name: 'a container that forwards, which the engine asked',
      events: [
        viaEngine(
          'www.example.com',
          { upstream: { server: resolver, network: 'data', interface: 'br-1', rtt: 900 } },
          A,
        ),
      ],
      findings: [{ message: 'forwarder', severity: 'low', peers: [resolver] }],
    },
    {
      name: 'an address that nobody could name, with less confidence: it may have other networks',
      events: [viaBridge('www.example.com', { client: unattributed('172.30.0.77') }, A)],
      findings: [{ message: 'host-resolver', confidence: 'medium', evidence: { networksKnown: false } }],
    },
    {
      name: 'a container of two networks once both are known to be internal',
      events: [
        {
          on: 'flow-start',
          flow: flow({ orig: db, resp: db, network: network({ name: 'front', internal: true }) }),
        },
        viaBridge('www.example.com', { client: both }, A),
      ],
      findings: [{ message: 'host-resolver', network: 'data, front' }],
    },
    {
      name: 'a chain to an outside address',
      events: [viaEngine('www.example.com', {}, ['CNAME', 'cdn.example.net'], A)],
      findings: [
        {
          message: 'engine',
          severity: 'medium',
          evidence: { answers: ['CNAME cdn.example.net', 'A 198.51.100.7'] },
        },
      ],
    },
    {
      name: 'NXDOMAIN that an upstream was seen to give',
      events: [
        viaEngine('x.example.com', {
          rcode: 'NXDOMAIN',
          upstream: { server: outside, interface: 'br-1', rtt: 9000 },
        }),
      ],
      findings: [{ message: 'question-left', severity: 'low', confidence: 'high' }],
    },
    {
      name: 'NXDOMAIN that took 2 ms, with less confidence',
      events: [viaEngine('x.example.com', { rcode: 'NXDOMAIN', rtt: 2000 })],
      findings: [{ message: 'question-left', severity: 'low', confidence: 'medium' }],
    },
    {
      name: 'NXDOMAIN within 2 ms, with the least',
      events: [viaEngine('x.example.com', { rcode: 'NXDOMAIN', rtt: 1999 })],
      findings: [{ message: 'question-left', severity: 'low', confidence: 'low' }],
    },
    {
      name: 'a question that left and then one that was answered: the same finding, graver, with the proof alone',
      events: [
        viaEngine('x.example.com', { rcode: 'NXDOMAIN' }),
        viaEngine('www.example.com', { time: secs(1) }, A),
        viaEngine('y.example.com', { time: secs(2), rcode: 'NXDOMAIN' }),
      ],
      findings: [
        {
          message: 'engine',
          severity: 'medium',
          evidence: { names: ['www.example.com'], answered: 1, nameErrors: 2 },
        },
      ],
    },
    {
      name: 'a clock that is set back between two answers: one finding, with the time that has passed',
      events: [
        viaEngine('www.example.com', {}, A),
        { on: 'clock-set', step: { from: secs(10), to: secs(-7190) } },
        viaEngine('www.example.org', { time: secs(-7185) }, A),
      ],
      findings: [
        {
          message: 'engine',
          evidence: {
            answered: 2,
            firstAnswer: '2025-12-31T22:00:00.000000Z',
            lastAnswer: '2025-12-31T22:00:15.000000Z',
          },
        },
      ],
    },
    {
      name: 'hostile bytes in a name, escaped',
      events: [viaEngine('\u001b[31mx.example.com', { labels: ['\u001b[31mx', 'example', 'com'] }, A)],
      findings: [{ message: 'engine', evidence: { names: ['\\027[31mx.example.com'] } }],
    },
  ],
  silent: [
    silent(
      'a container that has an ordinary network too',
      viaEngine('www.example.com', { networks: [...DATA, { name: 'front', internal: false }] }, A),
    ),
    silent('a container without any network', viaEngine('www.example.com', { networks: [] }, A)),
    silent('an ordinary network', viaBridge('www.example.com', { network: ordinary }, A)),
    silent(
      'a container of two networks, of which one is not known',
      viaBridge('www.example.com', { client: both }, A),
    ),
    silent(
      'a container of two networks, of which one is ordinary',
      { on: 'flow-start', flow: flow({ orig: db, resp: db, network: ordinary }) },
      viaBridge('www.example.com', { client: both }, A),
    ),
    silent('a service name', viaEngine('web', {}, ['A', '172.30.0.11'])),
    silent(
      'a container and network name that look like a registered domain',
      viaEngine('web.shop.app', {}, ['A', '172.30.0.11']),
    ),
    silent(
      'an alias that is an outside name, with the address of a neighbour',
      viaEngine('api.example.com', {}, ['A', '172.30.0.11']),
    ),
    silent(
      'the same on an internal network that was given global addresses',
      {
        on: 'flow-start',
        flow: flow({
          orig: db,
          resp: db,
          network: network({ name: 'data', internal: true, subnets: ['2001:db8::/64'] }),
        }),
      },
      viaEngine('api.example.com', { qtype: 'AAAA' }, AAAA),
    ),
    silent('the other address family of an alias', viaEngine('api.example.com', { qtype: 'AAAA' })),
    silent(
      'the name of an own address',
      viaEngine('10.0.30.172.in-addr.arpa', { qtype: 'PTR' }, ['PTR', 'db.data']),
    ),
    silent(
      'a Swarm service record',
      viaEngine('_http._tcp.web.example.com', { qtype: 'SRV' }, ['SRV', '0 0 80 web']),
    ),
    silent(
      'SERVFAIL, which the engine gives for what it may not forward',
      viaEngine('www.example.com', { rcode: 'SERVFAIL' }),
    ),
    silent('no answer', viaEngine('www.example.com', { rcode: undefined, rtt: undefined })),
    silent(
      'an answer without its question, which anybody may send',
      viaBridge('www.example.com', { rtt: undefined }, A),
    ),
    silent(
      'a zone of the operator that leads inside',
      viaEngine('git.example.com', {}, ['CNAME', 'git.int.example.com'], ['A', '10.0.0.5']),
    ),
    silent('a name of a private top level', viaEngine('nas.lan', {}, A)),
    silent('mDNS', viaBridge('printer.example.com', { protocol: 'mdns' }, A)),
    silent(
      'an answer from a server outside, which internal-egress tells',
      viaBridge('www.example.com', { server: outside }, A),
    ),
    silent(
      'a question of the host to a resolver in a container',
      viaBridge('www.example.com', { client: gateway, server: resolver }, A),
    ),
    silent(
      'NXDOMAIN from a resolver in a container',
      viaBridge('x.example.com', { server: resolver, rcode: 'NXDOMAIN' }),
    ),
    silent(
      'a question in a name that the sender does not have',
      viaBridge(
        'www.example.com',
        {
          client: {
            ...db,
            mac: '02:00:00:00:00:99',
            attribution: { method: 'ip@time', confidence: 'likely' },
          },
        },
        A,
      ),
    ),
    {
      name: 'an ignored network',
      options: { ignore_networks: ['data'] },
      events: [viaEngine('www.example.com', {}, A)],
    },
    {
      name: 'an own zone',
      options: { own_zones: ['example.com'] },
      events: [viaEngine('www.example.com', {}, A)],
    },
  ],
});
