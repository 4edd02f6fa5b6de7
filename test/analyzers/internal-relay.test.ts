import { describe, expect, it } from 'vitest';
import internalRelay from '../../analyzers/internal-relay.ts';
import type { FlowBurst } from '../../src/model/burst.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { address, container, flow, network, secs, unattributed, workload } from '../support/records.ts';

const data = network({ name: 'data', internal: true });
const front = network({ name: 'front', id: 'id-front', subnets: ['172.31.0.0/24', 'fd00:31::/64'] });

const ofRelay = { workload: workload('relay', ['data', 'front']) };
const db = container('db', '172.30.0.10');
const cache = container('cache', '172.30.0.11');
const relay = container('relay', '172.30.0.20', ofRelay);
const relayFront = container('relay', '172.31.0.20', ofRelay);
const db6 = container('db', 'fd00:30::10');
const relay6 = container('relay', 'fd00:30::20', ofRelay);
const relayFront6 = container('relay', 'fd00:31::20', ofRelay);
const outside = address('198.51.100.7', 'internet');
const outside6 = address('2001:db8::7', 'internet');
const web = container('web', '172.31.0.4');

const at = (endpoint: Endpoint, port: number): Endpoint => ({ ...endpoint, port });

interface Said {
  readonly start: number;
  readonly orig: Endpoint;
  readonly resp: Endpoint;
  readonly sent: number;
  readonly received: number;
  readonly isOrigFirst?: boolean;
  readonly isOpening?: boolean;
  readonly stretch?: number;
  readonly uid?: string;
  readonly fields?: Partial<FlowRecord>;
}

/** A burst of 5 ms; its connection was opened 0.5 ms before. */
function burst(said: Said): AnalyzerEvent {
  const { start, orig, resp, sent, received, isOrigFirst = true, isOpening = true, stretch = 0 } = said;
  const isInternal = [orig, resp].some(({ ip }) => ip.startsWith('172.30.') || ip.startsWith('fd00:30:'));
  const containerId = ofRelay.workload.containerId;
  const told: FlowBurst = {
    time: secs(start),
    end: secs(start + 0.005),
    flow: flow({
      start: secs(start - 0.0005),
      orig,
      resp,
      network: isInternal ? data : front,
      ...(said.uid === undefined ? {} : { uid: said.uid }),
      ...said.fields,
    }),
    containerId,
    isContainerOrig: orig.workload?.containerId === containerId,
    isInternal,
    isOrigFirst,
    isOpening,
    stretch,
    origBytes: sent,
    respBytes: received,
  };
  return { on: 'burst', burst: told };
}

interface Relayed {
  readonly member?: Endpoint;
  readonly inside?: Endpoint;
  readonly relayOutside?: Endpoint;
  readonly to?: Endpoint;
  readonly port?: number;
  readonly toPort?: number;
  readonly startSecs?: number;
  readonly everySecs?: number;
  readonly lagMs?: number;
  readonly sizes?: (i: number) => readonly [sent: number, received: number];
  readonly outerSizes?: (sent: number, received: number) => readonly [number, number];
  readonly fields?: Partial<FlowRecord>;
}

const SIZES = (i: number): readonly [number, number] => [80 + 37 * i, 400 + 911 * i];

/** `count` exchanges of a member, each of which the relay makes outside as well. */
function relayed(count: number, options: Relayed = {}): AnalyzerEvent[] {
  const { member = db, inside = relay, relayOutside = relayFront, to = outside } = options;
  const { port = 8000, toPort = 443, startSecs = 60, everySecs = 3, lagMs = 1 } = options;
  const { sizes = SIZES, outerSizes = (...same) => same, fields = {} } = options;
  return Array.from({ length: count }, (_, i) => {
    const start = startSecs + i * everySecs;
    const [sent, received] = sizes(i);
    const [outerSent, outerReceived] = outerSizes(sent, received);
    return [
      burst({ start, orig: at(member, 40_000 + i), resp: at(inside, port), sent, received, fields }),
      burst({
        start: start + lagMs / 1000,
        orig: at(relayOutside, 50_000 + i),
        resp: at(to, toPort),
        sent: outerSent,
        received: outerReceived,
        fields,
      }),
      ...ticks(start, 2),
    ];
  }).flat();
}

/** The outside speaks first, over a connection that the relay opened; the relay then asks a member. */
function tunnelled(count: number, { outerFields = {} }: { outerFields?: Partial<FlowRecord> } = {}) {
  return Array.from({ length: count }, (_, i) => {
    const start = 60 + i * 3;
    const [asked, told] = SIZES(i);
    return [
      burst({
        start,
        orig: at(relayFront, 50_000),
        resp: at(outside, 443),
        sent: told + 30,
        received: asked + 30,
        isOrigFirst: false,
        isOpening: false,
        uid: 'tunnel',
        fields: outerFields,
      }),
      burst({
        start: start + 0.001,
        orig: at(relay, 40_000 + i),
        resp: at(db, 5432),
        sent: asked,
        received: told,
      }),
      ...ticks(start, 2),
    ];
  }).flat();
}

