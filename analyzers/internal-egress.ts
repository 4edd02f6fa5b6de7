/**
 * A container on an internal network reaches, or tries to reach, anything outside that network's subnets. A rule, not a
 * statistic: the first packet is a finding. It must never accuse a container of answering somebody.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { cidrContains, parseCidr, parseIp } from '../src/model/ip.ts';
import type { NoRouteRecord } from '../src/model/record.ts';
import { formatMicros, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { EgressTally } from './lib/internal-egress/egress-tally.ts';
import { isOpenerInferred, type Leaving, leaving } from './lib/leaving.ts';

const config = z.strictObject({
  ignore_networks: z
    .array(z.string().min(1))
    .default([])
    .describe('Names of internal networks that this analyzer leaves alone.'),
  ignore_destinations: z
    .array(z.string().refine((text) => prefixOf(text) !== undefined, 'expected an address or a prefix'))
    .default([])
    .describe('Addresses or prefixes that may be reached from internal networks, such as a time server.'),
  ignore_host_ports: z
    .array(z.number().int().min(1).max(65_535))
    .default([])
    .describe('Ports of this host that containers on internal networks are meant to use.'),
  sample_size: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(16)
    .describe('Destinations, ports and protocols named in one finding; the others are counted.'),
  max_subjects: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Offenders remembered at once, 1 KB each as a rule and 40 KB for one that scans.'),
  max_flows: z
    .number()
    .int()
    .min(256)
    .max(1_000_000)
    .default(2000)
    .describe(
      'Offending flows followed to their end, about 200 bytes each; others count from their first packet only.',
    ),
});

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  destinations: z.array(z.string()).optional().describe('The first `sample_size` of them.'),
  destinationCount: z.number().optional(),
  destinationCountIsMinimum: z.boolean().optional().describe('Present when counting stopped.'),
  answeredDestinations: z.array(z.string()).optional(),
  answeredCount: z.number().optional(),
  ports: z.array(z.number()).optional(),
  protocols: z.array(z.string()).optional(),
  flows: z.number().optional(),
  packets: z.number().optional().describe('Packets sent by the container.'),
  bytes: z.number().optional().describe('IP bytes sent by the container.'),
  answerBytes: z.number().optional().describe('IP bytes that came back.'),
  resets: z
    .number()
    .optional()
    .describe('TCP resets that came back: from the destination or from a firewall.'),
  dnsOnly: z
    .boolean()
    .optional()
    .describe("Only port 53: may be the engine's resolver, forwarding from the container."),
  attempts: z.number().optional().describe('Sends that the kernel refused for want of a route.'),
  families: z.array(z.string()).optional(),
  firstPacket: z.string().optional(),
  lastPacket: z.string().optional(),
  firstAttempt: z.string().optional(),
  lastAttempt: z.string().optional(),
});

type Kind = 'attempted-on-the-wire' | 'attempted-without-route' | 'reached-host' | 'succeeded';
type Context = AnalyzerContext<Kind, z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'internal-egress',
  title: 'Container on an internal network reaches outside it',
  attack: [
    { technique: 'T1048', tactic: 'exfiltration' },
    { technique: 'T1071', tactic: 'command-and-control' },
  ],
  severity: 'medium',
  confidence: 'certain',
  maturity: 'stable',
  flows: 'internal-networks',
  config,
  evidence,
  messages: {
    'attempted-on-the-wire':
      '{subject} on internal network {network} sent packets outside it, to {destinations}; no answer came (flows: {flows}, packets: {packets}, destinations: {destinationCount}).',
    'attempted-without-route':
      '{subject} has only internal networks ({network}) and tried to send where they do not lead ({families}, attempts: {attempts}). The kernel had no route, so no packet exists and the destinations are not known.',
    'reached-host':
      '{subject} on internal network {network} sent packets to this host, to {destinations} (flows: {flows}, packets: {packets}, destinations that answered: {answeredCount} of {destinationCount}).',
    succeeded:
      '{subject} on internal network {network} talks with the outside: {answeredDestinations} answered; {bytes} bytes left and {answerBytes} came back.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<EgressTally>({ name: 'subjects', maxKeys: options.max_subjects });
    const followed = ctx.boundedMap<Followed>({ name: 'flows', maxKeys: options.max_flows });
    const refusals = ctx.boundedMap<Refusals>({ name: 'no-route', maxKeys: options.max_subjects });
    const ignored = options.ignore_destinations.map((text) => prefixOf(text)!);

    function isIgnored(flow: FlowRecord, where: Leaving): boolean {
      if (options.ignore_networks.includes(flow.network!.name)) return true;
      if (where === 'host' && options.ignore_host_ports.includes(flow.resp.port ?? 0)) return true;
      const ip = parseIp(flow.resp.ip);
      return ip !== undefined && ignored.some((prefix) => cidrContains(prefix, ip));
    }

    function tallyFor(key: string, time: Micros): EgressTally {
      if (!ctx.isOpen(key)) tallies.delete(key);
      return tallies.ensure(key, () => new EgressTally(time, options.sample_size));
    }

    /** Adds what the flow did since it was last looked at; reports when that was anything. */
    function follow(flow: FlowRecord, time: Micros): void {
      const known = followed.get(flow.uid);
      if (known === undefined) return;
      const packets = flow.origPackets - known.packets;
      const answered = !known.isAnswered && isAnswer(flow);
      const reset = !known.isReset && !answered && !known.isAnswered && isReset(flow);
      if (packets === 0 && flow.respBytes === known.respBytes && !answered && !reset) return;
      if (!ctx.isOpen(known.key)) known.isCounted = false;
      const tally = tallyFor(known.key, time);
      if (!known.isCounted) tally.addFlow(flow, !isOpenerInferred(flow));
      known.isCounted = true;
      tally.addTraffic(packets, flow.origBytes - known.bytes, flow.respBytes - known.respBytes, time);
      known.isAnswered ||= answered;
      known.isReset ||= reset;
      if (known.isAnswered) tally.addAnswer(flow);
      if (reset) tally.addReset();
      known.packets = flow.origPackets;
      known.bytes = flow.origBytes;
      known.respBytes = flow.respBytes;
      reportTally(ctx, flow, known, tally, time);
    }

    return {
      onFlowStart(flow) {
        const where = leaving(flow);
        if (where === undefined || isIgnored(flow, where)) return;
        const key = `${where} ${flow.network!.id} ${subjectKey(flow.orig)}`;
        followed.ensure(flow.uid, () => ({
          key,
          where,
          packets: 0,
          bytes: 0,
          respBytes: 0,
          isCounted: false,
          isAnswered: false,
          isReset: false,
        }));
        follow(flow, flow.start);
      },
      onFlowAnswered: (flow) => follow(flow, flow.end),
      onFlowActive: (flow) => follow(flow, flow.end),
      onFlowEnd(flow) {
        follow(flow, flow.end);
        followed.delete(flow.uid);
      },
      onNoRoute(record) {
        if (record.count === 0 || record.networks.length === 0) return;
        if (!record.networks.every((network) => network.internal)) return;
        if (record.networks.every((network) => options.ignore_networks.includes(network.name))) return;
        const key = `no-route ${subjectKey(record.subject)}`;
        if (!ctx.isOpen(key)) refusals.delete(key);
        const sum = refusals.ensure(key, () => ({ first: record.time, attempts: 0, families: new Set() }));
        sum.attempts += record.count;
        sum.families.add(record.family);
        reportRefusals(ctx, record, key, sum);
      },
      onClockSet(step) {
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
        for (const [, sum] of refusals.entries()) sum.first += step.to - step.from;
      },
    };
  },
});

