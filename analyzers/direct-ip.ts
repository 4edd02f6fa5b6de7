/**
 * A container connects to an outside address that no DNS answer ever gave to it: the address was in its code, its
 * configuration or an order that it was given. Weak evidence, so it must stay quiet wherever the address may be known
 * from something that was not seen: DNS nobody watches, the time before we watched, a memory that ran full.
 */
import { z } from 'zod';
import type { DnsRecord } from '../src/model/dns.ts';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { cidrContains, parseCidr, parseIp } from '../src/model/ip.ts';
import { type Workload, workloadLabel } from '../src/model/network.ts';
import { type ClockStep, formatMicros, MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { clientKey, isItself } from './lib/asker.ts';
import { AddressMemory } from './lib/direct-ip/address-memory.ts';
import { givenAddresses } from './lib/direct-ip/given-addresses.ts';
import { isOpenerInferred, isReply } from './lib/leaving.ts';
import { Sample } from './lib/sample.ts';

/** A container's first questions may pass before its namespace has a tap: what it uses meanwhile is learned. */
const START_GRACE = 60 * MICROS_PER_SECOND;
/** From the first packet of a flow until its DNS record must have come: answers are told a second late at most. */
const GRACE = 3 * MICROS_PER_SECOND;
const SAMPLE_SIZE = 16;
const PEERS = 8;

const config = z.strictObject({
  learn_secs: z
    .number()
    .int()
    .min(0)
    .max(2_592_000)
    .default(3600)
    .describe(
      'How long a container that began before it was watched may use what it resolved before; those addresses are learned.',
    ),
  dns_seen_within_secs: z
    .number()
    .int()
    .min(60)
    .max(2_592_000)
    .default(21_600)
    .describe(
      'A container is judged this long after an answered question of it was seen: its DNS is being watched.',
    ),
  ignore_ports: z
    .array(z.number().int().min(1).max(65_535))
    .default([53, 123, 853, 3478, 5349])
    .describe('Ports whose servers are known by address as a rule: resolvers, time servers, STUN and TURN.'),
  ignore_destinations: z
    .array(z.string().refine((text) => prefixOf(text) !== undefined, 'expected an address or a prefix'))
    .default([])
    .describe('Addresses or prefixes that containers are meant to use without a name.'),
  ignore_containers: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Containers (by name, or as `project/service`) that work by address: peer-to-peer, VPN, crawlers.',
    ),
  max_flows_per_sec: z
    .number()
    .int()
    .min(100)
    .max(1_000_000)
    .default(2000)
    .describe(
      'Flows with an outside address looked at in a second, about 8 us each; those beyond are counted as lost, and everything is learned for `learn_secs` again.',
    ),
  max_containers: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Containers remembered at once, 3 KB each, and 30 KB for one that is accused.'),
  max_pending: z
    .number()
    .int()
    .min(64)
    .max(100_000)
    .default(512)
    .describe('Connections that wait to be judged at once, about 2 KB each; others are not judged.'),
});

const evidence = z.object({
  destinations: z.array(z.string()).describe('The first sixteen.'),
  destinationCount: z.number().describe('Different addresses with port; 256 stands for more.'),
  destinationCountIsMinimum: z.boolean().optional().describe('Present when counting stopped.'),
  connections: z.number(),
  ports: z.array(z.number()),
  protocols: z.array(z.string()),
  knownAddresses: z
    .number()
    .describe('Outside addresses that DNS, or earlier use, had given to the containers of this service.'),
  secondsSinceDns: z
    .number()
    .describe('From the last answered question of the container to this connection.'),
  firstConnection: z.string(),
  lastConnection: z.string(),
});

