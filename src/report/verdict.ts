/** What a report says first. It says what was found; that nothing was found is never called safe. */
import { SEVERITIES, type Severity } from '../model/finding.ts';
import type { BlindSpot, CaseFinding, NotShown, Verdict } from './case.ts';

const LOW_RANK = SEVERITIES.indexOf('low');

export function verdictOf(
  findings: readonly CaseFinding[],
  notShown: NotShown,
  unseen: readonly BlindSpot[],
): Verdict {
  const graveSpots = unseen.filter(({ weight }) => weight === 'grave');
  const caution =
    graveSpots.length === 0
      ? {}
      : {
          caution: `Not everything was seen: ${graveSpots[0]!.what.replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase())}${graveSpots.length === 1 ? '' : `, and ${graveSpots.length - 1} more`} (see "What could not be seen"). Findings may be missing for it.`,
        };
  const [worst] = findings;
  if (worst === undefined)
    return {
      headline: 'Nothing was found',
      sentence:
        'No detector found anything in what could be seen. That says nothing of what could not be seen, nor of what no detector looks for.',
      ...caution,
    };
  const counts = new Map<Severity, number>();
  for (const { severity } of findings) counts.set(severity, (counts.get(severity) ?? 0) + 1);
  for (const { severity, count } of notShown.leftOut)
    counts.set(severity, (counts.get(severity) ?? 0) + count);
  const parts = SEVERITIES.toReversed()
    .filter((severity) => counts.has(severity))
    .map((severity) => `${counts.get(severity)} ${severity}`);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const noun = total === 1 ? 'finding' : 'findings';
  const list = parts.length === 1 ? parts[0]! : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
  if (SEVERITIES.indexOf(worst.severity) <= LOW_RANK)
    return {
      severity: worst.severity,
      headline: `Nothing above low was found: ${list} ${noun}`,
      sentence: `What there is: ${firstSentence(worst.explanation)}`,
      ...caution,
    };
  const about = new Set(findings.map(({ subject }) => subject.label)).size;
  const whom = about === 1 ? `about ${worst.subject.label}` : `about ${about} workloads or addresses`;
  return {
    severity: worst.severity,
    headline: `${list} ${noun} ${whom}`,
    sentence: firstSentence(worst.explanation),
    ...caution,
  };
}

/** The whole where that cannot be told. */
function firstSentence(text: string): string {
  const end = /[a-z0-9)]\. (?=[A-Z])/.exec(text);
  return end === null ? text : text.slice(0, end.index + 2);
}
