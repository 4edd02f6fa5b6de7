/** host-sweep over records: both sides of each threshold, and traffic that looks alike and is innocent. */
import { describe, expect, it } from 'vitest';
import hostSweep from '../../analyzers/host-sweep.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { silent as silentTo, testAnalyzer } from '../support/analyzer-tester.ts';
import { type Attempt, begun, refused, served } from '../support/attempts.ts';
import {
  address,
  asksFor,
  BACK,
  container,
  flow,
  network,
  secs,
  setBack,
  vacant,
  workload,
} from '../support/records.ts';

const app = container('app', '172.30.0.10');
const app6 = container('app', 'fd00:30::10');
const gateway = address('172.30.0.1', 'gateway');
const outsider = address('198.51.100.7', 'internet');

const at = (endpoint: Endpoint, port: number): Endpoint => ({ ...endpoint, port });
const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const neighbour = (i: number): Endpoint => container(`c${i}`, `172.30.${1 + (i >> 7)}.${20 + (i & 127)}`);
const onLan = (i: number): Endpoint => address(`192.168.7.${i}`, 'lan');
const onInternet = (i: number): Endpoint => address(`198.51.${100 + (i >> 8)}.${i & 255}`, 'internet');

/** The same port of one host after the other. */
function hosts(
  count: number,
  hostOf: (i: number) => Endpoint,
  fields: Partial<Attempt> & { readonly port?: number } = {},
  everySecs = 0.1,
): Attempt[] {
  const { port = 22, ...rest } = fields;
  return range(count).map((i) => ({
    from: app,
    network: network(),
    ...rest,
    to: at(hostOf(i), port),
    at: secs(i * everySecs),
  }));
}

function pings(count: number, hostOf: (i: number) => Endpoint, protocol = 'icmp'): Attempt[] {
  return range(count).map((i) => ({
    from: app,
    to: hostOf(i),
    at: secs(i / 10),
    protocol,
    icmp: { type: protocol === 'icmp' ? 8 : 128, code: 0 },
  }));
}

const refusedAt = (attempts: readonly Attempt[]): AnalyzerEvent[] => attempts.flatMap(refused);
const servedAt = (attempts: readonly Attempt[]): AnalyzerEvent[] => attempts.flatMap(served);

function asked(count: number, everySecs = 0.05, fields: Parameters<typeof asksFor>[3] = {}): AnalyzerEvent[] {
  return range(count).map((i) => asksFor(app, `172.30.0.${100 + i}`, secs(i * everySecs), fields));
}

