import { describe, expect, it } from 'vitest';
import blockedBurst from '../../analyzers/blocked-burst.ts';
import { RuleRate } from '../../analyzers/lib/blocked-burst/rule-rate.ts';
import type { BlockedRecord } from '../../src/model/blocked.ts';
import { type Endpoint, NOBODY_HELD } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { address, answered, container, flow, network, secs, T0, unattributed } from '../support/records.ts';

const front = network({
  id: 'front',
  name: 'front',
  bridge: 'br-front',
  subnets: ['172.30.50.0/24', 'fd00:50::/64'],
});
const data = network({
  id: 'data',
  name: 'data',
  bridge: 'br-data',
  subnets: ['172.30.51.0/24', 'fd00:51::/64'],
  internal: true,
});
const web = container('web', '172.30.50.10');
const web6 = container('web', 'fd00:50::10');
const peer = container('peer', '172.30.50.11');
const db = container('db', '172.30.51.10');
const outside = address('198.51.100.7', 'internet');
const nobody = (ip: string): Endpoint =>
  unattributed(ip, {
    attribution: { method: 'none', confidence: 'none', reason: `${NOBODY_HELD} data` },
  });

/** What the rule held back in the ten seconds before. */
function blocked(at: number, packets: number, fields: Partial<BlockedRecord> = {}): AnalyzerEvent {
  const record: BlockedRecord = {
    kind: 'blocked',
    time: secs(at),
    family: 'ipv4',
    backend: 'iptables-nft',
    table: 'filter',
    chain: 'DOCKER-ISOLATION-STAGE-2',
    rule: '-A DOCKER-ISOLATION-STAGE-2 -o br-data -j DROP',
    verdict: 'drop',
    reason: 'isolation',
    to: data,
    packets,
    bytes: packets * 60,
    intervalSecs: 10,
    ...fields,
  };
  return { on: 'blocked', record };
}

const out: Partial<BlockedRecord> = {
  chain: 'DOCKER-ISOLATION-STAGE-1',
  rule: '-A DOCKER-ISOLATION-STAGE-1 ! -d 172.30.51.0/24 -i br-data -j DROP',
  reason: 'internal',
  to: undefined,
  from: data,
};

/** An attempt on a bridge that nobody answered, as its flow ends. */
function unansweredFlow(
  at: number,
  fields: Partial<FlowRecord> & Pick<FlowRecord, 'orig' | 'resp'>,
): AnalyzerEvent {
  const { orig, resp, ...rest } = fields;
  return {
    on: 'flow-end',
    flow: flow({
      orig: { ...orig, port: 40_000 },
      resp: { port: 5432, ...resp },
      network: front,
      start: secs(at),
      end: secs(at + 3),
      origPackets: 3,
      origBytes: 180,
      reason: 'idle',
      ...rest,
    }),
  };
}

const tick = (at: number): AnalyzerEvent => ({ on: 'tick', now: secs(at) });
const ports = (n: number) => Array.from({ length: n }, (_, i) => 1000 + i);
/** So many a reading, every ten seconds. */
const steadily = (from: number, to: number, packets: number, fields: Partial<BlockedRecord> = {}) =>
  Array.from({ length: (to - from) / 10 }, (_, i) => blocked(from + i * 10, packets, fields));

