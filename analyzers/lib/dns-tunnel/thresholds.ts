/**
 * Whether what a client said to a zone, or was told by it, is more than the circumstances explain. The one place where
 * channels are added up and compared.
 */
import type { Micros } from '../../../src/model/time.ts';
import { type Circumstance, isContacted, type Weight } from './circumstances.ts';
import type { ClientZone, UplinkBytes } from './client-zone.ts';
import { type PerSpan, SPANS, type Span } from './spans.ts';

export type Channel =
  | 'names'
  | 'sequence'
  | 'case'
  | 'edns'
  | 'trailing'
  | 'answers'
  | 'not-dns'
  | 'spread'
  | 'one-shot';

export interface Verdict {
  /** What the most bytes went through. */
  readonly channel: Channel;
  /** Bytes over threshold. */
  readonly ratio: number;
  readonly span: Span;
  readonly bytes: number;
  readonly thresholdBytes: number;
  readonly factor: number;
  readonly circumstances: readonly Circumstance[];
  /** Of the uplink; absent where the finding is about something else. */
  readonly uplink?: UplinkBytes;
}

/**
 * Of answers with new data: large sets of TXT records at a domain's apex are a handful, and whole at once. Below that a
 * download is one of them.
 */
const ENOUGH_ANSWERS = 8;
/** Who connects to what it looked up had a reason for the look-up: its order is mostly chance. */
const CONTACTED_SEQUENCE = 1 / 4;

/** From this multiple of a threshold on it is grave, and nothing gets graver. */
export const GRAVE_RATIO = 2;

export function gravity(ratio: number) {
  return ratio >= GRAVE_RATIO
    ? ({ severity: 'high', confidence: 'high' } as const)
    : ({ severity: 'medium', confidence: 'medium' } as const);
}

/** Only what can lie: the case of a client that mixes it everywhere is no message. */
export interface Habits {
  readonly mixesCase: boolean;
}

export function judgeUplink(
  pair: ClientZone,
  now: Micros,
  thresholds: PerSpan,
  weightOf: (span: Span) => Weight,
  habits: Habits,
): Verdict {
  const contacted = isContacted(pair, now);
  let worst: Verdict | undefined;
  for (const span of SPANS) {
    const all = pair.said(span, now);
    const uplink = {
      ...all,
      sequence: contacted ? all.sequence * CONTACTED_SEQUENCE : all.sequence,
      case: habits.mixesCase ? 0 : all.case,
    };
    const bytes = uplink.names + uplink.sequence + uplink.case + uplink.edns + uplink.trailing;
    const { factor, circumstances } = weightOf(span);
    const thresholdBytes = thresholds[span] * factor;
    const ratio = bytes / thresholdBytes;
    if (worst !== undefined && ratio <= worst.ratio) continue;
    const channel = largest(uplink);
    worst = { channel, ratio, span, bytes, thresholdBytes, factor, circumstances, uplink };
  }
  return worst!;
}

/** Answers are longer than questions in ordinary life too, and addresses that are used are addresses. */
export function judgeDownlink(
  pair: ClientZone,
  now: Micros,
  thresholds: PerSpan,
  weightOf: (span: Span) => Weight,
): Verdict | undefined {
  const { downlink } = pair;
  if (downlink === undefined || downlink.answers < ENOUGH_ANSWERS) return undefined;
  // One name is enough here: a balancer's pool is looked up by one, over and over.
  const withAddresses = pair.contacted(now).share <= 0.6;
  let worst: Verdict | undefined;
  for (const span of SPANS) {
    const bytes = downlink.bytes(span, now, withAddresses);
    const { factor, circumstances } = weightOf(span);
    const thresholdBytes = thresholds[span] * factor;
    const ratio = bytes / thresholdBytes;
    if (worst !== undefined && ratio <= worst.ratio) continue;
    worst = { channel: 'answers', ratio, span, bytes, thresholdBytes, factor, circumstances };
  }
  return worst;
}

function largest(uplink: UplinkBytes): Channel {
  let channel: 'names' | 'sequence' | 'case' | 'edns' | 'trailing' = 'names';
  for (const other of ['sequence', 'case', 'edns', 'trailing'] as const) {
    if (uplink[other] > uplink[channel]) channel = other;
  }
  return channel;
}
