/**
 * A container speaks to the API of a Docker engine over TCP: who may start containers there is root on that machine.
 * Proxies that pass a part of the API on to their neighbours (Traefik's, Portainer's, Watchtower's way) are named, low:
 * somebody put both on one network. A mounted socket is no traffic and cannot be seen here.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { type ClockStep, formatMicros, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { answerTo } from './lib/answer.ts';
import { clientKey } from './lib/asker.ts';
import { isOpenedByContainer } from './lib/opened-by.ts';
import { type Place, whereTo } from './lib/where-to.ts';

/** What the API speaks: HTTP in clear, or within TLS. Anything else on these ports is something else. */
const API_SERVICES: ReadonlySet<string> = new Set(['http', 'http2', 'tls']);
const MAX_SHOWN = 8;
/** Live connections of one tally whose bytes are followed. */
const MAX_LIVE = 64;

const config = z.strictObject({
  ports: z
    .array(z.number().int().min(1).max(65_535))
    .min(1)
    .max(32)
    .default([2375, 2376])
    .describe(
      'TCP ports on which engines and proxies for them listen; IANA has 2375 for clear text, 2376 for TLS.',
    ),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(250)
    .describe(
      'Pairs of a container and a kind of place remembered at once, 3 KB each, 10 KB with many live connections.',
    ),
});

const evidence = z.object({
  place: z
    .enum(['neighbour', 'published', 'elsewhere', 'host', 'lan', 'internet', 'unknown', 'served'])
    .describe('Where the API is, seen from the container; `served`: in the container, asked from outside.'),
  targets: z.array(z.string()).describe('Address and port, at most eight.'),
  images: z.array(z.string()).describe('Of the containers that answered for the API.'),
  spoken: z.array(z.string()).describe('What the bytes were: http, tls; empty when nothing was recognised.'),
  connections: z.number(),
  unanswered: z.number(),
  refused: z.number(),
  answered: z.number().describe('Connections on which data came back.'),
  bytes: z.number().describe('IP bytes sent by who asked.'),
  answerBytes: z.number().describe('IP bytes that came back.'),
  firstSeen: z.string(),
  lastSeen: z.string(),
});

type Evidence = z.infer<typeof evidence>;
type Kind = 'attempted' | 'answered-in-clear' | 'answered-tls' | 'from-outside';
type Context = AnalyzerContext<Kind, Evidence>;

export default defineAnalyzer({
  id: 'docker-api-access',
  title: "Container speaks to a Docker engine's API",
  attack: [
    { technique: 'T1610', tactic: 'execution' },
    { technique: 'T1552.007', tactic: 'credential-access' },
  ],
  severity: 'low',
  confidence: 'high',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    attempted:
      '{subject} connected to a port of the Docker API at {peers} ({targets}; place: {place}) and got no answer of the API (connections: {connections}, unanswered: {unanswered}, refused: {refused}). If it has no task with an engine, see what in it asks.',
    'answered-in-clear':
      '{subject} speaks HTTP with a Docker API at {peers} ({targets}; place: {place}; images there: {images}): {answered} connections were answered without TLS, {answerBytes} bytes came back. Who can ask an engine to start containers is root on its machine; see that a proxy there lets through only what {subject} needs.',
    'answered-tls':
      '{subject} speaks TLS with a Docker API at {peers} ({targets}; place: {place}; images there: {images}); connections answered: {answered}, {answerBytes} bytes back. Whether its certificate was accepted is not visible. See that it is meant to control that engine.',
    'from-outside':
      '{subject} answers a Docker API on {targets} to {peers}, from outside this host ({spoken}; connections answered: {answered}, {answerBytes} bytes sent back). Who can start containers there is root on that machine: publish the port on 127.0.0.1 only, or not at all.',
  },
  create(ctx, options) {
    const ports = new Set(options.ports);
    const tallies = ctx.boundedMap<Tally>({ name: 'clients', maxKeys: options.max_clients });

    function tallyFor(key: string, time: Micros): Tally {
      if (!ctx.isOpen(key)) tallies.delete(key);
      return tallies.ensure(key, () => new Tally(time));
    }

    /** Asked by a container. */
    function noteAsked(flow: FlowRecord): void {
      const { place, server } = whereTo(flow);
      const key = `${place} ${clientKey(flow.orig, flow.network)}`;
      const tally = tallyFor(key, flow.start);
      tally.add(flow, server);
      const kind = tally.kind;
      tell(ctx, flow, key, tally, kind, flow.orig, severityOf(place, tally), place);
    }

    /** Served by a container to the world: only what was answered, since the world knocks on every port. */
    function noteServed(flow: FlowRecord): void {
      const isInternet = flow.orig.scope === 'internet';
      if (answerTo(flow) !== 'data' || flow.service === undefined) return;
      const key = `served ${isInternet ? 'internet' : 'lan'} ${clientKey(flow.resp, flow.network)}`;
      const tally = tallyFor(key, flow.start);
      tally.add(flow, flow.orig);
      const severity = isInternet && flow.service !== 'tls' ? 'high' : 'low';
      tell(ctx, flow, key, tally, 'from-outside', flow.resp, severity, 'served');
    }

    function onFlow(flow: FlowRecord): void {
      if (flow.protocol !== 'tcp' || !ports.has(flow.resp.port ?? 0)) return;
      if (flow.service !== undefined && !API_SERVICES.has(flow.service)) return;
      if (isOpenedByContainer(flow)) noteAsked(flow);
      else if (flow.resp.scope === 'container' && isOutside(flow.orig)) noteServed(flow);
    }

    return {
      choosesFlow: ({ protocol, respPort }) =>
        protocol === 'tcp' && respPort !== undefined && ports.has(respPort),
      readsContent: ({ protocol, respPort }) =>
        protocol === 'tcp' && respPort !== undefined && ports.has(respPort),
      onFlowRecognized(flow) {
        if (answerTo(flow) === 'data') onFlow(flow);
      },
      onFlowActive: onFlow,
      onFlowEnd: onFlow,
      onClockSet(step) {
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
      },
    };
  },
});