testAnalyzer(blockedBurst, {
  fires: [
    {
      name: 'a burst of which no flow is seen: the originator is not known, and that is said',
      events: [blocked(10, 1000)],
      findings: [
        {
          message: 'origin-unknown',
          severity: 'low',
          confidence: 'certain',
          network: 'data',
          firstSeen: T0,
          subject: { ip: '0.0.0.0', scope: 'unknown' } as Endpoint,
          peers: [],
          evidence: {
            packetsInMinute: 1000,
            packetsThreshold: 200,
            timesUsualThreshold: 10,
            packets: 1000,
            bytes: 60_000,
            to: 'data',
            reason: 'isolation',
            suspects: [],
            suspectPackets: 0,
          },
        },
      ],
      also: ({ final }) => {
        expect(final[0]!.evidence).not.toHaveProperty('usualPerMinute');
        expect(final[0]!.explanation).toContain('held back 1000 ipv4 packets within a minute');
      },
    },
    {
      name: 'as many as the threshold, spread over a minute',
      events: steadily(10, 60, 40),
      findings: [{ message: 'origin-unknown', evidence: { packetsInMinute: 200 } }],
    },
    {
      name: 'a container that goes on calling one place that it may not reach: low, and named',
      events: [
        blocked(10, 300),
        unansweredFlow(4, { orig: web, resp: db }),
        unansweredFlow(5, { orig: web, resp: db, origPackets: 7 }),
      ],
      findings: [
        {
          message: 'insists',
          severity: 'low',
          confidence: 'medium',
          subject: { workload: { name: 'web' } } as Endpoint,
          evidence: {
            packets: 300,
            suspects: ['shop/web'],
            suspectPackets: 10,
            targets: ['172.30.51.10:5432/tcp'],
            targetCount: 1,
            portsOnOneHost: 1,
            vacantAddresses: 0,
          },
        },
      ],
      also: ({ final }) => expect(final[0]!.flowUids).toHaveLength(2),
    },
    {
      name: 'ten ports of one host behind the wall: medium',
      events: [
        blocked(10, 300),
        ...ports(10).map((port) => unansweredFlow(4, { orig: web, resp: { ...db, port } })),
      ],
      findings: [
        {
          message: 'probes',
          severity: 'medium',
          subject: { workload: { name: 'web' } } as Endpoint,
          evidence: { portsOnOneHost: 10, targetCount: 10, probedThreshold: 10 },
        },
      ],
    },
    {
      name: 'ten addresses that nobody holds, in IPv6',
      events: [
        blocked(10, 300, { family: 'ipv6' }),
        ...ports(10).map((n) => unansweredFlow(4, { orig: web6, resp: nobody(`fd00:51::${n}`) })),
      ],
      findings: [
        { message: 'probes', severity: 'medium', evidence: { vacantAddresses: 10, family: 'ipv6' } },
      ],
    },
    {
      name: 'nine ports of one host, and twenty hosts that exist, are no probe',
      events: [
        blocked(10, 300),
        ...ports(9).map((port) => unansweredFlow(4, { orig: web, resp: { ...db, port } })),
        ...ports(20).map((n) =>
          unansweredFlow(4, { orig: web, resp: container(`c${n}`, `172.30.51.${n - 980}`) }),
        ),
      ],
      findings: [
        { message: 'insists', severity: 'low', evidence: { portsOnOneHost: 9, vacantAddresses: 0 } },
      ],
    },
    {
      name: 'mDNS of an internal network, which its rule drops: low',
      events: [
        blocked(10, 250, out),
        unansweredFlow(4, {
          orig: db,
          resp: address('224.0.0.251', 'multicast', { port: 5353 }),
          protocol: 'udp',
          network: data,
        }),
      ],
      findings: [{ message: 'insists', severity: 'low', network: 'data' }],
    },
    {
      name: 'who leaves an internal network is found by the network that the rule names',
      events: [
        blocked(10, 300, out),
        unansweredFlow(4, { orig: web, resp: outside }),
        unansweredFlow(5, { orig: db, resp: outside, network: data }),
        unansweredFlow(5, { orig: db, resp: { ...db, ip: '172.30.51.99' }, network: data }),
      ],
      findings: [{ message: 'insists', evidence: { suspects: ['shop/db'], suspectPackets: 3 } }],
    },
    {
      name: 'between containers of a network that forbids it',
      events: [
        blocked(10, 300, {
          reason: 'icc',
          from: front,
          to: front,
          rule: '-A FORWARD -i br-front -o br-front -j DROP',
        }),
        unansweredFlow(4, { orig: web, resp: peer }),
        unansweredFlow(4, { orig: peer, resp: outside }),
      ],
      findings: [{ message: 'insists', network: 'front', evidence: { suspects: ['shop/web'] } }],
    },
    {
      name: 'a policy names no network, so that who fits is a guess',
      events: [
        blocked(10, 300, { reason: 'policy', to: undefined, rule: '-P FORWARD DROP' }),
        unansweredFlow(4, { orig: web, resp: db }),
      ],
      findings: [{ message: 'insists', confidence: 'low' }],
    },
    {
      name: 'a rule of the operator’s that rejects: a reset came back, and the flow fits all the same',
      events: [
        blocked(10, 300, {
          reason: 'operator',
          verdict: 'reject',
          to: undefined,
          from: front,
          rule: '-A DOCKER-USER -j REJECT',
        }),
        unansweredFlow(4, { orig: web, resp: outside, history: 'Sr', connState: 'REJ', respPackets: 1 }),
      ],
      findings: [{ message: 'insists', evidence: { verdict: 'reject', suspects: ['shop/web'] } }],
    },
    {
      name: 'ten times the usual, where it is usually much',
      events: [...steadily(10, 1200, 20), blocked(1200, 1200)],
      findings: [{ message: 'origin-unknown', evidence: { usualPerMinute: 120, packetsInMinute: 1300 } }],
    },
    {
      name: 'two rules are two findings; the engine’s for the same networks are one, whatever their text',
      events: [
        blocked(10, 300),
        blocked(10, 300, { rule: '-A DOCKER-ISOLATION-STAGE-2 -o br-data -m x -j DROP' }),
        blocked(10, 300, out),
      ],
      findings: [{ message: 'origin-unknown', evidence: { packets: 600 } }, { message: 'origin-unknown' }],
    },
  ],
  silent: [
    { name: 'one packet less than the threshold', events: [blocked(10, 199)] },
    { name: 'as many within more than a minute', events: steadily(10, 310, 30) },
    {
      name: 'a drizzle that has always been there and is nine times as much for a minute',
      events: [...steadily(10, 1210, 30), ...steadily(1210, 1270, 270)],
    },
    {
      name: 'readings that are ten minutes apart, of which a minute’s share is below',
      events: [blocked(600, 1990, { intervalSecs: 600 })],
    },
    {
      name: 'unanswered flows without a rule that counted anything',
      events: ports(50).map((port) => unansweredFlow(4, { orig: web, resp: { ...db, port } })),
    },
  ],
});

