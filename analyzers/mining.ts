/**
 * A container mines: it speaks stratum with a pool, which its own lines tell beyond doubt, or it keeps an encrypted
 * connection to a pool's name, which is a hint. It must never call a container a miner for serving miners outside.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { workloadLabel } from '../src/model/network.ts';
import { formatMicros, type Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { clientKey } from './lib/asker.ts';
import { isPoolName, POOL_DOMAINS } from './lib/mining/pools.ts';
import { Sample } from './lib/sample.ts';

/** Where a pool's web page and its API are. */
const WEB_PORT = 443;
const SHOWN = 8;

const config = z.strictObject({
  ignore_containers: z
    .array(z.string().min(1))
    .default([])
    .describe('Labels (`farm/miner`) or names of containers that are meant to mine, or to serve miners.'),
  extra_pools: z
    .array(z.string().regex(/^[a-z0-9._-]+$/, 'expected a name in lower case'))
    .default([])
    .describe('Domains of pools, beside the short list that comes with Bridgewatch.'),
  max_miners: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(250)
    .describe('Miners remembered at once, up to 4 KB each, and as many of their connections.'),
});

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  pools: z.array(z.string()).describe('The first eight ends it spoke with, with their ports.'),
  poolCount: z.number(),
  names: z.array(z.string()).describe('Names of pools that it used or resolved.'),
  recognisedBy: z.array(z.string()).describe('Stratum in the bytes, or where the name of a pool stood.'),
  connections: z.number(),
  bytesSent: z.number().describe('IP bytes from the miner.'),
  bytesReceived: z.number(),
  firstSign: z.string(),
  lastSign: z.string(),
});

/** From the weakest to the strongest. */
const KINDS = ['pool-connection', 'attempted', 'stratum'] as const;
type MinerKind = (typeof KINDS)[number];
type Kind = MinerKind | 'serves-miners';

export default defineAnalyzer({
  id: 'mining',
  title: 'Container mines cryptocurrency',
  attack: [{ technique: 'T1496.001', tactic: 'impact' }],
  severity: 'high',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    stratum:
      '{subject} mines: it speaks stratum with {pools} (connections: {connections}, bytes sent: {bytesSent}, received: {bytesReceived}). Unless that is what it is for, somebody else runs code in it: stop it, keep its file system, and look for how they came in.',
    attempted:
      '{subject} tried to mine: it spoke stratum to {pools}, which did not answer in stratum (connections: {connections}). Somebody else may run code in it: look at its processes, and for how they came in.',
    'pool-connection':
      '{subject} connects to {pools}, known as a mining pool (names: {names}; connections: {connections}); what is said is encrypted. A look at its processes and its use of the processor tells whether it mines.',
    'serves-miners':
      '{subject} is spoken to in stratum by {peers} (connections: {connections}): it is a pool or a proxy for miners outside. If that is not what it is for, look at what runs in it.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<Tally>({ name: 'miners', maxKeys: options.max_miners });
    const followed = ctx.boundedMap<Followed>({ name: 'flows', maxKeys: options.max_miners });
    const ignored = new Set(options.ignore_containers);
    const extra = new Set(options.extra_pools);
    const poolZones = new Set([...POOL_DOMAINS, ...extra].map((name) => ctx.zoneOf(name)?.zone));
    /** Somebody has asked for the name of a pool: until then no flow can be known by what its client resolved. */
    let isPoolAsked = false;

    function isIgnored({ workload }: Endpoint): boolean {
      if (workload === undefined || ignored.size === 0) return false;
      return ignored.has(workload.name) || ignored.has(workloadLabel(workload));
    }

    function tallyFor(key: string, time: Micros): Tally {
      if (!ctx.isOpen(key)) tallies.delete(key);
      return tallies.ensure(key, () => new Tally(time));
    }

    /** Undefined when it shows no sign of mining. */
    function signOf(flow: FlowRecord): Sign | undefined {
      if (flow.service === 'stratum') {
        const isAnswered = flow.respPackets > 0 && (flow.protocol !== 'tcp' || flow.history.includes('d'));
        return { kind: isAnswered ? 'stratum' : 'attempted', way: 'stratum' };
      }
      if (flow.serverName !== undefined && isPoolName(flow.serverName, extra)) {
        // Its web page and its API in clear are not where a pool is mined with.
        if (flow.service === 'http') return undefined;
        return { kind: 'pool-connection', way: flow.serverNameFrom ?? 'name', name: flow.serverName };
      }
      const [resolved] = flow.resp.names;
      if (flow.serverName !== undefined || flow.service === 'http' || resolved === undefined)
        return undefined;
      return isPoolName(resolved, extra)
        ? { kind: 'pool-connection', way: 'resolved name', name: resolved }
        : undefined;
    }

    function onFlow(flow: FlowRecord): void {
      const sign = signOf(flow);
      if (sign === undefined) return;
      const { orig, resp, network } = flow;
      const isServing = resp.workload !== undefined && orig.scope !== 'container';
      const subject = isServing ? resp : orig;
      if (isIgnored(subject) || (isServing && sign.kind === 'pool-connection')) return;
      const key = `${isServing ? 'serves' : 'mines'} ${clientKey(subject, network)}`;
      const tally = tallyFor(key, flow.start);
      const known = followed.ensure(flow.uid, () => ({ key, sent: 0, received: 0, tally: undefined }));
      if (known.tally !== tally) tally.connections++;
      known.tally = tally;
      tally.note(flow, sign, isServing ? orig : resp);
      tally.sent += flow.origBytes - known.sent;
      tally.received += flow.respBytes - known.received;
      known.sent = flow.origBytes;
      known.received = flow.respBytes;
      const kind: Kind = isServing ? 'serves-miners' : tally.kind;
      ctx.report({
        message: kind,
        time: flow.end,
        since: tally.first,
        key,
        subject,
        peers: tally.peers,
        ...(network === undefined ? {} : { network: network.name }),
        flows: [flow],
        severity: severityOf(kind, flow),
        confidence: confidenceOf(kind, subject),
        evidence: { kind, ...tally.evidence() },
      });
    }

    return {
      choosesFlow({ event, service, serverName, respPort, protocol }) {
        if (service === 'stratum') return event !== 'start' && event !== 'answered';
        if (event === 'start' || event === 'answered') return false;
        if (serverName !== undefined) return isPoolName(serverName, extra);
        return isPoolAsked && protocol === 'tcp' && (service === 'tls' || respPort !== WEB_PORT);
      },
      readsContent: ({ protocol }) => protocol === 'tcp',
      onDnsQuery({ record: { query } }) {
        if (isPoolAsked || !poolZones.has(ctx.zoneOf(query)?.zone)) return;
        isPoolAsked = isPoolName(query, extra);
      },
      onFlowRecognized: onFlow,
      onFlowActive: onFlow,
      onFlowEnd(flow) {
        onFlow(flow);
        followed.delete(flow.uid);
      },
      onClockSet({ from, to }) {
        for (const [, tally] of tallies.entries()) tally.clockSet(to - from);
      },
    };
  },
});

