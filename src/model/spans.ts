/** Stretches of time, [from, until): joined, cut with each other, measured. Pure. */
import { MICROS_PER_SECOND, type Micros } from './time.ts';

export interface Span {
  readonly from: Micros;
  readonly until: Micros;
}

/** In order, with none that touch. */
export function unionOf(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    if (span.until <= span.from) continue;
    const last = joined.at(-1);
    if (last === undefined || span.from > last.until) joined.push(span);
    else joined[joined.length - 1] = { from: last.from, until: Math.max(last.until, span.until) };
  }
  return joined;
}

/** What lies in both. */
export function commonOf(some: readonly Span[], others: readonly Span[]): Span[] {
  const [a, b] = [unionOf(some), unionOf(others)];
  const common: Span[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i]!.from, b[j]!.from);
    const until = Math.min(a[i]!.until, b[j]!.until);
    if (from < until) common.push({ from, until });
    if (a[i]!.until < b[j]!.until) i++;
    else j++;
  }
  return common;
}

/** Whole seconds; what they share counts once. */
export function secsOf(spans: readonly Span[]): number {
  const micros = unionOf(spans).reduce((sum, { from, until }) => sum + until - from, 0);
  return Math.floor(micros / MICROS_PER_SECOND);
}
