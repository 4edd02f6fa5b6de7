/**
 * A container says that it is a way out, or sends from the gateway's address: router advertisements, redirects, DHCP.
 * Docker gives out addresses and gateways itself, so on its bridges nobody else has to; on a macvlan network a DHCP server
 * is an ordinary thing. It must never accuse who gives out the gateway that the network has, above `low`.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { RouterClaim } from '../src/model/neighbor.ts';
import { workloadLabel } from '../src/model/network.ts';
import type { SpoofRecord } from '../src/model/spoof.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { ClaimTally } from './lib/rogue-gateway/claim-tally.ts';
import { type Judged, judgeClaim } from './lib/rogue-gateway/judge.ts';
import { RivalServers } from './lib/rogue-gateway/rival-servers.ts';
import { ClaimTally as SourceTally } from './lib/spoof/claim-tally.ts';
import { rightfulOf, spooferKey, spooferOf } from './lib/spoof/ends.ts';

const config = z.strictObject({
  known_routers: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Containers that are meant to be routers or DHCP servers, as findings name them: `project/service`, else the container.',
    ),
  sample_size: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(16)
    .describe('Routers, resolvers and prefixes named in one finding; the others are counted.'),
  max_senders: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe(
      'Senders remembered at once, 1 KB each as a rule and 60 KB for one that names hundreds of routers.',
    ),
});

const evidence = z.object({
  protocol: z.string().describe('`router-advertisement`, `redirect`, `dhcp`, `dhcpv6`, or `ip`.'),
  routers: z.array(z.string()).optional().describe('Named as ways out; the first `sample_size`.'),
  resolvers: z.array(z.string()).optional(),
  prefixes: z.array(z.string()).optional(),
  networkGateways: z.array(z.string()).optional().describe("The network's own, by the engine."),
  lifetimeSecs: z.number().optional().describe('Of the latest advertisement: 0 is no default router.'),
  macs: z.array(z.string()).optional(),
  messages: z.number().describe('Messages, or flows from the address.'),
  threshold: z.number().describe('Messages that make a finding.'),
  firstMessage: z.string(),
  lastMessage: z.string(),
});

export default defineAnalyzer({
  id: 'rogue-gateway',
  title: 'Container poses as a router, DHCP server or the gateway',
  attack: [
    { technique: 'T1557', tactic: 'credential-access' },
    { technique: 'T1557.003', tactic: 'credential-access' },
  ],
  severity: 'high',
  confidence: 'high',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'default-router':
      '{subject} tells {network} by {protocol} that it is the way out (routers: {routers}; prefixes: {prefixes}; messages: {messages}, since {firstMessage}); the gateways that Docker gave: {networkGateways}. Who believes it sends it what is meant for outside. Stop it, unless it is a router of yours: then name it in `known_routers`.',
    'other-router':
      '{subject} tells {network} by {protocol} to use {routers} as router, though the gateways that Docker gave are: {networkGateways} (resolvers: {resolvers}; messages: {messages}, since {firstMessage}). Who believes it sends there what is meant for outside. Stop it, unless it is a router of yours: then name it in `known_routers`.',
    'other-resolver':
      '{subject} tells {network} by {protocol} to ask {resolvers} for names (messages: {messages}, since {firstMessage}); Docker gives its containers their resolver itself. Who believes it can be led anywhere. Stop it, unless it is a server of yours: then name it in `known_routers`.',
    'address-server':
      '{subject} serves {network} by {protocol} (routers: {routers}; resolvers: {resolvers}; messages: {messages}, since {firstMessage}) and leads nobody away from its gateways, {networkGateways}. If it is a server of yours, name it in `known_routers`.',
    'gateway-address':
      "{subject} sent packets on {network} from the gateway's address {routers} (flows: {messages}, since {firstMessage}): it passes for the host, as redirects and answers of the gateway need it. See what runs in it, and take NET_RAW and NET_ADMIN from it.",
    'rival-servers':
      '{subject} tells others on {network} by {protocol} to use {routers} as router, and another server tells them something else: {peers} (messages: {messages}, since {firstMessage}). One of the two may not be meant to be there: see whose MAC it is.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<ClaimTally>({ name: 'senders', maxKeys: options.max_senders });
    const sources = ctx.boundedMap<SourceTally>({ name: 'sources', maxKeys: options.max_senders });
    const rivals = new RivalServers(ctx.boundedMap({ name: 'servers', maxKeys: options.max_senders }));
    const known = new Set(options.known_routers);

    function isKnown({ workload }: Pick<Endpoint, 'workload'>): boolean {
      return workload !== undefined && known.has(workloadLabel(workload));
    }

    function reportClaim(claim: RouterClaim, judged: Judged, peers: readonly Endpoint[]): void {
      const { sender, network, protocol, time } = claim;
      const who = sender.workload?.containerId ?? sender.mac ?? sender.ip;
      const key = `${protocol} ${network?.id ?? claim.interface} ${who}`;
      if (!ctx.isOpen(key)) tallies.delete(key);
      const tally = tallies.ensure(key, () => new ClaimTally(claim, options.sample_size));
      tally.add(claim);
      const { message, severity, confidence } = tally.gravest(judged);
      ctx.report({
        message,
        time,
        since: tally.first,
        key,
        subject: sender,
        peers,
        ...(network === undefined ? {} : { network: network.name }),
        severity,
        confidence,
        evidence: { protocol, ...tally.evidence(), threshold: 1 },
      });
    }

    return {
      onRouterClaim(claim) {
        if (isKnown(claim.sender)) return;
        const judged = judgeClaim(claim);
        if (judged !== undefined) return reportClaim(claim, judged, []);
        const rival = rivals.rivalOf(claim);
        if (rival !== undefined) reportClaim(claim, RIVAL, [rival]);
      },
      onSpoof(record) {
        if (record.layer !== 'ip' || record.mismatch !== 'gateway-address') return;
        if (isKnown(spooferOf(record))) return;
        const key = `ip ${spooferKey(record)}`;
        if (!ctx.isOpen(key)) sources.delete(key);
        const tally = sources.ensure(key, () => new SourceTally(record, options.sample_size));
        tally.add(record);
        ctx.report({
          message: 'gateway-address',
          time: record.time,
          since: tally.first,
          key,
          subject: spooferOf(record),
          peers: peersOf(record),
          ...(record.network === undefined ? {} : { network: record.network }),
          evidence: sourceEvidence(tally),
        });
      },
      onClockSet(step) {
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
        for (const [, tally] of sources.entries()) tally.clockSet(step);
        rivals.clockSet(step);
      },
    };
  },
});

const RIVAL: Judged = {
  message: 'rival-servers',
  severity: 'low' satisfies Severity,
  confidence: 'low' satisfies Confidence,
};

function peersOf(record: SpoofRecord): Endpoint[] {
  const rightful = rightfulOf(record);
  return rightful === undefined ? [] : [rightful];
}

function sourceEvidence(tally: SourceTally) {
  const { addresses, macs, claims, firstClaim, lastClaim } = tally.evidence();
  return {
    protocol: 'ip',
    routers: addresses,
    macs,
    messages: claims,
    threshold: 1,
    firstMessage: firstClaim,
    lastMessage: lastClaim,
  };
}
