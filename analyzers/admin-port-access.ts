/**
 * A container reaches a port for administration or data where it crosses a line that Docker knows: another project, the
 * site, the Internet. What a project's own containers do with their own database is never told, only that logins are tried
 * there one after the other. Services of this host are `host-service-access`'s matter, first contacts `new-edge`'s.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { type ClockStep, formatMicros, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { ADMIN_PORTS, type AdminPort } from './lib/admin-port-access/admin-ports.ts';
import { FailedLogins, isTurnedAway, WINDOW } from './lib/admin-port-access/failed-logins.ts';
import { type Answer, answerTo } from './lib/answer.ts';
import { clientKey } from './lib/asker.ts';
import { isOpenedByContainer } from './lib/opened-by.ts';
import { Sample } from './lib/sample.ts';
import { projectOf, whereTo } from './lib/where-to.ts';

const MAX_SHOWN = 8;
/** Live connections of one tally that are followed to their end. */
const MAX_LIVE = 64;

const config = z.strictObject({
  failed_sessions: z
    .number()
    .int()
    .min(9)
    .max(100_000)
    .default(30)
    .describe(
      'Sessions from one container to one port within 10 minutes that end as a refused login does, from which on they are told.',
    ),
  failed_share: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.8)
    .describe('The part of all its sessions to that port that must end so.'),
  guessing_sessions: z
    .number()
    .int()
    .min(9)
    .max(100_000)
    .default(150)
    .describe(
      'The same at a data store, from which on it is more than a program that starts again with a wrong password.',
    ),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe(
      'Pairs of a container and a trust line remembered at once, 4 KB each, 20 KB for one that scans.',
    ),
  max_pairs: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(1000)
    .describe('Pairs of a container and an admin port whose sessions are counted at once, 300 bytes each.'),
});

const evidence = z.object({
  line: z
    .enum(['other-project', 'lan', 'internet', 'none'])
    .describe('The trust line crossed; `none`: the rate of refused logins alone is told.'),
  targets: z.array(z.string()).describe('Address, port and what is kept there, at most eight.'),
  targetCount: z.number(),
  ports: z.array(z.number()),
  recognised: z.array(z.string()).describe('What the bytes were; empty when nothing was recognised.'),
  subjectProject: z.string().optional().describe('Compose project or Swarm stack of the container.'),
  peerProjects: z.array(z.string()).optional().describe('Those of who was reached.'),
  connections: z.number(),
  answered: z.number().describe('Connections on which data came back.'),
  refused: z.number(),
  failedSessions: z.number().optional().describe('Sessions within the window that ended as a refused login.'),
  sessions: z.number().optional().describe('All sessions within the window that tell either way.'),
  threshold: z.number().optional(),
  windowSecs: z.number().optional(),
  firstSeen: z.string(),
  lastSeen: z.string(),
});

type Evidence = z.infer<typeof evidence>;
type Line = Exclude<Evidence['line'], 'none'>;
type Kind = Line | 'guessing';
type Context = AnalyzerContext<Kind, Evidence>;

