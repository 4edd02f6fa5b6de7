/**
 * The assurance of each internal network: every way out that is known, asked of it, and sorted into open, shut and not
 * known. Pure. No way is silent: one whose facts are missing is not known, with the reason and what would open it.
 */
import { type NetworkAssurance, type ShutWay, WAY_MARKS, type WayOut } from '../../../model/audit.ts';
import { SEVERITIES } from '../../../model/finding.ts';
import { FACT_WORDS, type Gap, type Ignorance } from '../facts.ts';
import { type Inside, insidesOf } from './inside.ts';
import { basisText } from './marks.ts';
import type { AssuranceFact, AssuranceFacts, WayAnswer, WayDefinition } from './way.ts';
import { ways as allWays } from './ways.ts';

export function assurancesOf(
  facts: AssuranceFacts,
  ways: readonly WayDefinition[] = allWays,
): NetworkAssurance[] {
  return insidesOf(facts)
    .map((inside) => assuranceOf(inside, facts, ways))
    .sort((a, b) => a.network.localeCompare(b.network));
}

function assuranceOf(
  inside: Inside,
  facts: AssuranceFacts,
  ways: readonly WayDefinition[],
): NetworkAssurance {
  const open: WayOut[] = [];
  const shut: ShutWay[] = [];
  const notKnown: (Ignorance & { readonly way: string })[] = [];
  for (const definition of ways) {
    const way = definition.id;
    if (definition.isAbout?.(inside.network) === false) continue;
    const answer = answerOf(definition, inside, facts, open);
    if (answer === undefined) continue;
    const isOpen = answer.open !== undefined && answer.open.length > 0;
    const unseen = answer.notKnown ?? [];
    for (const each of answer.open ?? []) open.push({ way, ...each });
    for (const { reason, remedy } of unseen) notKnown.push({ way, reason, remedy });
    if (!isOpen && unseen.length === 0) shut.push({ way, ...answer.shut });
  }
  return {
    network: inside.network.name,
    ways: open.sort(byGravity),
    shut,
    notKnown,
    basis: basisText(facts, inside.network.name),
  };
}

function answerOf(
  { needs, look }: WayDefinition,
  inside: Inside,
  facts: AssuranceFacts,
  found: readonly WayOut[],
): WayAnswer | undefined {
  const missing = needs.flatMap((name) => {
    const fact = facts[name];
    return fact.ok
      ? []
      : [{ reason: `${FACT_WORDS[name].replaceAll('`', '')}: ${fact.reason}`, remedy: fact.remedy }];
  });
  if (missing.length > 0) return { shut: { reason: 'not known' }, notKnown: missing };
  const values = Object.fromEntries(needs.map((name) => [name, known(facts, name)]));
  const answer = look(inside, values as never, facts, found);
  if (answer === undefined) return undefined;
  const gaps = needs.flatMap((name) => gapsOf(facts, name));
  return gaps.length === 0 ? answer : { ...answer, notKnown: [...(answer.notKnown ?? []), ...gaps] };
}

function known(facts: AssuranceFacts, name: AssuranceFact): unknown {
  const fact = facts[name];
  return fact.ok ? fact.value : undefined;
}

/** A container that could not be looked at may be a member. */
function gapsOf(facts: AssuranceFacts, name: AssuranceFact): Ignorance[] {
  const fact = facts[name];
  const gaps: readonly Gap[] = fact.ok ? (fact.gaps ?? []) : [];
  return gaps.map((gap) => ({
    reason: `${gap.name} could not be looked at: ${gap.reason}`,
    remedy: gap.remedy,
  }));
}

/** The gravest first, and of these what was used. */
function byGravity(a: WayOut, b: WayOut): number {
  const severity = SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity);
  return severity !== 0 ? severity : WAY_MARKS.indexOf(b.mark) - WAY_MARKS.indexOf(a.mark);
}
