/**
 * The failures of each audit as findings that stand: opened, changed and closed as the audits say, and by nothing else. It
 * holds the keys of those that are open, and no clock.
 */
import { z } from 'zod';
import { AUDIT_ANALYZER, type AuditObject, type AuditResult } from '../../../model/audit.ts';
import type { Endpoint } from '../../../model/endpoint.ts';
import type { Severity } from '../../../model/finding.ts';
import type { PastFinding } from '../../../model/past-finding.ts';
import type { Micros } from '../../../model/time.ts';
import type { AnalyzerDefinition } from '../../analysis/analyzer.ts';
import type { FindingManager } from '../../findings/manager.ts';
import { type Failure, failuresOf, readFailureKey, whyOver } from './failures.ts';

export interface AuditFindingsOptions {
  readonly findings: Pick<FindingManager, 'reportStanding' | 'settle' | 'tellStanding'>;
  readonly least: Severity;
  readonly subjectOf: (object: AuditObject) => Endpoint;
  /** What earlier runs told. */
  readonly past?: readonly PastFinding[] | undefined;
}

/** Told again, where nothing changed, so that it does not look forgotten. */
export const STILL_SO = 'still so at the latest audit';

export class AuditFindings {
  readonly #options: AuditFindingsOptions;
  readonly #open = new Map<string, Pick<Failure, 'check' | 'object'>>();
  /** Left open by an earlier run, and neither seen again nor seen to be over since. */
  readonly #past = new Map<string, Pick<Failure, 'check' | 'object'>>();

  constructor(options: AuditFindingsOptions) {
    this.#options = options;
    for (const { analyzer, key, wasOpen } of options.past ?? []) {
      const about = analyzer === AUDIT_ANALYZER && wasOpen ? readFailureKey(key) : undefined;
      if (about !== undefined) this.#past.set(key, about);
    }
  }

  /** `tellsAll`: also what is as it was. Returns how many stand, and how many failures there was no room for. */
  take(
    results: readonly AuditResult[],
    time: Micros,
    tellsAll: boolean,
  ): { readonly standing: number; readonly untold: number } {
    const { findings, least } = this.#options;
    const { failures, untold } = failuresOf(results, least);
    const now = new Set(failures.map(({ key }) => key));
    for (const kept of [this.#open, this.#past]) {
      for (const [key, gone] of kept) {
        const reason = now.has(key) ? undefined : whyOver(gone, results, least);
        if (reason === undefined) continue;
        kept.delete(key);
        findings.settle(AUDIT_ANALYZER, key, time, reason);
      }
    }
    for (const failure of failures) {
      this.#past.delete(failure.key);
      this.#open.set(failure.key, { check: failure.check, object: failure.object });
      this.#report(failure, time);
    }
    if (tellsAll) findings.tellStanding(AUDIT_ANALYZER, STILL_SO);
    return { standing: this.#open.size, untold };
  }

  #report(failure: Failure, time: Micros): void {
    const { check, key, severity, object, explanation, evidence } = failure;
    const subject = this.#options.subjectOf(object);
    const networks = networksOf(failure, subject);
    this.#options.findings.reportStanding(definitionOf(failure), {
      message: check,
      ...(networks.length === 0 ? {} : { network: networks.join(', ') }),
      ...{ time, key, severity, subject, explanation, evidence },
    });
  }
}

/** A container's own, since a result can be of several containers; in the form in which findings name several. */
function networksOf({ object, networks }: Failure, { workload }: Endpoint): readonly string[] {
  if (object.kind === 'network') return [object.name];
  if (workload === undefined || workload.networks.length === 0) return networks;
  return workload.networks;
}

/** Each check is told as an analyzer of the one id, whose only message is the check's. */
function definitionOf({ check, title, severity }: Failure): AnalyzerDefinition {
  return {
    id: AUDIT_ANALYZER,
    title,
    // A configuration is nobody's doing.
    attack: [],
    severity,
    confidence: 'certain',
    maturity: 'incubating',
    flows: 'none',
    config: z.strictObject({}),
    evidence: z.record(z.string(), z.any()),
    messages: { [check]: title },
    create: () => ({}),
  } as AnalyzerDefinition;
}
