import { describe, expect, it } from 'vitest';
import adminPortAccess from '../../analyzers/admin-port-access.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { address, BACK, container, flow, loneWorkload, secs, setBack, workload } from '../support/records.ts';

const app = container('app', '172.30.0.10', { port: 40_000 });
const db = (port = 5432) => container('db', '172.30.0.20', { port });
const foreign = (port = 5432, ip = '172.30.0.30') =>
  container('store', ip, { port, workload: workload('store', ['back'], { composeProject: 'blog' }) });
const lone = (name: string, ip: string, port: number) =>
  container(name, ip, { port, workload: loneWorkload(name) });
const gateway = (port: number) => address('172.30.0.1', 'gateway', { port });
const outside = (port: number, ip = '198.51.100.7') => address(ip, 'internet', { port });
const lan = (port: number) => address('10.9.9.9', 'lan', { port });

function session(fields: Partial<FlowRecord> & Pick<FlowRecord, 'resp'>): AnalyzerEvent {
  const one = flow({
    orig: app,
    reason: 'closed',
    connState: 'SF',
    history: 'ShADadFf',
    respPackets: 6,
    respBytes: 800,
    ...fields,
  });
  return { on: 'flow-end', flow: { ...one, end: fields.end ?? one.start + 500_000 } };
}

/** As many sessions, one each `every` seconds. */
function sessions(
  count: number,
  fields: Partial<FlowRecord> & Pick<FlowRecord, 'resp'>,
  every = 2,
  from = 0,
): AnalyzerEvent[] {
  return Array.from({ length: count }, (_, i) => session({ ...fields, start: secs(from + i * every) }));
}

/** The server said no and hung up. */
const TURNED_AWAY: Partial<FlowRecord> = { history: 'ShADadfF', respBytes: 400 };
const SSH_FAILED: Partial<FlowRecord> = { service: 'ssh', respBytes: 3500 };

