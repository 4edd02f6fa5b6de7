/**
 * Data leaves an internal network through a container that is also on another one: what a member says to it, it says
 * outside a moment later, and what comes back it says inside. A statistic over bursts (src/model/burst.ts). It must
 * never accuse a reverse proxy: who is spoken to from outside, and then speaks inside, does what it is there for.
 */
import { z } from 'zod';
import type { FlowBurst } from '../src/model/burst.ts';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import type { Network } from '../src/model/network.ts';
import type { Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { clientKey } from './lib/asker.ts';
import { decadesOf } from './lib/internal-relay/coincidence.ts';
import { type Exchange, exchangeOf } from './lib/internal-relay/exchange.ts';
import { type Match, OuterLog, shift } from './lib/internal-relay/outer-log.ts';
import { addMatch, nothingPassed, type Passed, RelayTally } from './lib/internal-relay/relay-tally.ts';
import { ownerKey } from './lib/owner.ts';

const config = z.strictObject({
  max_lag_ms: z
    .number()
    .int()
    .min(1)
    .max(2000)
    .default(200)
    .describe('What is said on one side and later than this on the other is not taken for the same.'),
  byte_tolerance: z
    .number()
    .min(0)
    .max(0.25)
    .default(0.05)
    .describe(
      'By what share the bytes of both sides may differ, in each direction; 64 bytes more are always allowed.',
    ),
  min_exchanges: z
    .number()
    .int()
    .min(3)
    .max(1000)
    .default(3)
    .describe('Exchanges of one member that must be alike on both sides.'),
  min_coincidence: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.3)
    .describe('Which share of the exchanges of that member, since the first such one, must be alike.'),
  min_decades: z
    .number()
    .min(3)
    .max(30)
    .default(9)
    .describe('How unlikely it must be that this is chance: 9 is one in a thousand million.'),
  sample_size: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(16)
    .describe('Members and destinations named in one finding.'),
  max_containers: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(16)
    .describe(
      'Dual-homed containers looked at, 100 KB each as a rule, 500 KB for one that opens eight connections a second.',
    ),
  max_pairs: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Members and ports that had something in common with the outside of a container, 1 KB each.'),
  max_known: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Relays that were told of once, kept over restarts; 200 bytes each.'),
});

const evidence = z.object({
  members: z.array(z.string()).describe('Containers of the internal network whose data passed.'),
  destinations: z.array(z.string()).describe('Where it went, or from where it was asked for.'),
  exchanges: z
    .number()
    .describe('Times that those members spoke or were spoken to, between silences of 0.5 s.'),
  matchedExchanges: z.number().describe('Of these, those with a counterpart on the other side.'),
  coincidence: z.number().describe('Their share.'),
  minCoincidence: z.number().describe('Threshold of `coincidence`.'),
  innerOutBytes: z.number().describe('Payload that went out, as seen on the internal network.'),
  outerOutBytes: z.number().describe('The same on the other network.'),
  innerInBytes: z.number().describe('Payload that came in, as seen on the internal network.'),
  outerInBytes: z.number().describe('The same on the other network.'),
  byteTolerance: z.number().describe('Threshold of their difference.'),
  startedInside: z.number().describe('Exchanges in which the inside spoke first.'),
  startedOutside: z.number().describe('Exchanges in which the outside spoke first.'),
  medianLagMs: z.number().describe('From one side to the other, of the latest 64.'),
  maxLagMs: z.number().describe('Threshold of the lag.'),
  chance: z.string().describe('At most so likely by chance, for the member for whom it is clearest.'),
  maxChance: z.string().describe('Threshold of `chance`.'),
  port: z
    .number()
    .optional()
    .describe('On which the container is spoken to inside; of a tunnel, to which it goes outside.'),
  firstExchange: z.string(),
  lastExchange: z.string(),
  knownSince: z.string().optional().describe('When the same way was first told of, where it was before.'),
});

type Way = 'leaves-through' | 'leaves-to-container' | 'reached-through';

/** Who asks for names or the time asks through somebody by design; what hides in names is dns-tunnel's. */
const FORWARDED_BY_DESIGN: ReadonlySet<number | undefined> = new Set([53, 123]);
const OUTSIDE: ReadonlySet<Endpoint['scope']> = new Set(['internet', 'lan', 'host', 'gateway', 'unknown']);
/** Times the threshold: with more, a relay that has stopped would stay one for too long. */
const MOST_THRESHOLDS = 2;
/** A burst's counterpart is told one tick later at most. */
const WAIT_TICKS = 2;
const MAX_WAITING = 4096;

