import type { AuditScore } from './audit.ts';
import type { Micros } from './time.ts';

export const AUDIT_TRIGGERS = ['start', 'change', 'schedule'] as const;
export type AuditTrigger = (typeof AUDIT_TRIGGERS)[number];

/**
 * The running agent has audited the host: what came of it, in numbers. What fails is told by findings of the analyzer
 * `audit`; this says also that somebody looked, and what could not be seen.
 */
export interface AuditRunRecord {
  readonly kind: 'audit-run';
  /** Wall clock, when it was done. */
  readonly time: Micros;
  /** `start`: the first since the agent began. `change`: networks or containers had changed. `schedule`: it was time. */
  readonly trigger: AuditTrigger;
  /** How long it took, seconds; the agent did its other work meanwhile. */
  readonly tookSecs: number;
  /** As the engine says it; absent where it does not. */
  readonly engineVersion?: string | undefined;
  /** Running containers that were looked at. */
  readonly containers: number;
  /** Networks of the engine. */
  readonly networks: number;
  /** Checks that were run. */
  readonly checks: number;
  /** Ids of checks that were not run: left out by the configuration, or of facts that the agent does not gather. */
  readonly leftOut: readonly string[];
  /** Answers by outcome: `fail`, `unknown`, `pass`, `not-applicable`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Failures by severity, those that are too mild for a finding included. */
  readonly failures: Readonly<Record<string, number>>;
  /** Failures that stand as findings now, one for each check and object. */
  readonly findings: number;
  /** The host's first, then each network's that has members. */
  readonly scores: readonly AuditScore[];
  /** What could not be looked at, each reason once. */
  readonly unknown: readonly {
    /** Ids of the checks that it keeps from answering. */
    readonly checks: readonly string[];
    /** Why. */
    readonly reason: string;
  }[];
}
