/**
 * A container asks for names past the resolvers that it was given: by plain DNS at another server, or by DNS over TLS,
 * QUIC or HTTPS. A matter of policy, so low by itself. It must never accuse the engine of passing questions on, nor a
 * container that is a resolver itself; and where nobody knows the configured resolvers, plain DNS is nobody's fault.
 */
import { z } from 'zod';
import type { DnsRecord } from '../src/model/dns.ts';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { formatIp, parseIp } from '../src/model/ip.ts';
import { type Network, workloadLabel } from '../src/model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { clientKey, networkOf } from './lib/asker.ts';
import { BypassTally } from './lib/dns-bypass/bypass-tally.ts';
import {
  isResolverAddress,
  isResolverName,
  isResolverWords,
  RESOLVER_NAMES,
} from './lib/dns-bypass/public-resolvers.ts';
import { NameServers } from './lib/name-servers.ts';

/** A container that asked the embedded resolver within this uses it. */
const USES_ENGINE_FOR: Micros = 86_400 * MICROS_PER_SECOND;
/** A resolver in a container asks on before it answers, and what is asked through 127.0.0.11 is known by its answer. */
const SHOWS_ITSELF_WITHIN: Micros = 10 * MICROS_PER_SECOND;
const HTTPS_PORT = 443;
/** RFC 7858 (TLS, TCP), RFC 9250 (QUIC, UDP). */
const ENCRYPTED_DNS_PORT = 853;

const config = z.strictObject({
  resolvers: z
    .array(z.string().refine((text) => parseIp(text) !== undefined, 'expected an address'))
    .default([])
    .describe(
      'Addresses of resolvers that every container may ask, in whatever way, beside those that the engine gave it.',
    ),
  resolver_names: z
    .array(z.string().regex(/^[a-z0-9._-]+$/, 'expected a name in lower case'))
    .default([])
    .describe('Names of encrypted resolvers that every container may use.'),
  extra_names: z
    .array(z.string().regex(/^[a-z0-9._-]+$/, 'expected a name in lower case'))
    .default([])
    .describe('Names of resolvers that speak DNS over HTTPS, beside the list that comes with Bridgewatch.'),
  ignore_containers: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Labels (`shop/db`) or names of containers that may ask whom they want, such as a proxy for DNS.',
    ),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Clients remembered at once, up to 8 KB each.'),
});

const evidence = z.object({
  servers: z.array(z.string()).describe('Who was asked, at most 16.'),
  serversAreSample: z.boolean().optional().describe('Present when there were more.'),
  answeredServers: z.array(z.string()).describe('Those of them that answered.'),
  transports: z.array(z.string()),
  configured: z.array(z.string()).optional().describe('The resolvers it was given; absent when not known.'),
  questions: z.number().optional(),
  sampleNames: z
    .array(z.string())
    .optional()
    .describe('The first five names asked for, escaped as in RFC 4343.'),
  flows: z.number().optional(),
  recognisedBy: z.array(z.string()).optional(),
  reasons: z.array(z.string()).describe('What makes it graver than a matter of policy.'),
  firstSign: z.string(),
  lastSign: z.string(),
});

