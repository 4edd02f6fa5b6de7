import { describe, expect, it } from 'vitest';
import newListener from '../../analyzers/new-listener.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { ListenerRecord } from '../../src/model/listener.ts';
import type { Workload } from '../../src/model/network.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  answered,
  BACK,
  container,
  flow,
  listener,
  loneWorkload,
  network,
  secs,
  setBack,
  unattributed,
  workload,
} from '../support/records.ts';

const HOUR = 3600;
/** Past the learning, with a container that started at the beginning. */
const LATER = 25 * HOUR;
const back = network({ name: 'back' });
const NO_PORTS: AnalyzerEvent = { on: 'inventory', networks: [back], published: [] };

function web(fields: Partial<Workload> = {}): Workload {
  return workload('web', ['back'], { startedAt: secs(0), imageDigest: 'sha256:one', ...fields });
}

function at(who: Workload, port: number, ip = '172.30.0.10'): Endpoint {
  return container('web', ip, {
    workload: who,
    port,
    attribution: { method: 'netns', confidence: 'certain' },
  });
}

function opens(
  port: number,
  time: number,
  fields: Partial<ListenerRecord> = {},
  who: Workload = web(),
): AnalyzerEvent {
  return { on: 'listener', record: listener({ subject: at(who, port), time: secs(time), ...fields }) };
}

/** The service is known by its first port. */
const known = (port = 80): AnalyzerEvent => opens(port, 2, { exposed: true });

function answers(port: number, time: number, fields: Partial<FlowRecord> = {}, who = web()): AnalyzerEvent {
  const started = flow({
    network: back,
    start: secs(time),
    orig: container('app', '172.30.0.20', { port: 50_000 }),
    resp: container('web', '172.30.0.10', { workload: who, port }),
    ...fields,
  });
  return { on: 'flow-answered', flow: answered(started, started.start + 1000) };
}

const tick = (time: number): AnalyzerEvent => ({ on: 'tick', now: secs(time) });
const outside = address('198.51.100.7', 'internet', { port: 40_000 });
const nc = { process: 'nc', program: '/bin/busybox' };