export default defineAnalyzer({
  id: 'admin-port-access',
  title: 'Container reaches an admin or data port across a trust line',
  attack: [
    { technique: 'T1021', tactic: 'lateral-movement' },
    { technique: 'T1110', tactic: 'credential-access' },
  ],
  severity: 'low',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    'other-project':
      '{subject} (project {subjectProject}) connected to {targets} of another project ({peerProjects}) over network {network} (connections: {connections}, answered: {answered}). If these two should not share it, give the service a network of its own.',
    lan: '{subject} connected to admin or data ports of the local network: {targets} (targets: {targetCount}, connections: {connections}, answered: {answered}). See that it is meant to work on those machines.',
    internet:
      '{subject} speaks with admin or data ports on the Internet: {targets} (recognised: {recognised}; targets: {targetCount}, connections answered: {answered}). See whose they are and that data does not cross in clear.',
    guessing:
      '{subject} was turned away again and again by {targets}: {failedSessions} of {sessions} sessions in {windowSecs} s ended as refused logins do (threshold: {threshold}). Either a wrong password in a program that tries again, or somebody guesses: look at the log of that service.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<Tally>({ name: 'clients', maxKeys: options.max_clients });
    const pairs = ctx.boundedMap<FailedLogins>({ name: 'pairs', maxKeys: options.max_pairs });

    function noteCrossing(flow: FlowRecord, port: AdminPort): void {
      const line = lineOf(flow, port);
      if (line === undefined) return;
      const key = `${line} ${clientKey(flow.orig, flow.network)}`;
      if (!ctx.isOpen(key)) tallies.delete(key);
      const tally = tallies.ensure(key, () => new Tally(flow.start));
      tally.add(flow, port);
      tell(ctx, flow, key, line, tally, severityOf(line, flow, port), {
        line,
        ...projects(flow, line, tally),
        ...tally.evidence(),
      });
    }

    function noteSession(flow: FlowRecord, port: AdminPort): void {
      const isFailed = isTurnedAway(flow, port.kind);
      if (isFailed === undefined) return;
      const { ip } = whereTo(flow).server;
      const key = `guessing ${clientKey(flow.orig, flow.network)} ${ip} ${flow.resp.port}`;
      // Who never failed is most: nothing is kept of them but the count.
      const logins = pairs.ensure(key, () => new FailedLogins());
      logins.add(flow.end, isFailed);
      if (!isFailed) return;
      const { failed, sessions } = logins;
      if (failed < options.failed_sessions || failed < options.failed_share * sessions) return;
      if (!ctx.isOpen(key)) tallies.delete(key);
      const tally = tallies.ensure(key, () => new Tally(logins.first));
      tally.add(flow, port);
      const isGuessing = port.kind !== 'data' || failed >= options.guessing_sessions;
      tell(ctx, flow, key, 'guessing', tally, isGuessing ? 'medium' : 'low', {
        line: 'none',
        ...tally.evidence(),
        connections: sessions,
        answered: sessions,
        firstSeen: formatMicros(logins.first),
        failedSessions: failed,
        sessions,
        threshold: port.kind === 'data' && isGuessing ? options.guessing_sessions : options.failed_sessions,
        windowSecs: WINDOW / 1_000_000,
      });
    }

    function onFlow(flow: FlowRecord): void {
      const port = flow.protocol === 'tcp' ? ADMIN_PORTS.get(flow.resp.port ?? 0) : undefined;
      if (port === undefined || !isOpenedByContainer(flow)) return;
      noteCrossing(flow, port);
      noteSession(flow, port);
    }

    return {
      choosesFlow: ({ protocol, respPort }) =>
        protocol === 'tcp' && respPort !== undefined && ADMIN_PORTS.has(respPort),
      readsContent: ({ protocol, respPort }) =>
        protocol === 'tcp' && respPort !== undefined && ADMIN_PORTS.has(respPort),
      onFlowRecognized(flow) {
        if (answerTo(flow) === 'data') onFlow(flow);
      },
      onFlowActive: onFlow,
      onFlowEnd: onFlow,
      onClockSet(step) {
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
        for (const [, logins] of pairs.entries()) logins.clockSet(step);
      },
    };
  },
});

/** Undefined where no line is crossed, or none is known. */
function lineOf(flow: FlowRecord, port: AdminPort): Line | undefined {
  const { place, server } = whereTo(flow);
  switch (place) {
    case 'lan':
      return place;
    case 'internet':
      // Peer-to-peer programs dial any port: what is not the service itself is nobody's concern here.
      return flow.service !== undefined && port.services.includes(flow.service) && answerTo(flow) === 'data'
        ? 'internet'
        : undefined;
    case 'neighbour':
    case 'published':
    case 'elsewhere': {
      if (server.workload === undefined || flow.orig.workload === undefined) return undefined;
      return projectOf(server.workload) === projectOf(flow.orig.workload) ? undefined : 'other-project';
    }
    case 'host':
    case 'unknown':
      return undefined;
  }
}

