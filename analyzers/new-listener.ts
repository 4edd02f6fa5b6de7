/**
 * A service begins to listen on a port where it never listened: a debugger that somebody forgot, a shell that somebody
 * left. By the kernel's own list of sockets where that is read; elsewhere by a container that answers a connection on a
 * port where it never answered. What it is used to is learned over days (analyzers/lib/new-listener/habits.ts).
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import type { ListenerRecord } from '../src/model/listener.ts';
import { sensitivePort } from '../src/model/sensitive-ports.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { defineAnalyzer, type Report } from '../src/sensor/analysis/analyzer.ts';
import { answerTo } from './lib/answer.ts';
import { clientKey, isItself } from './lib/asker.ts';
import { isGatewayOf } from './lib/gateway.ts';
import { isOpenerInferred, isReply } from './lib/leaving.ts';
import { Habits } from './lib/new-listener/habits.ts';
import { RecentPorts } from './lib/new-listener/recent-ports.ts';
import { oddProgram, remoteShell } from './lib/new-listener/tools.ts';
import { clientOf, Visitors } from './lib/new-listener/watched.ts';
import { ownerKey } from './lib/owner.ts';
import { trustIn, weakest } from './lib/trust.ts';

const config = z.strictObject({
  learn_hours: z
    .number()
    .min(1)
    .max(720)
    .default(24)
    .describe(
      'How long a service is watched before a port that it opens is new. Kept over restarts of the agent.',
    ),
  settle_secs: z
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(600)
    .describe('What a container opens within so long of its start belongs to its start; later is graver.'),
  max_services: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe(
      'Services whose ports are remembered at once, 1 KB each as a rule and up to 12 KB with many ports; in the database as well.',
    ),
  max_flows_per_sec: z
    .number()
    .int()
    .min(100)
    .max(1_000_000)
    .default(1000)
    .describe('Connections looked at in a second, about 8 us each; those beyond are counted as lost.'),
});

const evidence = z.object({
  port: z.number(),
  protocol: z.string(),
  address: z.string().optional().describe('What it is bound to; 0.0.0.0 and :: are any.'),
  service: z.string().optional().describe('What usually listens there, for ports that are worth a warning.'),
  process: z.string().optional().describe('As the kernel calls it; the container may choose the name.'),
  program: z.string().optional().describe('Its executable, as a path in the container.'),
  image: z.string(),
  exposed: z.boolean().optional().describe('The image or its container says that it listens there.'),
  published: z.boolean().optional().describe('A port of the host leads to it.'),
  openedAfter: z.string().optional().describe('Not open before.'),
  openedBefore: z.string().describe('Seen open.'),
  containerAgeSecs: z.number().optional().describe('Of the container when it opened, at the least.'),
  settleSecs: z.number().describe('The threshold.'),
  usualPorts: z.array(z.string()).describe('Where this service is used to listen; at most 16.'),
  knownHours: z.number().describe('How long this service has been watched.'),
  learnHours: z.number().describe('The threshold.'),
  reasons: z.array(z.string()).describe('What makes it graver or milder.'),
  connections: z.number().describe('Answered since it was told.'),
  connectionsFromOutside: z.number().describe('Those of the LAN and the Internet.'),
  clients: z.array(z.string()).describe('At most 8.'),
});

type Kind = 'remote-shell' | 'late' | 'at-start' | 'answers' | 'declared' | 'chosen-by-kernel';
type Told = Report<Kind, z.infer<typeof evidence>>;

/** Ports that programs let the kernel choose (ip_local_port_range), or media over UDP: they differ each time. */
const CHANGING_FROM = { tcp: 32_768, udp: 10_000 } as const;
/** A reading of the kernel's list is due at the latest; until then who listens is not known. */
const LISTED_WITHIN = 15 * MICROS_PER_SECOND;
const CLOSED_KEPT = 60 * MICROS_PER_SECOND;
const MAX_WAITING = 512;
const MAX_WATCHED = 256;

/** What is known of a listener, from the kernel or from traffic. */
interface Seen {
  readonly subject: Endpoint;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly time: Micros;
  readonly network: string | undefined;
  /** Absent where only traffic tells. */
  readonly listener?: ListenerRecord;
  readonly flow?: FlowRecord;
  readonly isPublished: boolean | undefined;
}

interface Watched {
  readonly told: Told;
  readonly port: number;
  readonly visitors: Visitors;
  /** `nc -l` closes its port when the first one connects, and what that one said is seen a moment later. */
  closedAt?: Micros;
}

