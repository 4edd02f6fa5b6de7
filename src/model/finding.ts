import type { Endpoint } from './endpoint.ts';
import type { Micros } from './time.ts';

export const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** `informational` of none. */
export function gravest(severities: readonly Severity[]): Severity {
  return SEVERITIES[Math.max(0, ...severities.map((each) => SEVERITIES.indexOf(each)))]!;
}

/** `certain`: a fact of the inventory or the kernel. `high`/`medium`/`low`: a statistic with its threshold. */
export type Confidence = 'low' | 'medium' | 'high' | 'certain';

/** Id of what tells of many findings as one, and folds them; it is told to whoever is not sent those. */
export const FINDING_STORM = 'finding-storm';

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
  /** Somebody said that they are on it; absent when nobody did, and again once it reopens. */
  readonly acknowledged?:
    | {
        /** Wall clock. */
        readonly at: Micros;
        /** Who said so, as well as that is known. */
        readonly by: string;
        /** What they said; absent when they said nothing. */
        readonly note?: string | undefined;
      }
    | undefined;
  /** The operator does not want to be told of it; it is recorded all the same. Absent when it is not muted. */
  readonly muted?:
    | {
        /** Of the mute: `bridgewatch mutes` has it. */
        readonly id: string;
        /** Why. */
        readonly reason: string;
        /** From then on it is told again; absent: for ever. Wall clock. */
        readonly until?: Micros | undefined;
        /**
         * This record is the first that is muted, and the one before it was told: who is not told of what is muted is told
         * this one, as the end. Absent in all others.
         */
        readonly begins?: true | undefined;
      }
    | undefined;
  /** Id of the finding that tells of it, and of many like it, in their place: a storm. Absent when it is told itself. */
  readonly foldedInto?: string | undefined;
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
  /** `open` once, `update` while it goes on, `closed` when it has been quiet, `reopened` when it came back. */
  readonly status: 'open' | 'update' | 'closed' | 'reopened';
  /** Why this record was written now. */
  readonly reason: string;
  /** What makes two reports the same finding (Zeek's $identifier). */
  readonly key: string;
}