function ticks(start: number, count: number): AnalyzerEvent[] {
  return Array.from({ length: count }, (_, i) => ({ on: 'tick', now: secs(start + 1 + i) }));
}

const BEGIN: AnalyzerEvent = { on: 'tick', now: secs(0) };
const from = (...events: AnalyzerEvent[]): AnalyzerEvent[] => [BEGIN, ...events];
const quiet = (name: string, events: AnalyzerEvent[]) => ({ name, events: from(...events) });

/** The same each time: nothing here is left to luck. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** So many connections a second in, and as many out, that have nothing to do with each other. */
function busy(perSecond: number, forSecs: number, sizeOf: (next: () => number) => readonly [number, number]) {
  const next = random(7);
  const events: { readonly start: number; readonly event: AnalyzerEvent }[] = [];
  for (let i = 0; i < perSecond * forSecs; i++) {
    for (const isInner of [true, false]) {
      const start = 60 + next() * forSecs;
      const [sent, received] = sizeOf(next);
      const [orig, resp] = isInner ? [at(db, 40_000), at(relay, 80)] : [at(relayFront, 50_000), at(web, 80)];
      events.push({ start, event: burst({ start, orig, resp, sent, received }) });
    }
  }
  for (let i = 0; i < forSecs + 3; i++)
    events.push({ start: 60 + i, event: { on: 'tick', now: secs(60 + i) } });
  return events.sort((a, b) => a.start - b.start).map(({ event }) => event);
}

const lognormal = (next: () => number): number => Math.round(16 * 10 ** (next() * 3));

