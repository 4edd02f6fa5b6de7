/** port-scan over records: both sides of each threshold, and traffic that looks alike and is innocent. */
import { describe, expect, it } from 'vitest';
import portScan from '../../analyzers/port-scan.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { silent as silentTo, testAnalyzer } from '../support/analyzer-tester.ts';
import { type Attempt, begun, refused, served } from '../support/attempts.ts';
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
  vacant,
  workload,
} from '../support/records.ts';

const app = container('app', '172.30.0.10');
const app6 = container('app', 'fd00:30::10');
const db = container('db', '172.30.0.11');
const db6 = container('db', 'fd00:30::11');
const gateway = address('172.30.0.1', 'gateway');
const outside = address('198.51.100.7', 'internet');
const lan = address('192.168.7.7', 'lan');

const at = (endpoint: Endpoint, port: number): Endpoint => ({ ...endpoint, port });
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Ports from 1000 on, `everySecs` apart. */
function ports(count: number, fields: Partial<Attempt> = {}, everySecs = 0.01): Attempt[] {
  return range(count).map((i) => ({
    from: app,
    network: network(),
    ...fields,
    to: at(fields.to ?? db, 1000 + i),
    at: secs(i * everySecs),
  }));
}

const refusedAt = (attempts: readonly Attempt[]): AnalyzerEvent[] => attempts.flatMap(refused);

/** As the flow table gives them up, 20 s after each. */
function endings(attempts: readonly Attempt[]): AnalyzerEvent[] {
  return attempts.map(({ from, to, at: start, ...rest }) => ({
    on: 'flow-end',
    flow: flow({ orig: { ...from, port: 40_000 }, resp: to, start, ...rest, reason: 'idle' }),
  }));
}

function probe(kind: 'null' | 'fin' | 'xmas', from: Endpoint, port: number, atSecs: number): AnalyzerEvent {
  return {
    on: 'flow-start',
    flow: flow({
      orig: { ...from, port: 50_000 },
      resp: at(db, port),
      start: secs(atSecs),
      history: kind === 'null' ? '' : 'F',
      coverage: 'started-midstream',
      probe: kind,
      network: network(),
    }),
  };
}

