import { describe, expect, it } from 'vitest';
import newEdge from '../../analyzers/new-edge.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { LearnedRecord } from '../../src/model/learned.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  answered,
  container,
  flow,
  network,
  secs,
  unattributed,
  workload,
} from '../support/records.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const back = network({ name: 'back' });
const inNetwork: AnalyzerEvent = { on: 'inventory', networks: [back] };

const of = (name: string, ip: string, fields: Parameters<typeof workload>[2] = {}): Endpoint =>
  container(name, ip, { workload: workload(name, ['back'], fields) });

const api = of('api', '172.30.0.10');
const db = of('db', '172.30.0.11');
const cache = of('cache', '172.30.0.12');
const mail = of('mail', '172.30.0.13');
const search = of('search', '172.30.0.14');
const billing = of('ledger', '172.30.0.20', { composeProject: 'billing' });
const gateway = address('172.30.0.1', 'gateway');
const lan = address('10.1.2.3', 'lan');
const outside = (ip: string, ...names: string[]): Endpoint => address(ip, 'internet', { names });

let port = 50_000;

/** A connection that is answered at once. */
function talk(
  from: Endpoint,
  to: Endpoint,
  toPort: number,
  atSecs: number,
  fields: Partial<FlowRecord> = {},
): AnalyzerEvent[] {
  port = port >= 60_000 ? 50_000 : port + 1;
  const start = secs(atSecs);
  const record = answered(
    flow({
      network: back,
      orig: { ...from, port },
      resp: { ...to, port: toPort },
      start,
      ...fields,
    }),
    start + 1000,
    fields.history === undefined ? {} : { history: fields.history },
  );
  const events: AnalyzerEvent[] = [{ on: 'flow-answered', flow: record }];
  if (record.serverName !== undefined) events.push({ on: 'flow-recognized', flow: record });
  return events;
}

const tick = (atSecs: number): AnalyzerEvent => ({ on: 'tick', now: secs(atSecs) });

/** What the services do every hour, from the first to the last; all of it is old after a day. */
function habits(from: number, to: number): AnalyzerEvent[] {
  const events: AnalyzerEvent[] = [inNetwork];
  for (let at = from; at <= to; at += HOUR) {
    events.push(
      ...talk(api, db, 5432, at),
      ...talk(cache, mail, 25, at),
      ...talk(search, billing, 8080, at),
      ...talk(api, outside('198.51.100.7', 'api.example.com'), 443, at),
    );
  }
  return events;
}

const LEARNED = 25 * HOUR;
const after = (...events: readonly AnalyzerEvent[][]): AnalyzerEvent[] => [
  ...habits(0, LEARNED),
  ...events.flat(),
  tick(LEARNED + 2 * HOUR),
];
const SOON = LEARNED + 60;

