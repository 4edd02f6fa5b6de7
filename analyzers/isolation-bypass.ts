/**
 * Two ends talk that Docker keeps apart: a container with an address of another bridge network, or somebody outside the
 * host with a container's own address. An attempt that stays without answer is low, since service discovery and stale
 * addresses make them all day; an answer is not. It must never take a published port for a broken isolation.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import type { Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer, type FlowGlance } from '../src/sensor/analysis/analyzer.ts';
import { clientKey } from './lib/asker.ts';
import { Contacts, type ContactTally, type Counted, contactEvidence } from './lib/contacts.ts';
import { isGatewayOf } from './lib/gateway.ts';
import { type Crossing, crossing, openedOnPurpose } from './lib/isolation-bypass/crossing.ts';
import { trustIn, weakest } from './lib/trust.ts';

const config = z.strictObject({
  max_flows_per_sec: z
    .number()
    .int()
    .min(100)
    .max(1_000_000)
    .default(2000)
    .describe(
      'Connections from outside looked at in a second, about 8 us each; those beyond are counted as lost.',
    ),
  max_pairs: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe(
      'Pairs of a container and a network remembered at once; 4 KB each as a rule, 20 KB for one that scans.',
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
  targetNetwork: z.string(),
  unpublished: z
    .boolean()
    .describe(
      'The traffic cannot have been that of a published port: the port is not one, or the path shows it.',
    ),
  openedBy: z
    .string()
    .optional()
    .describe('The option of the network that lets others in; present where there is one.'),
});

type Kind = 'attempted' | 'answered' | 'reached' | 'shared-network' | 'reached-from-outside';
type Context = AnalyzerContext<Kind, z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'isolation-bypass',
  title: 'Traffic between networks that Docker keeps apart',
  attack: [
    { technique: 'T1599', tactic: 'defense-evasion' },
    { technique: 'T1021', tactic: 'lateral-movement' },
  ],
  severity: 'low',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    attempted:
      '{subject} on {network} sent packets to addresses of {targetNetwork}, a network that it is not on: {targets} (flows: {flows}, targets: {targetCount}, refused: {refusedFlows}); no answer was seen, and while that stays so the isolation holds. Look whether {subject} discovers its targets by addresses, or searches for some.',
    answered:
      '{subject} on {network} was answered by {answeredTargets} on {targetNetwork}, a network that it is not on (flows: {flows}, answered: {answeredFlows}). Whether these ports are published is not known, and a published port can look the same from {network}. If they are not, the rules that keep bridges apart are missing: look at DOCKER-ISOLATION-STAGE-1 and DOCKER-USER.',
    reached:
      '{subject} on {network} reached {answeredTargets} on {targetNetwork}, a network that it is not on, past published ports (flows: {flows}, answered: {answeredFlows}; {bytes} bytes went out, {answerBytes} came back). The rules that keep bridges apart are missing or were overruled: look at DOCKER-ISOLATION-STAGE-1, at DOCKER-USER, and whether the engine was told to leave the firewall alone.',
    'shared-network':
      '{subject} reached for {targets} by its address on {targetNetwork}, though both are on one network as well (flows: {flows}, answered: {answeredFlows}). A proxy that takes the wrong address of a service does that; tell it which network to use.',
    'reached-from-outside':
      '{subject} was reached from outside this host by its own address: {answeredTargets} answered {openers}, and no such port is published (flows: {flows}, answered: {answeredFlows}, clients: {openerCount}). The host forwards to {targetNetwork} what it should drop: look at the policy of the FORWARD chain and at routes to {targetNetwork} in the router.',
  },
  create(ctx, options) {
    const contacts = new Contacts(
      ctx.boundedMap<ContactTally>({ name: 'pairs', maxKeys: options.max_pairs }),
      ctx.boundedMap<Counted>({ name: 'flows', maxKeys: options.max_flows }),
      ctx.isOpen,
    );
    let chosenThisSecond = 0;

    function choosesFromOutside({ event, protocol }: FlowGlance): boolean {
      if (event !== 'answered' || protocol !== 'tcp') return false;
      chosenThisSecond += 1;
      if (chosenThisSecond <= options.max_flows_per_sec) return true;
      ctx.lost('flows-from-outside');
      return false;
    }

    function look(flow: FlowRecord, time: Micros, isLate: boolean): void {
      const found = crossing(flow, ctx.surroundings);
      if (found === undefined) return;
      const isAnswered = flow.respPackets > 0;
      // From outside only what is answered is chosen; each record stands for itself.
      if (found.kind === 'from-outside' && !isAnswered) return;
      // That it was a published port may become known a moment later.
      if (!found.isSure && isAnswered && !isLate) return;
      const key = keyOf(flow, found);
      const tally = contacts.addOnce(flow, key, flow.orig, time);
      if (tally === undefined || (found.kind === 'from-outside' && !tally.isAnswered)) return;
      tally.isProven ||= found.isSure;
      tell(ctx, { key, flow, found, tally, time });
    }

    return {
      choosesFlow(flow) {
        const target = ctx.surroundings.networkAt(flow.respWords);
        if (target === undefined) return false;
        const source = ctx.surroundings.networkAt(flow.origWords);
        if (source === undefined) return !target.internal && choosesFromOutside(flow);
        return source.id !== target.id && !source.internal && !isGatewayOf(target, flow.respWords);
      },
      onFlowStart: (flow) => look(flow, flow.start, false),
      onFlowAnswered: (flow) => look(flow, flow.end, false),
      onFlowActive: (flow) => look(flow, flow.end, true),
      onFlowEnd(flow) {
        look(flow, flow.end, true);
        contacts.ended(flow);
      },
      onTick() {
        chosenThisSecond = 0;
      },
      onClockSet: (step) => contacts.clockSet(step),
    };
  },
});

interface Seen {
  readonly key: string;
  readonly flow: FlowRecord;
  readonly found: Crossing;
  readonly tally: ContactTally;
  readonly time: Micros;
}

/** One of both bridges sees it first; the other's records are of the same finding. */
function keyOf({ orig, resp, network }: FlowRecord, { kind, target }: Crossing): string {
  if (kind === 'from-outside') return `${kind} ${clientKey(resp, network)}`;
  return `${kind} ${orig.workload?.containerId ?? orig.ip} ${target.id}`;
}

