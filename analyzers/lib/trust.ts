/** How far a finding may be trusted whose story rests on who the ends of a flow are. */
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { Confidence } from '../../src/model/finding.ts';

const RANKS: readonly Confidence[] = ['low', 'medium', 'high', 'certain'];

/** An end that is only likely is worth `medium`; one that several may be, or nobody knows, `low`. */
export function trustIn(...ends: readonly Endpoint[]): Confidence {
  return weakest(...ends.map(({ attribution }) => BY_ATTRIBUTION[attribution.confidence]));
}

export function weakest(...all: readonly Confidence[]): Confidence {
  return RANKS[Math.min(...all.map((each) => RANKS.indexOf(each)))] ?? 'certain';
}

const BY_ATTRIBUTION = { certain: 'certain', likely: 'medium', ambiguous: 'low', none: 'low' } as const;
