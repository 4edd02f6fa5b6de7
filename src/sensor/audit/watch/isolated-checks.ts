/** Checks that a bug in one of them does not stop: it answers `unknown`, and the others answer. */
import type { AuditResult } from '../../../model/audit.ts';
import type { CheckDefinition } from '../check.ts';
import type { AuditFacts } from '../facts.ts';
import { runChecks } from '../run-checks.ts';

/** A check that threw, and what. */
export interface CheckBug {
  readonly check: string;
  readonly error: string;
}

export interface IsolatedResults {
  readonly results: readonly AuditResult[];
  readonly bugs: readonly CheckBug[];
}

export function runIsolated(checks: readonly CheckDefinition[], facts: AuditFacts): IsolatedResults {
  const bugs: CheckBug[] = [];
  const results = checks.flatMap((check) => {
    try {
      return runChecks([check], facts);
    } catch (error) {
      bugs.push({ check: check.id, error: errorText(error) });
      return [unanswered(check)];
    }
  });
  return { results, bugs };
}

function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function unanswered({ id, title, group, severity }: CheckDefinition): AuditResult {
  return {
    ...{ check: id, title, group, severity, outcome: 'unknown', objects: [], networks: [], evidence: {} },
    explanation: 'Not known: the check itself failed, which is a bug of Bridgewatch.',
    remedy: { what: "Report it, with the error in the agent's log." },
  };
}
