/**
 * A rule of the host's firewall suddenly holds back many packets of containers, or to them. The counters are certain; who
 * sent the packets is inferred from unanswered flows that the rule would have stopped. It must never call somebody who
 * insists on one place worse than low.
 */
import { z } from 'zod';
import type { BlockedRecord } from '../src/model/blocked.ts';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { RuleRate } from './lib/blocked-burst/rule-rate.ts';
import { fits, type Suspect, Suspects } from './lib/blocked-burst/suspects.ts';

/** An attempt over TCP ends 20 to 25 s after its last packet, a datagram's after 30: flows are told of that late. */
const FLOWS_COME_LATE: Micros = 90 * MICROS_PER_SECOND;
/** A packet is seen by the tap, counted by the rule and told of by the reading in this order, by several clocks. */
const SLACK: Micros = 3 * MICROS_PER_SECOND;
/** Records asked for in a second while a burst is looked into. */
const MAX_FLOWS_A_SECOND = 300;
/** Flows that fit, remembered so that each counts once. */
const MAX_COUNTED = 2000;

const config = z.strictObject({
  packets_per_minute: z
    .number()
    .int()
    .min(10)
    .max(10_000_000)
    .default(200)
    .describe('Packets that one rule holds back within a minute, from which on it may be a burst.'),
  times_usual: z
    .number()
    .min(2)
    .max(10_000)
    .default(10)
    .describe('How many times as many as in a usual minute of the last hour of that rule they must be.'),
  probed_targets: z
    .number()
    .int()
    .min(3)
    .max(32)
    .default(10)
    .describe(
      'Different ports of one host, or addresses that nobody holds, from which on somebody looks around.',
    ),
  max_rules: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Rules that hold back anything, remembered at once, up to 5 KB each.'),
  max_bursts: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(32)
    .describe('Bursts looked into at once, 1 KB each as a rule and up to 150 KB where many senders probe.'),
});

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  family: z.string(),
  reason: z.string().describe('What the rule is for; see the `blocked` records.'),
  rule: z.string(),
  verdict: z.string(),
  packetsInMinute: z.number().describe('Counted by the rule within the last minute, at the greatest.'),
  packetsThreshold: z.number(),
  usualPerMinute: z
    .number()
    .optional()
    .describe('Mean of the last hour, or since the agent runs; absent in its first minutes.'),
  timesUsualThreshold: z.number(),
  packets: z.number().describe('Counted by the rule since the finding began.'),
  bytes: z.number(),
  from: z.string().optional().describe('Network; absent where the rule does not tell.'),
  to: z.string().optional(),
  suspects: z.array(z.string()).describe('Who sent unanswered packets that the rule stops, at most 8.'),
  suspectPackets: z.number().describe('Packets of these, as the taps saw them.'),
  targets: z.array(z.string()).optional().describe('Of the subject, at most 8.'),
  targetCount: z.number().optional().describe('64 stands for more.'),
  portsOnOneHost: z.number().optional().describe('Of the subject; 32 stands for more.'),
  vacantAddresses: z.number().optional().describe('Targets that no container holds; 64 stands for more.'),
  probedThreshold: z.number().optional(),
  firstBlocked: z.string(),
  lastBlocked: z.string(),
});

type Kind = 'origin-unknown' | 'insists' | 'probes';

interface Burst {
  /** Latest of the rule's records. */
  record: BlockedRecord;
  first: Micros;
  last: Micros;
  peak: number;
  usual: number | undefined;
  packets: number;
  bytes: number;
  readonly suspects: Suspects;
}

