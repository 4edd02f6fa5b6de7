/**
 * Somebody outside an internal network reaches, or tries to reach, into it. What crossed the network's own bridge is the
 * proof: a packet that the firewall dropped before never got there. It must never call the host a client that came
 * through it, nor accuse the host of looking after its own containers.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { parseIp } from '../src/model/ip.ts';
import type { Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer, type Surroundings } from '../src/sensor/analysis/analyzer.ts';
import { Contacts, type ContactTally, type Counted, contactEvidence } from './lib/contacts.ts';
import { type Entering, entering } from './lib/internal-ingress/entering.ts';
import { trustIn, weakest } from './lib/trust.ts';

const config = z.strictObject({
  ignore_networks: z
    .array(z.string().min(1))
    .default([])
    .describe('Names of internal networks that this analyzer leaves alone.'),
  max_subjects: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe(
      'Containers that were reached, by way, remembered at once; 4 KB each as a rule, 20 KB for one that many reach.',
    ),
  max_flows: z
    .number()
    .int()
    .min(256)
    .max(1_000_000)
    .default(2000)
    .describe(
      'Flows followed to their end, about 200 bytes each; others count from the record at hand only.',
    ),
});

const evidence = z.object({
  ...contactEvidence,
  way: z.enum(['routed', 'published-port', 'from-host', 'translated']),
  candidates: z
    .array(z.string())
    .optional()
    .describe('Who it may have been; present when it is not known which.'),
});

type Kind =
  | 'routed'
  | 'routed-answered'
  | 'published'
  | 'published-answered'
  | 'origin-unknown'
  | 'from-host';
type Context = AnalyzerContext<Kind, z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'internal-ingress',
  title: 'An internal network is reached from outside it',
  attack: [
    { technique: 'T1599', tactic: 'defense-evasion' },
    { technique: 'T1021', tactic: 'lateral-movement' },
  ],
  severity: 'medium',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'internal-networks',
  config,
  evidence,
  messages: {
    routed:
      '{subject} on internal network {network} was sent packets by {openers}, to its own address, and the host passed them on; no answer was seen (flows: {flows}, targets: {targets}). Something lets packets into {network} that its rules should drop: look at the firewall and at what was allowed there by hand.',
    'routed-answered':
      '{subject} on internal network {network} was reached by {openers} at its own address: {answeredTargets} answered (flows: {flows}, answered: {answeredFlows}; {bytes} bytes went in, {answerBytes} came out). The network is not internal any more: look at the firewall and at what was allowed there by hand.',
    published:
      '{subject} on internal network {network} was asked by {openers} through a port of this host; no answer was seen (flows: {flows}, targets: {targets}). See who forwards that port: nothing on an internal network is meant to be published.',
    'published-answered':
      '{subject} on internal network {network} was reached by {openers} through a port of this host: {answeredTargets} answered (flows: {flows}, answered: {answeredFlows}; {bytes} bytes went in, {answerBytes} came out). See who forwards that port: nothing on an internal network is meant to be published.',
    'origin-unknown':
      '{subject} on internal network {network} was reached for through an address translation; by whom is not known (flows: {flows}, answered: {answeredFlows}, targets: {targets}). `bridgewatch doctor` says what connection tracking is missing.',
    'from-host':
      '{subject} on internal network {network} was asked by this host itself (flows: {flows}, answered: {answeredFlows}, targets: {targets}). As far as is known that is a person or a program on the host, which Docker always lets in.',
  },
  create(ctx, options) {
    const contacts = new Contacts(
      ctx.boundedMap<ContactTally>({ name: 'subjects', maxKeys: options.max_subjects }),
      ctx.boundedMap<Counted>({ name: 'flows', maxKeys: options.max_flows }),
      ctx.isOpen,
    );

    function look(flow: FlowRecord, time: Micros, isLate: boolean): void {
      const { network } = flow;
      if (network === undefined || options.ignore_networks.includes(network.name)) return;
      const found = entering(flow);
      // Who is behind the host's address may become known a moment later.
      if (found === undefined || (found.way === 'from-host' && !isLate)) return;
      // One contact is one finding, also when its translation becomes known a moment after its first packet.
      const way = found.way === 'published-port' ? 'routed' : found.way;
      const key = `${way} ${network.id} ${flow.resp.workload?.containerId ?? 'unnamed'}`;
      const tally = contacts.add(flow, key, found.opener, time);
      if (tally !== undefined) tell(ctx, { key, flow, found, tally, time });
    }

    return {
      onFlowStart: (flow) => look(flow, flow.start, false),
      onFlowAnswered: (flow) => look(flow, flow.end, false),
      onFlowActive: (flow) => look(flow, flow.end, true),
      onFlowEnd(flow) {
        look(flow, flow.end, true);
        contacts.ended(flow);
      },
      onClockSet: (step) => contacts.clockSet(step),
    };
  },
});

interface Seen {
  readonly key: string;
  readonly flow: FlowRecord;
  readonly found: Entering;
  readonly tally: ContactTally;
  readonly time: Micros;
}

function tell(ctx: Context, { key, flow, found, tally, time }: Seen): void {
  ctx.report({
    message: messageOf(found, tally),
    time,
    since: tally.first,
    key,
    subject: flow.resp,
    peers: tally.openers,
    network: flow.network!.name,
    flows: [flow],
    severity: tally.atLeast(severityOf(found, tally, ctx.surroundings)),
    confidence: confidenceOf(flow, found, tally, ctx.surroundings),
    evidence: {
      ...tally.evidence(),
      way: found.way,
      ...(found.candidates === undefined ? {} : { candidates: [...found.candidates] }),
    },
  });
}

function messageOf({ way }: Entering, { isAnswered }: ContactTally): Kind {
  switch (way) {
    case 'routed':
      return isAnswered ? 'routed-answered' : 'routed';
    case 'published-port':
      return isAnswered ? 'published-answered' : 'published';
    case 'translated':
      return 'origin-unknown';
    case 'from-host':
      return 'from-host';
  }
}

/** Argued in docs/analyzers/internal-ingress.md. */
function severityOf({ way, opener }: Entering, tally: ContactTally, around: Surroundings): Severity {
  if (way === 'from-host' || way === 'translated') return 'low';
  if (opener.scope === 'container') {
    // internal-egress tells of it, on the network that it left.
    if (leavesInternal(opener, around)) return 'low';
    return tally.isAnswered ? 'high' : 'medium';
  }
  if (!tally.isAnswered) return 'medium';
  // Mid-stream the ports say who opened it, and ports can mislead.
  return tally.isOpenerSeen ? 'critical' : 'high';
}

function leavesInternal({ ip }: Endpoint, around: Surroundings): boolean {
  const words = parseIp(ip);
  return words !== undefined && around.networkAt(words)?.internal === true;
}

function confidenceOf(
  { resp, nat, protocol }: FlowRecord,
  { opener, way }: Entering,
  { isOpenerSeen }: ContactTally,
  around: Surroundings,
): Confidence {
  if (way === 'translated') return 'low';
  if (way === 'from-host' && nat === undefined) {
    // Where nobody tells of published ports, docker-proxy may stand there for somebody else.
    const id = resp.workload?.containerId;
    const arePortsKnown = id !== undefined && around.isPublished(id, protocol, resp.port) !== undefined;
    if (!arePortsKnown) return weakest(trustIn(resp), 'medium');
  }
  // Who the outside is does not matter to the fact that it is outside: its address is no member's.
  const known = opener.scope === 'unknown' ? trustIn(resp) : trustIn(resp, opener);
  return weakest(known, isOpenerSeen ? 'certain' : 'medium');
}