describe('blocked-burst', () => {
  const suspectsOf = (...events: AnalyzerEvent[]) =>
    runAnalyzer(blockedBurst, [blocked(10, 300), ...events]).final[0]!.evidence['suspects'];

  it('takes no flow for the cause that was answered, lies in another time, family or network', () => {
    const event = (fields: Partial<FlowRecord>, at = 4): AnalyzerEvent =>
      unansweredFlow(at, { orig: web, resp: db, ...fields });
    const reached = answered(
      flow({ orig: web, resp: { ...db, port: 5432 }, network: front, start: secs(4) }),
      secs(5),
    );

    expect(suspectsOf(event({}))).toEqual(['shop/web']);
    expect(suspectsOf({ on: 'flow-end', flow: reached })).toEqual([]);
    expect(suspectsOf(event({}, -20))).toEqual([]);
    expect(suspectsOf(event({}, 14))).toEqual([]);
    expect(suspectsOf(event({ orig: web6, resp: container('db', 'fd00:51::10') }))).toEqual([]);
    expect(suspectsOf(event({ network: data }))).toEqual([]);
    expect(suspectsOf(event({ resp: outside }))).toEqual([]);
    expect(suspectsOf(event({ history: 'Sr', respPackets: 1 }))).toEqual([]);
  });

  it('counts a flow once, whatever is told of it', () => {
    const one = flow({
      orig: web,
      resp: { ...db, port: 1 },
      network: front,
      start: secs(4),
      end: secs(5),
      origPackets: 2,
    });
    const { final } = runAnalyzer(blockedBurst, [
      blocked(10, 300),
      { on: 'flow-active', flow: one },
      { on: 'flow-end', flow: { ...one, origPackets: 5, end: secs(9) } },
    ]);

    expect(final[0]!.evidence['suspectPackets']).toBe(5);
  });

  it('is told again as soon as somebody fits, and becomes graver where that is a probe', () => {
    const { findings } = runAnalyzer(blockedBurst, [
      blocked(10, 300),
      ...ports(12).map((port) => unansweredFlow(4, { orig: web, resp: { ...db, port } })),
    ]);

    expect(findings.map(({ status, message, severity }) => `${status} ${message} ${severity}`)).toEqual([
      'open origin-unknown low',
      'update insists low',
      'update probes medium',
      'update probes medium',
    ]);
    expect(new Set(findings.map(({ id }) => id)).size).toBe(1);
  });

  it('a drizzle that is too much is told once, then it is usual', () => {
    const { findings } = runAnalyzer(blockedBurst, steadily(10, 7200, 50));

    expect(findings.filter(({ status }) => status === 'open')).toHaveLength(1);
    expect(findings.at(-1)?.status).toBe('closed');
  });

  it('asks for no flow while nothing bursts, and for none a while after', () => {
    const late = { ...unansweredFlow(10, { orig: web, resp: db }) };
    const { final } = runAnalyzer(blockedBurst, [blocked(10, 300), tick(12), tick(101), late]);

    expect(final[0]!.message).toBe('origin-unknown');
  });

  it('keeps its times when the clock is set', () => {
    const { final, failures } = runAnalyzer(blockedBurst, [
      ...steadily(10, 1200, 20),
      { on: 'clock-set', step: { from: secs(1200), to: secs(1200 + 86_400) } },
      ...steadily(1210 + 86_400, 1270 + 86_400, 100),
      blocked(1270 + 86_400, 1000),
    ]);

    expect(failures).toEqual([]);
    expect(final).toHaveLength(1);
    expect(final[0]!.evidence['usualPerMinute']).toBeGreaterThan(60);
  });

  it('forgets rules beyond its bound, those that hold back least, and says so', () => {
    const many = Array.from({ length: 40 }, (_, i) =>
      blocked(10, 20 + i, { reason: 'operator', rule: `-A DOCKER-USER -d 10.0.0.${i} -j DROP` }),
    );
    const { losses, final } = runAnalyzer(
      blockedBurst,
      [...many, blocked(20, 170, { reason: 'operator', rule: '-A DOCKER-USER -d 10.0.0.39 -j DROP' })],
      { max_rules: 16 },
    );

    expect(losses).toMatchObject([{ where: 'blocked-burst.rules', count: 24 }]);
    expect(final).toMatchObject([{ evidence: { packetsInMinute: 229 } }]);
  });

  it('looks into so many bursts at once, and flows a second, and counts what it leaves', () => {
    const bursts = Array.from({ length: 40 }, (_, i) =>
      blocked(10, 300, { to: network({ id: `n${i}`, name: `n${i}`, subnets: [`10.0.${i}.0/24`] }) }),
    );
    const flows = ports(400).map((port) => unansweredFlow(4, { orig: web, resp: { ...db, port } }));
    const { losses, failures } = runAnalyzer(blockedBurst, [...bursts, ...flows]);

    expect(failures).toEqual([]);
    expect(losses.map(({ where, count }) => [where, count]).sort()).toEqual([
      ['blocked-burst.bursts', 8],
      ['blocked-burst.unanswered-flows', 100],
    ]);
  });
});

describe('RuleRate', () => {
  it('knows nothing usual before a whole minute has passed', () => {
    const rate = new RuleRate();
    rate.add(secs(30), 10, 10);

    expect(rate.usual(secs(100), T0)).toBeUndefined();
    expect(rate.usual(secs(130), T0)).toBe(10);
    expect(rate.usual(secs(200), T0)).toBe(5);
    expect(rate.lastMinute).toBe(10);
  });
});
