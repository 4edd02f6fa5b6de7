/** The three spans of packet time over which a channel's bytes are summed. */
import { MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

export const SPAN_NAMES = ['10 min', '1 h', '24 h'] as const;
/** Index into the spans. */
export type Span = 0 | 1 | 2;
export const SPANS: readonly Span[] = [0, 1, 2];

const SECS = [600, 3600, 86_400] as const;

export function spanSecs(span: Span): number {
  return SECS[span];
}

export function spanMicros(span: Span): Micros {
  return SECS[span] * MICROS_PER_SECOND;
}

/** One amount a span. */
export type PerSpan = readonly [number, number, number];