function tell(ctx: Context, { key, flow, found, tally, time }: Seen): void {
  const isFromOutside = found.kind === 'from-outside';
  const openedBy = openedOnPurpose(found.target, flow.resp.ip.includes(':'));
  const message = messageOf(found, tally);
  ctx.report({
    message,
    time,
    since: tally.first,
    key,
    subject: isFromOutside ? flow.resp : flow.orig,
    peers: isFromOutside ? tally.openers : tally.targets,
    ...(flow.network === undefined ? {} : { network: flow.network.name }),
    flows: [flow],
    severity: tally.atLeast(severityOf(message, found, openedBy)),
    confidence: confidenceOf(flow, found, tally),
    evidence: {
      ...tally.evidence(),
      targetNetwork: found.target.name,
      unpublished: tally.isProven,
      ...(openedBy === undefined ? {} : { openedBy }),
    },
  });
}

function messageOf({ kind }: Crossing, { isAnswered, isProven }: ContactTally): Kind {
  if (kind === 'from-outside') return 'reached-from-outside';
  if (kind === 'shared') return 'shared-network';
  if (!isAnswered) return 'attempted';
  return isProven ? 'reached' : 'answered';
}

/** Argued in docs/analyzers/isolation-bypass.md. */
function severityOf(message: Kind, { target }: Crossing, openedBy: string | undefined): Severity {
  if (message === 'attempted' || message === 'shared-network') return 'low';
  // internal-ingress tells of what arrives on an internal network.
  if (openedBy !== undefined || target.internal) return 'low';
  return message === 'answered' ? 'medium' : 'high';
}

function confidenceOf(
  { orig, resp }: FlowRecord,
  { kind }: Crossing,
  { isOpenerSeen, isProven }: ContactTally,
): Confidence {
  const accused: readonly Endpoint[] = kind === 'from-outside' ? [resp] : [orig];
  return weakest(trustIn(...accused), isOpenerSeen && isProven ? 'certain' : 'medium');
}