type Kind = 'plain' | 'dot' | 'doq' | 'doh';
type Context = AnalyzerContext<Kind, z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'dns-bypass',
  title: 'Container asks for names past its resolvers',
  attack: [
    { technique: 'T1071.004', tactic: 'command-and-control' },
    { technique: 'T1572', tactic: 'command-and-control' },
  ],
  severity: 'low',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    plain:
      '{subject} asked {servers} for names by plain DNS (questions: {questions}, such as {sampleNames}), though it was given {configured} to ask: whoever filters or logs DNS there misses them. Block port 53 to others, or name the server in `resolvers`.',
    dot: '{subject} speaks DNS over TLS with {peers} (connections: {flows}, recognised by: {recognisedBy}); nobody who watches or filters DNS sees what it asks. If it is meant to, name the server in `resolvers`.',
    doq: '{subject} speaks DNS over QUIC with {peers} (flows: {flows}, recognised by: {recognisedBy}); nobody who watches or filters DNS sees what it asks. If it is meant to, name the server in `resolvers`.',
    doh: '{subject} connects to {peers}, known for DNS over HTTPS (connections: {flows}, recognised by: {recognisedBy}); nobody who watches or filters DNS sees what it asks there. If it is meant to, name the server in `resolvers` or `resolver_names`.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<BypassTally>({ name: 'clients', maxKeys: options.max_clients });
    const nameServers = new NameServers(
      ctx.boundedMap({ name: 'name-servers', maxKeys: options.max_clients }),
    );
    const engineUsers = ctx.boundedMap<{ last: Micros }>({
      name: 'engine-users',
      maxKeys: options.max_clients,
    });
    const waiting = ctx.boundedMap<Waiting>({ name: 'waiting', maxKeys: options.max_clients });
    const allowed = new Set(options.resolvers.map((text) => formatIp(...parseIp(text)!)));
    const allowedNames = new Set(options.resolver_names);
    const extraNames = new Set(options.extra_names);
    const ignored = new Set(options.ignore_containers);
    const resolverZones = new Set([...RESOLVER_NAMES, ...extraNames].map((name) => ctx.zoneOf(name)?.zone));
    /**
     * Somebody has asked for the name of a resolver: a flow may be known by it, until then none is. Flows are named by
     * the same questions that come here; by an answer whose question was not seen, none is named.
     */
    let isResolverAsked = false;

    /** Whose questions are judged: a container's; of unnamed addresses, those that are not the host's or a stranger's. */
    function isJudged(client: Endpoint, server: Endpoint, now: Micros): boolean {
      if (server.scope === 'engine' || server.scope === 'multicast' || isLoopback(server.ip)) return false;
      if (allowed.size > 0 && (allowed.has(server.ip) || allowed.has(client.ip))) return false;
      if (client.workload === undefined) {
        return (client.scope === 'lan' || client.scope === 'unknown') && server.scope !== 'container';
      }
      const { workload } = client;
      if (ignored.size > 0 && (ignored.has(workload.name) || ignored.has(workloadLabel(workload))))
        return false;
      return (
        workload.resolvers?.includes(server.ip) !== true && !nameServers.isServing(workload.containerId, now)
      );
    }

    /** Undefined when nobody knows. */
    function configuredFor({ workload }: Endpoint): readonly string[] | undefined {
      if (workload?.resolvers !== undefined) return [...new Set([...workload.resolvers, ...allowed])];
      return allowed.size > 0 ? [...allowed] : undefined;
    }

    function tallyFor(key: string, time: Micros): BypassTally {
      if (!ctx.isOpen(key) && waiting.get(key) === undefined) tallies.delete(key);
      return tallies.ensure(key, () => new BypassTally(time));
    }

    /** The first word of a finding waits, so that a resolver in a container can show itself; later ones do not. */
    function tellOrWait(told: Told): void {
      if (ctx.isOpen(told.key)) tell(ctx, told);
      else if (told.client.workload === undefined) tell(ctx, told);
      else {
        waiting.ensure(told.key, () => ({ since: told.time, told })).told = told;
      }
    }

    function tellDue(due: Micros): void {
      for (const [key, { since, told }] of [...waiting.entries()]) {
        if (since > due) continue;
        waiting.delete(key);
        if (nameServers.isServing(told.client.workload?.containerId, told.time)) tallies.delete(key);
        else tell(ctx, told);
      }
    }

    /** A plain question at the moment it is seen, or the first answer of a server to one. */
    function plain(record: DnsRecord, isAnswer: boolean): void {
      const { client, server, time } = record;
      if (!isJudged(client, server, time) || !isPlainQuestion(record)) return;
      const configured = configuredFor(client);
      if (configured === undefined) return;
      const key = keyOf('plain', client, record.network);
      // An answer to what was not counted, because it was asked before, belongs to no finding.
      if (isAnswer && tallies.get(key)?.noteAnswer(server) !== true) return;
      const tally = tallyFor(key, time);
      if (!isAnswer) {
        tally.noteServer(server, record.transport, time);
        tally.noteQuestion(record.query);
      }
      tellOrWait({
        kind: 'plain',
        key,
        tally,
        time,
        client,
        configured,
        network: networkOf(record).network,
        reasons: isInternalOnly(record) ? [INTERNAL] : [],
        // Who was configured is a fact as far as the inventory goes; the option speaks for everybody.
        confidence: client.workload?.resolvers === undefined ? 'high' : 'certain',
      });
    }

    function encrypted(flow: FlowRecord): void {
      const sign = signOf(flow, extraNames);
      if (sign === undefined || !isAnswered(flow)) return;
      const { orig: client, resp: server } = flow;
      if (!isJudged(client, server, flow.end) || namesOf(flow).some((name) => allowedNames.has(name))) return;
      const key = keyOf(sign.kind, client, flow.network);
      const tally = tallyFor(key, flow.start);
      tally.noteFlow(flow.uid);
      tally.noteServer(server, flow.protocol, flow.end);
      tally.noteAnswer(server);
      tally.noteWay(sign.way);
      const reasons: string[] = [];
      if (isInternalOnlyFlow(flow)) reasons.push(INTERNAL);
      const last =
        client.workload === undefined ? undefined : engineUsers.get(client.workload.containerId)?.last;
      if (last !== undefined && flow.end - last <= USES_ENGINE_FOR) reasons.push(BESIDE_ENGINE);
      const configured = configuredFor(client);
      tellOrWait({
        kind: sign.kind,
        key,
        tally,
        time: flow.end,
        client,
        configured,
        network: flow.network?.name,
        flows: [flow],
        reasons,
        confidence: sign.confidence,
      });
    }

    /** The flow beneath questions that were told of already: it belongs to the same finding. */
    function beneath(flow: FlowRecord): void {
      if (flow.resp.port !== 53) return;
      const tally = tallies.get(keyOf('plain', flow.orig, flow.network));
      if (tally?.peers.some(({ ip }) => ip === flow.resp.ip) === true) tally.noteFlow(flow.uid);
    }

    function noteQuestion({ query }: DnsRecord): void {
      // The zone is known already, the rest of the name costs more.
      if (isResolverAsked || !resolverZones.has(ctx.zoneOf(query)?.zone)) return;
      isResolverAsked = isResolverName(query, extraNames);
    }

    function onFlow(flow: FlowRecord): void {
      encrypted(flow);
      beneath(flow);
    }

    return {
      choosesFlow({ event, respPort, serverName, respWords }) {
        if (respPort === ENCRYPTED_DNS_PORT) return true;
        if (respPort === 53) return tallies.size > 0;
        if (serverName !== undefined && isResolverName(serverName, extraNames)) return true;
        if (respPort !== HTTPS_PORT) return false;
        if (event !== 'answered' && serverName === undefined && isResolverAsked) return true;
        return isResolverWords(respWords);
      },
      // HTTP/3 and DNS over QUIC have their ports; over TCP the name counts on any.
      readsContent: ({ protocol, respPort }) =>
        protocol === 'tcp' || respPort === HTTPS_PORT || respPort === ENCRYPTED_DNS_PORT,
      onDnsQuery({ record }) {
        if (record.protocol !== 'dns') return;
        noteQuestion(record);
        nameServers.note(record);
        const id = record.client.workload?.containerId;
        if (record.server.scope === 'engine' && id !== undefined) {
          const user = engineUsers.ensure(id, () => ({ last: record.time }));
          user.last = Math.max(user.last, record.time);
        }
        plain(record, false);
      },
      onDns(record) {
        if (record.protocol !== 'dns') return;
        nameServers.note(record);
        if (record.rcode !== undefined) plain(record, true);
      },
      onFlowAnswered: onFlow,
      onFlowActive: onFlow,
      onFlowEnd: onFlow,
      onClockSet(step) {
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
        for (const [, user] of engineUsers.entries()) user.last += step.to - step.from;
        for (const [, entry] of waiting.entries()) {
          entry.since += step.to - step.from;
          entry.told = { ...entry.told, time: entry.told.time + step.to - step.from };
        }
        nameServers.clockSet(step);
      },
      onTick: (now) => tellDue(now - SHOWS_ITSELF_WITHIN),
      onEnd: () => tellDue(Number.POSITIVE_INFINITY),
    };
  },
});