testAnalyzer(newEdge, {
  fires: [
    {
      name: 'a service that talks to another one of its project for the first time, as informational',
      events: after(talk(api, cache, 8080, SOON)),
      findings: [
        {
          message: 'new-peer',
          severity: 'informational',
          confidence: 'high',
          evidence: {
            state: 'monitor',
            targets: ['shop/cache (8080/tcp)'],
            knownEdges: 2,
            learnSecs: DAY,
            isExposed: false,
          },
        },
      ],
    },
    {
      name: 'a data port of the own project, as low',
      events: after(talk(api, cache, 6379, SOON)),
      findings: [{ message: 'new-peer', severity: 'low', evidence: { service: 'Redis' } }],
    },
    {
      name: 'a port of another project, as low',
      events: after(talk(api, billing, 8080, SOON)),
      findings: [{ message: 'new-peer', severity: 'low' }],
    },
    {
      name: 'a data port of another project, as medium',
      events: after(talk(api, billing, 5432, SOON)),
      findings: [{ message: 'new-peer', severity: 'medium', evidence: { service: 'PostgreSQL' } }],
    },
    {
      name: 'a data port of the own project from what the Internet reaches, as medium',
      events: after(talk(outside('198.51.100.99'), api, 80, SOON - 5), talk(api, cache, 6379, SOON)),
      findings: [{ message: 'new-peer', severity: 'medium', evidence: { isExposed: true } }],
    },
    {
      name: 'another port of a service that is known',
      events: after(talk(api, db, 22, SOON)),
      findings: [{ message: 'new-peer', evidence: { targets: ['shop/db (22/tcp)'] } }],
    },
    {
      name: 'the host, over IPv6 as well, as one',
      events: after(
        talk(api, gateway, 9100, SOON),
        talk({ ...api, ip: 'fd00:30::10' }, { ...gateway, ip: 'fd00:30::1' }, 9100, SOON + 5),
      ),
      findings: [{ message: 'new-peer', severity: 'low', evidence: { targets: ['this host (9100/tcp)'] } }],
    },
    {
      name: 'a network of the LAN, and its other addresses not again',
      events: after(talk(api, lan, 8080, SOON), talk(api, { ...lan, ip: '10.1.2.4' }, 8080, SOON + 5)),
      findings: [{ message: 'new-peer', evidence: { targets: ['LAN 10.1.2.0/24 (8080/tcp)'] } }],
    },
    {
      name: 'an outside place by the zone of its name, and its other names and addresses not again',
      events: after(
        talk(api, outside('198.51.100.50'), 443, SOON, { serverName: 'a.new.example.org' }),
        talk(api, outside('198.51.101.50'), 443, SOON + 70, { serverName: 'b.new.example.org' }),
        talk(api, outside('2001:db8::50', 'www.example.org'), 80, SOON + 140),
      ),
      findings: [{ message: 'new-place', severity: 'low', evidence: { targets: ['example.org (web)'] } }],
    },
    {
      name: 'an outside address without a name, ten seconds later, by its /48',
      events: after(talk(api, outside('2001:db8:77::1'), 4444, SOON)),
      findings: [
        {
          message: 'new-place',
          firstSeen: secs(SOON),
          evidence: { targets: ['2001:db8:77::/48 (4444/tcp)'] },
        },
      ],
    },
    {
      name: 'three new peers within ten minutes, as one and medium',
      events: after(
        talk(api, cache, 8080, SOON),
        talk(api, mail, 8080, SOON + 300),
        talk(api, search, 8080, SOON + 599),
        talk(api, billing, 8080, SOON + 620),
      ),
      findings: [
        { message: 'new-peer' },
        { message: 'new-peer' },
        {
          message: 'many-new-peers',
          severity: 'medium',
          firstSeen: secs(SOON),
          evidence: { targetCount: 4, threshold: 3, mediumFrom: 3, windowSecs: 600 },
        },
      ],
    },
    {
      name: 'three new peers over more than ten minutes, one by one',
      events: after(
        talk(api, cache, 8080, SOON),
        talk(api, mail, 8080, SOON + 300),
        talk(api, search, 8080, SOON + 602),
      ),
      findings: [{ message: 'new-peer' }, { message: 'new-peer' }, { message: 'new-peer' }],
    },
    {
      name: 'three new outside places at once, as one and low',
      events: after(
        ...['example.net', 'example.org', 'example.edu'].map((zone, i) =>
          talk(api, outside(`198.51.10${i}.1`), 443, SOON + i, { serverName: `www.${zone}` }),
        ),
      ),
      findings: [
        { message: 'new-place' },
        { message: 'new-place' },
        { message: 'many-new-places', severity: 'low', evidence: { targetCount: 3 } },
      ],
    },
    {
      name: 'an edge that was not used for more than three months',
      events: [
        ...habits(0, LEARNED),
        ...talk(api, cache, 6379, SOON),
        // The others go on, so that nobody is forgotten.
        ...Array.from({ length: 92 }, (_, day) => talk(api, db, 5432, LEARNED + day * DAY + HOUR)).flat(),
        ...talk(api, cache, 6379, LEARNED + 92 * DAY),
      ],
      findings: [{ message: 'new-peer' }, { message: 'new-peer' }],
    },
    {
      name: 'what a new version does within an hour, milder, and an hour later as ever',
      events: after(
        talk(of('api', '172.30.0.10', { image: 'shop/api:2' }), db, 5432, SOON),
        talk(of('api', '172.30.0.10', { image: 'shop/api:2' }), cache, 6379, SOON + HOUR),
        talk(of('api', '172.30.0.10', { image: 'shop/api:2' }), mail, 6379, SOON + HOUR + 2),
      ),
      findings: [
        {
          message: 'after-deployment',
          severity: 'informational',
          evidence: { deployment: 'image shop/api:2', deployedSecs: HOUR },
        },
        { message: 'new-peer', severity: 'low' },
      ],
    },
    {
      name: 'a service that nobody knows yet, at the data of another project',
      events: after(talk(of('job', '172.30.0.30', { composeProject: 'tools' }), db, 5432, SOON)),
      findings: [{ message: 'newcomer', severity: 'low', evidence: { state: 'discover' } }],
    },
  ],
  silent: [
    silent('the first day', ...habits(0, 23 * HOUR), ...talk(api, cache, 6379, 23 * HOUR + 60)),
    silent('what was learned, months long', ...habits(0, 100 * DAY)),
    silent(
      'a replica, and a container that was made anew, with another address',
      ...after(
        talk(of('api', '172.30.0.77', { containerId: 'cid-api-2' }), db, 5432, SOON),
        talk(
          of('api', '172.30.0.11', { containerId: 'cid-api-3' }),
          { ...db, ip: '172.30.0.10' },
          5432,
          SOON + 1,
        ),
      ),
    ),
    silent('a connection that was refused', ...after(talk(api, cache, 6379, SOON, { history: 'Sr' }))),
    silent(
      'a connection that was there before the agent',
      ...after(talk(api, cache, 6379, SOON, { history: 'Dd', coverage: 'started-midstream' })),
    ),
    silent(
      'a new service with all it does, in its own project',
      ...after(
        talk(of('job', '172.30.0.30'), db, 5432, SOON),
        talk(of('job', '172.30.0.30'), outside('198.51.100.9', 'x.example.net'), 443, SOON + 1),
      ),
    ),
    silent(
      'a proxy or a monitor that finds a service which is new itself',
      ...after(talk(api, of('shiny', '172.30.0.40', { composeProject: 'other' }), 8080, SOON)),
    ),
    silent('an address that nobody could name', ...after(talk(unattributed('172.30.0.99'), db, 5432, SOON))),
    silent(
      'who has the address of another',
      ...after(
        talk(
          {
            ...api,
            attribution: { method: 'mac+ip', confidence: 'ambiguous', reason: 'two hold it' },
          },
          cache,
          6379,
          SOON,
        ),
      ),
    ),
    silent(
      'web pages over another protocol',
      ...after(talk(api, outside('198.51.100.7', 'api.example.com'), 443, SOON, { protocol: 'udp' })),
    ),
    silent(
      'a published port of a service that is known, asked for at the host',
      ...after(talk(api, db, 5432, SOON), [
        {
          on: 'inventory',
          published: [{ workload: db.workload!, protocol: 'tcp', hostPort: 5432, containerPort: 5432 }],
        },
        ...talk(api, gateway, 5432, SOON + 70),
      ]),
    ),
    silent(
      'who goes to a hundred places while it is learned, and then to others',
      ...habits(0, 2 * HOUR),
      ...Array.from({ length: 100 }, (_, i) => browse(i, 3 * HOUR + i)).flat(),
      ...habits(4 * HOUR, 30 * HOUR),
      ...Array.from({ length: 50 }, (_, i) => browse(1000 + i, 31 * HOUR + i * 700)).flat(),
    ),
    silent(
      'who found a new place in each part of the longest time to learn',
      ...Array.from({ length: 8 * 24 }, (_, hour) => [
        ...talk(api, db, 5432, hour * HOUR),
        ...(hour % 5 === 0 ? browse(hour, hour * HOUR + 10) : []),
      ]).flat(),
    ),
    silent(
      'ever new buckets of one platform, from the ninth on',
      ...habits(0, HOUR),
      ...Array.from({ length: 8 }, (_, i) => bucket(i, 2 * HOUR + i)).flat(),
      ...habits(3 * HOUR, LEARNED),
      ...Array.from({ length: 20 }, (_, i) => bucket(100 + i, SOON + i)).flat(),
    ),
  ],
});