testAnalyzer(portScan, {
  fires: [
    {
      name: 'two scans in the same second: the loud one hides nobody',
      events: [
        ...refusedAt(ports(600, {}, 0.0005)),
        ...refusedAt(ports(20, { from: container('quiet', '172.30.0.12') }, 0.0005)),
      ],
      findings: [
        { message: 'vertical', subject: app },
        { message: 'vertical', subject: container('quiet', '172.30.0.12') },
      ],
    },
    {
      name: 'ten closed ports of a neighbour within a minute, with its numbers',
      events: refusedAt(ports(10)),
      findings: [
        {
          message: 'vertical',
          severity: 'high',
          confidence: 'high',
          network: 'back',
          evidence: {
            hosts: ['shop/db 172.30.0.11'],
            hostCount: 1,
            portCount: 10,
            portsWithinMinute: 10,
            fastThreshold: 10,
            slowThreshold: 20,
            refused: 10,
            unanswered: 0,
            answeredPorts: 0,
            odds: 1_048_576,
            oddsThreshold: 99,
            firstAttempt: '2026-01-01T00:00:00.000000Z',
          },
        },
      ],
      also: ({ final }) => {
        expect(final[0]!.subject.workload?.name).toBe('app');
        expect(final[0]!.explanation).toMatch(/^shop\/app tried 10 ports of shop\/db 172\.30\.0\.11/);
      },
    },
    {
      name: 'the same over IPv6',
      events: refusedAt(ports(10, { from: app6, to: db6 })),
      findings: [{ message: 'vertical', severity: 'high' }],
    },
    {
      name: 'ports that drop what comes, three seconds after',
      events: begun(ports(14)),
      findings: [{ message: 'vertical', evidence: { unanswered: 11, refused: 0 } }],
    },
    {
      name: 'the same when the input ends a second after',
      events: begun(ports(14), 1),
      findings: [{ message: 'vertical', evidence: { unanswered: 11 } }],
    },
    {
      name: 'a service that holds scanners with a closed window, as one that refuses',
      events: ports(10).flatMap((attempt) => {
        const started = flow({
          ...attempt,
          orig: at(attempt.from, 40_000),
          resp: attempt.to,
          start: attempt.at,
        });
        return [
          { on: 'flow-start', flow: started },
          { on: 'flow-answered', flow: answered(started, attempt.at, { history: 'Shw' }) },
        ] satisfies AnalyzerEvent[];
      }),
      findings: [{ message: 'vertical', evidence: { refused: 10 } }],
    },
    {
      name: 'an address that nobody holds, at once',
      events: begun(ports(13, { to: vacant('172.31.0.9') }), 0),
      findings: [{ message: 'vertical', evidence: { vacant: 10 } }],
    },
    {
      name: 'UDP to a neighbour, as nmap -sU',
      events: begun(ports(14, { protocol: 'udp' })),
      findings: [{ message: 'vertical', evidence: { unanswered: 11 } }],
    },
    {
      name: 'the gateway, and hosts of the LAN and outside',
      events: [gateway, lan, outside].flatMap((to) => refusedAt(ports(10, { to }))),
      findings: [{ message: 'vertical', evidence: { hostCount: 3 } }],
    },
    {
      name: 'a scan of a port each five minutes, for hours, less certain',
      events: endings(ports(20, {}, 300)),
      findings: [{ message: 'vertical', confidence: 'medium', evidence: { portsWithinDay: 20 } }],
    },
    {
      name: 'nine ports of each of three hosts: mixed',
      events: range(9).flatMap((i) =>
        [11, 12, 13].flatMap((host) =>
          refused({ from: app, to: at(container(`c${host}`, `172.30.0.${host}`), 1000 + i), at: secs(i) }),
        ),
      ),
      findings: [{ message: 'mixed', severity: 'high', evidence: { hostCount: 3 } }],
    },
    {
      name: 'a scan by one that also uses services of the host',
      events: [
        ...range(5).flatMap((i) => served({ from: app, to: at(db, 5000 + i), at: secs(0) })),
        ...refusedAt(ports(12)),
      ],
      findings: [{ message: 'vertical', evidence: { answeredPorts: 5 } }],
    },
    {
      name: 'one XMAS segment of a container, as medium',
      events: [probe('xmas', app, 80, 0)],
      findings: [{ message: 'probes', severity: 'medium', evidence: { probes: 1, probeKinds: ['XMAS'] } }],
    },
    {
      name: 'three segments that only scanners send, as high',
      events: [probe('null', app, 80, 0), probe('fin', app, 81, 1), probe('xmas', app, 82, 2)],
      findings: [{ message: 'probes', severity: 'high', evidence: { probes: 3 } }],
    },
    {
      name: 'a scan from the internet, as low: it does so all day',
      events: [
        ...refusedAt(ports(12, { from: outside })),
        probe('xmas', address('198.51.100.8', 'internet'), 80, 9),
      ],
      findings: [
        { message: 'from-outside', severity: 'low', subject: expect.objectContaining({ ip: outside.ip }) },
        { message: 'probes', severity: 'low' },
      ],
    },
    {
      name: 'a scan through published ports, by its real client',
      events: refusedAt(
        ports(12, {
          from: gateway,
          nat: { kind: 'published-port', method: 'conntrack', confidence: 'certain', client: outside },
        }),
      ),
      findings: [{ message: 'from-outside', severity: 'low' }],
    },
    {
      name: 'a scan by the host, or by what it forwards for: nobody is named for sure',
      events: refusedAt(ports(12, { from: gateway })),
      findings: [{ message: 'vertical', severity: 'medium', confidence: 'low' }],
    },
    {
      name: 'a scan in a file of which nothing is known',
      events: refusedAt(ports(12, { from: lan, to: address('192.168.7.8', 'lan') })),
      findings: [{ message: 'vertical', severity: 'medium', confidence: 'high' }],
    },
    {
      name: 'two scanners, as two findings; a thousand ports, as one',
      events: [
        ...refusedAt(ports(1000, {}, 0.02)),
        ...refusedAt(ports(10, { from: container('web', '172.30.0.12') })),
      ],
      findings: [{ message: 'vertical' }, { message: 'vertical' }],
      also: ({ final, findings }) => {
        expect(final[0]!.evidence['countsAreMinimum']).toBe(true);
        expect(final[0]!.evidence['ports']).toHaveLength(16);
        expect(findings.length).toBeLessThanOrEqual(6);
      },
    },
  ],
  silent: [
    silentTo('nine closed ports within a minute', ...refusedAt(ports(9))),
    silentTo('nineteen closed ports over hours', ...refusedAt(ports(19, {}, 300))),
    silentTo('twenty closed ports over more than a day', ...refusedAt(ports(20, {}, 5000))),
    silentTo(
      'a connection pool whose database is down',
      ...range(500).flatMap((i) => refused({ from: app, to: at(db, 5432), at: secs(i / 10) })),
    ),
    silentTo(
      'a load test of one port',
      ...range(2000).flatMap((i) => served({ from: app, to: at(db, 80), at: secs(i / 500) })),
    ),
    silentTo(
      'a load test that the service no longer bears',
      ...range(500).flatMap((i) => refused({ from: app, to: at(db, 80), at: secs(i / 50) })),
    ),
    silentTo(
      'health checks during a rolling restart: few ports, on each of many hosts',
      ...range(40).flatMap((i) =>
        [80, 8080].flatMap((port) =>
          refused({ from: app, to: at(container(`c${i}`, `172.30.0.${20 + i}`), port), at: secs(i) }),
        ),
      ),
    ),
    silentTo(
      'a client that finds half of many services of a host up',
      ...range(12).flatMap((i) => [
        ...served({ from: app, to: at(db, 2000 + i), at: secs(i) }),
        ...refused({ from: app, to: at(db, 1000 + i), at: secs(i) }),
      ]),
    ),
    silentTo(
      'services that were up and went down together',
      ...range(15).flatMap((i) => served({ from: app, to: at(db, 1000 + i), at: secs(0) })),
      ...range(15).flatMap((i) => refused({ from: app, to: at(db, 1000 + i), at: secs(100 + i / 10) })),
    ),
    silentTo(
      'backscatter: resets and SYN-ACKs to SYNs that somebody else sent in our name',
      ...range(40).map(
        (i): AnalyzerEvent => ({
          on: 'flow-start',
          flow: flow({
            orig: at(outside, 80),
            resp: at(app, 20_000 + i),
            start: secs(i / 10),
            history: i % 2 === 0 ? '^h' : '^r',
            coverage: 'started-midstream',
          }),
        }),
      ),
    ),
    silentTo(
      'a trace of the path, which aims at ports where nobody is',
      ...begun(
        range(60).map((i) => ({ from: app, to: at(outside, 33_434 + i), at: secs(i / 10), protocol: 'udp' })),
      ),
    ),
    silentTo(
      'keep-alives to a peer outside whose port changes with its translation',
      ...begun(
        range(40).map((i) => ({ from: app, to: at(outside, 40_000 + i), at: secs(i / 10), protocol: 'udp' })),
      ),
    ),
    silentTo(
      'peers of a swarm, each at a port of its own',
      ...begun(
        range(200).map((i) => ({
          from: app,
          to: at(address(`198.51.100.${i}`, 'internet'), 6881 + i * 37),
          at: secs(i / 10),
        })),
      ),
    ),
    silentTo(
      'discovery by multicast',
      ...begun(
        range(40).map((i) => ({
          from: app,
          to: at(address('239.255.255.250', 'multicast'), 1900 + i),
          at: secs(i / 10),
          protocol: 'udp',
        })),
      ),
    ),
    silentTo(
      'pings',
      ...begun(
        range(40).map((i) => ({
          from: app,
          to: lan,
          at: secs(i),
          protocol: 'icmp',
          icmp: { type: 8, code: 0 },
        })),
      ),
    ),
    silentTo('ports that may yet answer when the input ends', ...begun(ports(14), 0.9)),
    silentTo(
      'what began when the input ended: an answer may have been on its way',
      ...ports(20).map(
        (attempt): AnalyzerEvent => ({
          on: 'flow-end',
          flow: flow({ orig: at(app, 40_000), resp: attempt.to, start: attempt.at, reason: 'shutdown' }),
        }),
      ),
    ),
  ],
});