testAnalyzer(newListener, {
  fires: [
    {
      name: 'a port that a service opens long after its start',
      events: [known(), opens(9000, LATER, { process: 'python3', program: '/usr/bin/python3.13' })],
      findings: [
        {
          message: 'late',
          severity: 'low',
          confidence: 'certain',
          network: 'back',
          evidence: {
            port: 9000,
            protocol: 'tcp',
            address: '0.0.0.0',
            process: 'python3',
            usualPorts: ['tcp/80'],
            containerAgeSecs: LATER - 5,
            settleSecs: 600,
            learnHours: 24,
            exposed: false,
          },
        },
      ],
    },
    {
      name: 'the same over IPv6, and over UDP',
      events: [
        known(),
        {
          on: 'listener',
          record: listener({ subject: at(web(), 9000, 'fd00:30::10'), address: '::', time: secs(LATER) }),
        },
        opens(1900, LATER, { protocol: 'udp' }),
      ],
      findings: [
        { message: 'late', evidence: { address: '::', port: 9000 } },
        { message: 'late', evidence: { protocol: 'udp', port: 1900 } },
      ],
    },
    {
      name: 'netcat that begins to listen long after the start, already while the service is learned',
      events: [known(), opens(4444, 700, nc)],
      findings: [{ message: 'remote-shell', severity: 'high', evidence: { port: 4444, process: 'nc' } }],
    },
    {
      name: 'netcat that comes when the service has been watched for ten minutes, however old it is',
      events: [opens(80, 10_000, { change: 'found', exposed: true }), opens(4444, 10_605, nc)],
      findings: [{ message: 'remote-shell' }],
    },
    {
      name: 'such a shell that somebody outside has connected to, and one that a neighbour has',
      events: [
        known(),
        opens(4444, LATER, nc),
        answers(4444, LATER + 10, { orig: outside }),
        opens(4445, LATER, nc),
        answers(4445, LATER + 10),
        answers(4445, LATER + 100),
      ],
      findings: [
        {
          message: 'remote-shell',
          severity: 'critical',
          evidence: { connections: 1, connectionsFromOutside: 1, clients: ['198.51.100.7'] },
        },
        {
          message: 'remote-shell',
          severity: 'high',
          evidence: { connections: 2, connectionsFromOutside: 0, clients: ['172.30.0.20'] },
        },
      ],
    },
    {
      name: 'a program from memory as a shell, and one that was deleted or lies in /tmp as worth a look',
      events: [
        known(),
        opens(1001, LATER, { process: 'kworker', program: '/memfd:x (deleted)' }),
        opens(1002, LATER, { process: 'x', program: '/usr/bin/x (deleted)' }),
        opens(1003, LATER, { process: 'x', program: '/tmp/x' }),
        opens(1004, LATER, { process: 'x', program: '/tmpfiles/x' }),
      ],
      findings: [
        { message: 'remote-shell', severity: 'high' },
        { message: 'late', severity: 'medium' },
        { message: 'late', severity: 'medium' },
        { message: 'late', severity: 'low' },
      ],
    },
    {
      name: 'a shell that closed its port when it was used, as `nc -l` does, also when its use was seen first',
      events: [
        known(),
        opens(4444, LATER, nc),
        opens(4444, LATER + 1, { ...nc, change: 'closed' }),
        answers(4444, LATER + 2),
        answers(4445, LATER + 2),
        opens(4445, LATER + 3, nc),
        opens(4445, LATER + 4, { ...nc, change: 'closed' }),
        tick(LATER + 20),
      ],
      findings: [
        { message: 'remote-shell', evidence: { port: 4444, connections: 1 } },
        { message: 'remote-shell', evidence: { port: 4445, connections: 1 } },
      ],
    },
    {
      name: 'a late port that somebody outside has connected to',
      events: [known(), opens(9000, LATER), answers(9000, LATER + 10, { orig: outside })],
      findings: [{ message: 'late', severity: 'medium', evidence: { connectionsFromOutside: 1 } }],
    },
    {
      name: 'a new port of a container that has just started, as a change of its command',
      events: [known(), opens(9000, LATER + 605, {}, web({ startedAt: secs(LATER) }))],
      options: { settle_secs: 601 },
      findings: [{ message: 'at-start', severity: 'low' }],
    },
    {
      name: 'one that settled a second earlier as late',
      events: [known(), opens(9000, LATER + 605, {}, web({ startedAt: secs(LATER) }))],
      options: { settle_secs: 600 },
      findings: [{ message: 'late', evidence: { containerAgeSecs: 600 } }],
    },
    {
      name: 'a new port of a new version of the image, more mildly',
      events: [
        known(),
        opens(
          9000,
          LATER + 5,
          {},
          web({ startedAt: secs(LATER), imageDigest: 'sha256:two', containerId: 'b' }),
        ),
      ],
      findings: [
        { message: 'at-start', severity: 'informational', evidence: { reasons: ['its image is new'] } },
      ],
    },
    {
      name: 'a port that the image or the configuration declares, as a remark',
      events: [
        known(),
        opens(8081, LATER, { exposed: true, ...nc }),
        opens(8082, LATER, { published: true }),
      ],
      findings: [
        { message: 'declared', severity: 'informational', evidence: { exposed: true } },
        { message: 'declared', severity: 'informational', evidence: { published: true } },
      ],
    },
    {
      name: 'ports that the kernel chooses, as one remark for all',
      events: [
        known(),
        opens(32_768, LATER),
        opens(40_001, LATER + 60),
        opens(10_000, LATER, { protocol: 'udp' }),
        opens(32_767, LATER),
      ],
      findings: [
        { message: 'chosen-by-kernel', severity: 'informational', count: 2 },
        { message: 'chosen-by-kernel', evidence: { protocol: 'udp' } },
        { message: 'late', evidence: { port: 32_767 } },
      ],
    },
    {
      name: 'what was there when the agent came back, without saying that it is late',
      events: [known(), opens(9000, LATER, { change: 'found', after: secs(0) })],
      findings: [{ message: 'at-start', severity: 'low' }],
    },
    {
      name: 'a container that answers where it never answered, when nobody can say who listens',
      events: [answers(80, 0), answers(9000, LATER), tick(LATER + 16)],
      findings: [
        {
          message: 'answers',
          severity: 'low',
          confidence: 'medium',
          evidence: { port: 9000, clients: ['172.30.0.20'], connections: 1 },
        },
      ],
    },
    {
      name: 'the same over IPv6, at the end of a file',
      events: [
        answers(80, 0),
        answers(9000, LATER, { resp: container('web', 'fd00:30::10', { workload: web(), port: 9000 }) }),
      ],
      findings: [{ message: 'answers', subject: expect.objectContaining({ ip: 'fd00:30::10' }) }],
    },
    {
      name: 'a port that answered and was closed before the list was read',
      events: [
        known(),
        {
          on: 'inventory',
          networks: [back],
          published: [],
          listening: [{ workload: web(), protocol: 'tcp', port: 80 }],
        },
        answers(4444, LATER),
        tick(LATER + 16),
      ],
      findings: [{ message: 'answers', evidence: { port: 4444 } }],
    },
    {
      name: 'a container of no project, by its image',
      events: [
        opens(80, 0, {}, loneWorkload('a', ['bridge'], { image: 'site:1', startedAt: secs(0) })),
        opens(9000, LATER, {}, loneWorkload('b', ['bridge'], { image: 'site:1', startedAt: secs(0) })),
      ],
      findings: [{ message: 'late' }],
    },
    {
      name: 'a port that is opened again, as the same finding',
      events: [
        known(),
        opens(9000, LATER),
        opens(9000, LATER + 60, { change: 'closed' }),
        opens(9000, LATER + 120),
      ],
      findings: [{ message: 'late', count: 2 }],
    },
    {
      name: 'what is new when the clock was set back meanwhile, and learned no sooner for it',
      events: [
        known(),
        opens(81, 10 * HOUR),
        setBack(10 * HOUR),
        opens(82, 23.9 * HOUR + BACK),
        opens(83, 24.1 * HOUR + BACK),
      ],
      findings: [{ message: 'late', evidence: { port: 83, usualPorts: ['tcp/80', 'tcp/81', 'tcp/82'] } }],
    },
  ],
  silent: [
    silent('what is open while a service is learned', known(), opens(9000, 23.9 * HOUR)),
    silent(
      'a port that only the container itself can reach',
      known(),
      opens(9229, LATER, { address: '127.0.0.1', loopback: true }),
    ),
    silent(
      'a habit, after a restart, a redeployment and by another replica',
      known(),
      opens(9000, HOUR),
      opens(9000, LATER, {}, web({ startedAt: secs(LATER - 3) })),
      opens(
        9000,
        LATER,
        {},
        web({ startedAt: secs(LATER - 3), containerId: 'other', imageDigest: 'sha256:two' }),
      ),
      opens(9000, LATER, {}, web({ name: 'web-2', containerId: 'second', composeNumber: 2 })),
    ),
    silent(
      'socat as the program of a container, from its start',
      opens(2375, 2, { process: 'socat', program: '/usr/bin/socat' }),
    ),
    silent(
      'netcat that an agent sees a moment after it began to look: it may be opened again and again',
      opens(80, 10_000, { change: 'found', exposed: true }),
      opens(4444, 10_604, nc),
      opens(4444, 11_000, nc),
    ),
    silent('what closes', known(), opens(9000, LATER, { change: 'closed' })),
    silent(
      'an answer on a port that the kernel says is listened on',
      NO_PORTS,
      { on: 'inventory', networks: [back], listening: [{ workload: web(), protocol: 'tcp', port: 9000 }] },
      known(),
      answers(9000, LATER),
      tick(LATER + 16),
    ),
    silent(
      'refusals, replies, flows that began unseen, UDP, and answers of who is no container',
      answers(80, 0),
      {
        on: 'flow-answered',
        flow: { ...(answers(9001, LATER) as { flow: FlowRecord }).flow, history: 'Sr', connState: 'REJ' },
      },
      {
        on: 'flow-answered',
        flow: { ...(answers(9002, LATER) as { flow: FlowRecord }).flow, history: 'Hs' },
      },
      {
        on: 'flow-answered',
        flow: { ...(answers(9003, LATER) as { flow: FlowRecord }).flow, history: 'Dd' },
      },
      answers(9004, LATER, { protocol: 'udp' }),
      answers(9005, LATER, { resp: unattributed('172.30.0.10', { port: 9005 }) }),
      tick(LATER + 16),
    ),
    silent(
      'a published port that answers the first time while it is learned',
      answers(80, 0),
      answers(81, HOUR),
      tick(HOUR + 16),
    ),
  ],
});