/** Argued in docs/analyzers/admin-port-access.md: what many do by design is low. */
function severityOf(line: Line, flow: FlowRecord, { kind }: AdminPort): Severity {
  // SMB, WinRM and control planes have no business on the Internet; SSH does (git, backups).
  if (line === 'internet' && kind !== 'data' && flow.service !== 'ssh') return 'medium';
  return 'low';
}

const NO_PROJECT = 'none';

function projects({ orig }: FlowRecord, line: Line, tally: Tally) {
  if (line !== 'other-project') return {};
  return { subjectProject: projectOf(orig.workload) ?? NO_PROJECT, peerProjects: [...tally.projects] };
}

function tell(
  ctx: Context,
  flow: FlowRecord,
  key: string,
  message: Kind,
  tally: Tally,
  severity: Severity,
  shown: Evidence,
): void {
  ctx.report({
    message,
    time: flow.end,
    since: tally.first,
    key,
    subject: flow.orig,
    peers: tally.peers,
    ...(flow.network === undefined ? {} : { network: flow.network.name }),
    flows: [flow],
    severity,
    confidence: message === 'guessing' || tally.isRecognised ? 'medium' : 'low',
    evidence: shown,
  });
}

class Tally {
  first: Micros;
  #last: Micros;
  readonly peers: Endpoint[] = [];
  readonly projects = new Set<string>();
  readonly #targets = new Sample(MAX_SHOWN);
  readonly #ports = new Set<number>();
  readonly #recognised = new Set<string>();
  /** Live connections that were told of, with the best answer so far. */
  readonly #live = new Map<string, Answer>();
  #connections = 0;
  #answered = 0;
  #refused = 0;

  constructor(first: Micros) {
    this.first = first;
    this.#last = first;
  }

  get isRecognised(): boolean {
    return this.#recognised.size > 0;
  }

  add(flow: FlowRecord, port: AdminPort): void {
    const { server } = whereTo(flow);
    this.#last = Math.max(this.#last, flow.end);
    const { ip, port: number } = flow.resp;
    const before = this.#targets.count;
    this.#targets.add(`${ip.includes(':') ? `[${ip}]` : ip}:${number} (${port.name})`);
    if (this.#targets.count > before && this.peers.length < MAX_SHOWN) this.peers.push(server);
    if (number !== undefined && this.#ports.size < ADMIN_PORTS.size) this.#ports.add(number);
    if (server.workload !== undefined && this.projects.size < MAX_SHOWN)
      this.projects.add(projectOf(server.workload) ?? NO_PROJECT);
    if (flow.service !== undefined) this.#recognised.add(flow.service);
    this.#addAnswer(flow);
  }

  #addAnswer(flow: FlowRecord): void {
    const isOver = flow.reason !== 'active';
    const answer = answerTo(flow);
    const known = this.#live.get(flow.uid);
    if (known === undefined) {
      // Beyond that, a connection counts when it ends.
      if (!isOver && this.#live.size >= MAX_LIVE) return;
      this.#connections += 1;
    }
    if (answer === 'data' && known !== 'data') this.#answered += 1;
    if (isOver && answer === 'refused') this.#refused += 1;
    if (isOver) this.#live.delete(flow.uid);
    else this.#live.set(flow.uid, answer);
  }

  clockSet({ from, to }: ClockStep): void {
    this.first += to - from;
    this.#last += to - from;
  }

  evidence() {
    return {
      targets: this.#targets.first(),
      targetCount: this.#targets.count,
      ports: [...this.#ports],
      recognised: [...this.#recognised],
      connections: this.#connections,
      answered: this.#answered,
      refused: this.#refused,
      firstSeen: formatMicros(this.first),
      lastSeen: formatMicros(this.#last),
    };
  }
}