interface Waiting {
  readonly exchange: Exchange;
  readonly containerId: string;
  readonly tick: number;
}

/** A member and the port at which it speaks to the container, or is spoken to by it. */
interface Pair {
  passed: Passed;
  decades: number;
  exchanges: number;
  matched: number;
}

export default defineAnalyzer({
  id: 'internal-relay',
  title: 'Data leaves an internal network through a container',
  attack: [
    { technique: 'T1090.001', tactic: 'command-and-control' },
    { technique: 'T1572', tactic: 'command-and-control' },
  ],
  severity: 'medium',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'leaves-through':
      '{subject} passes on what {members} says to it on internal network {network}, to {destinations}: {matchedExchanges} of {exchanges} exchanges were alike on both sides, {medianLagMs} ms apart (by chance: {chance}). {outerOutBytes} bytes went out, {outerInBytes} came back. If nobody made it a proxy, take it off one of its networks and look at what listens in it.',
    'leaves-to-container':
      '{subject} passes on what {members} says to it on internal network {network}, to {destinations}, which is on an ordinary network: {matchedExchanges} of {exchanges} exchanges were alike on both sides, {medianLagMs} ms apart (by chance: {chance}). The internal network is as open as that container is.',
    'reached-through':
      '{subject} lets {destinations} speak with {members} on internal network {network}, over a connection that it opened itself: {matchedExchanges} of {exchanges} exchanges were alike on both sides, {medianLagMs} ms apart (by chance: {chance}). {outerInBytes} bytes came in, {outerOutBytes} went out. If nobody made it a tunnel, stop it and look at what runs in it.',
  },
  create(ctx, options) {
    const logs = ctx.boundedMap<OuterLog>({ name: 'containers', maxKeys: options.max_containers });
    const pairs = ctx.boundedMap<Pair>({ name: 'pairs', maxKeys: options.max_pairs });
    const tallies = ctx.boundedMap<RelayTally>({ name: 'findings', maxKeys: options.max_pairs });
    const known = ctx.learnedMap<Micros>({
      name: 'relays',
      maxKeys: options.max_known,
      save: (first) => first,
      load: (saved) => (typeof saved === 'number' && Number.isFinite(saved) ? saved : undefined),
    });
    const limits = { maxLag: options.max_lag_ms * 1000, byteTolerance: options.byte_tolerance };
    let waiting: Waiting[] = [];
    let began: Micros | undefined;
    let now: Micros = 0;
    let ticks = 0;

    function settle(isEnd: boolean): void {
      const due = waiting.findIndex(({ tick }) => !isEnd && tick > ticks - WAIT_TICKS);
      const settled = due < 0 ? waiting : waiting.slice(0, due);
      waiting = due < 0 ? [] : waiting.slice(due);
      for (const { exchange, containerId } of settled) compare(exchange, containerId);
    }

    function compare(inner: Exchange, containerId: string): void {
      const log = logs.get(containerId);
      if (log === undefined) return;
      if (!log.reaches(inner)) {
        ctx.lost('exchanges');
        return;
      }
      const match = log.find(inner, limits, began!, now);
      const key = pairKey(inner.flow, containerId);
      const pair = pairs.get(key);
      const decades = decadesOf(match === undefined ? 1 : match.chance) + (pair?.decades ?? 0);
      // Where nothing speaks for a relay any more, all begins anew.
      if (decades <= 0) {
        pairs.delete(key);
        return;
      }
      const kept = pairs.ensure(key, () => ({
        passed: nothingPassed(inner.time),
        decades: 0,
        exchanges: 0,
        matched: 0,
      }));
      kept.decades = Math.min(decades, MOST_THRESHOLDS * options.min_decades);
      kept.exchanges++;
      kept.passed.exchanges++;
      if (match === undefined) return;
      kept.matched++;
      addMatch(kept.passed, inner, match);
      const isClear =
        kept.decades >= options.min_decades &&
        kept.matched >= options.min_exchanges &&
        kept.matched >= options.min_coincidence * kept.exchanges;
      if (isClear) tell(kept, inner, match, containerId);
    }

    function tell(pair: Pair, inner: Exchange, { outer }: Match, containerId: string): void {
      const network = inner.flow.network!;
      const isReverse = isContainer(inner.flow.orig, containerId);
      const port = isReverse ? outer.flow.resp.port : inner.flow.resp.port;
      const relay = isReverse ? inner.flow.orig : inner.flow.resp;
      const member = isReverse ? inner.flow.resp : inner.flow.orig;
      const destination = outer.flow.resp;
      const way = wayOf(isReverse, destination);
      const key = `${way} ${containerId} ${network.id} ${port}`;
      if (!ctx.isOpen(key)) tallies.delete(key);
      const name = `${way} ${ownerKey(relay, network)} ${network.name} ${port}`;
      const tally = tallies.ensure(
        key,
        () => new RelayTally(pair.passed.since, known.get(name), options.sample_size),
      );
      known.ensure(name, () => inner.time);
      tally.add(pair.passed, member, destination, inner.time, pair.decades);
      pair.passed = nothingPassed(now);
      ctx.report({
        message: way,
        time: Math.max(now, inner.time),
        since: tally.since,
        key,
        subject: relay,
        peers: tally.peers,
        network: network.name,
        flows: [inner.flow, outer.flow],
        severity: severityOf(way, inner.flow, outer.flow, tally.knownSince),
        evidence: {
          ...tally.evidence(),
          minCoincidence: options.min_coincidence,
          byteTolerance: options.byte_tolerance,
          maxLagMs: options.max_lag_ms,
          maxChance: `1e-${options.min_decades}`,
          ...(port === undefined ? {} : { port }),
        },
      });
    }

    return {
      onBurst(burst) {
        began ??= burst.time;
        now = Math.max(now, burst.end);
        const exchange = exchangeOf(burst);
        if (exchange === undefined) return;
        if (!burst.isInternal) {
          if (isOuter(burst)) logs.ensure(burst.containerId, () => new OuterLog()).add(exchange);
          return;
        }
        if (!isInner(burst, exchange)) return;
        if (waiting.length >= MAX_WAITING) ctx.lost('exchanges');
        else waiting.push({ exchange, containerId: burst.containerId, tick: ticks });
      },
      onTick(time) {
        began ??= time;
        now = Math.max(now, time);
        ticks++;
        settle(false);
        for (const [, log] of logs.entries()) log.expire(now, limits);
      },
      onEnd(time) {
        now = Math.max(now, time);
        settle(true);
      },
      onClockSet(step) {
        const by = step.to - step.from;
        now = step.to;
        if (began !== undefined) began += by;
        for (const { exchange } of waiting) shift(exchange, by);
        for (const [, log] of logs.entries()) log.clockSet(step);
        for (const [, pair] of pairs.entries()) pair.passed.since += by;
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
      },
    };
  },
});