testAnalyzer(hostSweep, {
  fires: [
    {
      name: 'ten neighbours that refuse a port within a minute, with its numbers',
      events: refusedAt(hosts(10, neighbour)),
      findings: [
        {
          message: 'swept',
          severity: 'high',
          confidence: 'high',
          network: 'back',
          evidence: {
            what: '22/tcp',
            hostCount: 10,
            hostsWithinWindow: 10,
            windowSecs: 60,
            fastThreshold: 10,
            slowThreshold: 20,
            answeredHosts: 0,
            refused: 10,
            firstAttempt: '2026-01-01T00:00:00.000000Z',
          },
        },
      ],
      also: ({ final }) =>
        expect(final[0]!.explanation).toMatch(/^shop\/app tries one host after the other for 22\/tcp: 10 /),
    },
    {
      name: 'hosts of the LAN that do not answer, three seconds after',
      events: begun(hosts(14, onLan)),
      findings: [{ message: 'swept', evidence: { unanswered: 11 } }],
    },
    {
      name: 'hosts outside, all at one port',
      events: begun(hosts(14, onInternet)),
      findings: [{ message: 'swept', severity: 'high' }],
    },
    {
      name: 'addresses of another network that nobody holds, at once',
      events: begun(
        hosts(13, (i) => vacant(`172.31.0.${i}`)),
        0,
      ),
      findings: [{ message: 'swept', evidence: { vacant: 10 } }],
    },
    {
      name: 'a sweep that finds a few services on its way',
      events: [...servedAt(hosts(3, (i) => onLan(200 + i))), ...refusedAt(hosts(12, onLan))],
      findings: [{ message: 'swept', evidence: { answeredHosts: 3 } }],
    },
    {
      name: 'pings of a LAN, both families',
      events: [
        ...begun(pings(14, onLan)),
        ...begun(pings(14, (i) => address(`fd00:7::${i + 1}`, 'lan'), 'icmp6')),
      ],
      findings: [{ message: 'swept', evidence: { what: 'icmp echo' } }],
    },
    {
      name: 'UDP to addresses that nobody holds',
      events: begun(
        hosts(13, (i) => vacant(`172.31.0.${i}`), { protocol: 'udp', port: 161 }),
        0,
      ),
      findings: [{ message: 'swept', evidence: { what: '161/udp' } }],
    },
    {
      name: 'UDP to a LAN that stays silent, from fifty hosts on',
      events: begun(hosts(56, onLan, { protocol: 'udp', port: 161 })),
      findings: [{ message: 'swept', evidence: { fastThreshold: 50 } }],
    },
    {
      name: 'a host each five minutes, for hours, less certain',
      events: hosts(20, onLan, {}, 300).map(
        ({ from, to, at: start }): AnalyzerEvent => ({
          on: 'flow-end',
          flow: flow({ orig: at(from, 40_000), resp: to, start, reason: 'idle' }),
        }),
      ),
      findings: [{ message: 'swept', confidence: 'medium', evidence: { hostsWithinDay: 20 } }],
    },
    {
      name: 'ARP for sixteen addresses that nobody holds',
      events: asked(16),
      findings: [
        {
          message: 'neighbors-asked',
          severity: 'high',
          network: 'back',
          evidence: { what: 'arp', hostsWithinWindow: 16, windowSecs: 10, fastThreshold: 16, vacant: 16 },
        },
      ],
    },
    {
      name: 'neighbour solicitations, the same',
      events: range(16).map((i) => asksFor(app6, `fd00:30::${100 + i}`, secs(i / 20))),
      findings: [{ message: 'neighbors-asked', evidence: { what: 'ndp' } }],
    },
    {
      name: 'probes from no address, by the container that sends them',
      events: range(16).map((i) =>
        asksFor(
          { ...app, ip: '0.0.0.0', attribution: { method: 'mac', confidence: 'certain' } },
          `172.30.0.${100 + i}`,
          secs(i / 20),
        ),
      ),
      findings: [{ message: 'neighbors-asked', severity: 'high' }],
    },
    {
      name: 'an address each five minutes that nobody holds',
      events: asked(20, 300),
      findings: [{ message: 'neighbors-asked', confidence: 'medium' }],
    },
    {
      name: 'where Docker cannot know who is there, twice as many',
      events: asked(32, 0.05, { isAssigned: undefined }),
      findings: [{ message: 'neighbors-asked', evidence: { fastThreshold: 32, vacant: 0 } }],
    },
    {
      name: 'the host asking, for whomever it forwards, as low',
      events: range(16).map((i) => asksFor(gateway, `172.30.0.${100 + i}`, secs(i / 20))),
      findings: [{ message: 'neighbors-asked', severity: 'low', confidence: 'low' }],
    },
    {
      name: 'a sweep from the internet, as low: it does so all day',
      events: refusedAt(hosts(12, neighbour, { from: outsider })),
      findings: [{ message: 'from-outside', severity: 'low' }],
    },
  ],
  silent: [
    silentTo('nine hosts that refuse within a minute', ...refusedAt(hosts(9, neighbour))),
    silentTo('nineteen over hours', ...refusedAt(hosts(19, neighbour, {}, 300))),
    silentTo('fifteen addresses asked for within ten seconds', ...asked(15)),
    silentTo('sixteen asked for within twelve', ...asked(16, 0.75)),
    silentTo('thirty-one where Docker cannot know', ...asked(31, 0.05, { isAssigned: undefined })),
    silentTo(
      'a LAN router that asks for all of its hosts in a day',
      ...asked(60, 300, { isAssigned: undefined }),
    ),
    silentTo('asking for containers that are there', ...asked(60, 0.05, { isAssigned: true })),
    silentTo(
      'a proxy that asks for forty containers which were replaced a moment ago',
      ...asked(40, 0.05, { isAssigned: true }),
      ...range(40).map((i) => asksFor(app, `172.30.0.${100 + i}`, secs(60 + i / 20))),
      ...begun(
        range(40).map((i) => ({
          from: app,
          to: at(vacant(`172.30.0.${100 + i}`), 80),
          at: secs(70 + i / 20),
          network: network(),
        })),
      ),
    ),
    silentTo(
      'Prometheus over 200 targets, of which 30 have always been down',
      ...range(3).flatMap((round) =>
        range(200).flatMap((i) => {
          const attempt = { from: app, to: at(onInternet(i), 9100), at: secs(round * 15 + i / 20) };
          return i % 7 === 0 ? refused(attempt) : served(attempt);
        }),
      ),
    ),
    silentTo(
      'targets that were up, all down after an outage',
      ...servedAt(hosts(60, onLan, { port: 9100 })),
      ...begun(hosts(60, onLan, { port: 9100 }).map((attempt) => ({ ...attempt, at: attempt.at + 600e6 }))),
    ),
    silentTo(
      'a federated server whose peers are gone: it looked each of them up',
      ...begun(hosts(60, (i) => ({ ...onInternet(i), names: [`peer${i}.example.com`] }), { port: 443 })),
    ),
    silentTo(
      'the first family of many names, which fails, and the second, which works',
      ...range(60).flatMap((i) => [
        ...begun(
          [
            {
              from: app6,
              to: at(address(`2001:db8::${i + 1}`, 'internet', { names: [`n${i}.example`] }), 443),
              at: secs(i),
            },
          ],
          0,
        ),
        ...served({ from: app, to: at(onInternet(i), 443), at: secs(i + 0.25) }),
      ]),
    ),
    silentTo(
      'peers of a swarm, a tenth of them at the port that is usual',
      ...begun(
        range(240).map((i) => ({
          from: app,
          to: at(onInternet(i), i % 10 === 0 ? 6881 : 10_000 + i * 31),
          at: secs(i / 5),
        })),
      ),
    ),
    silentTo(
      'a mesh of tunnels that tries peers behind translation',
      ...begun(hosts(30, onLan, { protocol: 'udp', port: 41_641 })),
    ),
    silentTo(
      'a resolver whose name servers do not all answer',
      ...range(120).flatMap((i) => {
        const attempt = { from: app, to: at(onInternet(i), 53), at: secs(i / 10), protocol: 'udp' };
        return i % 8 === 0 ? begun([attempt], 0) : served(attempt);
      }),
    ),
    silentTo(
      'discovery by multicast and broadcast',
      ...begun(
        range(40).map((i) => ({
          from: app,
          to: at(address(`239.255.0.${i}`, 'multicast'), 1900),
          at: secs(i / 10),
          protocol: 'udp',
        })),
      ),
    ),
    silentTo(
      'a connection pool to one host',
      ...range(500).flatMap((i) => refused({ from: app, to: at(neighbour(1), 5432), at: secs(i / 10) })),
    ),
    silentTo(
      'many clients of one service that is down',
      ...range(60).flatMap((i) => refused({ from: neighbour(i), to: at(app, 80), at: secs(i / 10) })),
    ),
    silentTo('pings that are answered', ...pings(60, onLan).flatMap(served)),
    silentTo(
      'ICMP errors to many',
      ...begun(
        range(60).map((i) => ({
          from: app,
          to: onInternet(i),
          at: secs(i / 10),
          protocol: 'icmp',
          icmp: { type: 3, code: 3 },
        })),
      ),
    ),
  ],
});

