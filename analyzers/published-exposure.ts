/**
 * Ports of containers that were reached from outside the host, by whom and how often: what is exposed in fact, beside
 * what the configuration says. A feed more than an alarm, except where a database or an engine answers the Internet.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { type SensitivePort, sensitivePort } from '../src/model/sensitive-ports.ts';
import { MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { answerTo } from './lib/answer.ts';
import { clientKey } from './lib/asker.ts';
import { isGatewayOf } from './lib/gateway.ts';
import { isOpenerInferred, isReply } from './lib/leaving.ts';
import { type Origin, PortClients } from './lib/published-exposure/port-clients.ts';
import { trustIn, weakest } from './lib/trust.ts';

const MAX_NEW_SHOWN = 16;

const config = z.strictObject({
  learn_hours: z
    .number()
    .min(1)
    .max(720)
    .default(24)
    .describe(
      'How long a port is known before a new country or network operator of its clients is worth a word.',
    ),
  few_systems: z
    .number()
    .int()
    .min(0)
    .max(64)
    .default(8)
    .describe(
      'A new autonomous system is told while a port has had clients of no more than so many; 0 tells of countries only.',
    ),
  max_flows_per_sec: z
    .number()
    .int()
    .min(100)
    .max(1_000_000)
    .default(2000)
    .describe('Connections looked at in a second, about 8 us each; those beyond are counted as lost.'),
  max_ports: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Ports of containers remembered at once, 4 KB each as a rule and 30 KB for a busy one.'),
});

const evidence = z.object({
  port: z.number().describe("The container's own."),
  protocol: z.string(),
  service: z.string().optional().describe('What usually listens there, for ports that are worth a warning.'),
  hostPorts: z
    .array(z.string())
    .optional()
    .describe('What was asked for, where connection tracking tells; at most 8.'),
  connections: z.number().optional().describe('Those that were answered.'),
  connectionsFromInternet: z.number().optional(),
  clients: z.array(z.string()).describe('At most 8.'),
  clientCount: z.number().optional().describe('256 stands for more.'),
  countries: z.array(z.string()).optional().describe('Where clients are registered; needs a geo database.'),
  newCountries: z.array(z.string()).optional(),
  newSystems: z.array(z.string()).optional(),
  learnedHours: z.number().optional().describe('The threshold.'),
  firstSeen: z.string().optional(),
  lastSeen: z.string().optional(),
});

type Kind = 'from-lan' | 'from-internet' | 'sensitive-from-internet' | 'new-origin';
type Context = AnalyzerContext<Kind, z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'published-exposure',
  title: "A container's port is reached from outside the host",
  attack: [
    { technique: 'T1133', tactic: 'initial-access' },
    { technique: 'T1190', tactic: 'initial-access' },
  ],
  severity: 'low',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    'from-lan':
      '{subject} is reached from the LAN on its port {port}/{protocol} (asked for as {hostPorts}; connections answered: {connections}, clients: {clientCount}, among them {clients}). Publish it on 127.0.0.1 if nobody else is meant to.',
    'from-internet':
      '{subject} is reached from the Internet on its port {port}/{protocol} (asked for as {hostPorts}; connections answered: {connections}, {connectionsFromInternet} of them from the Internet; clients: {clientCount}, among them {clients}). Publish it on 127.0.0.1 or a LAN address if it is not meant for everybody.',
    'sensitive-from-internet':
      '{subject} answers the Internet on its port {port}/{protocol}, {service} (asked for as {hostPorts}; connections answered: {connections}, {connectionsFromInternet} of them from the Internet; clients: {clientCount}, among them {clients}). Publish it on 127.0.0.1 or let it be reached through a VPN only; a firewall on the host may not see it, because Docker writes its own rules.',
    'new-origin':
      '{subject} was reached on its port {port}/{protocol} from where nobody had come from before (countries: {newCountries}; operators: {newSystems}; clients: {clients}). It has been known for more than {learnedHours} h. Look at what they did there, in the logs of the service.',
  },
  create(ctx, options) {
    const ports = ctx.boundedMap<PortClients>({ name: 'ports', maxKeys: options.max_ports });
    const origins = ctx.boundedMap<NewOrigins>({ name: 'origins', maxKeys: options.max_ports });
    const learning = options.learn_hours * 3600 * MICROS_PER_SECOND;
    let chosenThisSecond = 0;

    function look(flow: FlowRecord, client: Endpoint, time: Micros): void {
      const { resp, network, protocol } = flow;
      const key = `${clientKey(resp, network)} ${protocol} ${resp.port}`;
      const known = ports.ensure(key, () => new PortClients(time));
      if (!ctx.isOpen(key)) known.beginAnew(time);
      known.add(flow, client, time);
      const origin = known.newIn(client, time, learning, options.few_systems);
      tell(ctx, { key, flow, known, time });
      if (origin !== undefined) {
        const originKey = `origin ${key}`;
        if (!ctx.isOpen(originKey)) origins.delete(originKey);
        const sum = origins.ensure(originKey, () => ({ countries: [], systems: [], clients: [], ends: [] }));
        addOrigin(sum, origin, client);
        tellOrigin(ctx, { key: originKey, flow, sum, time, learnedHours: options.learn_hours });
      }
    }

    return {
      choosesFlow({ event, origWords, respWords }) {
        if (event !== 'answered') return false;
        const { surroundings } = ctx;
        const target = surroundings.networkAt(respWords);
        if (target === undefined || target.internal || isGatewayOf(target, respWords)) return false;
        // From outside, or through docker-proxy, which asks from the gateway's address.
        if (surroundings.networkAt(origWords) !== undefined && !isGatewayOf(target, origWords)) return false;
        chosenThisSecond += 1;
        if (chosenThisSecond <= options.max_flows_per_sec) return true;
        ctx.lost('flows');
        return false;
      },
      onFlowAnswered(flow) {
        const client = clientOf(flow);
        if (client !== undefined && isExposure(flow, ctx)) look(flow, client, flow.end);
      },
      onTick() {
        chosenThisSecond = 0;
      },
      onClockSet(step) {
        for (const [, known] of ports.entries()) known.clockSet(step);
      },
    };
  },
});

interface NewOrigins {
  readonly countries: string[];
  readonly systems: string[];
  readonly clients: string[];
  readonly ends: Endpoint[];
}

/** Who really asked, where he is outside this host. */
function clientOf({ orig, nat }: FlowRecord): Endpoint | undefined {
  const client = nat?.client ?? orig;
  return client.scope === 'lan' || client.scope === 'internet' ? client : undefined;
}