interface Verdict {
  readonly message: Kind;
  readonly severity: Severity;
  readonly reasons: readonly string[];
  /** Never a habit: it will be told each time. */
  readonly isGrave: boolean;
}

export default defineAnalyzer({
  id: 'new-listener',
  title: 'A service listens where it never did',
  attack: [
    { technique: 'T1133', tactic: 'persistence' },
    { technique: 'T1571', tactic: 'command-and-control' },
  ],
  severity: 'low',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    'remote-shell':
      '{subject} has begun to listen on {address} port {port}/{protocol}, long after its start ({reasons}; program: {program}; connections answered: {connections}, {connectionsFromOutside} of them from outside; clients: {clients}). If nobody of yours did it, stop the container from being reached, keep it for the investigation, and look into it with `docker top` and `docker diff`.',
    late: '{subject} has begun to listen on {address} port {port}/{protocol}, where it never did, long after its start (process: {process}; program: {program}; reasons: {reasons}; connections answered: {connections}, {connectionsFromOutside} of them from outside; usual ports: {usualPorts}). Look at the process with `docker top`; a debugger or a console that somebody started is the harmless case.',
    'at-start':
      '{subject} listens on {address} port {port}/{protocol} since its start, where this service never did in {knownHours} hours (process: {process}; reasons: {reasons}; usual ports: {usualPorts}). Look at what changed in its image or command.',
    answers:
      '{subject} answers on port {port}/{protocol}, where it never answered in {knownHours} hours (clients: {clients}; usual ports: {usualPorts}). The listener itself was not seen. Look at what listens there with `docker top`.',
    declared:
      '{subject} listens on port {port}/{protocol}, where it never did (exposed: {exposed}, published: {published}; usual ports: {usualPorts}). Its image or its configuration says so.',
    'chosen-by-kernel':
      '{subject} has begun to listen on {protocol} ports that differ each time, {port} for one (process: {process}; usual ports: {usualPorts}). Remote procedure calls, passive FTP, clusters and media do; so does what hides.',
  },
  create(ctx, options) {
    const learn = options.learn_hours * 3600 * MICROS_PER_SECOND;
    const settle = options.settle_secs * MICROS_PER_SECOND;
    const services = ctx.learnedMap<Habits>({
      name: 'services',
      maxKeys: options.max_services,
      save: (habits) => habits.save(),
      load: Habits.load,
    });
    const watched = ctx.boundedMap<Watched>({
      name: 'watched',
      maxKeys: MAX_WATCHED,
      onEvict: () => countPorts(),
    });
    /** Answers on ports of which the kernel's list did not tell yet. */
    const waiting = ctx.boundedMap<{ readonly flow: FlowRecord; due: Micros }>({
      name: 'waiting',
      maxKeys: MAX_WAITING,
    });
    const recent = new RecentPorts();
    let watchedPorts: ReadonlySet<number> = new Set();
    let chosenThisSecond = 0;
    let now: Micros = 0;

    function countPorts(): void {
      watchedPorts = new Set([...watched.entries()].map(([, { port }]) => port));
    }

    function look(seen: Seen): void {
      const { subject, protocol, port, time } = seen;
      const owner = ownerKey(subject, undefined);
      const habits = services.ensure(owner, () => new Habits(time));
      const image = habits.noteImage(subject.workload?.imageDigest ?? subject.workload?.image ?? '', time);
      if (image.isNew) services.changed(owner);
      const habit =
        port >= CHANGING_FROM[protocol] && !isDeclared(seen) ? `${protocol}/changing` : `${protocol}/${port}`;
      const isLearning = habits.isLearning(time, learn);
      const isHabit = habits.knows(habit, time, learn);
      const verdict = judge(seen, { settle, imageFirst: image.first, since: habits.since });
      if (!verdict.isGrave || (isLearning && verdict.message !== 'remote-shell')) {
        const noted = habits.notePort(habit, time);
        if (noted === 'new') services.changed(owner);
        if (noted === 'full') {
          ctx.lost('ports');
          return;
        }
      }
      if (isHabit || (isLearning && verdict.message !== 'remote-shell')) return;
      tell(seen, verdict, habits, `${owner} ${habit}`);
    }

    function tell(seen: Seen, verdict: Verdict, habits: Habits, key: string): void {
      const { subject, protocol, port, time, network, listener, flow, isPublished } = seen;
      const sensitive = sensitivePort(protocol, port);
      const visitors = new Visitors();
      if (flow !== undefined) visitors.add(clientOf(flow));
      const told: Told = {
        message: verdict.message,
        time,
        key,
        subject,
        ...(network === undefined ? {} : { network }),
        ...(flow === undefined ? {} : { flows: [flow] }),
        severity: verdict.severity,
        confidence: confidenceOf(seen),
        evidence: {
          port,
          protocol,
          ...(listener === undefined ? {} : { address: listener.address }),
          ...(sensitive === undefined ? {} : { service: sensitive.name }),
          ...(listener?.process === undefined ? {} : { process: listener.process }),
          ...(listener?.program === undefined ? {} : { program: listener.program }),
          image: subject.workload?.image ?? 'unknown',
          ...(listener?.exposed === undefined ? {} : { exposed: listener.exposed }),
          ...(isPublished === undefined ? {} : { published: isPublished }),
          ...(listener?.after === undefined ? {} : { openedAfter: formatMicros(listener.after) }),
          openedBefore: formatMicros(time),
          ...ageOf(seen),
          settleSecs: options.settle_secs,
          usualPorts: habits.usual(time, learn),
          knownHours: habits.hours(time),
          learnHours: options.learn_hours,
          reasons: [...verdict.reasons],
          connections: visitors.answered,
          connectionsFromOutside: visitors.fromOutside,
          clients: visitors.ends.map(({ ip }) => ip),
        },
      };
      ctx.report({ ...told, peers: [...visitors.ends] });
      if (verdict.message === 'declared') return;
      const watch = watchKey(subject, protocol, port);
      watched.delete(watch);
      watched.ensure(watch, () => ({ told, port, visitors }));
      countPorts();
    }

    /** Somebody was answered by a listener that was told. */
    function visited({ told, visitors }: Watched, flow: FlowRecord): void {
      visitors.add(clientOf(flow));
      const { message, severity: usual = 'low' } = told;
      ctx.report({
        ...told,
        time: flow.end,
        severity: visitors.fromOutside > 0 ? graver(message, usual) : usual,
        peers: [...visitors.ends],
        flows: [flow],
        evidence: {
          ...told.evidence,
          connections: visitors.answered,
          connectionsFromOutside: visitors.fromOutside,
          clients: visitors.ends.map(({ ip }) => ip),
        },
      });
    }

    /** The kernel's list did not have it in time: a listener that was gone before, or one that cannot be listed. */
    function lookAtAnswer(flow: FlowRecord): void {
      const { resp, network, end } = flow;
      const known = watched.get(watchKey(resp, 'tcp', resp.port!));
      if (known !== undefined) {
        visited(known, flow);
        return;
      }
      const id = resp.workload?.containerId;
      if (id === undefined || ctx.surroundings.listensAt(id, 'tcp', resp.port) === true) return;
      look({
        subject: resp,
        protocol: 'tcp',
        port: resp.port!,
        time: end,
        network: network?.name,
        flow,
        isPublished: ctx.surroundings.isPublished(id, 'tcp', resp.port),
      });
    }

    function decideWaiting(due: Micros): void {
      for (const [key, entry] of [...waiting.entries()]) {
        if (entry.due > due) continue;
        waiting.delete(key);
        lookAtAnswer(entry.flow);
      }
    }

    function forgetClosed(time: Micros): void {
      const { size } = watched;
      for (const [key, { closedAt }] of [...watched.entries()])
        if (closedAt !== undefined && time - closedAt >= CLOSED_KEPT) watched.delete(key);
      if (watched.size < size) countPorts();
    }

    return {
      onListener(record) {
        const { subject, protocol, change, loopback, first, networks, published } = record;
        if (loopback || subject.port === undefined) return;
        if (change === 'closed') {
          const known = watched.get(watchKey(subject, protocol, subject.port));
          if (known !== undefined) known.closedAt = record.time;
          return;
        }
        look({
          subject,
          protocol,
          port: subject.port,
          time: first,
          network: networks.length === 0 ? undefined : networks.map(({ name }) => name).join(', '),
          listener: record,
          isPublished: published,
        });
      },
      choosesFlow({ event, protocol, respWords, respPort }) {
        if (event !== 'answered' || respPort === undefined) return false;
        const isWatched = watchedPorts.has(respPort);
        if (!isWatched && (protocol !== 'tcp' || recent.has(respWords, respPort, now))) return false;
        const network = ctx.surroundings.networkAt(respWords);
        if (network === undefined || isGatewayOf(network, respWords)) return false;
        chosenThisSecond += 1;
        if (chosenThisSecond <= options.max_flows_per_sec) return true;
        ctx.lost('flows');
        return false;
      },
      onFlowAnswered(flow) {
        if (!isServed(flow)) return;
        const { resp, protocol, end } = flow;
        const known = watched.get(watchKey(resp, protocol, resp.port!));
        if (known !== undefined) return visited(known, flow);
        if (protocol !== 'tcp') return;
        const id = resp.workload!.containerId;
        if (ctx.surroundings.listensAt(id, 'tcp', resp.port) === true) return;
        waiting.ensure(watchKey(resp, protocol, resp.port!), () => ({ flow, due: end + LISTED_WITHIN }));
      },
      onTick(time) {
        now = time;
        chosenThisSecond = 0;
        decideWaiting(time);
        forgetClosed(time);
      },
      onEnd: () => decideWaiting(Number.POSITIVE_INFINITY),
      onClockSet(step) {
        now = step.to;
        for (const [owner, habits] of services.entries()) {
          habits.clockSet(step);
          services.changed(owner);
        }
        for (const [, entry] of waiting.entries()) entry.due += step.to - step.from;
        for (const [, entry] of watched.entries())
          if (entry.closedAt !== undefined) entry.closedAt += step.to - step.from;
      },
    };
  },
});

