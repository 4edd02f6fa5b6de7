/** What stored flows tell, summed up for an audit, which reads no database itself. */
import type { EvidenceValue } from './finding.ts';
import type { Direction } from './flow.ts';
import type { NatFact } from './nat.ts';
import type { Micros } from './time.ts';

export interface TalkEnd {
  /** `shop/db`, as the audit names containers; absent where no container was known. */
  readonly service?: string;
  /** Absent of containers, and where the flows of several addresses were summed. */
  readonly ip?: string;
  /** `container`, `gateway`, `host`, `lan`, `internet`, `unknown`, as in flows. */
  readonly scope: string;
}

/** All flows of one kind between two ends, on one network. */
export interface Talk {
  /** Its name; of an interface that is no network's, the interface's. */
  readonly network: string;
  readonly direction: Direction;
  /** Who really opened it: before any translation. `unknown` where something stands between and nobody knows who came. */
  readonly orig: TalkEnd;
  readonly resp: TalkEnd;
  /** Where the connection came in, as the container sees it; absent for protocols without ports. */
  readonly respPort?: number;
  /** What its client asked the host for, where that is known; absent where it came straight, or nobody knows. */
  readonly publishedPort?: number;
  /** What stood between; absent where nothing is known to have. */
  readonly nat?: NatFact['kind'];
  readonly protocol: string;
  readonly flows: number;
  /** Flows to which something was answered but a refusal, which a firewall sends too. */
  readonly answered: number;
  readonly bytes: number;
  readonly first: Micros;
  readonly last: Micros;
}

/** How long a service was seen to be on a network. */
export interface Membership {
  readonly network: string;
  /** As in talks. */
  readonly service: string;
  /** Only what lies in the time that was watched. */
  readonly watchedSecs: number;
}

/** A finding of the agent, as an audit takes it for a sign that a way was gone: what flows do not tell, it may. */
export interface FindingSign {
  readonly id: string;
  readonly analyzer: string;
  readonly message: string;
  /** Its subject, as in talks. */
  readonly service: string;
  /** Absent when the subject was on none that is known. */
  readonly network?: string;
  readonly evidence: Readonly<Record<string, EvidenceValue>>;
  readonly last: Micros;
}

export interface TrafficHistory {
  /** Flows are known of this time; while the agent did not run, none are. */
  readonly from: Micros;
  readonly until: Micros;
  /** For how much of that time the agent ran. */
  readonly watchedSecs: number;
  /** How much has to be watched before it means anything that something never came. */
  readonly enoughSecs: number;
  readonly talks: readonly Talk[];
  readonly memberships: readonly Membership[];
  /** The latest of those that can be signs, each once, as it is now. */
  readonly signs: readonly FindingSign[];
  /** There were more than could be summed: what is not here may have been all the same. */
  readonly isPartial: boolean;
  /** Networks that were not covered in all that time, by name: what is not here may have been there all the same. */
  readonly uncovered: readonly string[];
}
