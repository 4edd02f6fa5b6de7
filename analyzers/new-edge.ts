/**
 * A service talks to another one, to the host, to the LAN or to an outside place for the first time, after its edges have
 * been learned. What is told is learned by that: each edge is told once. It must never tell what belongs to a service that
 * nobody knows yet, nor page because a program goes to ever new places.
 */
import { z } from 'zod';
import { type Endpoint, endpointLabel } from '../src/model/endpoint.ts';
import type { Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { type SensitivePort, sensitivePort } from '../src/model/sensitive-ports.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { answerTo } from './lib/answer.ts';
import { isItself } from './lib/asker.ts';
import { isOpenerInferred, isReply } from './lib/leaving.ts';
import { Burst, type NewEnd } from './lib/new-edge/burst.ts';
import { Edges, FORGOTTEN_AFTER } from './lib/new-edge/edges.ts';
import { RecentContacts } from './lib/new-edge/recent-contacts.ts';
import { type Target, targetOf } from './lib/new-edge/target.ts';
import { WatchClock } from './lib/new-edge/watch-clock.ts';
import { WatchedOwner } from './lib/new-edge/watched-owner.ts';
import { mayLeave } from './lib/opened-by.ts';
import { ownerKey } from './lib/owner.ts';
import { trustIn, weakest } from './lib/trust.ts';
import { projectOf } from './lib/where-to.ts';

const MINUTE: Micros = 60 * MICROS_PER_SECOND;
const DAY: Micros = 86_400 * MICROS_PER_SECOND;
/** For a name in the protocol itself; then what was resolved, or the address, has to do. */
const NAME_WITHIN: Micros = 10 * MICROS_PER_SECOND;
/** Three new ends within ten minutes (DETECTION notes 2.8: a service that reaches three new peers). */
const BURST_WINDOW: Micros = 10 * MINUTE;
const BURST = 3;
/** A monitor or a proxy with many peers finds some new ones at once; that half as many come again is odd for it too. */
const BURST_SHARE = 0.5;
/** What a new version needs it asks for soon. */
const DEPLOYED_WITHIN: Micros = 3600 * MICROS_PER_SECOND;
/** Of so many zones of one platform's customers the service takes any. */
const MANY_ZONES = 8;
const MAX_SHOWN = 8;
/** Within a minute; then all is told anew, so that none is forgotten one by one. */
const MAX_NAMED = 4096;
const ANY_HOST = [0, 0, 0, 0] as const;

const config = z.strictObject({
  learn_secs: z
    .number()
    .min(1)
    .max(30 * 86_400)
    .default(86_400)
    .describe(
      'How long a service is watched before what is new of it is told. Longer, up to seven times, while it goes on finding new ends.',
    ),
  wander_places: z
    .number()
    .int()
    .min(8)
    .max(10_000)
    .default(100)
    .describe('Outside places from which on a service is one that goes anywhere, and no new one is told.'),
  max_owners: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(250)
    .describe('Services (else images) remembered at once, 3 KB each.'),
  max_edges: z
    .number()
    .int()
    .min(64)
    .max(1_000_000)
    .default(3000)
    .describe(
      'Edges of all services remembered at once, 400 bytes each; the one used longest ago goes first.',
    ),
});

const evidence = z.object({
  state: z.enum(['discover', 'monitor']).describe('Of the service: still learned, or known.'),
  targets: z.array(z.string()).describe('Whom, with port; at most eight.'),
  targetCount: z.number(),
  port: z.string().describe('`high`: 32768 and above, which are taken as one. `web`: 80 and 443 outside.'),
  service: z.string().optional().describe('What usually listens there, for admin and data ports.'),
  knownEdges: z.number().describe('Edges of the service that were known before.'),
  knownPeers: z.number().describe('Containers, host and LANs among their ends.'),
  learnedSince: z.string().describe('Since when the service is known.'),
  monitoredSince: z.string().optional(),
  watchedSecs: z.number().describe('How long it was watched; time without the agent does not count.'),
  learnSecs: z.number().describe('The least that is asked for.'),
  isExposed: z.boolean().describe('The service was reached from the Internet.'),
  isTargetNew: z.boolean().describe('The target itself is still being learned.'),
  deployment: z.string().optional().describe('The image that runs since a deployment within the last hour.'),
  deployedSecs: z.number().optional().describe('Since that deployment was noticed.'),
  windowSecs: z.number().optional(),
  threshold: z.number().optional().describe('New ends within the window that are told as one.'),
  mediumFrom: z.number().optional().describe('New ends from which on that is more than low.'),
  firstSeen: z.string(),
});

type Evidence = z.infer<typeof evidence>;
type Kind = 'new-peer' | 'new-place' | 'after-deployment' | 'newcomer' | 'many-new-peers' | 'many-new-places';
type Context = AnalyzerContext<Kind, Evidence>;

export default defineAnalyzer({
  id: 'new-edge',
  title: 'Service talks to somebody for the first time',
  attack: [
    { technique: 'T1021', tactic: 'lateral-movement' },
    { technique: 'T1071', tactic: 'command-and-control' },
  ],
  severity: 'low',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    'new-peer':
      '{subject} talks to {targets} for the first time (known since {learnedSince}, edges known: {knownEdges}). It is learned now and not told again: see whether a change explains it.',
    'new-place':
      '{subject} talks to {targets}, an outside place it never used (known since {learnedSince}, edges known: {knownEdges}). It is learned now and not told again: see whether a change explains it, and whose the place is.',
    'after-deployment':
      '{subject} talks to {targets} for the first time, {deployedSecs} s after {deployment} was deployed (edges known: {knownEdges}). New versions do so: see that this one was meant to.',
    newcomer:
      '{subject} talks to {targets} of another project ({service}), and has been watched for {watchedSecs} s only. What a new service does is learned; that it begins with the data of others is told: see who started it.',
    'many-new-peers':
      '{subject} reached {targetCount} peers for the first time, within {windowSecs} s of each other: {targets} (threshold: {threshold}; peers known: {knownPeers}, since {learnedSince}). Somebody looks around from there, or its configuration was changed: see which process connects.',
    'many-new-places':
      '{subject} reached {targetCount} outside places for the first time, within {windowSecs} s of each other: {targets} (threshold: {threshold}; edges known: {knownEdges}, since {learnedSince}). Updates and new features do so: see whose the places are.',
  },
  create(ctx, options) {
    const learning = options.learn_secs * MICROS_PER_SECOND;
    const clock = new WatchClock((map) => ctx.learnedMap(map));
    const owners = ctx.learnedMap<WatchedOwner>({
      name: 'owners',
      maxKeys: options.max_owners,
      save: (owner) => owner.save(),
      load: (saved) => WatchedOwner.load(saved, learning),
    });
    const edges = new Edges((map) => ctx.learnedMap(map), options.max_edges);
    const pending = ctx.boundedMap<Pending>({ name: 'pending', maxKeys: 256 });
    const bursts = ctx.boundedMap<Burst>({ name: 'bursts', maxKeys: options.max_owners });
    const recent = new RecentContacts();
    /** Pairs whose name was heard since `recent` was cleared: it will not be told again before. */
    const named = new Set<string>();
    let minuteBegan: Micros = Number.NEGATIVE_INFINITY;

    function present(key: string, { workload }: Pick<Endpoint, 'workload'>, time: Micros): WatchedOwner {
      const owner = owners.ensure(key, () => new WatchedOwner(learning, time, clock.now));
      const before = owner.seenAt;
      const isAnother = workload !== undefined && owner.runs(workload, clock.now);
      const hasLearned = owner.review(clock.now, time);
      if (owner.note(clock.now) || isAnother || hasLearned || clock.now - before >= DAY) owners.changed(key);
      return owner;
    }

    function judge(flow: FlowRecord, time: Micros): void {
      const target = targetOf(flow, ctx);
      if (target === undefined) return;
      const at = ownerKey(flow.orig, flow.network);
      const owner = present(at, flow.orig, time);
      const server = target.workload === undefined ? undefined : present(target.key, target, time);
      if (isKnown(at, target)) return;
      learn(at, owner, target, flow.start);
      // Begun before it was seen: it is as old as anything.
      if (isOpenerInferred(flow) || (owner.wanders && target.place === 'outside')) return;
      const { now } = clock;
      const known = () => edges.countWithout(at, target.key, target.port);
      tell(ctx, { flow, time, at, owner, target, server, known, now, learnSecs: options.learn_secs }, bursts);
    }

    function isKnown(at: string, { key, port, platform }: Target): boolean {
      if (edges.use(at, key, port, clock.now)) return true;
      return platform !== undefined && edges.use(at, anyOf(platform), port, clock.now);
    }

    function learn(
      at: string,
      owner: WatchedOwner,
      { key, port, place, platform }: Target,
      first: Micros,
    ): void {
      const isOutside = place === 'outside';
      // Of who goes anywhere no more is kept: a flood of places would take the room of others' edges.
      if (isOutside && owner.wanders) return;
      const { now } = clock;
      edges.add(at, key, port, first, now);
      owner.learned(now, isOutside);
      if (platform !== undefined && owner.learnedUnder(platform) === MANY_ZONES)
        edges.add(at, anyOf(platform), port, first, now);
      if (owner.places >= options.wander_places) owner.wanders = true;
      owners.changed(at);
    }

    function noteExposure({ orig, resp, nat, network }: FlowRecord, time: Micros): void {
      const client = nat?.client ?? orig;
      if (client.scope !== 'internet' || resp.scope !== 'container' || resp.workload === undefined) return;
      const key = ownerKey(resp, network);
      const owner = present(key, resp, time);
      if (owner.exposed) return;
      owner.exposed = true;
      owners.changed(key);
    }

    function forgetRecent(): void {
      recent.clear();
      named.clear();
    }

    return {
      choosesFlow(flow) {
        const { event, origWords, respWords, protocol, respPort = 0, serverName } = flow;
        if (!flow.mayHaveContainer || (protocol !== 'tcp' && protocol !== 'udp')) return false;
        if (event === 'recognized')
          return (
            serverName !== undefined &&
            mayLeave(flow) &&
            recent.isNew(origWords, respWords, protocol, respPort, serverName)
          );
        if (event !== 'answered') return false;
        if (isFromHere(ctx, flow)) return recent.isNew(origWords, respWords, protocol, respPort);
        // From outside: one a minute tells that the port is reached.
        return recent.isNew(ANY_HOST, respWords, protocol, respPort);
      },
      readsContent: mayLeave,
      onFlowAnswered(flow) {
        const answer = answerTo(flow);
        if (answer === 'none' || answer === 'refused' || isReply(flow)) return;
        noteExposure(flow, flow.end);
        if (flow.orig.workload === undefined || !isItself(flow.orig)) return;
        if (flow.resp.scope !== 'internet') judge(flow, flow.end);
        else if (!named.has(pairOf(flow))) pending.ensure(pairOf(flow), () => ({ flow, since: flow.end }));
      },
      onFlowRecognized(flow) {
        if (flow.serverName === undefined || flow.resp.scope !== 'internet') return;
        const pair = pairOf(flow);
        pending.delete(pair);
        if (named.size >= MAX_NAMED) forgetRecent();
        named.add(pair);
        judge(flow, flow.end);
      },
      onTick(now) {
        clock.tick(now);
        for (const [pair, { flow, since }] of pending.entries()) {
          if (now - since < NAME_WITHIN) continue;
          pending.delete(pair);
          judge(flow, now);
        }
        if (now - minuteBegan < MINUTE) return;
        minuteBegan = now;
        forgetRecent();
        edges.sweep(clock.now);
        for (const [key, owner] of owners.entries()) {
          if (clock.now - owner.seenAt > FORGOTTEN_AFTER) owners.delete(key);
          else if (owner.review(clock.now, now)) owners.changed(key);
        }
      },
      onEnd(now) {
        for (const [, { flow }] of pending.entries()) judge(flow, now);
        for (const [key] of owners.entries()) owners.changed(key);
      },
      onClockSet(step) {
        clock.clockSet(step);
        minuteBegan += step.to - step.from;
        for (const [, entry] of pending.entries()) entry.since += step.to - step.from;
      },
    };
  },
});