describe('new-listener over restarts of the agent', () => {
  it('knows what it learned before, and takes no time for learning again', () => {
    const before = runAnalyzer(newListener, [known(), opens(9000, HOUR)]);
    const after = runAnalyzer(
      newListener,
      [opens(9000, LATER, { change: 'found' }), opens(4000, LATER)],
      {},
      () => {},
      before.learned,
    );

    expect(after.final.map(({ evidence }) => evidence['port'])).toEqual([4000]);
    expect(after.final[0]!.evidence['usualPorts']).toEqual(['tcp/80', 'tcp/9000']);
  });

  it('makes a habit of what was harmless and is there a day later, never of a shell', () => {
    const day = 24 * HOUR;
    const first = [known(), opens(9000, LATER), opens(4444, LATER, nc)];
    const ports = (time: number) =>
      runAnalyzer(
        newListener,
        [opens(9000, time), opens(4444, time, nc)],
        {},
        () => {},
        runAnalyzer(newListener, first).learned,
      ).final.map(({ evidence }) => evidence['port']);

    expect(ports(LATER + day - 1)).toEqual([9000, 4444]);
    expect(ports(LATER + day)).toEqual([4444]);
  });

  it('forgets what it cannot read, and says so', () => {
    const { learned } = runAnalyzer(newListener, [known()]);
    const odd = learned.map((record) => ({ ...record, value: { v: 99 } }));
    const run = runAnalyzer(newListener, [opens(9000, LATER)], {}, () => {}, odd);

    expect(run.final).toEqual([]);
    expect(run.losses).toMatchObject([{ where: 'new-listener.services.unreadable', count: 1 }]);
  });
});