describe('port-scan', () => {
  it('is told by the twentieth probe at the latest, whatever becomes of the probes', () => {
    for (const events of [
      refusedAt(ports(20)),
      begun(ports(20, { to: vacant('172.31.0.9') })),
      // A probe each second to a host that drops: what is silent is known three seconds later.
      ports(20, {}, 1).flatMap((attempt): AnalyzerEvent[] => begun([attempt], 0)),
    ]) {
      expect(runAnalyzer(portScan, events).final).toHaveLength(1);
    }
  });

  it('names nobody whose address another may have used', () => {
    const spoofed = unattributed('172.30.0.10', { mac: '02:00:00:00:00:99' });

    const { final } = runAnalyzer(portScan, refusedAt(ports(10, { from: spoofed })));

    expect(final).toMatchObject([{ severity: 'medium' }]);
    expect(final[0]!.subject.workload).toBeUndefined();
  });

  it('goes on when the clock is set back', () => {
    const before = refusedAt(ports(5));
    const after = refusedAt(ports(10).slice(5)).map((event) =>
      'flow' in event
        ? {
            ...event,
            flow: { ...event.flow, start: event.flow.start + BACK * 1e6, end: event.flow.end + BACK * 1e6 },
          }
        : event,
    );

    const { final } = runAnalyzer(portScan, [...before, setBack(0), ...after]);

    expect(final).toMatchObject([{ evidence: { portsWithinMinute: 10 } }]);
  });

  it('starts its totals anew when the finding was closed in between', () => {
    const again = ports(12).map((attempt) => ({
      ...attempt,
      at: attempt.at + 7200e6,
      to: at(db, attempt.to.port! + 5000),
    }));

    const { final, findings } = runAnalyzer(portScan, [...refusedAt(ports(12)), ...refusedAt(again)]);

    expect(final.map(({ evidence }) => evidence['portCount'])).toEqual([12, 12]);
    expect(findings.find(({ status }) => status === 'reopened')?.id).toBe(final[0]!.id);
  });

  it('stays within its bounds under a flood from everywhere, says what it gave up, and still finds the scanner', () => {
    const flood = range(3000).flatMap((i) =>
      refused({
        from: container(`x${i}`, `10.9.${i >> 8}.${i & 255}`, { workload: workload(`x${i}`) }),
        to: at(db, 80),
        at: secs(i / 1000),
      }),
    );

    const { final, losses } = runAnalyzer(
      portScan,
      [...refusedAt(ports(10)), ...flood, ...refusedAt(ports(20))],
      {
        max_scanners: 64,
        max_pairs: 64,
      },
    );

    expect(final).toMatchObject([{ message: 'vertical' }]);
    expect(losses.map(({ where }) => where)).toEqual(
      expect.arrayContaining(['port-scan.scanners', 'port-scan.pairs']),
    );
  });
});