testAnalyzer(adminPortAccess, {
  fires: [
    {
      name: 'a database of another project over a network that both are on',
      events: [session({ resp: foreign(), service: 'postgresql' })],
      findings: [
        {
          message: 'other-project',
          severity: 'low',
          evidence: {
            line: 'other-project',
            targets: ['172.30.0.30:5432 (PostgreSQL)'],
            subjectProject: 'shop',
            peerProjects: ['blog'],
            connections: 1,
            answered: 1,
          },
        },
      ],
    },
    {
      name: 'a container of no project reaching one of a project, over IPv6',
      events: [session({ orig: lone('box', 'fd00:30::9', 40_000), resp: foreign(22, 'fd00:30::30') })],
      findings: [
        {
          message: 'other-project',
          evidence: { subjectProject: 'none', targets: ['[fd00:30::30]:22 (SSH)'] },
        },
      ],
    },
    {
      name: 'machines of the site, refused and answered, as one finding',
      events: [
        session({ resp: lan(22), history: 'Sr', respPackets: 1, respBytes: 40 }),
        session({ resp: lan(3306), service: 'mysql' }),
      ],
      findings: [
        {
          message: 'lan',
          severity: 'low',
          evidence: { refused: 1, connections: 2, answered: 1, targetCount: 2, ports: [22, 3306] },
        },
      ],
    },
    {
      name: 'refused logins of this host',
      events: sessions(30, { resp: gateway(22), ...SSH_FAILED }),
      findings: [{ message: 'guessing', severity: 'medium', evidence: { targets: ['172.30.0.1:22 (SSH)'] } }],
    },
    {
      name: 'a file server of the site',
      events: [session({ resp: lan(445), service: 'smb' })],
      findings: [{ message: 'lan', severity: 'low' }],
    },
    {
      name: 'a database on the Internet, low; SSH there too (git, backups)',
      events: [
        session({ resp: outside(5432), service: 'postgresql' }),
        session({ resp: outside(22), service: 'ssh' }),
      ],
      findings: [{ message: 'internet', severity: 'low', evidence: { recognised: ['postgresql', 'ssh'] } }],
    },
    {
      name: 'SMB to the Internet, over IPv6',
      events: [session({ resp: outside(445, '2001:db8::7'), service: 'smb' })],
      findings: [{ message: 'internet', severity: 'medium' }],
    },
    {
      name: 'a connection that stays open: counted once',
      events: [
        {
          on: 'flow-active',
          flow: flow({
            orig: app,
            resp: lan(22),
            uid: 'Flong',
            history: 'ShADad',
            respPackets: 9,
            reason: 'active',
          }),
        },
        {
          on: 'flow-active',
          flow: flow({
            orig: app,
            resp: lan(22),
            uid: 'Flong',
            history: 'ShADad',
            respPackets: 9,
            reason: 'active',
            end: secs(60),
          }),
        },
        {
          on: 'flow-end',
          flow: flow({
            orig: app,
            resp: lan(22),
            uid: 'Flong',
            history: 'ShADadFf',
            respPackets: 9,
            reason: 'closed',
            end: secs(90),
          }),
        },
      ],
      findings: [{ message: 'lan', evidence: { connections: 1, answered: 1 } }],
    },
    {
      name: 'thirty refused logins of a neighbour on SSH, within its own project',
      events: sessions(30, { resp: db(22), ...SSH_FAILED }),
      findings: [
        {
          message: 'guessing',
          severity: 'medium',
          evidence: { line: 'none', failedSessions: 30, sessions: 30, threshold: 30, windowSecs: 600 },
        },
      ],
    },
    {
      name: 'thirty at a database, low: a program that starts again with a wrong password does the same',
      events: sessions(30, { resp: db(), ...TURNED_AWAY }),
      findings: [{ message: 'guessing', severity: 'low' }],
    },
    {
      name: 'a hundred and fifty at a database, medium',
      events: sessions(150, { resp: db(), ...TURNED_AWAY }),
      findings: [
        { message: 'guessing', severity: 'medium', evidence: { failedSessions: 150, threshold: 150 } },
      ],
    },
    {
      name: 'refused logins among a few sessions that go on: eight of ten',
      events: [
        ...sessions(7, { resp: db(), respBytes: 9000 }, 1),
        ...sessions(30, { resp: db(), ...TURNED_AWAY }),
      ],
      findings: [{ message: 'guessing', evidence: { failedSessions: 30, sessions: 37 } }],
    },
  ],
  silent: [
    {
      name: "a project's own database",
      events: [session({ resp: db(), service: 'postgresql' }), session({ resp: db(6379) })],
    },
    {
      name: 'two containers of no project',
      events: [session({ orig: lone('a', '172.17.0.2', 1), resp: lone('b', '172.17.0.3', 5432) })],
    },
    {
      name: 'two of one Swarm stack',
      events: [
        session({ orig: stacked('a', '10.0.1.2'), resp: { ...stacked('b', '10.0.1.3'), port: 5432 } }),
      ],
    },
    {
      name: 'a port that is neither',
      events: [session({ resp: foreign(8080), service: 'http' }), session({ resp: gateway(8080) })],
    },
    {
      name: 'a peer-to-peer program that dials any port of the Internet',
      events: [22, 3306, 6443, 3389, 6379].map((port) => session({ resp: outside(port) })),
    },
    {
      name: 'BitTorrent on the port of Redis',
      events: [session({ resp: outside(6379), service: 'bittorrent' })],
    },
    {
      name: 'attempts on the Internet that nobody answered',
      events: [session({ resp: outside(22), history: 'S', respPackets: 0, respBytes: 0, reason: 'idle' })],
    },
    {
      name: 'services of this host, which another detector tells',
      events: [session({ resp: gateway(22), service: 'ssh' }), session({ resp: gateway(3306) })],
    },
    {
      name: 'UDP on such a port',
      events: [session({ resp: lan(3306), protocol: 'udp', history: 'Dd' })],
    },
    { name: 'what comes from outside', events: [session({ orig: outside(50_000), resp: db(22) })] },
    { name: 'twenty-nine refused logins', events: sessions(29, { resp: db(22), ...SSH_FAILED }) },
    {
      name: 'thirty refused logins spread over a quarter of an hour',
      events: sessions(30, { resp: db(22), ...SSH_FAILED }, 31),
    },
    {
      name: 'a web application without a pool: a thousand short sessions, whose client hangs up',
      events: sessions(1000, { resp: db(3306), respBytes: 1000 }, 0.1),
    },
    {
      name: 'an exporter that asks its database every 15 s',
      events: sessions(100, { resp: db(), respBytes: 4000, history: 'ShADadfF' }, 15),
    },
    {
      name: 'a port check each second: the client says nothing',
      events: sessions(500, { resp: db(3306), history: 'ShAdfF', respBytes: 200 }, 1),
    },
    {
      name: 'a program that waits for its database to come up',
      events: sessions(500, { resp: db(), history: 'Sr', respPackets: 1, respBytes: 40 }, 1),
    },
    {
      name: 'git over SSH from a project of its own: fetches are larger than refusals',
      events: sessions(60, { resp: db(22), service: 'ssh', respBytes: 6001 }, 5),
    },
    {
      name: 'refused logins that are less than eight of ten',
      events: [
        ...sessions(8, { resp: db(), respBytes: 9000 }, 1),
        ...sessions(30, { resp: db(), ...TURNED_AWAY }),
      ],
    },
    {
      name: 'a pool: thirty long sessions',
      events: sessions(30, { resp: db(), ...TURNED_AWAY, end: secs(120) }, 1),
    },
  ],
});

function stacked(name: string, ip: string) {
  return container(name, ip, {
    workload: loneWorkload(name, ['net'], {
      swarmService: `web_${name}`,
      labels: { 'com.docker.stack.namespace': 'web' },
    }),
  });
}

describe('admin-port-access', () => {
  it('counts refused logins on when the clock is set', () => {
    const { final } = runAnalyzer(adminPortAccess, [
      ...sessions(20, { resp: db(22), ...SSH_FAILED }),
      setBack(60),
      ...sessions(10, { resp: db(22), ...SSH_FAILED }, 2, BACK + 62),
    ]);

    expect(final).toMatchObject([{ message: 'guessing', evidence: { failedSessions: 30 } }]);
  });

  it('tells the first crossing at once and repeats as one finding', () => {
    const { findings, final } = runAnalyzer(adminPortAccess, sessions(100, { resp: lan(3306) }, 1));

    expect(findings[0]).toMatchObject({ status: 'open', count: 1 });
    expect(final).toHaveLength(1);
    expect(final[0]).toMatchObject({ count: 100 });
  });

  it('remembers a bounded number of pairs, and says how many it forgot', () => {
    const events = Array.from({ length: 40 }, (_, i) =>
      session({ resp: { ...db(22), ip: `172.30.0.${100 + i}` }, ...SSH_FAILED, start: secs(i) }),
    );
    const { losses } = runAnalyzer(adminPortAccess, events, { max_pairs: 16 });

    expect(losses.map(({ where }) => where)).toContain('admin-port-access.pairs');
  });
});
