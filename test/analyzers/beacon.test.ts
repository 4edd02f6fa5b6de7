import { describe, expect, it } from 'vitest';
import beacon from '../../analyzers/beacon.ts';
import { periodicity } from '../../analyzers/lib/beacon/autocorrelation.ts';
import { BusyPairs } from '../../analyzers/lib/beacon/busy.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { parseIp } from '../../src/model/ip.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { address, BACK, container, flow, secs, setBack, workload } from '../support/records.ts';

const DAY = 86_400;
const app = container('app', '172.30.0.10', { port: 40_000 });
const named = address('198.51.100.7', 'internet', { port: 443, names: ['api.example.com'] });
const nameless = address('198.51.100.66', 'internet', { port: 443 });
const nameless6 = address('2001:db8::66', 'internet', { port: 443 });

interface Call {
  readonly at: number;
  readonly to?: Endpoint;
  readonly by?: Endpoint;
  readonly bytes?: number;
  readonly fields?: Partial<FlowRecord>;
}

/** A connection of half a second. */
function call({ at, to = named, by = app, bytes = 700, fields = {} }: Call): AnalyzerEvent {
  const one = flow({
    orig: by,
    resp: to,
    start: secs(at),
    history: 'ShADadFf',
    respPackets: 5,
    reason: 'closed',
    origBytes: bytes,
    ...fields,
  });
  return { on: 'flow-end', flow: { ...one, end: secs(at + 0.5) } };
}

/** Numbers from 0 to 1 that are the same each time (Park and Miller's generator). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Sleeps `period` less up to `jitter` of it, as Cobalt Strike does; Sliver adds instead. */
function times(count: number, period: number, jitter = 0, from = 0, seed = 7): number[] {
  const random = chance(seed);
  const at = [from];
  while (at.length < count) at.push(at.at(-1)! + period * (1 - jitter * random()));
  return at;
}

const calls = (at: readonly number[], rest: Omit<Call, 'at'> = {}) =>
  at.map((one) => call({ ...rest, at: one }));

/** What a busy program does: at any time, of any size. */
function poisson(count: number, mean: number, seed: number): Call[] {
  const random = chance(seed);
  let at = 0;
  return Array.from({ length: count }, () => {
    at += -Math.log(random()) * mean;
    return { at, bytes: 400 + Math.floor(random() * 4000) };
  });
}

const others = (names: readonly string[], at: number, to: Endpoint = named) =>
  names.map((name, i) => call({ at, to, by: container(name, `172.30.0.${50 + i}`) }));

