import { describe, expect, it } from 'vitest';
import dnsBypass from '../../analyzers/dns-bypass.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { AnalyzerRunner } from '../../src/sensor/analysis/runner.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  answered,
  askEvent,
  container,
  flow,
  lookUp,
  network,
  type QuestionFields,
  secs,
  T0,
  unattributed,
  workload,
} from '../support/records.ts';

const RESOLVERS = ['127.0.0.11', '198.51.100.53', '2001:db8::53'];
const app = container('app', '172.30.0.10', {
  workload: workload('app', ['back'], { resolvers: RESOLVERS }),
});
const app6 = { ...app, ip: 'fd00:30::10' };
const unknowing = container('app', '172.30.0.10');
const given = address('198.51.100.53', 'internet', { port: 53 });
const other = address('198.51.100.66', 'internet', { port: 53 });
const other6 = address('2001:db8::66', 'internet', { port: 53 });
const engine = address('127.0.0.11', 'engine', { port: 53 });
const cloudflare = '1.1.1.1';
const google6 = '2001:4860:4860::8888';
const web = (port: number, ip = '198.51.100.7', names: readonly string[] = []) =>
  address(ip, 'internet', { port, names });

function ask(fields: Partial<QuestionFields> = {}): AnalyzerEvent {
  return askEvent({ labels: ['www', 'example', 'com'], client: app, server: other, ...fields });
}

function whole(
  fields: Partial<FlowRecord> & Pick<FlowRecord, 'resp'>,
  end: Partial<FlowRecord> = {},
): AnalyzerEvent[] {
  const started = flow({ orig: { ...app, port: 40000 }, ...fields });
  const spoken = answered(started, started.start + 1000);
  return [
    { on: 'flow-start', flow: started },
    { on: 'flow-answered', flow: spoken },
    { on: 'flow-end', flow: { ...spoken, end: started.start + 2000, reason: 'closed', ...end } },
  ];
}