export default defineAnalyzer({
  id: 'blocked-burst',
  title: 'The firewall suddenly holds back many packets',
  attack: [{ technique: 'T1046', tactic: 'discovery' }],
  severity: 'low',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'origin-unknown':
      '{subject} stands for whoever nobody saw: the firewall held back {packetsInMinute} {family} packets within a minute (a burst from {packetsThreshold} and {timesUsualThreshold} times what is usual; usual: {usualPerMinute}), by its rule {rule} ({reason}). No flow on a watched network fits: they come from outside, or from a network that is not watched. Look with tcpdump at the interface that the rule names.',
    insists:
      '{subject} most likely sent what the firewall held back: {packetsInMinute} {family} packets within a minute (a burst from {packetsThreshold} and {timesUsualThreshold} times what is usual; usual: {usualPerMinute}) by its rule {rule} ({reason}). Its unanswered packets that fit went to {targets}. Often it lost a network that it needs; see its logs, and attach it or stop it.',
    probes:
      '{subject} most likely looks for ways past the firewall: {packetsInMinute} {family} packets were held back within a minute by its rule {rule} ({reason}), and its unanswered packets that fit went to {targetCount} targets, {portsOnOneHost} ports of one host, {vacantAddresses} addresses of nobody (a probe from {probedThreshold}). See what runs in it (docker top), and keep it from the network until you know.',
  },
  create(ctx, options) {
    const rules = ctx.boundedMap<RuleRate>({
      name: 'rules',
      maxKeys: options.max_rules,
      worth: (rate) => rate.lastMinute,
    });
    const bursts = ctx.boundedMap<Burst>({ name: 'bursts', maxKeys: options.max_bursts });
    /** Packets of a flow that are counted already, by rule and flow. */
    const counted = ctx.boundedMap<{ packets: number }>({ name: 'flows', maxKeys: MAX_COUNTED });
    let isLooking = false;
    let begun: Micros | undefined;
    let budget = MAX_FLOWS_A_SECOND;

    function onBlocked(record: BlockedRecord): void {
      begun ??= record.time - record.intervalSecs * MICROS_PER_SECOND;
      const key = keyOf(record);
      const rate = rules.ensure(key, () => new RuleRate());
      rate.add(record.time, record.packets, record.intervalSecs);
      const { lastMinute } = rate;
      const usual = rate.usual(record.time, begun);
      const isBurst =
        lastMinute >= options.packets_per_minute &&
        (usual === undefined || lastMinute >= options.times_usual * usual);
      if (!isBurst) return;
      if (!ctx.isOpen(key)) bursts.delete(key);
      const since = record.time - record.intervalSecs * MICROS_PER_SECOND;
      const burst = bursts.ensure(key, () => newBurst(record, since));
      burst.record = record;
      burst.last = record.time;
      burst.packets += record.packets;
      burst.bytes += record.bytes;
      if (lastMinute >= burst.peak) {
        burst.peak = lastMinute;
        burst.usual = usual;
      }
      if (!isLooking) ctx.setFlowInterest('chosen');
      isLooking = true;
      tell(key, burst, record.time);
    }

    function onFlow(flow: FlowRecord): void {
      for (const [key, burst] of bursts.entries()) {
        if (flow.end < burst.first - SLACK || flow.start > burst.last + SLACK || !fits(burst.record, flow))
          continue;
        const known = counted.ensure(`${key} ${flow.uid}`, () => ({ packets: 0 }));
        const packets = flow.origPackets - known.packets;
        if (packets <= 0) continue;
        known.packets = flow.origPackets;
        burst.suspects.add(flow, packets);
        // With the counters' time: the packets are long gone when their flow ends.
        tell(key, burst, Math.max(burst.last, flow.end), flow);
      }
    }

    function tell(key: string, burst: Burst, time: Micros, flow?: FlowRecord): void {
      const { record, suspects } = burst;
      const { worst, byPackets } = suspects;
      const isProbe = worst !== undefined && worst.reach >= options.probed_targets;
      const suspect = isProbe ? worst : byPackets[0];
      const kind: Kind = suspect === undefined ? 'origin-unknown' : isProbe ? 'probes' : 'insists';
      ctx.report({
        message: kind,
        time,
        since: burst.first,
        key,
        subject: suspect?.end ?? nobody(record),
        peers: byPackets.filter((each) => each !== suspect).map(({ end }) => end),
        ...networkOf(record),
        flows: flow === undefined ? [] : [flow],
        severity: isProbe ? 'medium' : 'low',
        confidence: confidenceOf(record, suspect),
        evidence: {
          kind,
          ...{ family: record.family, reason: record.reason, rule: record.rule, verdict: record.verdict },
          packetsInMinute: burst.peak,
          packetsThreshold: options.packets_per_minute,
          usualPerMinute: burst.usual === undefined ? undefined : Math.round(burst.usual * 10) / 10,
          timesUsualThreshold: options.times_usual,
          ...{ packets: burst.packets, bytes: burst.bytes, from: record.from?.name, to: record.to?.name },
          suspects: byPackets.map(({ label }) => label),
          suspectPackets: suspects.packets,
          ...(suspect === undefined ? {} : evidenceOf(suspect, options.probed_targets)),
          firstBlocked: formatMicros(burst.first),
          lastBlocked: formatMicros(burst.last),
        },
      });
    }

    return {
      onBlocked,
      choosesFlow({ event, opening }) {
        if (event !== 'end' && event !== 'active') return false;
        if (opening !== 'unanswered' && opening !== 'refused') return false;
        if (budget-- > 0) return true;
        ctx.lost('unanswered-flows');
        return false;
      },
      onFlowActive: onFlow,
      onFlowEnd: onFlow,
      onTick(now) {
        begun ??= now;
        budget = MAX_FLOWS_A_SECOND;
        if (!isLooking) return;
        isLooking = false;
        for (const [key, { last }] of bursts.entries()) {
          if (now - last <= FLOWS_COME_LATE) isLooking = true;
          else if (!ctx.isOpen(key)) bursts.delete(key);
        }
        if (!isLooking) ctx.setFlowInterest('none');
      },
      onClockSet(step) {
        const shift = step.to - step.from;
        if (begun !== undefined) begun += shift;
        for (const [, rate] of rules.entries()) rate.clockSet(step);
        for (const [, burst] of bursts.entries()) {
          burst.first += shift;
          burst.last += shift;
        }
      },
    };
  },
});