interface Pending {
  /** As it was answered. */
  readonly flow: FlowRecord;
  since: Micros;
}

/** Two connections at once to one place: the name of either is the name of both. */
function pairOf({ orig, resp, protocol }: FlowRecord): string {
  return `${orig.ip} ${resp.ip} ${protocol} ${resp.port ?? ''}`;
}

function anyOf(platform: string): string {
  return `zone *.${platform}`;
}

/** A container may have opened it. Those with addresses of the LAN's are on none of this host's bridges. */
function isFromHere({ surroundings }: Context, flow: Parameters<typeof mayLeave>[0]): boolean {
  return !flow.mayCross || mayLeave(flow) || surroundings.networkAt(flow.origWords) !== undefined;
}

interface New {
  readonly flow: FlowRecord;
  readonly time: Micros;
  /** Key of the service. */
  readonly at: string;
  readonly owner: WatchedOwner;
  readonly target: Target;
  /** The target's, where that is a container. */
  readonly server: WatchedOwner | undefined;
  /** Before this one. */
  readonly known: () => { readonly edges: number; readonly peers: number };
  readonly now: number;
  readonly learnSecs: number;
}

function tell(ctx: Context, edge: New, bursts: ReturnType<Context['boundedMap']>): void {
  const { flow, at, owner, target, server, now } = edge;
  const sensitive = sensitivePort(flow.protocol, target.server.port ?? flow.resp.port);
  const isOutside = target.place === 'outside';
  const end = { key: target.key, label: target.label, port: target.port, server: target.server };
  const newEnd: NewEnd = { ...end, at: now, first: flow.start };
  if (owner.isLearning) {
    if (isNewcomers(edge, sensitive)) report(ctx, edge, 'newcomer', [newEnd], 'low', sensitive);
    return;
  }
  // What is new is the target, not the service; only what holds data is told of at once.
  if (server?.isLearning === true && sensitive === undefined) return;
  const isDeployed = (owner.sinceDeployment(now) ?? Number.POSITIVE_INFINITY) <= DEPLOYED_WITHIN;
  const many: Kind = isOutside ? 'many-new-places' : 'many-new-peers';
  const isOpen = ctx.isOpen(`${many} ${at}`);
  const burst = bursts.ensure(`${many} ${at}`, () => new Burst()) as Burst;
  burst.add(newEnd, BURST_WINDOW, isOpen);
  const isMild = isDeployed || server?.isLearning === true;
  if (isOpen || burst.count >= BURST) {
    const least = isOutside ? undefined : mediumFrom(edge, burst);
    const isGrave = least !== undefined && burst.count >= least && !isDeployed;
    report(ctx, edge, many, burst.ends, isGrave ? 'medium' : 'low', sensitive, least);
    return;
  }
  const severity = severityOf(edge, sensitive);
  const kind = isDeployed ? 'after-deployment' : isOutside ? 'new-place' : 'new-peer';
  report(ctx, edge, kind, [newEnd], isMild ? MILDER[severity] : severity, sensitive);
}