type Context = AnalyzerContext<'unresolved', z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'direct-ip',
  title: 'Connection to an outside address that DNS never gave',
  attack: [
    { technique: 'T1071', tactic: 'command-and-control' },
    { technique: 'T1095', tactic: 'command-and-control' },
  ],
  severity: 'low',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    unresolved:
      '{subject} contacted {destinations}, which no DNS answer that was seen had given it (addresses: {destinationCount}, connections: {connections}). Its DNS is watched: the last answer came {secondsSinceDns} s before; outside addresses known from DNS or earlier use: {knownAddresses}. See whose the address is, and how {subject} knows it: from its code, its configuration, or an order.',
  },
  create(ctx, options) {
    const clients = ctx.boundedMap<Client>({ name: 'containers', maxKeys: options.max_containers });
    /** By Compose or Swarm service: replicas share their configuration, and caches behind them. */
    const memories = ctx.boundedMap<AddressMemory>({ name: 'services', maxKeys: options.max_containers });
    const pending = ctx.boundedMap<Pending>({ name: 'pending', maxKeys: options.max_pending });
    const ignored = options.ignore_destinations.map((text) => prefixOf(text)!);
    const learning = options.learn_secs * MICROS_PER_SECOND;
    let watchedSince: Micros | undefined;
    let flowsThisSecond = 0;
    /** In this second. */
    let isPassedOver = false;
    /** The flow that was declined last may have a record all the same, which another analyzer wanted. */
    let isCounted = false;
    /** When flows were last passed over, for there were too many. */
    let passedOverAt: Micros | undefined;

    function clientFor({ workload }: Endpoint, key: string, now: Micros): Client {
      return clients.ensure(key, () => ({
        since: now,
        learnsUntil: learnsUntil(workload?.startedAt, now),
        lastDns: undefined,
        tally: undefined,
      }));
    }

    /** Until then what it uses may come from questions that nobody saw. */
    function learnsUntil(began: Micros | undefined, now: Micros): Micros {
      const wasThere = began === undefined || began < (watchedSince ?? now) || now - began > START_GRACE;
      return wasThere ? now + learning : began + START_GRACE;
    }

    function memoryFor(end: Endpoint, key: string, now: Micros): AddressMemory {
      return memories.ensure(serviceKey(end.workload) ?? key, () => new AddressMemory(now));
    }

    /** A memory that was given up and begun anew knows nothing of before, and nobody knows what was passed over. */
    function isLearned(client: Client, memory: AddressMemory, now: Micros): boolean {
      if (now < client.learnsUntil) return false;
      if (memory.since > client.since && now < memory.since + learning) return false;
      return passedOverAt === undefined || now >= passedOverAt + learning;
    }

    function isIgnored({ orig, resp }: FlowRecord): boolean {
      if (options.ignore_ports.includes(resp.port ?? 0)) return true;
      const { workload } = orig;
      if (workload !== undefined) {
        const names = options.ignore_containers;
        if (names.includes(workload.name) || names.includes(workloadLabel(workload))) return true;
      }
      const ip = parseIp(resp.ip);
      return ip === undefined || ignored.some((prefix) => cidrContains(prefix, ip));
    }

    /** Whoever called a container may be called back. */
    function noteCaller({ orig, resp, network, start }: FlowRecord): void {
      if (orig.scope !== 'internet' || resp.scope !== 'container') return;
      memoryFor(resp, clientKey(resp, network), start).learn(orig.ip);
    }

    function noteFlow(flow: FlowRecord): void {
      const { orig, resp, network, start } = flow;
      const key = clientKey(orig, network);
      const client = clientFor(orig, key, start);
      const memory = memoryFor(orig, key, start);
      // Begun before it was seen, or known by a name: whatever it is, it is no news.
      if (!isLearned(client, memory, start) || isOpenerInferred(flow) || resp.names.length > 0) {
        memory.learn(resp.ip);
        return;
      }
      if (isIgnored(flow)) return;
      if (memory.isFull) ctx.lost('addresses');
      if (memory.mayKnow(resp.ip, start)) return;
      const place = `${key} ${flow.protocol} ${resp.ip} ${resp.port ?? ''}`;
      pending.ensure(place, () => ({ key, flow, connections: 0 })).connections += 1;
    }

    function judge({ key, flow, connections }: Pending): void {
      const client = clients.get(key);
      const memory = memories.get(serviceKey(flow.orig.workload) ?? key);
      // Given up meanwhile: what it knew is not known any more.
      if (client === undefined || memory === undefined || memory.mayKnow(flow.resp.ip, flow.start)) return;
      const { lastDns } = client;
      if (lastDns === undefined || !isLearned(client, memory, flow.start)) return;
      if (flow.start - lastDns > options.dns_seen_within_secs * MICROS_PER_SECOND) return;
      const tally = tallyFor(ctx, key, client, flow);
      tally.add(flow, connections);
      tell(ctx, key, tally, memory, flow, Math.max(0, flow.start - lastDns));
    }

    /** What comes after it this second nobody looks at. */
    function isTooMany(): boolean {
      return flowsThisSecond >= options.max_flows_per_sec;
    }

    function passOver(): void {
      ctx.lost('flows');
      isPassedOver = true;
    }

    return {
      choosesFlow(flow) {
        isCounted = flow.mayCross && isTooMany();
        if (isCounted) passOver();
        return flow.mayCross && !isCounted;
      },
      onDns(record) {
        watchedSince ??= record.time;
        if (record.protocol !== 'dns' || record.rcode === undefined || !isItself(record.client)) return;
        const { client: end, network, time } = record;
        if (end.scope !== 'container') return;
        const key = clientKey(end, network);
        const client = clientFor(end, key, time);
        client.lastDns = Math.max(client.lastDns ?? time, time);
        learnAnswer(memoryFor(end, key, time), record);
      },
      onFlowStart(flow) {
        watchedSince ??= flow.start;
        if (flow.orig.scope !== 'internet' && flow.resp.scope !== 'internet') return;
        if (isTooMany()) {
          if (!isCounted) passOver();
          passedOverAt = flow.start;
          return;
        }
        flowsThisSecond += 1;
        noteCaller(flow);
        if (isOutbound(flow)) noteFlow(flow);
      },
      onTick(now) {
        watchedSince ??= now;
        flowsThisSecond = 0;
        if (isPassedOver) passedOverAt = now;
        isPassedOver = false;
        for (const [place, entry] of pending.entries()) {
          if (now - entry.flow.start < GRACE) continue;
          pending.delete(place);
          judge(entry);
        }
      },
      onClockSet(step) {
        const by = step.to - step.from;
        if (watchedSince !== undefined) watchedSince += by;
        if (passedOverAt !== undefined) passedOverAt += by;
        for (const [, client] of clients.entries()) shiftClient(client, step);
        for (const [, memory] of memories.entries()) memory.shift(by);
        // Their times are of the old clock, and they are too few to be worth a wrong word.
        for (const [place] of pending.entries()) pending.delete(place);
      },
    };
  },
});