testAnalyzer(dnsBypass, {
  fires: [
    {
      name: 'a plain question to a resolver that it was not given, with all that one question tells',
      events: [ask()],
      findings: [
        {
          message: 'plain',
          severity: 'low',
          confidence: 'certain',
          firstSeen: T0,
          evidence: {
            servers: ['198.51.100.66'],
            answeredServers: [],
            transports: ['udp'],
            configured: RESOLVERS,
            questions: 1,
            sampleNames: ['www.example.com'],
            reasons: [],
            firstSign: '2026-01-01T00:00:00.000000Z',
          },
        },
      ],
      also: ({ final }) =>
        expect(final[0]!.explanation).toBe(
          'shop/app asked 198.51.100.66 for names by plain DNS (questions: 1, such as www.example.com), though it was given 127.0.0.11, 198.51.100.53, 2001:db8::53 to ask: whoever filters or logs DNS there misses them. Block port 53 to others, or name the server in `resolvers`.',
        ),
    },
    {
      name: 'the same over IPv6 and TCP',
      events: [ask({ client: app6, server: other6, transport: 'tcp' })],
      findings: [{ message: 'plain', evidence: { servers: ['2001:db8::66'], transports: ['tcp'] } }],
    },
    {
      name: 'a resolver in another container, and one behind the gateway, that it was not given',
      events: [
        ask({ server: container('pihole', '172.30.0.53', { port: 53 }) }),
        ask({ server: address('172.30.0.1', 'gateway', { port: 53 }) }),
      ],
      findings: [{ message: 'plain', evidence: { servers: ['172.30.0.53', '172.30.0.1'] } }],
    },
    {
      name: 'the answer as the same finding, which then says who answered',
      events: lookUp({ labels: ['a', 'example'], client: app, server: other }, 'NOERROR', ['198.51.100.9']),
      findings: [{ message: 'plain', evidence: { questions: 1, answeredServers: ['198.51.100.66'] } }],
    },
    {
      name: 'the questions and the flow beneath them as one finding',
      events: [
        ask(),
        ...whole({ resp: { ...other }, protocol: 'udp' }),
        ask({ time: secs(5), labels: ['b', 'example', 'com'] }),
      ],
      findings: [{ message: 'plain', evidence: { questions: 2, flows: 1, answeredServers: [] } }],
    },
    {
      name: 'forty servers as one finding with a sample',
      events: Array.from({ length: 40 }, (_, i) =>
        ask({ server: address(`198.51.100.${100 + i}`, 'internet', { port: 53 }), time: secs(i) }),
      ),
      findings: [{ message: 'plain', evidence: { questions: 40, serversAreSample: true } }],
      also: ({ final }) => {
        expect(final[0]!.evidence['servers']).toHaveLength(16);
        expect(final[0]!.peers).toHaveLength(16);
      },
    },
    {
      name: 'a container on internal networks only, graver: by the networks of its namespace, or the one it is seen on',
      events: [
        ask({ network: network({ name: 'data', internal: true }) }),
        ask({
          client: container('db', '172.30.0.11', { workload: workload('db', ['a', 'b'], { resolvers: [] }) }),
          networks: [
            { name: 'a', internal: true },
            { name: 'b', internal: true },
          ],
        }),
      ],
      findings: [
        { message: 'plain', severity: 'medium', network: 'data' },
        { message: 'plain', severity: 'medium', network: 'a, b' },
      ],
    },
    {
      name: 'any other server, once the operator has named the resolvers, also of an address without a container',
      events: [ask({ client: unknowing }), ask({ client: unattributed('172.30.0.77') })],
      options: { resolvers: ['198.51.100.53'] },
      findings: [
        { message: 'plain', confidence: 'high', evidence: { configured: ['198.51.100.53'] } },
        { message: 'plain' },
      ],
    },
    {
      name: 'DNS over TLS: by its port at the first answer, surer by its content',
      events: whole({ resp: web(853) }, { service: 'tls' }),
      findings: [
        {
          message: 'dot',
          severity: 'low',
          confidence: 'high',
          evidence: { flows: 1, recognisedBy: ['port 853/tcp', 'tls on port 853/tcp'] },
        },
      ],
    },
    {
      name: 'DNS over QUIC, over IPv6',
      events: whole({ resp: web(853, '2001:db8::7'), protocol: 'udp' }, { service: 'quic' }),
      findings: [{ message: 'doq', evidence: { servers: ['2001:db8::7'], transports: ['udp'] } }],
    },
    {
      name: 'DNS over HTTPS by the name in the hello, a profile of a provider included',
      events: whole(
        { resp: web(443) },
        { service: 'tls', serverName: 'A1B2C3.dns.nextdns.io', serverNameFrom: 'tls-sni' },
      ),
      findings: [{ message: 'doh', evidence: { recognisedBy: ['tls-sni A1B2C3.dns.nextdns.io'] } }],
    },
    {
      name: 'DNS over HTTPS by the address alone, in both families, whatever name the hello says',
      events: [
        ...whole({ resp: web(443, cloudflare) }),
        ...whole(
          { resp: web(443, google6), protocol: 'udp' },
          { service: 'quic', serverName: 'www.example.com' },
        ),
      ],
      findings: [
        {
          message: 'doh',
          evidence: { flows: 2, recognisedBy: ['address 1.1.1.1', 'address 2001:4860:4860::8888'] },
        },
      ],
    },
    {
      name: 'DNS over HTTPS by the name that the container resolved before it connected',
      events: [
        // Names of flows come from questions, and questions come here as well; clients mix the case of their letters.
        ...lookUp({ labels: ['DoH', 'mullvad', 'nEt'], client: app, server: engine }, 'NOERROR', [
          '198.51.100.7',
        ]),
        ...whole({ resp: web(443, '198.51.100.7', ['doh.mullvad.net']), start: secs(60) }),
      ],
      findings: [{ message: 'doh', evidence: { recognisedBy: ['resolved name doh.mullvad.net'] } }],
    },
    {
      name: "a name of the operator's own list",
      events: whole({ resp: web(443) }, { serverName: 'x.doh.example.com' }),
      options: { extra_names: ['doh.example.com'] },
      findings: [{ message: 'doh' }],
    },
    {
      name: 'encrypted DNS of a container that asks the embedded resolver too, graver',
      events: [
        askEvent({ labels: ['db'], client: app, server: engine, vantage: 'container' }),
        ...whole({ resp: web(853), start: secs(60) }),
      ],
      findings: [
        { message: 'dot', severity: 'medium', evidence: { reasons: [expect.stringContaining('as well')] } },
      ],
    },
    {
      name: 'each way as a finding of its own',
      events: [ask(), ...whole({ resp: web(853) }), ...whole({ resp: web(443, cloudflare) })],
      findings: [{ message: 'plain' }, { message: 'dot' }, { message: 'doh' }],
    },
    {
      name: 'a container that once answered names, a day after it stopped doing so',
      events: [
        ...lookUp(
          { labels: ['x', 'example'], client: container('web', '172.30.0.20'), server: { ...app, port: 53 } },
          'NOERROR',
          ['198.51.100.9'],
        ),
        ask({ time: secs(86_401) }),
      ],
      findings: [{ message: 'plain' }],
    },
    {
      name: 'a container that was asked, did not answer, and asks on its own ten seconds later',
      events: [
        askEvent({
          labels: ['x', 'example'],
          client: container('web', '172.30.0.20'),
          server: { ...app, port: 53 },
        }),
        ask({ time: secs(11) }),
      ],
      findings: [{ message: 'plain' }],
    },
    {
      name: 'a container that asks itself: that makes nobody a resolver',
      events: [
        ...lookUp({ labels: ['x', 'example'], client: app, server: { ...app, port: 53 } }, 'NOERROR', []),
        ask({ time: secs(1) }),
      ],
      findings: [{ message: 'plain' }],
    },
  ],
  silent: [
    {
      name: 'the resolvers it was given, in both families',
      events: [
        ask({ server: given }),
        ask({ client: app6, server: address('2001:db8::53', 'internet', { port: 53 }) }),
      ],
    },
    { name: 'the embedded resolver', events: [ask({ server: engine, vantage: 'container' })] },
    {
      name: 'what the engine passes on for it',
      events: [
        ask({
          server: engine,
          vantage: 'container',
          upstream: { server: other, interface: 'br-000000000001' },
        }),
      ],
    },
    {
      name: 'plain questions where nobody knows the configured resolvers',
      events: [ask({ client: unknowing })],
    },
    {
      name: 'a resolver that the operator allows to all',
      events: [ask()],
      options: { resolvers: ['198.51.100.66'] },
    },
    { name: 'multicast DNS and LLMNR', events: [ask({ protocol: 'mdns' }), ask({ protocol: 'llmnr' })] },
    {
      name: 'what comes from outside, from the host, and from the gateway',
      events: [
        ask({ client: address('198.51.100.9', 'internet') }),
        ask({ client: address('10.0.0.5', 'host') }),
        ask({ client: address('172.30.0.1', 'gateway') }),
      ],
      options: { resolvers: ['198.51.100.53'] },
    },
    {
      name: 'updates and zone transfers, which go to authoritative servers by design',
      events: [ask({ opcode: 'UPDATE' }), ask({ qtype: 'AXFR' }), ask({ qtype: 'IXFR' })],
    },
    {
      name: "an ACME client that asks a zone's own servers for its challenge",
      events: [ask({ labels: ['_acme-challenge', 'example', 'com'], qtype: 'TXT', flags: [] })],
    },
    {
      name: 'a resolver in a container: while it is being asked, and after it has answered',
      events: [
        askEvent({
          labels: ['x', 'example'],
          client: container('web', '172.30.0.20'),
          server: { ...app, port: 53 },
        }),
        ask({ time: secs(1) }),
        ...lookUp(
          {
            labels: ['x', 'example'],
            client: container('web', '172.30.0.20'),
            server: { ...app, port: 53 },
            time: secs(2),
          },
          'NXDOMAIN',
        ),
        ask({ time: secs(80_000) }),
        ...whole({ resp: web(853), start: secs(80_001) }),
      ],
    },
    {
      name: 'a resolver that is asked through 127.0.0.11: who it was is known with the answer, after it asked on',
      events: [
        ask({ time: secs(1) }),
        ...lookUp(
          {
            labels: ['x', 'example'],
            client: container('web', '172.30.0.20'),
            server: engine,
            vantage: 'container',
            upstream: { server: { ...app, port: 53 }, interface: 'br-000000000001' },
            time: secs(0.9),
          },
          'NOERROR',
          ['198.51.100.9'],
        ),
        { on: 'tick', now: secs(60) },
      ],
    },
    {
      name: 'an encrypted resolver that never answers',
      events: [{ on: 'flow-start', flow: flow({ orig: app, resp: web(853) }) }],
    },
    {
      name: 'a reset from port 853',
      events: [
        { on: 'flow-answered', flow: answered(flow({ orig: app, resp: web(853) }), T0, { history: 'Sr' }) },
      ],
    },
    {
      name: 'something else on port 853',
      events: [
        { on: 'flow-end', flow: answered(flow({ orig: app, resp: web(853) }), T0, { service: 'ssh' }) },
      ],
    },
    {
      name: 'ordinary HTTPS',
      events: whole(
        { resp: web(443, '198.51.100.7', ['www.example.com']) },
        { serverName: 'www.example.com' },
      ),
    },
    {
      name: 'a content network whose address a resolver has as well, when the hello names another',
      events: [
        {
          on: 'flow-end',
          flow: answered(flow({ orig: app, resp: web(443, '198.51.100.7', ['dns.mullvad.net']) }), T0, {
            serverName: 'www.example.com',
          }),
        },
      ],
    },
    {
      name: 'a question for the name of such a resolver, without a connection',
      events: [ask({ server: given, labels: ['dns', 'google'] })],
    },
    {
      name: 'a name that only ends alike',
      events: whole({ resp: web(443) }, { serverName: 'notdns.google.example.com' }),
    },
    { name: 'another port of a resolver', events: whole({ resp: web(80, cloudflare) }) },
    {
      name: 'an encrypted resolver that the operator allows, by name or by address',
      events: [
        ...whole({ resp: web(443, '198.51.100.7', ['dns.quad9.net']) }, { serverName: 'dns.quad9.net' }),
        ...whole({ resp: web(853, '198.51.100.8') }),
      ],
      options: { resolver_names: ['dns.quad9.net'], resolvers: ['198.51.100.8'] },
    },
    {
      name: 'a container that the operator lets ask whom it wants',
      events: [ask(), ...whole({ resp: web(853) })],
      options: { ignore_containers: ['shop/app'] },
    },
    {
      name: 'strangers who ask a container that serves DNS over TLS',
      events: whole({ orig: address('10.9.9.9', 'lan'), resp: { ...app, port: 853 } }),
    },
  ],
});

