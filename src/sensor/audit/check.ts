/**
 * The contract of a check: a pure function over facts that were read before. One file = one check = one test = one page
 * in docs/audit. It names what it reads; where that is not known it is not run, and the runner answers `unknown` for it
 * with the reason. It does no I/O, reads no clock, and answers about every object, also those that are right.
 */
import type { AuditGroup, AuditObject, AuditOutcome, AuditRemedy } from '../../model/audit.ts';
import type { EvidenceValue, Severity } from '../../model/finding.ts';
import type { AuditFacts, FactName, Facts } from './facts.ts';

/** One answer of a check; the runner adds the check's own words. */
export interface Verdict {
  readonly outcome: AuditOutcome;
  /** Overrides the check's own where the case is graver or milder. */
  readonly severity?: Severity;
  readonly objects: readonly AuditObject[];
  /** Where one object can fail by several things that are mended, and muted, each by itself: which, in one word. */
  readonly topic?: string;
  /** Names of those that it counts against, where that is not all on which its objects are. */
  readonly networks?: readonly string[];
  readonly explanation: string;
  readonly evidence?: Readonly<Record<string, EvidenceValue>>;
  readonly remedy?: AuditRemedy;
}

export interface CheckDefinition<Need extends FactName = FactName, Want extends FactName = FactName> {
  /** = file name = test name = page name. */
  readonly id: string;
  /** What ought to be, as a sentence that is false where the check fails. */
  readonly title: string;
  readonly group: AuditGroup;
  readonly severity: Severity;
  /** Why that severity. */
  readonly argument: string;
  /** Without any of these it cannot answer. */
  readonly needs: readonly Need[];
  /** What it reads where it is known, and does without where it is not. */
  readonly wants?: readonly Want[];
  /** CIS Docker Benchmark 1.6.0. */
  readonly cis?: readonly string[];
  readonly engines?: string;
  run(facts: Pick<Facts, Need>, wanted: Pick<AuditFacts, Want>): readonly Verdict[];
}

/** Infers what it may read: a fact that is not declared is a compile error. */
export function defineCheck<const Need extends FactName, const Want extends FactName = never>(
  definition: CheckDefinition<Need, Want>,
): CheckDefinition {
  return definition as unknown as CheckDefinition;
}