describe('new-listener within its bounds', () => {
  it('remembers 128 ports of a service, and says that it passes over others', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => opens(1000 + i, 10));

    expect(runAnalyzer(newListener, many(128)).losses).toEqual([]);
    expect(runAnalyzer(newListener, many(129)).losses).toMatchObject([
      { where: 'new-listener.ports', count: 1 },
    ]);
  });

  it('looks at no more connections in a second than it may, and at one a minute of each port', () => {
    const flows = (count: number) => Array.from({ length: count }, (_, i) => answers(1000 + i, 1));
    const options = { max_flows_per_sec: 100 };

    expect(runAnalyzer(newListener, [NO_PORTS, ...flows(100)], options).losses).toEqual([]);
    const beyond = runAnalyzer(newListener, [NO_PORTS, ...flows(101)], options).losses;
    expect(beyond).toMatchObject([{ where: 'new-listener.flows', count: 1 }]);
    const same = Array.from({ length: 1000 }, () => answers(80, 1));
    expect(runAnalyzer(newListener, [NO_PORTS, ...same], options).losses).toEqual([]);
  });

  it('waits a minute for what was said to a port that is closed', () => {
    const connections = (time: number) =>
      runAnalyzer(newListener, [
        known(),
        opens(4444, LATER, nc),
        opens(4444, LATER, { ...nc, change: 'closed' }),
        tick(LATER + time),
        answers(4444, LATER + time),
        NO_PORTS,
      ]).final.map(({ message, evidence }) => [message, evidence['connections']]);

    expect(connections(59)).toEqual([['remote-shell', 1]]);
    expect(connections(60)).toEqual([['remote-shell', 0]]);
  });

  it('shows a process name without a byte that would act on a terminal', () => {
    const run = runAnalyzer(newListener, [known(), opens(9000, LATER, { process: '\u001b[2Jx' })]);

    expect(run.final[0]!.explanation).not.toContain('\u001b');
  });
});