describe('host-sweep', () => {
  it('is told by the twentieth host at the latest', () => {
    for (const events of [
      refusedAt(hosts(20, neighbour)),
      begun(
        hosts(20, (i) => vacant(`172.31.0.${i}`)),
        0,
      ),
      asked(20),
      // A host each second, all silent: each is known three seconds later.
      hosts(20, onLan, {}, 1).flatMap((attempt): AnalyzerEvent[] => begun([attempt], 0)),
    ]) {
      expect(runAnalyzer(hostSweep, events).final).toHaveLength(1);
    }
  });

  it('goes on when the clock is set back', () => {
    const after = range(8).map((i) => asksFor(app, `172.30.0.${200 + i}`, secs(BACK + 1 + i / 20)));

    const { final } = runAnalyzer(hostSweep, [...asked(8), setBack(0.4), ...after]);

    expect(final).toMatchObject([{ evidence: { hostsWithinWindow: 16 } }]);
  });

  it('stays within its bounds under a flood from everywhere, says what it gave up, and still finds the sweep', () => {
    const flood = range(3000).flatMap((i) =>
      refused({
        from: container(`x${i}`, `10.9.${i >> 8}.${i & 255}`, { workload: workload(`x${i}`) }),
        to: at(app, 80),
        at: secs(i / 1000),
      }),
    );

    const { final, losses } = runAnalyzer(
      hostSweep,
      [...refusedAt(hosts(9, neighbour)), ...flood, ...refusedAt(hosts(20, neighbour))],
      { max_scanners: 64, max_pairs: 64 },
    );

    expect(final).toMatchObject([{ message: 'swept' }]);
    expect(losses.map(({ where }) => where)).toEqual(
      expect.arrayContaining(['host-sweep.scanners', 'host-sweep.pairs']),
    );
  });
});