testAnalyzer(internalRelay, {
  fires: [
    {
      name: 'a member whose exchanges leave through a dual-homed container, with what proves it',
      events: from(...relayed(4)),
      findings: [
        {
          message: 'leaves-through',
          severity: 'medium',
          network: 'data',
          evidence: {
            members: ['shop/db'],
            destinations: ['198.51.100.7 port 443'],
            exchanges: 4,
            matchedExchanges: 4,
            coincidence: 1,
            minCoincidence: 0.3,
            innerOutBytes: 4 * 80 + 37 * 6,
            outerOutBytes: 4 * 80 + 37 * 6,
            startedInside: 4,
            startedOutside: 0,
            // From the member's first data to the opening of the relay's own connection.
            medianLagMs: 0.5,
            maxLagMs: 200,
            maxChance: '1e-9',
            port: 8000,
          },
        },
      ],
      also: ({ final }) => {
        expect(final[0]!.subject.ip).toBe('172.30.0.20');
        expect(final[0]!.peers.map(({ ip }) => ip)).toEqual(['172.30.0.10', '198.51.100.7']);
        // The third exchange opens it, the fourth is added: both flows of each.
        expect(final[0]!.flowUids).toHaveLength(4);
        expect(final[0]!.explanation).toContain('shop/relay passes on what shop/db says to it');
      },
    },
    {
      name: 'the same over IPv6',
      events: from(
        ...relayed(4, { member: db6, inside: relay6, relayOutside: relayFront6, to: outside6, port: 8006 }),
      ),
      findings: [{ message: 'leaves-through', evidence: { destinations: ['2001:db8::7 port 443'] } }],
    },
    {
      name: 'requests that are all the same, each second',
      events: from(...relayed(8, { everySecs: 1.01, sizes: () => [90, 300] })),
      findings: [{ message: 'leaves-through' }],
    },
    {
      name: 'datagrams',
      events: from(...relayed(4, { fields: { protocol: 'udp' } })),
      findings: [{ message: 'leaves-through' }],
    },
    {
      name: 'a long conversation over one connection each',
      events: from(
        ...Array.from({ length: 6 }, (_, i) => {
          const start = 60 + 2.3 * i;
          const said = { sent: 36, received: 36 + 40 * i, isOpening: false };
          return [
            burst({ start, orig: at(db, 40_000), resp: at(relay, 22), uid: 'in', ...said }),
            burst({
              start: start + 0.0004,
              orig: at(relayFront, 50_000),
              resp: at(outside, 22),
              uid: 'out',
              ...said,
            }),
            ...ticks(start, 2),
          ];
        }).flat(),
      ),
      findings: [{ message: 'leaves-through', evidence: { destinations: ['198.51.100.7 port 22'] } }],
    },
    {
      name: 'one copy of ten seconds, told second by second',
      events: from(
        ...Array.from({ length: 10 }, (_, stretch) => {
          const said = { sent: 2_000_000, received: 0, stretch, isOpening: stretch === 0 };
          return [
            burst({ start: 60 + stretch, orig: at(db, 40_000), resp: at(relay, 9000), uid: 'in', ...said }),
            burst({
              start: 60.0005 + stretch,
              orig: at(relayFront, 50_000),
              resp: at(outside, 9000),
              uid: 'out',
              ...said,
            }),
            { on: 'tick', now: secs(61 + stretch) } as const,
          ];
        }).flat(),
      ),
      findings: [{ message: 'leaves-through', evidence: { innerInBytes: 0 } }],
    },
    {
      name: 'what is encrypted again, and so grows by some bytes',
      events: from(...relayed(6, { outerSizes: (sent, received) => [sent + 60, received + 58] })),
      findings: [{ message: 'leaves-through' }],
    },
    {
      name: 'a proxy that is asked to connect: its own part of the conversation goes nowhere',
      events: from(...relayed(8, { outerSizes: (sent, received) => [sent, received - 39] })),
      findings: [{ message: 'leaves-through' }],
    },
    {
      name: 'a server far away, that greets first',
      events: from(
        ...relayed(4).map((event) =>
          event.on === 'burst' && !event.burst.isInternal
            ? { on: 'burst' as const, burst: { ...event.burst, time: event.burst.time + 150_000 } }
            : event,
        ),
      ),
      findings: [{ message: 'leaves-through' }],
    },
    {
      name: 'a tunnel that the container dug itself: somebody outside asks a member',
      events: from(...tunnelled(5)),
      findings: [
        {
          message: 'reached-through',
          severity: 'medium',
          evidence: { members: ['shop/db'], startedOutside: 5, startedInside: 0, port: 443 },
        },
      ],
    },
    {
      name: 'two members through one container: one finding that names both',
      events: from(...relayed(4), ...relayed(4, { member: cache, startSecs: 90 })),
      findings: [
        {
          message: 'leaves-through',
          evidence: { members: ['shop/db', 'shop/cache'], matchedExchanges: 8 },
        },
      ],
    },
    {
      name: 'another port of the same container: a finding of its own',
      events: from(...relayed(4), ...relayed(4, { port: 8001, startSecs: 90 })),
      findings: [{ message: 'leaves-through' }, { message: 'leaves-through' }],
    },
    {
      name: 'a member that no inventory names',
      events: from(...relayed(4, { member: unattributed('172.30.0.77') })),
      findings: [{ message: 'leaves-through', severity: 'medium' }],
    },
  ],
  silent: [
    quiet('two exchanges only', relayed(2)),
    quiet('what follows after 201 ms', relayed(8, { lagMs: 201 })),
    quiet(
      'an application that asks an API for each request: other bytes',
      relayed(60, { everySecs: 1.3, outerSizes: (sent, received) => [3 * sent + 400, received + 2500] }),
    ),
    quiet(
      'bytes that agree in one direction only',
      relayed(30, { outerSizes: (sent, received) => [sent, received * 2 + 300] }),
    ),
    quiet(
      'a reverse proxy: asked from outside, it asks the database',
      // What it was asked from outside is no flow that it opened, and no burst of it is told of.
      Array.from({ length: 50 }, (_, i) =>
        burst({
          start: 60 + i,
          orig: at(relay, 40_000 + i),
          resp: at(db, 5432),
          sent: SIZES(i)[0],
          received: SIZES(i)[1],
        }),
      ),
    ),
    quiet(
      'a backup: the container asks the database, and uploads what it got',
      Array.from({ length: 20 }, (_, i) => [
        burst({
          start: 60 + 3 * i,
          orig: at(relay, 40_000),
          resp: at(db, 5432),
          sent: 100,
          received: 100_000 + i,
        }),
        burst({
          start: 60.001 + 3 * i,
          orig: at(relayFront, 50_000),
          resp: at(outside, 443),
          sent: 100_000 + i,
          received: 100,
        }),
        ...ticks(60 + 3 * i, 2),
      ]).flat(),
    ),
    quiet(
      'a consumer: the internal broker hands it a message, and it tells the outside',
      Array.from({ length: 20 }, (_, i) => [
        burst({
          start: 60 + 3 * i,
          orig: at(relay, 40_000),
          resp: at(db, 5672),
          sent: 20,
          received: 500 + 97 * i,
          isOrigFirst: false,
          isOpening: false,
          uid: 'subscription',
        }),
        burst({
          start: 60.001 + 3 * i,
          orig: at(relayFront, 50_000 + i),
          resp: at(outside, 443),
          sent: 500 + 97 * i,
          received: 20,
        }),
        ...ticks(60 + 3 * i, 2),
      ]).flat(),
    ),
    {
      ...quiet(
        'hundreds a second in and out that have nothing to do with each other, of all sizes',
        busy(200, 10, (next) => [lognormal(next), lognormal(next)]),
      ),
      also: ({ losses }) => expect(losses).toEqual([]),
    },
    {
      ...quiet(
        'hundreds a second in and out, all of one size',
        busy(200, 10, () => [120, 340]),
      ),
      also: ({ losses }) => expect(losses).toEqual([]),
    },
    quiet(
      'a few a second in and out, all of one size, for minutes',
      busy(3, 240, () => [120, 340]),
    ),
    quiet('less than 16 bytes each: keep-alives', relayed(50, { sizes: () => [4, 4] })),
  ],
});

