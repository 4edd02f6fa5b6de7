/**
 * The agent itself could not see or remember enough, so that silence means less than it seems to. One finding for each
 * place and cause; never for the odd packet. Zeek's CaptureLoss is the model, but what it estimates from gaps in TCP is
 * counted here: the kernel tells what it dropped.
 */
import { z } from 'zod';
import type { CaptureTally } from '../src/model/capture-tally.ts';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Severity } from '../src/model/finding.ts';
import type { LossRecord } from '../src/model/record.ts';
import { MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';

/** Losses of state are added up over this. */
const WINDOW: Micros = 60 * MICROS_PER_SECOND;

const percent = z.number().gt(0).max(100);

const config = z.strictObject({
  min_lost_packets: z
    .number()
    .int()
    .min(1)
    .default(100)
    .describe('Packets lost in a minute below which nothing is told, whatever their share.'),
  low_percent: percent
    .default(1)
    .describe('Share of the packets of a place that were lost in a minute: low.'),
  medium_percent: percent.default(10).describe('The same: medium.'),
  high_percent: percent.default(30).describe('The same: high.'),
  min_evicted_flows: z
    .number()
    .int()
    .min(1)
    .default(10_000)
    .describe('Flows that the full flow table ended early within a minute.'),
  min_forgotten: z
    .number()
    .int()
    .min(1)
    .default(100_000)
    .describe("Entries of one detector's window that were forgotten for want of room within a minute."),
  max_windows: z
    .number()
    .int()
    .min(16)
    .max(10_000)
    .default(256)
    .describe('Windows of detectors, and tables, looked at together, about 200 bytes each.'),
});

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  source: z
    .string()
    .describe('As in loss records: `kernel-ring`, `interface`, `flow-table`, `analyzer-window`.'),
  place: z.string().describe('Where it was lost.'),
  lost: z.number().describe('Packets, flows or entries.'),
  packets: z.number().optional().describe('All packets of that place, the lost ones included.'),
  percent: z.number().optional().describe('Share of them that was lost.'),
  threshold: z.number().describe('What was reached: a percentage, or a number within a minute.'),
  seconds: z.number().describe('Within how long.'),
  advice: z.string().describe('What to change.'),
});

const CAUSES = {
  'kernel-ring': 'kernelDrops',
  interface: 'interfaceDrops',
} as const;

interface StateLoss {
  since: Micros;
  last: Micros;
  count: number;
}

/** The machine that captured. Which of its addresses is meant does not matter: each machine has this one. */
const THIS_HOST: Endpoint = {
  ip: '127.0.0.1',
  scope: 'host',
  names: [],
  attribution: { method: 'host-address', confidence: 'certain', reason: 'the machine that captured' },
};

