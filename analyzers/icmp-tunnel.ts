/**
 * Data in pings: replies that do not return what was asked (RFC 792, RFC 4443), replies that nobody asked for, and data
 * that no ping sends. It must never accuse a ping, however large, often or oddly filled, of more than being odd.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { formatMicros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { clientKey } from './lib/asker.ts';
import { type EchoCounts, EchoPair, noCounts } from './lib/icmp-tunnel/echo-pair.ts';

/** A ping keeps its size; a probe of the MTU tries a few. */
const PING_SIZES = 3;
/** Few enough to be told within seconds, too many for a ping that is started again and again with the same number. */
const MIN_REPEATED = 20;
/** Replies beyond what broadcast pings and a duplicating network bring. */
const MIN_UNASKED = 10;

const config = z.strictObject({
  altered_replies: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(3)
    .describe('Replies with other data than their request, in a minute, that make a tunnel.'),
  odd_bytes_per_minute: z
    .number()
    .int()
    .min(1000)
    .max(100_000_000)
    .default(10_000)
    .describe('Bytes a minute of data that no ping sends, from which on it is told of.'),
  max_pairs: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Pairs of ends with odd pings remembered at once, up to 2 KB each.'),
});

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  requests: z.number(),
  replies: z.number(),
  alteredReplies: z.number().describe('Replies with other data than their request.'),
  unaskedReplies: z.number().describe('Replies that no request asked for.'),
  oddPayloads: z.number().describe('Requests with more than 64 bytes that are no pattern of a ping.'),
  oddBytes: z.number().describe('Bytes of data in all of these.'),
  oddBytesPerMinute: z.number().describe('Of them, in the minute up to the latest message.'),
  thresholdBytesPerMinute: z.number(),
  alteredPerMinute: z.number(),
  thresholdAltered: z.number(),
  payloadSizes: z.number().describe('Different lengths of data in one flow, counted to 16.'),
  repeatedSequences: z.number().describe('Requests with the sequence number of the one before.'),
  tool: z.string().optional().describe('Whose magic number the data begins with.'),
  reasons: z.array(z.string()).describe('What makes it more than odd.'),
  firstSign: z.string(),
});

type Kind = 'altered-replies' | 'unasked-replies' | 'odd-payloads';

export default defineAnalyzer({
  id: 'icmp-tunnel',
  title: 'Data carried in pings',
  attack: [
    { technique: 'T1095', tactic: 'command-and-control' },
    { technique: 'T1572', tactic: 'command-and-control' },
    { technique: 'T1048', tactic: 'exfiltration' },
  ],
  severity: 'medium',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'altered-replies':
      '{subject} and {peers} exchange data in pings: {alteredReplies} of {replies} replies brought other data than their request, {alteredPerMinute} in a minute (threshold {thresholdAltered}), {oddBytes} bytes in all. A host returns what it was sent. Look at what runs in the container, and block ICMP echo to that address.',
    'unasked-replies':
      '{subject} and {peers}: {unaskedReplies} echo replies came that no request asked for, with {oddBytesPerMinute} bytes of data a minute that no ping sends (threshold {thresholdBytesPerMinute}). Look at what sends them, and whether anything in the container reads them.',
    'odd-payloads':
      '{subject} pings {peers} with data that no ping sends: {oddBytesPerMinute} bytes a minute (threshold {thresholdBytesPerMinute}), different sizes: {payloadSizes}; the replies return it. A monitor that sends random bytes looks the same; ask whose it is.',
  },
  create(ctx, options) {
    const pairs = ctx.boundedMap<EchoPair>({
      name: 'pairs',
      maxKeys: options.max_pairs,
      worth: ({ total }) => total.oddBytes,
    });
    const flows = ctx.boundedMap<EchoCounts>({ name: 'flows', maxKeys: options.max_pairs });

    function kindOf(pair: EchoPair): Kind | undefined {
      const oddBytes = pair.inMinute('oddBytes');
      const altered = pair.inMinute('alteredReplies');
      if (altered >= options.altered_replies || (altered > 0 && pair.tool !== undefined))
        return 'altered-replies';
      if (oddBytes < options.odd_bytes_per_minute) return undefined;
      return pair.inMinute('unaskedReplies') >= MIN_UNASKED ? 'unasked-replies' : 'odd-payloads';
    }

    return {
      onEcho(tally) {
        const { flow, time } = tally;
        const { subject, peer } = endsOf(flow);
        const key = `${clientKey(subject, flow.network)} ${clientKey(peer, flow.network)}`;
        const before = pairs.get(key);
        if (before?.isTold === true && !ctx.isOpen(key)) pairs.delete(key);
        const pair = pairs.ensure(key, () => new EchoPair(time));
        pair.add(tally, flows.ensure(flow.uid, noCounts));
        const kind = kindOf(pair);
        if (kind === undefined) return;
        pair.isTold = true;
        const reasons = reasonsOf(pair);
        ctx.report({
          message: kind,
          time,
          since: pair.first,
          key,
          subject,
          peers: [peer],
          ...(flow.network === undefined ? {} : { network: flow.network.name }),
          flows: [flow],
          severity: severityOf(kind, reasons),
          confidence: confidenceOf(kind, reasons),
          evidence: evidenceOf(kind, pair, reasons),
        });
      },
      onClockSet({ from, to }) {
        for (const [, pair] of pairs.entries()) pair.clockSet(to - from);
      },
    };

    function evidenceOf(kind: Kind, pair: EchoPair, reasons: readonly string[]) {
      const { total, tool, payloadSizes, first } = pair;
      return {
        kind,
        ...total,
        oddBytesPerMinute: pair.inMinute('oddBytes'),
        thresholdBytesPerMinute: options.odd_bytes_per_minute,
        alteredPerMinute: pair.inMinute('alteredReplies'),
        thresholdAltered: options.altered_replies,
        payloadSizes,
        ...(tool === undefined ? {} : { tool }),
        reasons: [...reasons],
        firstSign: formatMicros(first),
      };
    }
  },
});

/** The container is whom the operator can ask; between two, who asked. */
function endsOf({ orig, resp }: FlowRecord): { readonly subject: Endpoint; readonly peer: Endpoint } {
  const isRespOurs = resp.workload !== undefined && orig.workload === undefined;
  return isRespOurs ? { subject: resp, peer: orig } : { subject: orig, peer: resp };
}

function reasonsOf({ total, payloadSizes, tool }: EchoPair): readonly string[] {
  const reasons: string[] = [];
  if (tool !== undefined) reasons.push(`the data begins as that of ${tool} does`);
  if (payloadSizes > PING_SIZES) reasons.push('the size of the data changes from ping to ping');
  if (total.repeatedSequences >= MIN_REPEATED && total.repeatedSequences * 2 >= total.requests)
    reasons.push('the sequence number stays the same');
  return reasons;
}

/** Argued in docs/analyzers/icmp-tunnel.md. */
function severityOf(kind: Kind, reasons: readonly string[]): Severity {
  if (kind === 'altered-replies') return 'high';
  if (kind === 'unasked-replies') return 'medium';
  return reasons.length > 0 ? 'medium' : 'low';
}

function confidenceOf(kind: Kind, reasons: readonly string[]): Confidence {
  if (kind === 'altered-replies') return 'high';
  return reasons.length > 0 ? 'medium' : 'low';
}