testAnalyzer(beacon, {
  fires: [
    {
      name: 'eleven calls a minute apart, low',
      events: calls(times(11, 60)),
      findings: [
        {
          message: 'regular',
          severity: 'low',
          confidence: 'low',
          evidence: {
            destination: 'api.example.com',
            contacts: 11,
            periodSecs: 60,
            score: 1,
            threshold: 0.9,
            timingBy: 'intervals',
            answered: 11,
            connections: 11,
            wholeMinutes: true,
            isNew: false,
            isNamed: true,
            callers: 1,
          },
        },
      ],
    },
    {
      name: 'a sleep with a tenth of jitter, over IPv6',
      events: calls(times(20, 60, 0.1), { to: nameless6, by: { ...app, ip: 'fd00:30::10' } }),
      findings: [{ message: 'regular', evidence: { destination: '[2001:db8::66]:443/tcp' } }],
    },
    { name: 'a fifth of jitter', events: calls(times(30, 5, 0.2)), findings: [{ message: 'regular' }] },
    { name: 'half of jitter', events: calls(times(64, 60, 0.5)), findings: [{ message: 'regular' }] },
    {
      name: 'two rates at once, by autocorrelation: a check-in each minute and ten seconds after it an upload',
      events: calls(times(20, 60).flatMap((at) => [at, at + 10])),
      findings: [{ message: 'regular', evidence: { timingBy: 'autocorrelation', periodSecs: 60 } }],
    },
    {
      name: 'several connections at once as one contact',
      events: calls(
        times(12, 30).flatMap((at) => [at, at + 0.1, at + 0.2]),
        { bytes: 200 },
      ),
      findings: [{ message: 'regular', evidence: { periodSecs: 30, medianBytes: 600 } }],
    },
    {
      name: 'one whose server is gone, that tries on',
      events: calls(times(12, 60), { fields: { history: 'S', respPackets: 0 } }),
      findings: [{ message: 'regular', evidence: { answered: 0 } }],
    },
    {
      name: 'a place without a name that came after a day, called by nobody else, medium',
      events: [...calls(times(3, 40_000)), ...calls(times(11, 60, 0, DAY + 20_000), { to: nameless })],
      findings: [
        {
          message: 'regular-new-nameless',
          severity: 'medium',
          evidence: { isNew: true, isNamed: false, callers: 1 },
        },
      ],
    },
    {
      name: 'the same with a name, low: somebody added an integration',
      events: [
        ...calls(times(3, 40_000)),
        ...calls(times(11, 60, 0, DAY + 20_000), { to: { ...named, names: ['cloud.example.org'] } }),
      ],
      findings: [{ message: 'regular', severity: 'low', evidence: { isNew: true } }],
    },
    {
      name: 'the same without a name from the first day on, low',
      events: calls(times(11, 60), { to: nameless }),
      findings: [{ message: 'regular', severity: 'low', evidence: { isNew: false, isNamed: false } }],
    },
    {
      name: 'a place that two of four containers call',
      events: [...others(['a', 'b'], 0, nameless), ...others(['c'], 1), ...calls(times(11, 60, 0, 10))],
      findings: [{ message: 'regular', evidence: { callers: 2, containers: 4 } }],
    },
  ],
  silent: [
    { name: 'ten calls', events: calls(times(10, 60)) },
    { name: 'cron once a day, for a month', events: calls(times(30, DAY)) },
    { name: 'a busy program', events: poisson(400, 20, 3).map(call) },
    {
      name: 'a busy program whose requests are all alike',
      events: poisson(400, 20, 11).map(({ at }) => call({ at })),
    },
    { name: 'a program that calls all the time, twice a second', events: calls(times(500, 0.5)) },
    {
      name: 'calls by the clock of any size',
      events: times(64, 60).map((at, i) => call({ at, bytes: 300 + ((i * 7919) % 64) * 500 })),
    },
    {
      name: 'a time server, a resolver',
      events: [
        ...calls(times(30, 64), { to: { ...nameless, port: 123 }, fields: { protocol: 'udp' } }),
        ...calls(times(30, 60), { to: { ...nameless, port: 53 }, fields: { protocol: 'udp' } }),
      ],
    },
    {
      name: "Watchtower's update checks, of registries",
      events: [
        'registry-1.docker.io',
        'auth.docker.io',
        'ghcr.io',
        '123.dkr.ecr.eu-west-1.amazonaws.com',
      ].flatMap((name) => calls(times(20, 300), { to: { ...named, names: [name] } })),
    },
    {
      name: 'a health check of a neighbour, a scrape of the host and of the site',
      events: [
        container('db', '172.30.0.20', { port: 80 }),
        address('172.30.0.1', 'gateway', { port: 9100 }),
        address('10.9.9.9', 'lan', { port: 9100 }),
      ].flatMap((to) => calls(times(30, 15), { to })),
    },
    {
      name: 'an uptime monitor outside, that calls it',
      events: calls(times(30, 60), { by: nameless, to: { ...app, port: 443 } }),
    },
    { name: 'the host', events: calls(times(30, 60), { by: address('10.0.0.5', 'host') }) },
    {
      name: 'a place that three of four containers call',
      events: [...others(['a', 'b'], 0), ...others(['c'], 1, nameless), ...calls(times(30, 60, 0, 10))],
    },
    {
      name: 'a connection that stays open',
      events: Array.from(
        { length: 30 },
        (_, i): AnalyzerEvent => ({
          on: 'flow-active',
          flow: flow({ orig: app, resp: named, uid: 'Fmqtt', end: secs(i * 60), reason: 'active' }),
        }),
      ),
    },
  ],
});