interface Context {
  readonly settle: Micros;
  readonly imageFirst: Micros;
  readonly since: Micros;
}

/** Argued in docs/analyzers/new-listener.md. */
function judge(seen: Seen, { settle, imageFirst, since }: Context): Verdict {
  const { subject, protocol, port, listener } = seen;
  const declared = isDeclared(seen);
  if (declared) return { message: 'declared', severity: 'informational', reasons: [], isGrave: false };
  const startedAt = subject.workload?.startedAt;
  const earliest = listener?.change === 'opened' ? listener.after : undefined;
  // A service that was first seen a moment ago may close and open its port all day (`while nc -l ...`).
  const isLate =
    startedAt !== undefined && earliest !== undefined && earliest - Math.max(startedAt, since) >= settle;
  if (isLate && listener !== undefined) {
    const shell = remoteShell(listener);
    if (shell !== undefined)
      return { message: 'remote-shell', severity: 'high', reasons: [shell], isGrave: true };
    const odd = oddProgram(listener);
    if (odd !== undefined) return { message: 'late', severity: 'medium', reasons: [odd], isGrave: true };
  }
  if (port >= CHANGING_FROM[protocol])
    return { message: 'chosen-by-kernel', severity: 'informational', reasons: [], isGrave: false };
  if (listener === undefined) return { message: 'answers', severity: 'low', reasons: [], isGrave: false };
  if (isLate) return { message: 'late', severity: 'low', reasons: [], isGrave: false };
  const reasons = listener.change === 'found' ? ['it was there when the agent first looked'] : [];
  // Its image was first seen in this container: a new version may have a new port.
  const isNewImage = imageFirst > since && startedAt !== undefined && imageFirst >= startedAt;
  if (isNewImage)
    return {
      message: 'at-start',
      severity: 'informational',
      reasons: [...reasons, 'its image is new'],
      isGrave: false,
    };
  return { message: 'at-start', severity: 'low', reasons, isGrave: false };
}