const INTERNAL = 'it is on internal networks only';
const BESIDE_ENGINE = 'it uses the resolver it was given as well';

interface Sign {
  readonly kind: 'dot' | 'doq' | 'doh';
  readonly way: string;
  readonly confidence: Confidence;
}

/** The most certain first. */
function signOf(flow: FlowRecord, extraNames: ReadonlySet<string>): Sign | undefined {
  const { resp, protocol, service } = flow;
  if (protocol !== 'tcp' && protocol !== 'udp') return undefined;
  if (resp.port === ENCRYPTED_DNS_PORT) {
    const kind = protocol === 'tcp' ? 'dot' : 'doq';
    if (service === undefined) return { kind, way: `port 853/${protocol}`, confidence: 'medium' };
    const isSo = service === (protocol === 'tcp' ? 'tls' : 'quic');
    return isSo ? { kind, way: `${service} on port 853/${protocol}`, confidence: 'high' } : undefined;
  }
  const { serverName } = flow;
  if (serverName !== undefined && isResolverName(serverName, extraNames)) {
    return { kind: 'doh', way: `${flow.serverNameFrom ?? 'name'} ${serverName}`, confidence: 'medium' };
  }
  if (resp.port !== HTTPS_PORT) return undefined;
  if (isResolverAddress(resp.ip)) return { kind: 'doh', way: `address ${resp.ip}`, confidence: 'medium' };
  // Content networks serve thousands of names from one address: the likeliest, and only while the flow itself names none.
  const [resolved] = resp.names;
  if (
    flow.reason !== 'answered' &&
    serverName === undefined &&
    resolved !== undefined &&
    isResolverName(resolved, extraNames)
  ) {
    return { kind: 'doh', way: `resolved name ${resolved}`, confidence: 'medium' };
  }
  return undefined;
}

