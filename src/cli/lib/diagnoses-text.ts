import type { Diagnosis } from '../../model/diagnosis.ts';
import { escapeText } from '../../model/escape.ts';

/** Names of networks have no limit. */
const MAX_CHECK_WIDTH = 40;

/** Outcome, check and detail in columns; below a detail what to do about it. */
export function diagnosesText(found: readonly Diagnosis[]): string {
  const checks = found.map(({ check }) => escapeText(check, MAX_CHECK_WIDTH));
  const width = Math.max(...checks.map(({ length }) => length));
  return found
    .flatMap(({ outcome, detail, advice }, i) => {
      const line = `${outcome.padEnd(4)}  ${checks[i]!.padEnd(width)}  ${escapeText(detail, 2000)}`;
      return advice === undefined ? [line] : [line, `${' '.repeat(width + 8)}-> ${escapeText(advice, 500)}`];
    })
    .join('\n');
}