describe('dns-bypass', () => {
  it('waits ten seconds with its first word, and not with the next', () => {
    const until = (seconds: number) => {
      const events: AnalyzerEvent[] = [ask(), { on: 'tick', now: secs(seconds) }];
      const opened: number[] = [];
      const runner = new AnalyzerRunner({
        analyzers: [{ definition: dnsBypass, config: dnsBypass.config.parse({}) }],
        findings: { report: (_, { time }) => opened.push(time), isOpen: () => false },
        onLoss: () => {},
        onFailure: ({ error }) => expect.unreachable(String(error)),
      });
      for (const event of events) {
        if (event.on === 'dns-query') runner.dnsQuery(event.query);
        if (event.on === 'tick') runner.tick(event.now);
      }
      return opened;
    };

    expect(until(9)).toEqual([]);
    expect(until(10)).toEqual([T0]);
  });

  it('starts its totals anew when the finding was closed in between', () => {
    const { final } = runAnalyzer(dnsBypass, [ask(), ask({ time: secs(4000) })]);

    expect(final.map(({ evidence }) => evidence['questions'])).toEqual([1, 1]);
  });

  it('stays within its bound with five thousand clients, and says what it lost', () => {
    const events = Array.from({ length: 5000 }, (_, i) =>
      ask({ client: unattributed(`10.1.${i >> 8}.${i & 255}`), time: secs(i / 1000) }),
    );
    const { losses, failures } = runAnalyzer(dnsBypass, events, {
      resolvers: ['198.51.100.53'],
      max_clients: 16,
    });

    expect(failures).toEqual([]);
    expect(losses.length).toBeGreaterThan(0);
  });
});