export default defineAnalyzer({
  id: 'capture-loss',
  title: 'Traffic that could not be seen',
  attack: [
    { technique: 'T1562.006', tactic: 'defense-evasion' },
    { technique: 'T1498', tactic: 'impact' },
  ],
  severity: 'low',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'packets-lost':
      '{subject} lost {lost} of {packets} packets of {place} within {seconds} s ({percent} %, {source}): flows, DNS and findings there may be missing or cut short. What helps: {advice}.',
    'flows-evicted':
      '{subject} ended {lost} flows early within {seconds} s, because the flow table was full ({place}): long conversations are seen in pieces, and what is judged by a whole flow may be missed. What helps: {advice}.',
    'window-full':
      '{subject} forgot {lost} entries of the window {place} within {seconds} s for want of room: what is slow or spread may be missed by this detector. What helps: {advice}.',
  },
  create(ctx, options) {
    const losses = ctx.boundedMap<StateLoss>({ name: 'windows', maxKeys: options.max_windows });

    function severityOf(
      share: number,
    ): { readonly severity: Severity; readonly threshold: number } | undefined {
      if (share >= options.high_percent) return { severity: 'high', threshold: options.high_percent };
      if (share >= options.medium_percent) return { severity: 'medium', threshold: options.medium_percent };
      if (share >= options.low_percent) return { severity: 'low', threshold: options.low_percent };
      return undefined;
    }

    function judgePackets(tally: CaptureTally, source: keyof typeof CAUSES): void {
      const lost = tally[CAUSES[source]];
      if (lost < options.min_lost_packets) return;
      const packets = tally.packets + tally.kernelDrops + tally.interfaceDrops;
      const share = (100 * lost) / packets;
      const judged = severityOf(share);
      if (judged === undefined) return;
      const { vantage, network, first, last } = tally;
      // A file counts what its whole capture lost, and holds what somebody kept of it: the share is an upper bound.
      const isFile = vantage === 'file';
      ctx.report({
        message: 'packets-lost',
        time: last,
        since: first,
        key: `${source} ${vantage} ${network ?? ''}`,
        subject: THIS_HOST,
        ...(network === undefined ? {} : { network }),
        severity: isFile ? 'low' : judged.severity,
        ...(isFile ? { confidence: 'medium' } : {}),
        evidence: {
          ...{ kind: 'packets-lost', source, place: placeOf(tally), lost, packets },
          percent: Math.round(share * 10) / 10,
          threshold: judged.threshold,
          seconds: secondsOf(last - first),
          advice: adviceOf(tally, source),
        },
      });
    }

    /** The sum of a minute, or of one telling where that is longer. */
    function sumOf({ source, where, count, first, last }: LossRecord): StateLoss {
      const key = `${source} ${where}`;
      const known = losses.get(key);
      if (known !== undefined && last - known.since <= WINDOW) {
        known.count += count;
        known.last = last;
        return known;
      }
      losses.delete(key);
      return losses.ensure(key, () => ({ since: Math.min(first, last), last, count }));
    }

    function judgeState(loss: LossRecord, kind: 'flows-evicted' | 'window-full', threshold: number): void {
      const { since, last, count } = sumOf(loss);
      if (count < threshold) return;
      const { source, where } = loss;
      ctx.report({
        message: kind,
        time: last,
        since,
        key: `${source} ${where}`,
        subject: THIS_HOST,
        evidence: {
          ...{ kind, source, place: where, lost: count, threshold },
          seconds: secondsOf(last - since),
          advice: kind === 'flows-evicted' ? FLOW_ADVICE : windowAdvice(where),
        },
      });
    }

    return {
      onCapture(tally) {
        judgePackets(tally, 'kernel-ring');
        judgePackets(tally, 'interface');
      },
      onLoss(loss) {
        if (loss.source === 'flow-table') judgeState(loss, 'flows-evicted', options.min_evicted_flows);
        if (loss.source === 'analyzer-window') judgeState(loss, 'window-full', options.min_forgotten);
      },
      onClockSet({ from, to }) {
        for (const [, loss] of losses.entries()) {
          loss.since += to - from;
          loss.last += to - from;
        }
      },
    };
  },
});

const FLOW_ADVICE =
  'a larger flows.max_flows, or a narrower capture.filter; a scan or a flood of new flows does this too';

/** `where` is `<analyzer>.<window>`. */
function windowAdvice(where: string): string {
  const [analyzer] = where.split('.');
  return `larger bounds in analyzers.${analyzer}, unless it is a flood`;
}

function placeOf({ vantage, network }: CaptureTally): string {
  switch (vantage) {
    case 'bridge':
      return `network ${network ?? 'unknown'}`;
    case 'container':
      return "the taps on containers' DNS";
    case 'uplink':
      return 'the uplink';
    case 'file':
      return 'this capture';
  }
}

function adviceOf({ vantage }: CaptureTally, source: keyof typeof CAUSES): string {
  if (vantage === 'file') return 'to capture with a larger buffer (tcpdump -B) or a narrower filter';
  if (source === 'interface')
    return 'what ip -s link and ethtool -S tell of the interface: it had no room itself';
  if (vantage === 'container') return 'a larger dns.container_buffer_bytes';
  return 'a larger capture.buffer_bytes, a narrower capture.filter, or more CPU for the agent';
}

function secondsOf(span: Micros): number {
  return Math.round(span / MICROS_PER_SECOND);
}