/** What the container opened to somebody else than itself. */
function isOuter({ flow, containerId }: FlowBurst): boolean {
  return (
    isContainer(flow.orig, containerId) &&
    (flow.resp.scope === 'container' || OUTSIDE.has(flow.resp.scope)) &&
    !isContainer(flow.resp, containerId)
  );
}

/**
 * Between the container and a member. Where the container opened it, only what the outside began can be a tunnel: else it
 * asks for itself, as an application asks its database, and may well tell the outside of it.
 */
function isInner({ flow, containerId, isContainerOrig }: FlowBurst, exchange: Exchange): boolean {
  const [relay, member] = isContainerOrig ? [flow.orig, flow.resp] : [flow.resp, flow.orig];
  if (flow.network === undefined || !isContainer(relay, containerId)) return false;
  if (member.scope !== 'container' && member.scope !== 'unknown') return false;
  return !isContainerOrig || !exchange.isFromInside;
}

function isContainer({ workload }: Endpoint, containerId: string): boolean {
  return workload?.containerId === containerId;
}

function pairKey({ network, orig, resp, protocol }: FlowRecord, containerId: string): string {
  const isReverse = isContainer(orig, containerId);
  return `${containerId} ${isReverse} ${clientKey(isReverse ? resp : orig, network as Network)} ${protocol} ${resp.port}`;
}

function wayOf(isReverse: boolean, destination: Endpoint): Way {
  if (isReverse) return 'reached-through';
  return destination.scope === 'container' ? 'leaves-to-container' : 'leaves-through';
}

/** Argued in docs/analyzers/internal-relay.md. */
function severityOf(
  way: Way,
  inner: FlowRecord,
  outer: FlowRecord,
  knownSince: Micros | undefined,
): Severity {
  if (knownSince !== undefined || way === 'leaves-to-container') return 'low';
  if (outer.resp.scope === 'container' || outer.service === 'wireguard') return 'low';
  const isByDesign = inner.resp.port === outer.resp.port && FORWARDED_BY_DESIGN.has(inner.resp.port);
  return way === 'leaves-through' && isByDesign ? 'low' : 'medium';
}