interface Client {
  /** When it was heard of first. */
  since: Micros;
  learnsUntil: Micros;
  /** Its last question that was answered; undefined while none was seen. */
  lastDns: Micros | undefined;
  /** What it is accused of; undefined as a rule. */
  tally: Tally | undefined;
}

interface Pending {
  readonly key: string;
  /** The first of them. */
  readonly flow: FlowRecord;
  connections: number;
}

class Tally {
  readonly destinations = new Sample(SAMPLE_SIZE);
  readonly ports = new Set<number>();
  readonly protocols = new Set<string>();
  readonly peers: Endpoint[] = [];
  first: Micros;
  connections = 0;

  constructor(first: Micros) {
    this.first = first;
  }

  add({ protocol, resp }: FlowRecord, connections: number): void {
    const before = this.destinations.count;
    this.destinations.add(destinationText(resp, protocol));
    this.connections += connections;
    this.protocols.add(protocol);
    if (resp.port !== undefined && this.ports.size < SAMPLE_SIZE) this.ports.add(resp.port);
    if (this.destinations.count > before && this.peers.length < PEERS) this.peers.push(resp);
  }
}

function tallyFor(ctx: Context, key: string, client: Client, flow: FlowRecord): Tally {
  if (client.tally === undefined || !ctx.isOpen(key)) client.tally = new Tally(flow.start);
  return client.tally;
}

function tell(
  ctx: Context,
  key: string,
  tally: Tally,
  memory: AddressMemory,
  flow: FlowRecord,
  sinceDns: Micros,
): void {
  const { destinations } = tally;
  ctx.report({
    message: 'unresolved',
    time: flow.start,
    since: tally.first,
    key,
    subject: flow.orig,
    peers: tally.peers,
    ...(flow.network === undefined ? {} : { network: flow.network.name }),
    flows: [flow],
    evidence: {
      destinations: destinations.first(),
      destinationCount: destinations.count,
      ...(destinations.isMinimum ? { destinationCountIsMinimum: true } : {}),
      connections: tally.connections,
      ports: [...tally.ports],
      protocols: [...tally.protocols],
      knownAddresses: memory.count,
      secondsSinceDns: sinceDns / MICROS_PER_SECOND,
      firstConnection: formatMicros(tally.first),
      lastConnection: formatMicros(flow.start),
    },
  });
}

function shiftClient(client: Client, { from, to }: ClockStep): void {
  client.since += to - from;
  client.learnsUntil += to - from;
  if (client.lastDns !== undefined) client.lastDns += to - from;
  if (client.tally !== undefined) client.tally.first += to - from;
}

function learnAnswer(memory: AddressMemory, record: DnsRecord): void {
  const { addresses, isPartial } = givenAddresses(record);
  for (const address of addresses) memory.learn(address);
  if (isPartial) memory.learnUnseen(record.time);
}

/** A container opened it, and nobody else before it: no answer, no call back of the translation. */
function isOutbound(flow: FlowRecord): boolean {
  const { orig, resp, protocol, nat } = flow;
  if (orig.scope !== 'container' || resp.scope !== 'internet') return false;
  if ((protocol !== 'tcp' && protocol !== 'udp') || isReply(flow) || !isItself(orig)) return false;
  return nat === undefined || nat.kind === 'masquerade' || nat.kind === 'unknown';
}

/** The inventory gives the same object again until something about the container changes. */
const serviceKeys = new WeakMap<Workload, string>();

function serviceKey(workload: Workload | undefined): string | undefined {
  if (workload?.composeProject === undefined && workload?.swarmService === undefined) return undefined;
  let key = serviceKeys.get(workload);
  if (key === undefined) {
    key = `service ${workloadLabel(workload)}`;
    serviceKeys.set(workload, key);
  }
  return key;
}

function destinationText({ ip, port }: Endpoint, protocol: string): string {
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port ?? 0}/${protocol}`;
}

/** A bare address is a prefix of full length. */
function prefixOf(text: string) {
  return parseCidr(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
}