/** A flow that leaves, and how much of it is already in its tally. */
interface Followed {
  readonly key: string;
  readonly where: Leaving;
  packets: number;
  bytes: number;
  respBytes: number;
  isCounted: boolean;
  isAnswered: boolean;
  isReset: boolean;
}

interface Refusals {
  first: Micros;
  attempts: number;
  readonly families: Set<string>;
}

function reportTally(
  ctx: Context,
  flow: FlowRecord,
  known: Followed,
  tally: EgressTally,
  time: Micros,
): void {
  const kind = kindOf(known.where, tally);
  ctx.report({
    message: kind,
    time,
    since: tally.first,
    key: known.key,
    subject: flow.orig,
    peers: tally.peers,
    network: flow.network!.name,
    flows: [flow],
    severity: severityOf(kind, tally),
    confidence: confidenceOf(tally),
    evidence: { kind, ...tally.evidence() },
  });
}

function reportRefusals(ctx: Context, record: NoRouteRecord, key: string, sum: Refusals): void {
  ctx.report({
    message: 'attempted-without-route',
    time: record.time,
    since: sum.first,
    key,
    subject: record.subject,
    network: record.networks.map((network) => network.name).join(', '),
    // `likely`: the namespace is shared, or lost a network a moment ago; the reason stands in the attribution.
    confidence: record.subject.attribution.confidence === 'certain' ? 'certain' : 'medium',
    evidence: {
      kind: 'attempted-without-route',
      attempts: sum.attempts,
      families: [...sum.families],
      firstAttempt: formatMicros(sum.first),
      lastAttempt: formatMicros(record.time),
    },
  });
}

function kindOf(where: Leaving, tally: EgressTally): Kind {
  if (where === 'host') return 'reached-host';
  return tally.isAnswered ? 'succeeded' : 'attempted-on-the-wire';
}

/** Argued in docs/analyzers/internal-egress.md. */
function severityOf(kind: Kind, tally: EgressTally): Severity {
  if (kind === 'succeeded') return 'critical';
  if (kind !== 'reached-host') return 'medium';
  if (tally.isPingOnly) return 'low';
  return tally.isAnswered ? 'high' : 'medium';
}

/** A fact, unless no flow was seen from its opening and who opened them is inferred from the ports. */
function confidenceOf(tally: EgressTally): Confidence {
  return tally.isOpenerSeen ? 'certain' : 'medium';
}

/** A reset alone is no answer from outside: a firewall writes it in the destination's name (REJECT tcp-reset). */
function isAnswer(flow: FlowRecord): boolean {
  if (flow.respPackets === 0) return false;
  return flow.protocol !== 'tcp' || /[a-qs-z]/.test(flow.history);
}

function isReset(flow: FlowRecord): boolean {
  return flow.protocol === 'tcp' && flow.history.includes('r');
}

function subjectKey(subject: Endpoint): string {
  return subject.workload?.containerId ?? subject.ip;
}

/** A bare address is a prefix of full length. */
function prefixOf(text: string) {
  return parseCidr(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
}