function isOutside({ scope }: Endpoint): boolean {
  return scope === 'internet' || scope === 'lan';
}

/** Argued in docs/analyzers/docker-api-access.md. */
function severityOf(place: Place, { kind, isAnswered }: Tally): Severity {
  switch (place) {
    case 'host':
      if (kind === 'answered-in-clear') return 'high';
      return isAnswered ? 'medium' : 'low';
    case 'elsewhere':
      return 'medium';
    case 'internet':
      return kind === 'answered-in-clear' ? 'medium' : 'low';
    default:
      return 'low';
  }
}

function tell(
  ctx: Context,
  flow: FlowRecord,
  key: string,
  tally: Tally,
  message: Kind,
  subject: Endpoint,
  severity: Severity,
  place: Evidence['place'],
): void {
  ctx.report({
    message,
    time: flow.end,
    since: tally.first,
    key,
    subject,
    peers: tally.peers,
    ...(flow.network === undefined ? {} : { network: flow.network.name }),
    flows: [flow],
    severity,
    confidence: tally.isRecognised ? 'high' : 'medium',
    evidence: { place, ...tally.evidence() },
  });
}

/** What one end did to, or let others do to, the APIs of one kind of place. */
class Tally {
  first: Micros;
  #last: Micros;
  readonly peers: Endpoint[] = [];
  readonly #targets = new Set<string>();
  readonly #images = new Set<string>();
  readonly #spoken = new Set<string>();
  /** Live connections that were told of already, with what of them is counted. */
  readonly #live = new Map<string, { bytes: number; answerBytes: number; isAnswered: boolean }>();
  #connections = 0;
  #unanswered = 0;
  #refused = 0;
  #answered = 0;
  #bytes = 0;
  #answerBytes = 0;

  constructor(first: Micros) {
    this.first = first;
    this.#last = first;
  }

  get isAnswered(): boolean {
    return this.#answered > 0;
  }

  get isRecognised(): boolean {
    return this.#spoken.size > 0;
  }

  /** Port 2376 speaks TLS; what was not recognised is not called an answer of the API. */
  get kind(): Kind {
    if (this.#answered === 0 || !this.isRecognised) return 'attempted';
    return this.#spoken.has('http') || this.#spoken.has('http2') ? 'answered-in-clear' : 'answered-tls';
  }

  add(flow: FlowRecord, peer: Endpoint): void {
    this.#last = Math.max(this.#last, flow.end);
    if (this.peers.length < MAX_SHOWN && !this.peers.some(({ ip }) => ip === peer.ip)) this.peers.push(peer);
    const { ip, port } = flow.resp;
    if (this.#targets.size < MAX_SHOWN)
      this.#targets.add(ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
    const image = peer.workload?.image;
    if (image !== undefined && this.#images.size < MAX_SHOWN) this.#images.add(image);
    this.#addTraffic(flow);
  }

  #addTraffic(flow: FlowRecord): void {
    const isEnd = flow.reason !== 'active';
    const answer = answerTo(flow);
    let known = this.#live.get(flow.uid);
    if (known === undefined) {
      // Beyond that, a connection counts when it ends.
      if (!isEnd && this.#live.size >= MAX_LIVE) return;
      known = { bytes: 0, answerBytes: 0, isAnswered: false };
      this.#connections += 1;
      if (!isEnd) this.#live.set(flow.uid, known);
    }
    if (isEnd) this.#live.delete(flow.uid);
    if (answer === 'data' && flow.service !== undefined) this.#spoken.add(flow.service);
    if (answer === 'data' && !known.isAnswered) {
      known.isAnswered = true;
      this.#answered += 1;
    }
    if (isEnd && answer === 'none') this.#unanswered += 1;
    if (isEnd && answer === 'refused') this.#refused += 1;
    this.#bytes += flow.origBytes - known.bytes;
    this.#answerBytes += flow.respBytes - known.answerBytes;
    known.bytes = flow.origBytes;
    known.answerBytes = flow.respBytes;
  }

  clockSet({ from, to }: ClockStep): void {
    this.first += to - from;
    this.#last += to - from;
  }

  evidence() {
    return {
      targets: [...this.#targets],
      images: [...this.#images],
      spoken: [...this.#spoken],
      connections: this.#connections,
      unanswered: this.#unanswered,
      refused: this.#refused,
      answered: this.#answered,
      bytes: this.#bytes,
      answerBytes: this.#answerBytes,
      firstSeen: formatMicros(this.first),
      lastSeen: formatMicros(this.#last),
    };
  }
}
