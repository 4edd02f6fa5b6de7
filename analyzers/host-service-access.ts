/**
 * A container talks to the machine that it runs on: by the gateway's address or by any other of the host. Docker allows
 * it, and metrics, proxies and home automation live of it; so the service decides, and whether it answered. It must never
 * call a published port of another container a service of the host.
 */
import { z } from 'zod';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { type SensitiveKind, sensitivePort } from '../src/model/sensitive-ports.ts';
import type { Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer, type FlowGlance } from '../src/sensor/analysis/analyzer.ts';
import { answerTo } from './lib/answer.ts';
import { clientKey } from './lib/asker.ts';
import { Contacts, type ContactTally, type Counted, contactEvidence } from './lib/contacts.ts';
import { FewTexts } from './lib/few.ts';
import { isGatewayOf } from './lib/gateway.ts';
import { type ToHost, toHost } from './lib/host-service-access/to-host.ts';
import { trustIn, weakest } from './lib/trust.ts';

const config = z.strictObject({
  ignore_ports: z
    .array(z.number().int().min(1).max(65_535))
    .default([])
    .describe('Ports of this host that every container may use, such as 9100 for node_exporter.'),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(250)
    .describe(
      'Containers remembered at once, twice where one uses sensitive services as well; 4 KB each as a rule, 20 KB for one that scans.',
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
  services: z
    .array(z.string())
    .describe('What usually listens on these ports, or was recognised there; at most 16.'),
  answeredServices: z.array(z.string()).describe('Those of them that answered.'),
  portsKnown: z
    .boolean()
    .describe(
      'False where nobody told which ports of the host are published, so that a container may be behind one.',
    ),
});

type Kind = 'service' | 'sensitive-answered' | 'sensitive-tried';
type Context = AnalyzerContext<Kind, z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'host-service-access',
  title: 'A container talks to a service of this host',
  attack: [
    { technique: 'T1021', tactic: 'lateral-movement' },
    { technique: 'T1611', tactic: 'privilege-escalation' },
  ],
  severity: 'low',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    service:
      '{subject} on {network} talks to this host: {targets} (flows: {flows}, answered: {answeredFlows}, refused: {refusedFlows}). Docker allows that; see that what listens there is meant for containers.',
    'sensitive-answered':
      '{subject} on {network} reached a sensitive service of this host: {answeredServices} at {answeredTargets} (flows: {flows}, answered: {answeredFlows}; {bytes} bytes sent, {answerBytes} came back). If that is not meant, bind the service to an address that containers do not reach, or filter it for {network}.',
    'sensitive-tried':
      '{subject} on {network} tried sensitive services of this host: {services} at {targets}; none answered (flows: {flows}, refused: {refusedFlows}).',
  },
  create(ctx, options) {
    const contacts = new Contacts(
      ctx.boundedMap<ContactTally>({ name: 'clients', maxKeys: 2 * options.max_clients }),
      ctx.boundedMap<Counted>({ name: 'flows', maxKeys: options.max_flows }),
      ctx.isOpen,
    );
    /** By the tally's key; as many as there are of those. */
    const services = ctx.boundedMap<Services>({ name: 'services', maxKeys: 2 * options.max_clients });

    function look(flow: FlowRecord, time: Micros, isLate: boolean): void {
      const found = toHost(flow, ctx.surroundings);
      if (found === undefined || options.ignore_ports.includes(flow.resp.port ?? 0)) return;
      // That docker-proxy holds the port may become known when its handshake is over.
      if (!isLate && !isUrgent(flow, found)) return;
      const isSensitive = found.sensitive !== undefined;
      const key = `${isSensitive ? 'sensitive' : 'service'} ${clientKey(flow.orig, flow.network)}`;
      if (!ctx.isOpen(key)) services.delete(key);
      const tally = contacts.add(flow, key, flow.orig, time);
      if (tally === undefined) return;
      const names = services.ensure(key, () => ({ all: new FewTexts(), answered: new FewTexts() }));
      addService(names, serviceName(flow, found), isAnswered(flow));
      tell(ctx, { key, flow, found, tally, services: names, time });
    }

    return {
      choosesFlow(flow) {
        // Before the end only what is urgent is told: a sensitive service.
        if (isYoung(flow) && sensitivePort(flow.protocol, flow.respPort) === undefined) return false;
        const { surroundings } = ctx;
        const source = surroundings.networkAt(flow.origWords);
        if (source === undefined || source.internal || isGatewayOf(source, flow.origWords)) return false;
        const target = surroundings.networkAt(flow.respWords);
        if (target !== undefined) return isGatewayOf(target, flow.respWords);
        const scope = flow.respScope;
        return scope === 'host' || scope === 'gateway';
      },
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

const MAX_SERVICES = 16;

interface Services {
  readonly all: FewTexts;
  readonly answered: FewTexts;
}

function addService({ all, answered }: Services, name: string, hasAnswered: boolean): void {
  if (all.size < MAX_SERVICES) all.add(name);
  if (hasAnswered && answered.size < MAX_SERVICES) answered.add(name);
}

function isAnswered(flow: FlowRecord): boolean {
  const answer = answerTo(flow);
  return answer !== 'none' && answer !== 'refused';
}

interface Seen {
  readonly key: string;
  readonly flow: FlowRecord;
  readonly found: ToHost;
  readonly tally: ContactTally;
  readonly services: Services;
  readonly time: Micros;
}

function isYoung({ event }: FlowGlance): boolean {
  return event === 'start' || event === 'answered';
}

/** What answered and is sensitive is told at once where it is known that no container is behind the port. */
function isUrgent(flow: FlowRecord, { sensitive, mayBePublished }: ToHost): boolean {
  return sensitive !== undefined && !mayBePublished && answerTo(flow) !== 'none';
}

function serviceName({ service, portHint, resp, protocol }: FlowRecord, { sensitive }: ToHost): string {
  return sensitive?.name ?? service ?? portHint ?? `${resp.port}/${protocol}`;
}

function tell(ctx: Context, { key, flow, found, tally, services, time }: Seen): void {
  const message = messageOf(found, tally);
  // Those that were only tried are no part of what was reached.
  const severity = isAnswered(flow) ? severityOf(found) : 'low';
  ctx.report({
    message,
    time,
    since: tally.first,
    key,
    subject: flow.orig,
    peers: tally.targets,
    network: flow.network!.name,
    flows: [flow],
    severity: tally.atLeast(severity),
    confidence: confidenceOf(flow, found, tally),
    evidence: {
      ...tally.evidence(),
      services: [...services.all],
      answeredServices: [...services.answered],
      portsKnown: !found.mayBePublished,
    },
  });
}

function messageOf({ sensitive }: ToHost, { isAnswered }: ContactTally): Kind {
  if (sensitive === undefined) return 'service';
  return isAnswered ? 'sensitive-answered' : 'sensitive-tried';
}

/** Argued in docs/analyzers/host-service-access.md. */
const BY_KIND: Readonly<Record<SensitiveKind, Severity>> = {
  // docker-api-access tells of it, and reads what is said there.
  docker: 'low',
  engine: 'high',
  login: 'high',
  files: 'medium',
  data: 'medium',
};

/** Of one that answered. */
function severityOf({ sensitive, mayBePublished }: ToHost): Severity {
  if (sensitive === undefined) return 'low';
  const severity = BY_KIND[sensitive.kind];
  // A database that is published to the host is asked there every day.
  if (!mayBePublished) return severity;
  return severity === 'high' ? 'medium' : 'low';
}

function confidenceOf(
  { orig, resp }: FlowRecord,
  { mayBePublished }: ToHost,
  tally: ContactTally,
): Confidence {
  const isKnown = tally.isOpenerSeen && !mayBePublished;
  return weakest(trustIn(orig, resp), isKnown ? 'certain' : 'medium');
}
