import { describe, expect, it } from 'vitest';
import exfilVolume from '../../analyzers/exfil-volume.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  container,
  flow,
  loneWorkload,
  network,
  secs,
  setBack,
  unattributed,
} from '../support/records.ts';

const MB = 1_000_000;
const HOUR = 3600;
const DAY = 24 * HOUR;
const app = container('app', '172.30.0.10', { port: 40_000 });
const place = (ip: string, name?: string) =>
  address(ip, 'internet', { port: 443, names: name === undefined ? [] : [name] });
const store = place('198.51.100.7', 'bucket.example.com');
const fresh = place('198.51.101.9', 'drop.example.net');

interface Sent {
  readonly at: number;
  readonly out: number;
  readonly back?: number;
  readonly to?: Endpoint;
  readonly by?: Endpoint;
  readonly fields?: Partial<FlowRecord>;
}

/** A connection of ten seconds that is over at `at`. */
function sent({ at, out, back = out / 20, to = store, by = app, fields = {} }: Sent): AnalyzerEvent {
  const one = flow({
    orig: by,
    resp: to,
    start: secs(at - 10),
    history: 'ShADadFf',
    respPackets: 9,
    reason: 'closed',
    origBytes: out,
    respBytes: back,
    ...fields,
  });
  return { on: 'flow-end', flow: { ...one, end: secs(at) } };
}

/** A little traffic each hour of the first days: a service that is known and uploads nothing. */
function quietDays(days: number): AnalyzerEvent[] {
  return Array.from({ length: days * 24 }, (_, i) => sent({ at: 60 + i * HOUR, out: 200_000, back: 5 * MB }));
}

/** A backup of 300 MB each night at two. */
function nightly(days: number, fields: Partial<Sent> = {}): AnalyzerEvent[] {
  return Array.from({ length: days }, (_, i) => sent({ at: i * DAY + 2 * HOUR, out: 300 * MB, ...fields }));
}

