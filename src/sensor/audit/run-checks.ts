/**
 * Runs checks over facts. Pure. Here nothing can be silent: a check whose facts are missing answers `unknown` with the
 * reason, objects that could not be looked at are named, and a check that says nothing at all is a bug.
 */
import type { AuditObject, AuditResult } from '../../model/audit.ts';
import type { CheckDefinition, Verdict } from './check.ts';
import { type AuditFacts, FACT_WORDS, type FactName, type Gap, type Known } from './facts.ts';

export function runChecks(checks: readonly CheckDefinition[], facts: AuditFacts): AuditResult[] {
  const networksOf = placesOf(facts);
  return checks.flatMap((check) =>
    folded(verdictsOf(check, facts)).map((verdict) => resultOf(check, verdict, networksOf)),
  );
}

function verdictsOf(check: CheckDefinition, facts: AuditFacts): readonly Verdict[] {
  const missing = check.needs.flatMap((name) => {
    const fact = facts[name];
    return fact.ok ? [] : [{ name, reason: fact.reason, remedy: fact.remedy }];
  });
  if (missing.length > 0) {
    return [
      {
        outcome: 'unknown',
        objects: [],
        explanation: missing
          .map(({ name, reason }) => `Not known: ${FACT_WORDS[name].replaceAll('`', '')}: ${reason}.`)
          .join(' '),
        remedy: { what: [...new Set(missing.map(({ remedy }) => remedy))].join(' ') },
      },
    ];
  }
  const values = Object.fromEntries(
    check.needs.map((name) => [name, (facts[name] as Known<unknown> & { ok: true }).value]),
  );
  const verdicts = check.run(values as never, facts);
  if (verdicts.length === 0) throw new Error(`check ${check.id} gave no answer`);
  return [...verdicts, ...check.needs.flatMap((name) => unseen(facts[name]))];
}

function unseen(fact: AuditFacts[FactName]): Verdict[] {
  const gaps: readonly Gap[] = fact.ok ? (fact.gaps ?? []) : [];
  return gaps.map(({ kind, id, name, reason, remedy }) => ({
    outcome: 'unknown',
    objects: [{ kind, id, name }],
    explanation: `${name} could not be looked at: ${reason}.`,
    remedy: { what: remedy },
  }));
}

/** Replicas of a service fail alike: what says the same of several objects is said once. */
function folded(verdicts: readonly Verdict[]): Verdict[] {
  const byText = new Map<string, Verdict>();
  for (const verdict of verdicts) {
    const { objects, ...said } = verdict;
    const key = JSON.stringify(said);
    const same = byText.get(key);
    byText.set(key, same === undefined ? verdict : { ...same, objects: [...same.objects, ...objects] });
  }
  return [...byText.values()];
}

function resultOf(
  { id, title, group, severity, cis, engines }: CheckDefinition,
  verdict: Verdict,
  networksOf: (object: AuditObject) => readonly string[],
): AuditResult {
  const { outcome, objects, topic, explanation, evidence = {}, remedy } = verdict;
  return {
    ...{ check: id, title, group, outcome, severity: verdict.severity ?? severity },
    ...(topic === undefined ? {} : { topic }),
    objects,
    networks: verdict.networks ?? [...new Set(objects.flatMap(networksOf))],
    ...{ explanation, evidence },
    ...(remedy === undefined ? {} : { remedy }),
    ...(cis === undefined ? {} : { cis }),
    ...(engines === undefined ? {} : { engines }),
  };
}

/** A container's networks are those of the container whose namespace it shares, too. */
function placesOf({ containers }: AuditFacts): (object: AuditObject) => readonly string[] {
  const byId = new Map((containers.ok ? containers.value : []).map((each) => [each.id, each]));
  return ({ kind, name, id = '' }) => {
    if (kind === 'network') return [name];
    const container = kind === 'container' ? byId.get(id) : undefined;
    const owner = /^container:(.+)$/.exec(container?.networkMode ?? '')?.[1];
    return (owner === undefined ? container : byId.get(owner))?.networks ?? [];
  };
}
