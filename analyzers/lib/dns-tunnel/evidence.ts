/** What a finding of dns-tunnel holds, and its sentences. */
import { z } from 'zod';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import type { AnalyzerContext } from '../../../src/sensor/analysis/analyzer.ts';
import type { Circumstance } from './circumstances.ts';
import type { ClientZone, UplinkBytes } from './client-zone.ts';
import type { NotDnsTally } from './not-dns-tally.ts';
import { SPAN_NAMES, spanSecs } from './spans.ts';
import type { Spread } from './spread.ts';
import type { Channel, Verdict } from './thresholds.ts';

/** Base32 (RFC 4648), what tools use in letters that DNS keeps: five bits a character. */
const DATA_SHARE = 5 / 8;
const SAMPLES = 3;
const MAX_ZONES = 20;
/** Of the bytes, from which a resolver is named. */
const NAMED_SHARE = 0.1;

export const evidence = z.object({
  channel: z
    .enum(['names', 'sequence', 'case', 'edns', 'trailing', 'answers', 'not-dns', 'spread', 'one-shot'])
    .describe('What most of the bytes went through.'),
  channels: z.array(z.string()).describe('All that it went through, with the bytes of each in that span.'),
  zone: z.string().describe('The registered domain, or what stands for it.'),
  zones: z.array(z.string()).optional().describe('The first twenty; only where data is spread over many.'),
  window: z.enum(SPAN_NAMES).describe('The span whose threshold was exceeded most.'),
  windowBytes: z.number().describe('Bytes that counted in that span, without what all names repeat.'),
  thresholdBytes: z.number().describe('Threshold of that span, circumstances included.'),
  factor: z.number().describe('What the circumstances multiplied it by.'),
  circumstances: z.array(z.string()),
  distinctNames: z.number().describe('In that span; an estimate above 64.'),
  bytesPerSecond: z.number(),
  estimatedDataBytes: z
    .number()
    .describe('What this can carry: five bits a character of names, all of what is data by itself.'),
  queries: z.number().describe('Questions; packets, where it is no DNS.'),
  queryTypes: z.array(z.string()),
  sampleNames: z.array(z.string()).describe('The first three, escaped as in RFC 4343.'),
  resolver: z.string().describe('The one that carried most of it.'),
  resolvers: z
    .array(z.string())
    .optional()
    .describe('All that carried a tenth of it or more, most first; absent when there was one.'),
  bytesUp: z.number().describe('Names of all questions since the first, repeats too.'),
  bytesDown: z.number().describe('Record data of all answers since the first, repeats too.'),
  contactedPercent: z
    .number()
    .optional()
    .describe(
      'Of the names answered with addresses since connections were looked at; absent when there were none.',
    ),
  nameErrorPercent: z
    .number()
    .optional()
    .describe('Answers that said NXDOMAIN; absent when no answer was seen.'),
  firstQuery: z.string(),
  lastQuery: z.string(),
});

export type TunnelEvidence = z.infer<typeof evidence>;

const OVER_THRESHOLD =
  '{windowBytes} bytes within {window} where {thresholdBytes} are suspicious ({bytesPerSecond} B/s)';
const NEXT = 'Block {zone}, and see what in {subject} asks for it.';

export const messages = {
  zone: `{subject} asked {peers} for {distinctNames} different names under {zone}: names of ${OVER_THRESHOLD}. That carries about {estimatedDataBytes} bytes of data to whoever runs the name servers of {zone}. ${NEXT}`,
  'no-zone': `{subject} asked {peers} for names under {distinctNames} top-level domains that do not exist: last labels of ${OVER_THRESHOLD}. Only that server itself can be the receiver, of {estimatedDataBytes} bytes of data or more. Block that server, and see what in {subject} asks it.`,
  sequence: `{subject} asks {peers} for the same few names under {zone} again and again ({queries} questions), in an order without a pattern, past the time that answers are kept: the order carries data, ${OVER_THRESHOLD}. About {estimatedDataBytes} bytes went to whoever runs the name servers of {zone}. ${NEXT}`,
  case: `{subject} writes the same names under {zone} in ever new mixtures of capital and small letters to {peers}: each letter carries a bit, ${OVER_THRESHOLD}. About {estimatedDataBytes} bytes went to whoever runs the name servers of {zone}. ${NEXT}`,
  edns: `{subject} sends {peers} ever new data beside the name in its questions for {zone}, in EDNS options or behind the message: ${OVER_THRESHOLD}. About {estimatedDataBytes} bytes went out that way. See what in {subject} makes its DNS messages by itself.`,
  answers: `{subject} is given data in the answers for {zone} by {peers}: different records every time, ${OVER_THRESHOLD}. A program or orders may be coming in from whoever runs the name servers of {zone}. ${NEXT}`,
  'not-dns': `{subject} and {peers} exchange something on the DNS port that is no DNS: ${OVER_THRESHOLD}; {bytesUp} bytes went out and {bytesDown} came in. A firewall that only lets DNS through lets this through. See what in {subject} speaks with that server.`,
  spread: `{subject} asked {peers} for {distinctNames} names in domains that are new to it and that it hardly connects to ({zones}): little in each, together ${OVER_THRESHOLD}. That carries about {estimatedDataBytes} bytes of data to whoever runs their name servers. See what in {subject} asks for them.`,
  'one-shot':
    '{subject} asked {peers} for one name under {zone} that is long enough to be a message ({windowBytes} bytes): {sampleNames}. It may be nothing: too little else was said to {zone} for a tunnel.',
} as const;