/** Its peers of before, without those that are part of the burst. */
function mediumFrom({ known }: New, burst: Burst): number {
  const before = Math.max(0, known().peers - (burst.count - 1));
  return Math.max(BURST, Math.ceil(BURST_SHARE * before));
}

/** A service that nobody knows yet goes to the data of another project that is known. */
function isNewcomers({ flow, target, server }: New, sensitive: SensitivePort | undefined): boolean {
  if (sensitive === undefined || server === undefined || server.isLearning) return false;
  return projectOf(flow.orig.workload) !== projectOf(target.workload);
}

const MILDER = { medium: 'low', low: 'informational', informational: 'informational' } as const;

/** Argued in docs/analyzers/new-edge.md. */
function severityOf({ flow, owner, target }: New, sensitive: SensitivePort | undefined): keyof typeof MILDER {
  const { place } = target;
  if (place === 'outside') return 'low';
  const [mine, its] = [projectOf(flow.orig.workload), projectOf(target.workload)];
  const isOwn = place === 'container' && mine !== undefined && mine === its;
  if (sensitive === undefined) return isOwn ? 'informational' : 'low';
  if (owner.exposed) return 'medium';
  return place === 'container' && mine !== its ? 'medium' : 'low';
}

function report(
  ctx: Context,
  edge: New,
  message: Kind,
  ends: readonly NewEnd[],
  severity: Severity,
  sensitive: SensitivePort | undefined,
  mediumFrom?: number,
): void {
  const { flow, time, at, owner, target, server, now, learnSecs } = edge;
  const known = edge.known();
  const isMany = message === 'many-new-peers' || message === 'many-new-places';
  const first = Math.min(...ends.map((end) => end.first));
  const targets = [...new Set(ends.map(({ label, port }) => `${label} (${port})`))];
  const sinceDeployment = owner.sinceDeployment(now);
  const isDeployed = sinceDeployment !== undefined && sinceDeployment <= DEPLOYED_WITHIN;
  ctx.report({
    message,
    time,
    since: first,
    key: isMany ? `${message} ${at}` : `${at} > ${target.key} ${target.port}`,
    subject: flow.orig,
    peers: ends.slice(0, MAX_SHOWN).map((end) => end.server),
    ...(flow.network === undefined ? {} : { network: flow.network.name }),
    flows: [flow],
    severity,
    confidence: weakest(trustIn(flow.orig, target.server), target.place === 'outside' ? 'medium' : 'high'),
    evidence: {
      state: owner.isLearning ? 'discover' : 'monitor',
      targets: targets.slice(0, MAX_SHOWN),
      targetCount: new Set(ends.map(({ key }) => key)).size,
      port: target.port,
      ...(sensitive === undefined ? {} : { service: sensitive.name }),
      knownEdges: known.edges,
      knownPeers: known.peers,
      learnedSince: formatMicros(owner.first),
      ...(owner.monitoredSince === undefined ? {} : { monitoredSince: formatMicros(owner.monitoredSince) }),
      watchedSecs: Math.round(owner.watched(now) / MICROS_PER_SECOND),
      learnSecs,
      isExposed: owner.exposed,
      isTargetNew: server?.isLearning === true,
      ...(isDeployed
        ? {
            deployment: `image ${flow.orig.workload?.image ?? endpointLabel(flow.orig)}`,
            deployedSecs: Math.round(sinceDeployment / MICROS_PER_SECOND),
          }
        : {}),
      ...(isMany ? { windowSecs: BURST_WINDOW / MICROS_PER_SECOND, threshold: BURST } : {}),
      ...(mediumFrom === undefined ? {} : { mediumFrom }),
      firstSeen: formatMicros(first),
    },
  });
}