describe('beacon', () => {
  it('finds each of twenty jittered implants, and none of twenty busy programs', () => {
    const found = (events: AnalyzerEvent[]) => runAnalyzer(beacon, events).final.length;

    for (let seed = 1; seed <= 20; seed++) {
      expect(found(calls(times(64, 60, 0.3, 0, seed)))).toBe(1);
      expect(found(poisson(300, 15, seed).map(({ at }) => call({ at })))).toBe(0);
    }
  });

  it('finds an implant within a dozen calls', () => {
    const opened: number[] = [];
    runAnalyzer(beacon, calls(times(30, 5)), {}, ({ evidence }) => opened.push(Number(evidence['contacts'])));

    expect(opened[0]).toBe(11);
  });

  it('goes on when the clock is set', () => {
    const { final } = runAnalyzer(beacon, [
      ...calls(times(8, 60)),
      setBack(480),
      ...calls(times(8, 60, 0, 480 + BACK)),
    ]);

    expect(final).toMatchObject([{ evidence: { contacts: 16, periodSecs: 60 } }]);
  });

  it('remembers a bounded number of pairs, the ones that call often, and says what it forgot', () => {
    const flood = Array.from({ length: 300 }, (_, i) =>
      call({ at: i, to: address(`198.51.${i % 250}.${i % 7}`, 'internet', { port: 80 }) }),
    );
    const beats = calls(times(15, 60));
    const mixed = beats.flatMap((beat, i) => [beat, ...flood.slice(i * 20, i * 20 + 20)]);
    const { final, losses } = runAnalyzer(beacon, mixed, { max_pairs: 64 });

    expect(final).toMatchObject([{ message: 'regular' }]);
    expect(losses.map(({ where }) => where)).toContain('beacon.pairs');
  });

  it('has a service keep its age over a new container', () => {
    const again = {
      ...app,
      workload: workload('app', ['back'], { containerId: 'cid-2' }),
      ip: '172.30.0.77',
    };
    const events = [
      ...calls(times(3, 40_000)),
      ...calls(times(11, 60, 0, DAY + 20_000), { to: nameless, by: again }),
    ];

    expect(runAnalyzer(beacon, events).final).toMatchObject([{ severity: 'medium' }]);
  });
});

describe('busy pairs', () => {
  const [one, other] = [parseIp('172.30.0.10')!, parseIp('2001:db8::7')!];

  it('are those of more than 120 connections a minute, each port for itself', () => {
    const busy = new BusyPairs();
    const calls = Array.from({ length: 121 }, () => busy.isBusy(one, other, 443));

    expect(calls.indexOf(true)).toBe(120);
    expect(busy.isBusy(one, other, 80)).toBe(false);
    expect(busy.isBusy(other, one, 443)).toBe(false);
    busy.clear();
    expect(busy.isBusy(one, other, 443)).toBe(false);
  });

  it('do not keep a beat from being found that begins in a later minute', () => {
    const events = [...calls(times(500, 0.1)), ...calls(times(12, 60, 0, 120), { to: nameless })];

    expect(runAnalyzer(beacon, events).final).toMatchObject([
      { evidence: { destination: '198.51.100.66:443/tcp' } },
    ]);
  });
});

describe('periodicity', () => {
  it('is one for a clock, with its period', () => {
    expect(periodicity(Float64Array.from(times(30, 60)))).toEqual({ periodSecs: 60, score: 1 });
  });

  it('sees the period through calls that are missing', () => {
    const most = times(40, 60).filter((_, i) => i % 7 !== 3);

    expect(periodicity(Float64Array.from(most)).score).toBeGreaterThan(0.8);
  });

  it('is small for chance', () => {
    const scores = Array.from(
      { length: 20 },
      (_, seed) => periodicity(Float64Array.from(poisson(64, 20, seed + 1).map(({ at }) => at))).score,
    );

    expect(Math.max(...scores)).toBeLessThan(0.6);
  });

  it('is nothing for nothing', () => {
    expect(periodicity(new Float64Array(0)).score).toBe(0);
    expect(periodicity(Float64Array.from([0, 1])).score).toBe(0);
  });
});

describe('after a restart of the agent', () => {
  it('a place is as new as it would be without', () => {
    const before = calls(times(30, 3600, 0.4), { to: named });
    const beat = calls(times(20, 60, 0, 30 * 3600), { to: nameless });
    const whole = runAnalyzer(beacon, [...before, ...beat]);
    const first = runAnalyzer(beacon, before);
    const second = runAnalyzer(beacon, beat, {}, () => {}, first.learned);

    expect(whole.final.at(-1)).toMatchObject({ message: 'regular-new-nameless', evidence: { isNew: true } });
    expect(second.failures).toEqual([]);
    expect(second.final.at(-1)!.message).toBe('regular-new-nameless');
    expect(runAnalyzer(beacon, beat).final.at(-1)!.message).toBe('regular');
    expect(second.learned.map(({ map, key, value }) => ({ map, key, value }))).toEqual(
      expect.arrayContaining(whole.learned.map(({ map, key, value }) => ({ map, key, value }))),
    );
  });
});