testAnalyzer(exfilVolume, {
  fires: [
    {
      name: 'on the first day more than the floor, low: its habits are not known',
      events: [sent({ at: 60, out: 50 * MB + 1 })],
      findings: [
        {
          message: 'while-learning',
          severity: 'low',
          evidence: {
            destination: 'example.com',
            servers: ['198.51.100.7'],
            bytes: 50 * MB + 1,
            thresholdBytes: 50 * MB,
            floorBytes: 50 * MB,
            intervals: 0,
            novelty: 'new',
            connections: 1,
          },
        },
      ],
    },
    {
      name: 'from a service that never uploads, to a new place, medium',
      events: [...quietDays(2), sent({ at: 2 * DAY + 100, out: 60 * MB, to: fresh })],
      findings: [
        {
          message: 'unlike-before',
          severity: 'medium',
          evidence: { destination: 'example.net', windowSecs: 300, novelty: 'new', medianBytes: 0 },
        },
      ],
    },
    {
      name: 'ten times the threshold from such a service, high',
      events: [...quietDays(2), sent({ at: 2 * DAY + 100, out: 500 * MB, to: fresh })],
      findings: [{ message: 'unlike-before', severity: 'high' }],
    },
    {
      name: 'the same over IPv6 without a name: by /48',
      events: [...quietDays(2), sent({ at: 2 * DAY + 100, out: 60 * MB, to: place('2001:db8:1:2::9') })],
      findings: [{ message: 'unlike-before', evidence: { destination: '2001:db8:1::/48' } }],
    },
    {
      name: 'one that came slowly: 6 MB each five minutes, over the hour',
      events: [
        ...quietDays(2),
        ...Array.from({ length: 11 }, (_, i) =>
          sent({ at: 2 * DAY + 100 + i * 300, out: 6 * MB, to: fresh }),
        ),
      ],
      findings: [{ message: 'unlike-before', evidence: { windowSecs: 3600 } }],
    },
    {
      name: 'many connections to neighbouring addresses as one place',
      events: [
        ...quietDays(2),
        ...Array.from({ length: 60 }, (_, i) =>
          sent({ at: 2 * DAY + 100 + i, out: MB, to: place(`198.51.101.${i}`) }),
        ),
      ],
      findings: [{ message: 'unlike-before', evidence: { destination: '198.51.101.0/24' } }],
    },
    {
      name: 'a place it has called for days and sent nothing to: rare',
      events: [
        ...quietDays(3),
        ...Array.from({ length: 70 }, (_, i) =>
          sent({ at: 90 + i * HOUR, out: 2000, back: 2000, to: fresh }),
        ),
        sent({ at: 3 * DAY + 100, out: 60 * MB, to: fresh }),
      ],
      findings: [{ message: 'unlike-before', severity: 'medium', evidence: { novelty: 'rare' } }],
    },
    {
      name: 'the first backup after the first day to a new place, by who uploads each night, low',
      events: [...nightly(3), sent({ at: 3 * DAY + 2 * HOUR, out: 300 * MB, to: fresh })],
      findings: [
        { message: 'while-learning', severity: 'low' },
        { message: 'by-an-uploader', severity: 'low' },
      ],
    },
    {
      name: 'an image pushed to a registry by who never uploaded, low',
      events: [
        ...quietDays(2),
        sent({ at: 2 * DAY + 100, out: 900 * MB, to: place('198.51.101.9', 'ghcr.io') }),
      ],
      findings: [{ message: 'by-an-uploader', severity: 'low' }],
    },
    {
      name: 'what a long connection adds, while it goes on',
      events: [
        ...quietDays(2),
        ...[20, 40, 60].map(
          (out, i): AnalyzerEvent => ({
            on: 'flow-active',
            flow: flow({
              orig: app,
              resp: fresh,
              uid: 'Flong',
              start: secs(2 * DAY),
              end: secs(2 * DAY + 60 * (i + 1)),
              origBytes: out * MB,
              respBytes: MB,
              respPackets: 9,
              history: 'ShADad',
              reason: 'active',
            }),
          }),
        ),
      ],
      findings: [{ message: 'unlike-before', evidence: { bytes: 60 * MB, answerBytes: MB, connections: 1 } }],
    },
    {
      name: 'an address of a container network that nobody could name',
      events: [
        sent({ at: 60, out: 60 * MB, by: unattributed('172.30.0.77'), fields: { network: network() } }),
      ],
      findings: [{ message: 'while-learning' }],
    },
    {
      name: 'a floor of its own',
      events: [sent({ at: 60, out: MB })],
      options: { floor_bytes: 500_000 },
      findings: [{ message: 'while-learning' }],
    },
  ],
  silent: [
    { name: 'what stays at the floor', events: [sent({ at: 60, out: 50 * MB })] },
    {
      name: 'no more than three bytes out for each one back',
      events: [sent({ at: 60, out: 90 * MB, back: 30 * MB })],
    },
    { name: 'an image pull: much in, little out', events: [sent({ at: 60, out: 60 * MB, back: 2000 * MB })] },
    {
      name: 'what visitors download from it',
      events: [
        sent({ at: 60, out: MB, back: 900 * MB, by: place('198.51.100.9'), to: { ...app, port: 443 } }),
      ],
    },
    {
      name: 'a file server of the site, and a neighbour',
      events: [
        sent({ at: 60, out: 900 * MB, to: address('10.9.9.9', 'lan', { port: 445 }) }),
        sent({ at: 90, out: 900 * MB, to: container('db', '172.30.0.20') }),
      ],
    },
    { name: 'the host', events: [sent({ at: 60, out: 900 * MB, by: address('10.0.0.5', 'host') })] },
    {
      name: 'logs shipped all the time, less than the floor in any hour',
      events: Array.from({ length: 600 }, (_, i) => sent({ at: 60 + i * 300, out: 4 * MB, back: 100_000 })),
    },
  ],
});