/** Reached by a published port, as the kernel or the inventory says; where neither is known, by a handshake from outside. */
function isExposure(flow: FlowRecord, { surroundings }: Pick<Context, 'surroundings'>): boolean {
  const { resp, protocol, nat, network } = flow;
  if (resp.port === undefined || resp.scope !== 'container' || network?.internal === true) return false;
  const answer = answerTo(flow);
  if (isReply(flow) || answer === 'none' || answer === 'refused') return false;
  if (nat !== undefined) return nat.kind === 'published-port' || nat.kind === 'docker-proxy';
  const id = resp.workload?.containerId;
  const isPublished = id === undefined ? undefined : surroundings.isPublished(id, protocol, resp.port);
  // An unpublished port that is reached is isolation-bypass's; a datagram may answer one sent before the flow began.
  return isPublished ?? (protocol === 'tcp' && !isOpenerInferred(flow));
}

interface Seen {
  readonly key: string;
  readonly flow: FlowRecord;
  readonly known: PortClients;
  readonly time: Micros;
}

function tell(ctx: Context, { key, flow, known, time }: Seen): void {
  const { resp, protocol, network } = flow;
  const sensitive = sensitivePort(protocol, resp.port);
  const message = messageOf(known, sensitive);
  ctx.report({
    message,
    time,
    since: known.first,
    key,
    subject: resp,
    peers: known.ends,
    ...(network === undefined ? {} : { network: network.name }),
    flows: [flow],
    severity: severityOf(message, sensitive),
    confidence: confidenceOf(flow),
    evidence: {
      port: resp.port!,
      protocol,
      ...(sensitive === undefined ? {} : { service: sensitive.name }),
      ...known.evidence(),
    },
  });
}

function messageOf({ isFromInternet }: PortClients, sensitive: SensitivePort | undefined): Kind {
  if (!isFromInternet) return 'from-lan';
  return sensitive === undefined ? 'from-internet' : 'sensitive-from-internet';
}

/** Argued in docs/analyzers/published-exposure.md. */
function severityOf(message: Kind, sensitive: SensitivePort | undefined): Severity {
  if (message === 'from-lan') return 'informational';
  if (sensitive === undefined) return 'low';
  return BY_KIND[sensitive.kind];
}

const BY_KIND = {
  docker: 'critical',
  engine: 'critical',
  data: 'high',
  files: 'high',
  login: 'medium',
} as const;

/** Without a translation that is known, a route to the container's own address looks the same. */
function confidenceOf({ resp, nat }: FlowRecord): Confidence {
  const isKnown = nat?.confidence === 'certain';
  return weakest(trustIn(resp), isKnown ? 'certain' : 'medium');
}

function addOrigin(sum: NewOrigins, { country, system }: Origin, client: Endpoint): void {
  const add = (list: string[], text: string | undefined): void => {
    if (text !== undefined && list.length < MAX_NEW_SHOWN && !list.includes(text)) list.push(text);
  };
  add(sum.countries, country);
  add(sum.systems, system);
  add(sum.clients, client.ip);
  if (sum.ends.length < MAX_NEW_SHOWN && !sum.ends.some(({ ip }) => ip === client.ip)) sum.ends.push(client);
}

function tellOrigin(
  ctx: Context,
  told: { key: string; flow: FlowRecord; sum: NewOrigins; time: Micros; learnedHours: number },
): void {
  const { key, flow, sum, time, learnedHours } = told;
  ctx.report({
    message: 'new-origin',
    time,
    key,
    subject: flow.resp,
    peers: sum.ends,
    ...(flow.network === undefined ? {} : { network: flow.network.name }),
    flows: [flow],
    severity: 'low',
    confidence: weakest(confidenceOf(flow), 'medium'),
    evidence: {
      port: flow.resp.port!,
      protocol: flow.protocol,
      clients: [...sum.clients],
      newCountries: [...sum.countries],
      newSystems: [...sum.systems],
      learnedHours,
    },
  });
}
