/**
 * Patterns of STIX 2.1 indicators (OASIS, part 9), as far as they compare one value, or one of several joined by OR. What
 * is joined by AND, follows in time or matches a part cannot be taken apart, and is not understood rather than half of it.
 */
import type { ValueType } from '../indicator.ts';
import type { IndicatorSet } from '../indicator-set.ts';

const OBJECTS: Readonly<Record<string, ValueType>> = {
  'ipv4-addr:value': 'address',
  'ipv6-addr:value': 'address',
  'domain-name:value': 'host',
  'url:value': 'url',
};
const COMPARISON = /^\s*\[?\s*([a-z0-9-]+:[a-z0-9_.'-]+)\s*=\s*'((?:[^'\\]|\\.)*)'\s*\]?\s*$/;
/** Of kinds that no traffic shows. */
const ELSEWHERE =
  /^\s*\[\s*(?:file|email-addr|email-message|mutex|process|windows-registry-key|x509-certificate):/;
const MAX_PATTERN_CHARS = 16_384;

export function addStix(
  into: IndicatorSet,
  indicator: Readonly<Record<string, unknown>>,
  line: number,
): void {
  const { pattern, pattern_type: language = 'stix', revoked, name } = indicator;
  if (revoked === true || language !== 'stix') {
    into.passOver();
    return;
  }
  const text = typeof pattern === 'string' ? pattern : '';
  if (ELSEWHERE.test(text) && !/\bOR\b/.test(text)) {
    into.passOver();
    return;
  }
  const comparisons =
    text.length > MAX_PATTERN_CHARS ? [] : text.split(/\s+OR\s+/).map((part) => COMPARISON.exec(part));
  if (
    !comparisons.every((match) => match !== null && OBJECTS[match[1]!] !== undefined) ||
    comparisons.length === 0
  ) {
    into.notUnderstood(line, text, 'not a comparison of one value');
    return;
  }
  const note = typeof name === 'string' ? name : undefined;
  for (const match of comparisons) {
    into.add({ value: match![2]!.replace(/\\(.)/g, '$1'), type: OBJECTS[match![1]!]!, note }, line);
  }
}