describe('exfil-volume', () => {
  const opened = (events: readonly AnalyzerEvent[], options = {}) =>
    runAnalyzer(exfilVolume, events, options).findings.filter(({ status }) => status === 'open');
  const days = (findings: { firstSeen: number }[]) =>
    findings.map(({ firstSeen }) => Math.floor((firstSeen - secs(0)) / (DAY * 1e6)));

  it('tells of a nightly backup in its first night only', () => {
    expect(days(opened(nightly(14)))).toEqual([0]);
  });

  it('knows the backup container of each night, which is made anew, by its image', () => {
    const made = (night: number) =>
      container(`backup-${night}`, '172.30.0.50', {
        workload: loneWorkload(`backup-${night}`, ['bridge'], { image: 'restic/restic:0.18' }),
      });
    const nights = Array.from({ length: 14 }, (_, i) =>
      sent({ at: i * DAY + 2 * HOUR, out: 300 * MB, by: made(i) }),
    );

    expect(days(opened(nights))).toEqual([0]);
  });

  it('knows a service by its name: a redeployed container has its habits', () => {
    const redeployed = { ...app, ip: '172.30.0.99', workload: { ...app.workload!, containerId: 'cid-new' } };
    const events = [...nightly(3), sent({ at: 3 * DAY + 2 * HOUR, out: 300 * MB, by: redeployed })];

    expect(days(opened(events))).toEqual([0]);
  });

  it('takes a stream that goes on all day as a habit, and ten times as much elsewhere as none', () => {
    const stream = Array.from({ length: 2 * 288 }, (_, i) => sent({ at: 100 + i * 300, out: 60 * MB }));
    const elsewhere = (out: number) => sent({ at: 2 * DAY + 200, out, to: fresh });

    expect(days(opened([...stream, elsewhere(60 * MB)]))).toEqual([0]);
    expect(days(opened([...stream, elsewhere(900 * MB)]))).toEqual([0, 2]);
  });

  it('folds the many peers of a program that seeds into nine findings', () => {
    const peers = Array.from({ length: 30 }, (_, i) =>
      sent({ at: 60 + i, out: 60 * MB, to: place(`198.51.${i}.7`) }),
    );

    expect(opened(peers)).toHaveLength(9);
  });

  it('keeps what it knows when the clock is set', () => {
    const before = Array.from({ length: 4 }, (_, i) => sent({ at: 60 + i * 10, out: 10 * MB }));
    const after = Array.from({ length: 2 }, (_, i) => sent({ at: -7200 + 110 + i * 10, out: 10 * MB }));

    expect(opened([...before, setBack(100), ...after])).toHaveLength(1);
  });

  it('counts no byte twice of a flow that it had to forget, and says so', () => {
    const active = (uid: string, at: number, out: number): AnalyzerEvent => ({
      on: 'flow-active',
      flow: flow({
        orig: app,
        resp: store,
        uid,
        start: secs(0),
        end: secs(at),
        origBytes: out,
        respPackets: 1,
        history: 'ShADad',
        reason: 'active',
      }),
    });
    const many = Array.from({ length: 300 }, (_, i) => active(`F-${i}`, 10, 100_000));
    const again = Array.from({ length: 300 }, (_, i) => active(`F-${i}`, 20, 100_000));
    const run = runAnalyzer(exfilVolume, [...many, ...again], { max_flows: 256, floor_bytes: 31 * MB });

    expect(run.findings).toEqual([]);
    expect(run.losses.map(({ where }) => where)).toContain('exfil-volume.flows');
  });
});

describe('after a restart of the agent', () => {
  const run = (events: readonly AnalyzerEvent[], history: Parameters<typeof runAnalyzer>[4] = []) =>
    runAnalyzer(exfilVolume, events, {}, () => {}, history);
  const tick = (at: number): AnalyzerEvent => ({ on: 'tick', now: secs(at) });
  const bare = (result: ReturnType<typeof run>) =>
    result.final.map(({ message, severity, evidence }) => ({ message, severity, evidence }));

  it('habits are what they would be without', () => {
    for (const split of [26 * HOUR, 2 * DAY + 1800]) {
      const all = [...quietDays(3), ...nightly(2)].sort((a, b) => timeOf(a) - timeOf(b));
      const early = [...all.filter((event) => timeOf(event) < secs(split)), tick(split)];
      const late = [
        tick(split),
        ...all.filter((event) => timeOf(event) >= secs(split)),
        sent({ at: 3 * DAY + 100, out: 400 * MB, to: fresh }),
      ];
      const whole = run([...early, ...late]);
      const first = run(early);
      const second = run(late, first.learned);

      expect(second.failures).toEqual([]);
      expect(whole.final.at(-1)).toMatchObject({ message: 'by-an-uploader' });
      expect(bare(second).at(-1)).toEqual(bare(whole).at(-1));
    }
  });

  it('a week without the agent is no week of sending nothing', () => {
    const learned = run([...quietDays(2), ...nightly(2), tick(2 * DAY)]).learned;
    const back = 9 * DAY + 2 * HOUR;
    const events = [tick(back - 60), sent({ at: back, out: 300 * MB, to: fresh })];

    expect(run(events, learned).final).toMatchObject([{ message: 'by-an-uploader', severity: 'low' }]);
    expect(run(events).final).toMatchObject([{ message: 'while-learning', evidence: { watchedSecs: 10 } }]);
  });

  it('what is of another form is forgotten, and counted', () => {
    const learned = run(quietDays(1)).learned.map((record) => ({ ...record, value: [1, 'odd'] }));
    const { failures, losses } = run([sent({ at: DAY, out: 1 }), tick(DAY + 60)], learned);
    expect(failures).toEqual([]);
    expect(losses.map(({ where }) => where)).toEqual([
      'exfil-volume.owners.unreadable',
      'exfil-volume.destinations.unreadable',
    ]);
  });
});

function timeOf(event: AnalyzerEvent): number {
  return 'flow' in event ? event.flow.end : 0;
}