function newBurst(record: BlockedRecord, first: Micros): Burst {
  return {
    ...{ record, first, last: record.time, peak: 0, usual: undefined, packets: 0, bytes: 0 },
    suspects: new Suspects(),
  };
}

/** The engine's rules for the same thing between the same networks are one; the operator's each their own. */
function keyOf({ family, reason, rule, from, to }: BlockedRecord): string {
  return `${family} ${reason} ${from?.id ?? '-'} ${to?.id ?? '-'} ${reason === 'operator' ? rule : '-'}`;
}

function evidenceOf(suspect: Suspect, probedThreshold: number) {
  const { targets, portsOnOneHost, vacantAddresses } = suspect;
  return {
    targets: targets.first(),
    targetCount: targets.count,
    portsOnOneHost,
    vacantAddresses,
    probedThreshold,
  };
}

/** That packets were dropped is counted by the kernel; whose they were is inferred, from less where no network is named. */
function confidenceOf({ from, to }: BlockedRecord, suspect: Suspect | undefined) {
  if (suspect === undefined) return 'certain';
  return from === undefined && to === undefined ? 'low' : 'medium';
}

function networkOf({ from, to }: BlockedRecord): { readonly network?: string } {
  const names = [from, to].filter((network) => network !== undefined).map(({ name }) => name);
  return names.length === 0 ? {} : { network: [...new Set(names)].join(', ') };
}

function nobody({ family }: BlockedRecord): Endpoint {
  return {
    ip: family === 'ipv4' ? '0.0.0.0' : '::',
    scope: 'unknown',
    names: [],
    attribution: { method: 'none', confidence: 'none', reason: 'counters of a firewall tell no addresses' },
  };
}