function isDeclared({ listener, isPublished }: Seen): boolean {
  return isPublished === true || listener?.exposed === true;
}

/** One that answers somebody outside is in use: a bind shell is taken, a debugger open to others. */
function graver(message: Kind, usual: Severity): Severity {
  if (message === 'remote-shell') return 'critical';
  if (message === 'chosen-by-kernel') return 'low';
  return message === 'late' ? 'medium' : usual;
}

/** By traffic alone it may have listened all the time. */
function confidenceOf({ subject, listener }: Seen): Confidence {
  return weakest(trustIn(subject), listener === undefined ? 'medium' : 'certain');
}

function ageOf({ subject, listener }: Seen): { containerAgeSecs?: number } {
  const startedAt = subject.workload?.startedAt;
  if (startedAt === undefined || listener?.after === undefined) return {};
  return { containerAgeSecs: Math.max(0, listener.after - startedAt) / MICROS_PER_SECOND };
}

/** A container answered, whose handshake was seen: who opened it is beyond doubt. */
function isServed(flow: FlowRecord): boolean {
  const { resp } = flow;
  if (resp.port === undefined || resp.workload === undefined || !isItself(resp)) return false;
  const answer = answerTo(flow);
  return answer !== 'none' && answer !== 'refused' && !isReply(flow) && !isOpenerInferred(flow);
}

function watchKey(subject: Endpoint, protocol: string, port: number): string {
  return `${clientKey(subject, undefined)} ${protocol} ${port}`;
}
