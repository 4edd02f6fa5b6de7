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
  /** Id of the analyzer: its page is docs/analyzers/ID.md. */
  readonly analyzer: string;
  /** Which of the analyzer's messages: `attempted-blocked`, `tunnel`. */
  readonly message: string;
  /** What the analyzer finds, in general. */
  readonly title: string;
  /** How bad it is when true. */
  readonly severity: Severity;
  /** It is as the operator said that it should be, and therefore informational; absent when it is no exception. */
  readonly exception?:
    | {
        /** As in the configuration. */
        readonly reason: string;
        /** What it would be without. */
        readonly severity: Severity;
      }
    | undefined;
  /** How sure it is; argued in docs/analyzers. */
  readonly confidence: Confidence;
  /** What an attacker would be doing. */
  readonly attack: readonly AttackTechnique[];
  /** Packet time of the first sign. */
  readonly firstSeen: Micros;
  /** Packet time of the latest sign. */
  readonly lastSeen: Micros;
  /** How often it was reported so far. */
  readonly count: number;
  /** Name of the Docker network; absent when the subject is on none that is known. */
  readonly network?: string;
  /** Who did it. */
  readonly subject: Endpoint;
  /** With whom. */
  readonly peers: readonly Endpoint[];
  /** Flows in which it was seen; a sample when there are many. */
  readonly flowUids: readonly string[];
  /** Their Community IDs, for other tools. */
  readonly communityIds: readonly string[];
  /** What crossed, and which threshold. */
  readonly evidence: Readonly<Record<string, EvidenceValue>>;
  /** One sentence rendered from the evidence. */
  readonly explanation: string;
  /** `open` once, `update` while it goes on, `closed` when it has been quiet. */
  readonly status: 'open' | 'update' | 'closed';
  /** Why this record was written now. */
  readonly reason: string;
  /** What makes two reports the same finding (Zeek's $identifier). */
  readonly key: string;
}