describe('internal-relay', () => {
  const one = (events: AnalyzerEvent[], history: Parameters<typeof runAnalyzer>[4] = []) =>
    runAnalyzer(internalRelay, events, {}, () => {}, history);

  it.each([
    ['a container of an ordinary network', { to: web, toPort: 80 }, 'leaves-to-container'],
    ['a resolver, by a resolver', { port: 53, toPort: 53 }, 'leaves-through'],
    ['a time server, by a time server', { port: 123, toPort: 123 }, 'leaves-through'],
  ] as const)('to %s: low', (_, options, message) => {
    expect(one(from(...relayed(5, options))).final).toMatchObject([{ message, severity: 'low' }]);
  });

  it('to port 53 from another port: medium, because no resolver does that', () => {
    expect(one(from(...relayed(5, { toPort: 53 }))).final).toMatchObject([{ severity: 'medium' }]);
  });

  it('a VPN that dials out, by its protocol: low', () => {
    const vpn = { service: 'wireguard', protocol: 'udp' };

    expect(one(from(...tunnelled(6, { outerFields: vpn }))).final).toMatchObject([{ severity: 'low' }]);
  });

  it('what was told of once is low when it comes again, also after a restart and a new deployment', () => {
    const first = one(from(...relayed(4)));
    const again = one(from(...relayed(4, { startSecs: 90_000 })), first.learned);

    expect(first.final).toMatchObject([{ severity: 'medium' }]);
    expect(first.final[0]!.evidence).not.toHaveProperty('knownSince');
    expect(again.final).toMatchObject([
      { severity: 'low', evidence: { knownSince: '2026-01-01T00:01:06.000000Z' } },
    ]);
  });

  it('another port is no known way', () => {
    const { learned } = one(from(...relayed(4)));

    expect(one(from(...relayed(4, { port: 9999 })), learned).final).toMatchObject([{ severity: 'medium' }]);
  });

  it('within one run what comes again after its finding was closed is low', () => {
    const day = 86_400;
    const quietDay = ticks(100, 1).concat({ on: 'tick', now: secs(day) }, { on: 'tick', now: secs(day + 2) });
    const { final } = one(from(...relayed(4), ...quietDay, ...relayed(4, { startSecs: day + 10 })));

    expect(final.map(({ severity }) => severity)).toEqual(['medium', 'low']);
  });

  it('a real relay on a busy port of others is found all the same: each member is judged for itself', () => {
    const noise = busy(2, 40, (next) => [lognormal(next), lognormal(next)]);
    const events = [...noise, ...relayed(8, { member: cache, port: 80 })];
    const timed = events.sort((a, b) => timeOf(a) - timeOf(b));

    expect(one(from(...timed)).final).toMatchObject([{ evidence: { members: ['shop/cache'] } }]);
  });

  it('a container that opens more than can be kept: its exchanges are counted as not looked at', () => {
    const flood = Array.from({ length: 1100 }, (_, i) =>
      burst({
        start: 60.1 + i / 10_000,
        orig: at(relayFront, 1000 + i),
        resp: at(web, 80),
        sent: 100,
        received: 100,
      }),
    );
    const [inner] = relayed(1);
    const run = one(from(inner!, ...flood, ...ticks(61, 3)));

    expect(run.final).toEqual([]);
    expect(run.losses).toMatchObject([{ where: 'internal-relay.exchanges', count: 1 }]);
  });

  it('goes on when the clock is set back in the midst', () => {
    const back = -7200;
    const events = from(
      ...relayed(2),
      { on: 'clock-set', step: { from: secs(66), to: secs(66 + back) } },
      ...relayed(2, { startSecs: 70 + back, sizes: (i) => SIZES(i + 2) }),
    );

    expect(one(events).final).toMatchObject([{ evidence: { matchedExchanges: 4 } }]);
  });
});

function timeOf(event: AnalyzerEvent): number {
  if (event.on === 'burst') return event.burst.time;
  return event.on === 'tick' ? event.now : 0;
}