export type Message = keyof typeof messages;

export type Context = AnalyzerContext<Message, TunnelEvidence>;

export function messageOf(pair: ClientZone, channel: Channel): Message {
  if (channel === 'names') return pair.kind === 'no-zone' ? 'no-zone' : 'zone';
  return channel === 'trailing' ? 'edns' : channel;
}

/** Those who carried what the verdict is about, most first. */
export function carriersOf(pair: ClientZone, { channel, span }: Verdict, now: Micros): readonly Endpoint[] {
  const carriers = pair.carriers(channel === 'answers' ? 'down' : 'up', span, now);
  return carriers.filter(({ share }, i) => i === 0 || share >= NAMED_SHARE).map(({ server }) => server);
}

export function evidenceOf(pair: ClientZone, verdict: Verdict, now: Micros): TunnelEvidence {
  const resolvers = carriersOf(pair, verdict, now).map(({ ip }) => ip);
  const contacted = pair.contacted(now);
  const answers = pair.noErrors + pair.nameErrors;
  return {
    ...numbersOf(verdict, pair.first, pair.last),
    zone: zoneText(pair),
    distinctNames: Math.round(verdict.uplink?.distinctNames ?? pair.names),
    queries: pair.queries,
    queryTypes: pair.types.texts(),
    sampleNames: [...(pair.samples ?? [])],
    resolver: resolvers[0]!,
    ...(resolvers.length > 1 ? { resolvers } : {}),
    bytesUp: pair.bytesUp,
    bytesDown: pair.bytesDown,
    contactedPercent: contacted.names === 0 ? undefined : Math.round(contacted.share * 100),
    nameErrorPercent: answers === 0 ? undefined : Math.round((pair.nameErrors / answers) * 100),
  };
}

export function evidenceOfSpread(spread: Spread, verdict: Verdict): TunnelEvidence {
  const { zones } = spread;
  const types = new Set(zones.flatMap((pair) => pair.types.texts().map((text) => text.split(' ')[0]!)));
  const sum = (amount: (pair: ClientZone) => number) => zones.reduce((all, pair) => all + amount(pair), 0);
  return {
    ...numbersOf(
      verdict,
      Math.min(...zones.map(({ first }) => first)),
      Math.max(...zones.map(({ last }) => last)),
    ),
    zone: `${zones.length} zones`,
    zones: zones.slice(0, MAX_ZONES).map(zoneText),
    distinctNames: Math.round(spread.names),
    queries: sum(({ queries }) => queries),
    queryTypes: [...types],
    sampleNames: zones.flatMap(({ samples }) => samples?.slice(0, 1) ?? []).slice(0, SAMPLES),
    resolver: zones[0]!.resolver.ip,
    bytesUp: sum(({ bytesUp }) => bytesUp),
    bytesDown: sum(({ bytesDown }) => bytesDown),
  };
}

export function evidenceOfNotDns(tally: NotDnsTally, verdict: Verdict): TunnelEvidence {
  return {
    ...numbersOf(verdict, tally.first, tally.last),
    zone: 'no DNS',
    distinctNames: 0,
    queries: tally.packets,
    queryTypes: [],
    sampleNames: [],
    resolver: tally.server.ip,
    bytesUp: tally.bytesUp,
    bytesDown: tally.bytesDown,
  };
}

/** What a verdict says by itself. */
function numbersOf(verdict: Verdict, first: Micros, last: Micros) {
  const { channel, span, bytes, thresholdBytes, factor, circumstances, uplink } = verdict;
  const seenSecs = Math.min(spanSecs(span), Math.max(1, (last - first) / MICROS_PER_SECOND));
  return {
    channel,
    channels: uplink === undefined ? [`${channel} ${Math.round(bytes)} B`] : channelTexts(uplink),
    window: SPAN_NAMES[span],
    windowBytes: Math.round(bytes),
    thresholdBytes: Math.round(thresholdBytes),
    factor: Number(factor.toPrecision(3)),
    circumstances: circumstances.map(circumstanceText),
    bytesPerSecond: Number((bytes / seenSecs).toPrecision(3)),
    estimatedDataBytes: Math.floor(dataIn(verdict)),
    firstQuery: formatMicros(first),
    lastQuery: formatMicros(last),
  };
}

function circumstanceText({ id, factor, share }: Circumstance): string {
  return `${id} (x${factor}${share === undefined ? '' : `, ${Math.round(share * 100)} % of the bytes`})`;
}

function dataIn({ channel, bytes, uplink }: Verdict): number {
  if (uplink === undefined)
    return channel === 'spread' || channel === 'one-shot' ? bytes * DATA_SHARE : bytes;
  return uplink.names * DATA_SHARE + uplink.sequence + uplink.case + uplink.edns + uplink.trailing;
}

function channelTexts(uplink: UplinkBytes): string[] {
  const texts: string[] = [];
  for (const channel of ['names', 'sequence', 'case', 'edns', 'trailing'] as const) {
    if (uplink[channel] >= 1) texts.push(`${channel} ${Math.round(uplink[channel])} B`);
  }
  return texts;
}

function zoneText(pair: ClientZone): string {
  if (pair.kind === 'no-zone') return 'no registered zone';
  if (pair.kind === 'bare') return 'no zone (names without a dot)';
  return pair.kind === 'unlisted' ? pair.parent : pair.zone;
}