interface Sign {
  readonly kind: MinerKind;
  readonly way: string;
  readonly name?: string;
}

/** How much of a flow is in its tally already. */
interface Followed {
  readonly key: string;
  sent: number;
  received: number;
  tally: Tally | undefined;
}

class Tally {
  first: Micros;
  last: Micros;
  kind: MinerKind = 'pool-connection';
  connections = 0;
  sent = 0;
  received = 0;
  readonly peers: Endpoint[] = [];
  readonly #pools = new Sample(SHOWN);
  readonly #names = new Sample(SHOWN);
  readonly #ways = new Sample(SHOWN);

  constructor(first: Micros) {
    this.first = first;
    this.last = first;
  }

  note(flow: FlowRecord, { kind, way, name }: Sign, peer: Endpoint): void {
    this.last = Math.max(this.last, flow.end);
    // What is certain says more than what is guessed, so the names of guesses go.
    if (KINDS.indexOf(kind) > KINDS.indexOf(this.kind)) this.kind = kind;
    this.#ways.add(way);
    const resolved = flow.resp.names[0];
    if (name !== undefined) this.#names.add(name);
    else if (resolved !== undefined) this.#names.add(resolved);
    const ip = peer.ip.includes(':') ? `[${peer.ip}]` : peer.ip;
    this.#pools.add(`${ip}:${flow.resp.port ?? 0}`);
    if (this.peers.length < SHOWN && !this.peers.some((known) => known.ip === peer.ip)) this.peers.push(peer);
  }

  evidence() {
    return {
      pools: this.#pools.first(),
      poolCount: this.#pools.count,
      names: this.#names.first(),
      recognisedBy: this.#ways.first(),
      connections: this.connections,
      bytesSent: this.sent,
      bytesReceived: this.received,
      firstSign: formatMicros(this.first),
      lastSign: formatMicros(this.last),
    };
  }

  clockSet(step: Micros): void {
    this.first += step;
    this.last += step;
  }
}

/** Argued in docs/analyzers/mining.md. */
function severityOf(kind: Kind, { resp }: FlowRecord): Severity {
  switch (kind) {
    case 'stratum':
      return 'high';
    case 'attempted':
      return 'medium';
    case 'pool-connection':
      return resp.port === WEB_PORT ? 'low' : 'medium';
    case 'serves-miners':
      return 'low';
  }
}

/** What was said is a fact; who said it may not be. */
function confidenceOf(kind: Kind, subject: Endpoint): Confidence {
  if (kind === 'pool-connection') return 'low';
  const { confidence } = subject.attribution;
  return confidence === 'certain' || confidence === 'likely' ? 'certain' : 'medium';
}