function namesOf({ serverName, resp }: FlowRecord): readonly string[] {
  return [...(serverName === undefined ? [] : [serverName.toLowerCase()]), ...resp.names.slice(0, 1)];
}

/** A reset alone is a refusal; datagrams need one back. */
function isAnswered(flow: FlowRecord): boolean {
  if (flow.respPackets === 0) return false;
  return flow.protocol !== 'tcp' || /[a-qs-z]/.test(flow.history);
}

/**
 * Updates, notifications and transfers go to authoritative servers by design, and so does the check of a certificate
 * challenge: ACME clients (lego, cert-manager, certbot's plugins) ask the zone's own servers for their record.
 */
function isPlainQuestion({ server, opcode, qtype, flags, query }: DnsRecord): boolean {
  if (server.port !== 53 || opcode !== 'QUERY' || qtype === 'AXFR' || qtype === 'IXFR') return false;
  return flags.includes('RD') || !/^_acme-challenge\./i.test(query);
}

interface Told {
  readonly kind: Kind;
  readonly key: string;
  readonly tally: BypassTally;
  readonly time: Micros;
  readonly client: Endpoint;
  readonly configured: readonly string[] | undefined;
  readonly network: string | undefined;
  readonly flows?: readonly FlowRecord[];
  readonly reasons: readonly string[];
  readonly confidence: Confidence;
}

interface Waiting {
  since: Micros;
  /** The latest. */
  told: Told;
}

function tell(ctx: Context, told: Told): void {
  const { kind, key, tally, time, client, configured, network, flows, reasons, confidence } = told;
  const severity: Severity = reasons.length > 0 ? 'medium' : 'low';
  ctx.report({
    message: kind,
    time,
    since: tally.first,
    key,
    subject: client,
    peers: tally.peers,
    ...(network === undefined ? {} : { network }),
    ...(flows === undefined ? {} : { flows }),
    severity,
    confidence,
    evidence: {
      ...tally.evidence(),
      ...(configured === undefined ? {} : { configured: [...configured] }),
      reasons: [...reasons],
    },
  });
}

/** One finding a client and way, however many servers: a list of them is no reason to page a list of times. */
function keyOf(kind: Kind, client: Endpoint, network: Network | undefined): string {
  return `${kind} ${clientKey(client, network)}`;
}

function isInternalOnly({ network, networks, client }: DnsRecord): boolean {
  if (networks !== undefined) return networks.length > 0 && networks.every(({ internal }) => internal);
  return network?.internal === true && (client.workload?.networks.length ?? 1) === 1;
}

function isInternalOnlyFlow({ network, orig }: FlowRecord): boolean {
  return network?.internal === true && (orig.workload?.networks.length ?? 1) === 1;
}

function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1';
}
