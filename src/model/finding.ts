import type { Endpoint } from './endpoint.ts';
import type { Micros } from './time.ts';

export const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** `certain`: a fact of the inventory or the kernel. `high`/`medium`/`low`: a statistic with its threshold. */
export type Confidence = 'low' | 'medium' | 'high' | 'certain';

export interface AttackTechnique {
  /** MITRE ATT&CK id, `T1048` or `T1071.004`. */
  readonly technique: string;
  /** Tactic short name, `exfiltration`. */
  readonly tactic: string;
}

/** Numbers, texts and lists only, so that every sink can store it. */
export type EvidenceValue = string | number | boolean | readonly string[] | readonly number[];

/** Something that by design should not happen, with the evidence that says so. */
export interface Finding {
  readonly kind: 'finding';
  /** Stable over the life of the finding and, for a replayed file, over runs. */
  readonly id: string;
  readonly analyzer: string;
  /** Which of the analyzer's messages: `attempted-blocked`, `tunnel`. */
  readonly message: string;
  readonly title: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly attack: readonly AttackTechnique[];
  readonly firstSeen: Micros;
  readonly lastSeen: Micros;
  /** How often it was reported so far. */
  readonly count: number;
  readonly network?: string;
  /** Who did it. */
  readonly subject: Endpoint;
  /** With whom. */
  readonly peers: readonly Endpoint[];
  readonly flowUids: readonly string[];
  readonly communityIds: readonly string[];
  /** What crossed, and which threshold. */
  readonly evidence: Readonly<Record<string, EvidenceValue>>;
  /** One sentence rendered from the evidence. */
  readonly explanation: string;
  readonly status: 'open' | 'update' | 'closed';
  /** Why this record was written now. */
  readonly reason: string;
  /** What makes two reports the same finding (Zeek's $identifier). */
  readonly key: string;
}
