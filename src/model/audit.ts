/**
 * What the audit says of the host's configuration: a check's answer about some objects. Unlike a finding it is no
 * event: it is true until somebody changes the configuration.
 */
import { type EvidenceValue, SEVERITIES, type Severity } from './finding.ts';

/** What stands as the analyzer of the running agent's findings that a check made; their message is the check's id. */
export const AUDIT_ANALYZER = 'audit';

/** In the order in which a person wants to read them. */
export const AUDIT_OUTCOMES = ['fail', 'unknown', 'pass', 'not-applicable'] as const;
/**
 * `unknown`: what the check reads could not be read, and why stands in the explanation. `not-applicable`: there is nothing
 * here that it could be about.
 */
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

export const AUDIT_GROUPS = [
  'exposure',
  'privileges',
  'segmentation',
  'drivers',
  'engine',
  'dns',
  'drift',
] as const;
export type AuditGroup = (typeof AUDIT_GROUPS)[number];

export interface AuditObject {
  /** What it is; a `project` is one of Compose. */
  readonly kind: 'host' | 'engine' | 'network' | 'container' | 'project';
  /** As people name it: `shop/db`, `shop_data`. */
  readonly name: string;
  /** The engine's id; absent of the host and the engine. */
  readonly id?: string;
  /** Where a Compose file declares it; absent where none does, or none was read. */
  readonly at?: AuditPlace;
}

export interface AuditPlace {
  /** Its path, as it was named. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export interface AuditRemedy {
  /** What to do, in a sentence. */
  readonly what: string;
  /** Lines of a Compose file; absent where none would mend it. */
  readonly compose?: string;
  /** Lines of the engine's daemon.json; absent where none would mend it. */
  readonly daemonJson?: string;
  /** Commands for a shell; absent where none is needed. */
  readonly commands?: readonly string[];
}

export interface AuditResult {
  /** Id of the check: its page is docs/audit/ID.md. */
  readonly check: string;
  /** What the check holds the host against. */
  readonly title: string;
  /** What it is about. */
  readonly group: AuditGroup;
  /** The answer. */
  readonly outcome: AuditOutcome;
  /** How bad it is where the answer is `fail`; how bad it could be otherwise. */
  readonly severity: Severity;
  /** Which of several things, where one object can fail by more than one, as a CVE; absent where there is only one. */
  readonly topic?: string;
  /** Whom it is about: those that fail, or that are right; empty where that is nobody. */
  readonly objects: readonly AuditObject[];
  /** Names of the networks it counts against; empty: the host itself. */
  readonly networks: readonly string[];
  /** One or two sentences. */
  readonly explanation: string;
  /** What was read, and decides. */
  readonly evidence: Readonly<Record<string, EvidenceValue>>;
  /** How to mend it, or how to let the audit see; absent where there is nothing to do. */
  readonly remedy?: AuditRemedy;
  /** Recommendations of the CIS Docker Benchmark 1.6.0: `5.14`; absent where it has none. */
  readonly cis?: readonly string[];
  /** Engine versions that it holds for: `>=28.0`; absent: all. */
  readonly engines?: string;
}

/** Points that a check costs where it fails. */
export const AUDIT_POINTS: Readonly<Record<Severity, number>> = {
  critical: 40,
  high: 20,
  medium: 10,
  low: 4,
  informational: 0,
};

export interface AuditScore {
  /** Name of the network; absent: the host itself, which holds what belongs to no network. */
  readonly network?: string;
  /** 100 less the points of each check that fails, each counted once, at its gravest; never below 0. */
  readonly score: number;
  /** Checks that fail. */
  readonly failed: number;
  /** Checks that could not answer: the score is at most this. */
  readonly unknown: number;
}

/**
 * A check costs its points once, however many containers fail it: ten containers with one mistake are one decision to
 * take back. What is unknown costs nothing, and is told beside the score.
 */
export function auditScores(results: readonly AuditResult[], networks: readonly string[]): AuditScore[] {
  const places = [undefined, ...networks];
  return places.map((network) => {
    const here = results.filter((result) =>
      network === undefined ? result.networks.length === 0 : result.networks.includes(network),
    );
    const worst = new Map<string, number>();
    for (const { check, outcome, severity } of here) {
      if (outcome !== 'fail') continue;
      worst.set(check, Math.max(worst.get(check) ?? 0, AUDIT_POINTS[severity]));
    }
    const lost = [...worst.values()].reduce((sum, points) => sum + points, 0);
    const unknown = new Set(here.filter(({ outcome }) => outcome === 'unknown').map(({ check }) => check));
    return {
      ...(network === undefined ? {} : { network }),
      score: Math.max(0, 100 - lost),
      failed: worst.size,
      unknown: unknown.size,
    };
  });
}

/** Failures first, the gravest of them first; then as the checks are listed. */
export function byGravity(a: AuditResult, b: AuditResult): number {
  const outcome = AUDIT_OUTCOMES.indexOf(a.outcome) - AUDIT_OUTCOMES.indexOf(b.outcome);
  return outcome !== 0 ? outcome : SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity);
}

/** How far a way out of an internal network is known to have been gone. */
export const WAY_MARKS = ['possible', 'attempted', 'used'] as const;
export type WayMark = (typeof WAY_MARKS)[number];

/** One way by which packets, or what is in them, can leave an internal network. */
export interface WayOut {
  /** Which kind of way: `dual-homed-member`, `host-service`. */
  readonly way: string;
  /** `possible`: it stands open. `attempted`: somebody tried. `used`: something got out. */
  readonly mark: WayMark;
  /** How bad it is that it stands open. */
  readonly severity: Severity;
  /** Whose it is. */
  readonly objects: readonly AuditObject[];
  /** One or two sentences. */
  readonly explanation: string;
  /** What was read, and decides. */
  readonly evidence: Readonly<Record<string, EvidenceValue>>;
  /** How to shut it; absent where there is nothing to do. */
  readonly remedy?: AuditRemedy;
}

/** A way that was looked for, and is shut. */
export interface ShutWay {
  /** Which kind of way, as of those that are open. */
  readonly way: string;
  /** What shuts it. */
  readonly reason: string;
  /** What was tried there all the same, in a sentence; absent where nothing is known to have been. */
  readonly attempts?: string;
}

export interface UnknownWay {
  /** Which kind of way, likewise. */
  readonly way: string;
  /** What could not be read, and why. */
  readonly reason: string;
  /** What would tell. */
  readonly remedy: string;
}

/** What keeps one internal network in, and what does not. */
export interface NetworkAssurance {
  /** Its name. */
  readonly network: string;
  /** Those that stand open, the gravest first. */
  readonly ways: readonly WayOut[];
  /** Those that were looked for, and are shut. */
  readonly shut: readonly ShutWay[];
  /** Those of which nobody can tell from here, and why. */
  readonly notKnown: readonly UnknownWay[];
  /** What the marks rest on: flows of which time, counters; in a sentence. */
  readonly basis: string;
}