function browse(i: number, atSecs: number): AnalyzerEvent[] {
  const to = outside(`198.51.${Math.floor(i / 200)}.${i % 200}`);
  return talk(api, to, 443, atSecs, { serverName: `www.site${i}.example.com`.replace('.example', '') });
}

function bucket(i: number, atSecs: number): AnalyzerEvent[] {
  return talk(api, outside('198.51.100.60'), 443, atSecs, { serverName: `shop${i}.s3.amazonaws.com` });
}

describe('new-edge learns', () => {
  const options = {};
  const run = (events: readonly AnalyzerEvent[], history: readonly LearnedRecord[] = []) =>
    runAnalyzer(newEdge, events, options, () => {}, history);

  it('the same in two runs of the agent as in one', () => {
    for (const split of [3 * HOUR, 20 * HOUR, LEARNED]) {
      const late = [...habits(split, LEARNED), ...talk(api, cache, 6379, SOON)];
      const whole = run([...habits(0, split), ...late]);
      const second = run(late, run(habits(0, split)).learned);

      expect(whole.final).toHaveLength(1);
      expect(second.failures).toEqual([]);
      expect(second.final.map(({ message, evidence }) => ({ message, evidence }))).toEqual(
        whole.final.map(({ message, evidence }) => ({ message, evidence })),
      );
      expect(second.learned.map(comparable)).toEqual(expect.arrayContaining(whole.learned.map(comparable)));
    }
  });

  it('nothing while the agent is away', () => {
    const first = run(habits(0, 12 * HOUR));
    const second = run(
      [...habits(40 * HOUR, 50 * HOUR), ...talk(api, cache, 6379, 50 * HOUR + 60)],
      first.learned,
    );
    expect(second.final).toEqual([]);

    const third = run([...habits(60 * HOUR, 67 * HOUR), ...talk(api, mail, 6379, 67 * HOUR)], second.learned);
    expect(third.final).toMatchObject([{ message: 'new-peer' }]);
  });

  it('nothing from a clock that is set, and goes on by it', () => {
    const ahead = 30 * DAY;
    const set: AnalyzerEvent = {
      on: 'clock-set',
      step: { from: secs(2 * HOUR), to: secs(2 * HOUR + ahead) },
    };
    const events = [...habits(0, 2 * HOUR), set, ...habits(ahead + 2 * HOUR, ahead + 20 * HOUR)];
    const early = run([...events, ...talk(api, cache, 6379, ahead + 20 * HOUR + 60)]);
    expect(early.final).toEqual([]);

    const late = run([
      ...events,
      ...habits(ahead + 21 * HOUR, ahead + LEARNED),
      ...talk(api, cache, 6379, ahead + SOON),
    ]);
    expect(late.final).toMatchObject([{ message: 'new-peer' }]);
  });

  it('of who is rarely there a quarter of a day at a time', () => {
    const nights = (count: number): AnalyzerEvent[] =>
      Array.from({ length: count }, (_, day) => talk(mail, db, 5432, day * DAY)).flat();
    expect(run([...nights(4), ...talk(mail, cache, 6379, 3 * DAY + 60)]).final).toEqual([]);
    expect(run([...nights(5), ...talk(mail, cache, 6379, 4 * DAY + 60)]).final).toHaveLength(1);
  });

  it('for seven times as long while it finds new peers, and no longer', () => {
    // A new one every fifth hour, so that a quarter of a day is never quiet.
    const restless = (hours: number): AnalyzerEvent[] =>
      Array.from({ length: hours / 5 }, (_, i) => talk(api, db, 1000 + i, i * 5 * HOUR)).flat();
    expect(run(restless(165)).final).toEqual([]);
    const { final } = run(restless(175));
    expect(final.map(({ message, firstSeen }) => [message, firstSeen])).toEqual([
      ['new-peer', secs(170 * HOUR)],
    ]);
  });

  it('within its bounds, and says what it gave up', () => {
    const many = Array.from({ length: 40 }, (_, i) =>
      talk(of(`job${i}`, `172.30.0.${100 + i}`), db, 5432, i),
    ).flat();
    const { losses, learned } = runAnalyzer(newEdge, [inNetwork, ...many], { max_owners: 16 });
    expect(learned.filter(({ map }) => map === 'owners')).toHaveLength(16);
    expect(new Set(losses.map(({ where }) => where))).toEqual(new Set(['new-edge.owners']));
  });

  it('not from what it cannot read', () => {
    const { learned } = run(habits(0, LEARNED));
    const broken = learned.map((record) => ({ ...record, value: { odd: true } }));
    const { final, losses, failures } = run([...talk(api, cache, 6379, SOON), tick(SOON + 60)], broken);
    expect(failures).toEqual([]);
    expect(final).toEqual([]);
    expect(new Set(losses.map(({ where }) => where))).toEqual(
      new Set(['new-edge.watched.unreadable', 'new-edge.owners.unreadable', 'new-edge.edges.unreadable']),
    );
  });
});

function comparable({ map, key, value }: LearnedRecord): unknown {
  return { map, key, value };
}
