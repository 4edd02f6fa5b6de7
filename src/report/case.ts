/**
 * A case as its report tells it: what the renderers print and nothing else decides. Every text in it is one printable
 * ASCII line already (src/model/escape.ts); a renderer adds the escaping of its own form and no other. Times are the
 * texts of records (ISO 8601, microseconds, UTC), so that they sort as they are. Plain data: JSON keeps all of it.
 */
import type { Severity } from '../model/finding.ts';

export interface CaseReport {
  readonly title: string;
  /** `files`: packets were read again. `store`: what an agent has recorded. */
  readonly from: 'files' | 'store';
  readonly verdict: Verdict;
  readonly looked: LookedAt;
  /** The worst first; among equals the earliest. */
  readonly findings: readonly CaseFinding[];
  /** Those for which there was no room, and those that a storm tells of. */
  readonly findingsNotShown: NotShown;
  readonly actors: Listed<Actor>;
  readonly amounts: Amounts;
  readonly timeline: Listed<Happening>;
  readonly lookUps: Listed<LookUp>;
  readonly next: readonly NextStep[];
  readonly unseen: readonly BlindSpot[];
}

/** The first so many of a list, and how many more there were. */
export interface Listed<Item> {
  /** Those that are shown. */
  readonly items: readonly Item[];
  /** Those that are not in `items`. */
  readonly more: number;
  /** `more` is a lower bound: they were no longer told apart. */
  readonly moreIsLeast: boolean;
}

export interface Verdict {
  /** Of the worst finding; absent when there is none. */
  readonly severity?: Severity | undefined;
  /** In a line: how many findings, how grave. */
  readonly headline: string;
  /** In a sentence or two: what the worst one is. */
  readonly sentence: string;
  /** Something may have been missed, and it counts; absent otherwise. */
  readonly caution?: string | undefined;
}

export interface LookedAt {
  /** Names of files, or of the database. */
  readonly inputs: Listed<string>;
  /** Of the first packet, or the begin of the time that was asked for; absent when nothing was seen. */
  readonly first?: string | undefined;
  /** Of the last packet, or the end of that time; absent when nothing was seen. */
  readonly last?: string | undefined;
  /** What was read from files; absent else. */
  readonly packets?: number | undefined;
  /** On the wire, link headers included; absent likewise. */
  readonly bytes?: number | undefined;
  /** Different flows. */
  readonly flows: number;
  /** DNS questions. */
  readonly lookUps: number;
  /** What else bears on the answers, one line each: a filter, an inventory, lists. */
  readonly remarks: readonly string[];
  /** `bridgewatch 0.1.0`. */
  readonly versions: readonly string[];
}

/** One end, and how sure its name is. */
export interface CaseEnd {
  /** As people name it: `shop/db`, `internet api.example.com (198.51.100.7)`. */
  readonly label: string;
  /** RFC 5952 text. */
  readonly ip: string;
  /** Absent where there is none, and where it does not matter. */
  readonly port?: number | undefined;
  /** Name of the container; absent when it is none, or not known. */
  readonly container?: string | undefined;
  /** Image of the container; absent likewise. */
  readonly image?: string | undefined;
  /** As in `attribution.confidence` of a record. */
  readonly surety: 'certain' | 'likely' | 'ambiguous' | 'none';
  /** How it was named, and why no more surely: `mac+ip`, `none: no network has this address`. */
  readonly how: string;
  /** Country and autonomous system; absent when no database knows them. */
  readonly place?: string | undefined;
}

export interface CaseFinding {
  /** `F1`, by which the other parts of the report call it. */
  readonly ref: string;
  /** As in the record of the finding. */
  readonly id: string;
  /** As in the record: its page is docs/analyzers/ID.md. */
  readonly analyzer: string;
  /** What the analyzer finds, in general. */
  readonly title: string;
  /** Of its last record. */
  readonly severity: Severity;
  /** How sure it is. */
  readonly confidence: string;
  /** Of its last record: `open`, `update`, `closed`, `reopened`. */
  readonly status: string;
  /** First sign. */
  readonly firstSeen: string;
  /** Latest sign. */
  readonly lastSeen: string;
  /** How often it was reported. */
  readonly count: number;
  /** Name of the Docker network; absent when the subject is on none that is known. */
  readonly network?: string | undefined;
  /** Who did it. */
  readonly subject: CaseEnd;
  /** With whom. */
  readonly peers: Listed<CaseEnd>;
  /** The analyzer's sentence. */
  readonly explanation: string;
  /** What crossed, and which threshold; in the analyzer's order. */
  readonly evidence: readonly CaseEvidence[];
  /** What an attacker would be doing. */
  readonly attack: readonly CaseTechnique[];
  /** Of some of its flows, for other tools. */
  readonly communityIds: readonly string[];
  /** An exception, a mute, an acknowledgement: who said what; empty as a rule. */
  readonly remarks: readonly string[];
}

export interface CaseEvidence {
  /** As the analyzer calls it. */
  readonly name: string;
  /** A list as its first few, and how many more. */
  readonly value: string;
}

export interface CaseTechnique {
  /** MITRE ATT&CK id. */
  readonly id: string;
  /** Its name there; empty where it is not known here. */
  readonly name: string;
  /** Short name of the tactic. */
  readonly tactic: string;
}

export interface NotShown {
  /** For want of room, by severity, the worst first. */
  readonly leftOut: readonly SeverityCount[];
  /** There were more of them than are told apart. */
  readonly leftOutIsLeast: boolean;
  /** One finding stands for them: told as a storm. */
  readonly folded: number;
}

export interface SeverityCount {
  /** As in findings. */
  readonly severity: Severity;
  /** Findings. */
  readonly count: number;
}

export interface Actor {
  /** As people name it. */
  readonly label: string;
  /** Addresses under which it stands in findings, the first few. */
  readonly ips: readonly string[];
  /** Name of the container; absent when it is none, or not known. */
  readonly container?: string | undefined;
  /** Image of the container; absent likewise. */
  readonly image?: string | undefined;
  /** Docker networks of the findings. */
  readonly networks: readonly string[];
  /** As in `attribution.confidence` of a record. */
  readonly surety: CaseEnd['surety'];
  /** How it was named, and why no more surely. */
  readonly how: string;
  /** Country and autonomous system; absent when no database knows them. */
  readonly place?: string | undefined;
  /** Of the worst finding that it is part of. */
  readonly severity: Severity;
  /** Refs of findings that are about it. */
  readonly did: readonly string[];
  /** Refs of findings in which it is the other end. */
  readonly metIn: readonly string[];
}

export interface Amounts {
  /** Between containers and the outside, the most that left first; without containers, between any two. */
  readonly left: Listed<Amount>;
  /** Of the pairs that are not listed. */
  readonly leftRest: Sums;
  /** `left` is of pairs of which none is known to be inside: no inventory tells. */
  readonly isUnattributed: boolean;
  /** All flows; what was sent out is by who opened them. */
  readonly byDirection: readonly DirectionSum[];
  /** What detectors counted or estimated themselves, such as data in names of DNS. */
  readonly told: readonly ToldAmount[];
}

export interface Sums {
  /** Different flows. */
  readonly flows: number;
  /** IP bytes that the first of the two sent. */
  readonly bytesOut: number;
  /** IP bytes that the other sent. */
  readonly bytesIn: number;
}

export interface DirectionSum extends Sums {
  /** As in flows. */
  readonly direction: string;
  /** In words. */
  readonly meaning: string;
}

export interface ToldAmount {
  /** Of the finding. */
  readonly ref: string;
  /** Its subject. */
  readonly who: string;
  /** As its evidence has them. */
  readonly bytes: number;
  /** What they are: sent, estimated. */
  readonly what: string;
}

export interface Amount extends Sums {
  /** The end inside; without containers, who opened it. */
  readonly who: string;
  /** The other end with its address. */
  readonly whom: string;
  /** Country and autonomous system of the other end; absent when no database knows them. */
  readonly place?: string | undefined;
  /** `tcp/443 tls`, the first few. */
  readonly service: string;
  /** Name of the Docker network, else of the interface. */
  readonly network: string;
  /** `egress`: the container opened it. `ingress`: the outside did. */
  readonly direction: string;
  /** Of the first flow. */
  readonly first: string;
  /** Of the last packet of any of them. */
  readonly last: string;
  /** Refs of findings that name this pair. */
  readonly refs: readonly string[];
}

export interface Happening {
  /** When. */
  readonly time: string;
  /** `finding`, `traffic`, `look-up`, or the kind of the record that tells of it. */
  readonly of: string;
  /** Of a finding; absent for all else. */
  readonly severity?: Severity | undefined;
  /** Of a finding; absent for all else. */
  readonly ref?: string | undefined;
  /** What happened. */
  readonly text: string;
}

export interface LookUp {
  /** Who asked. */
  readonly who: string;
  /** What was registered, or the whole name where that cannot be told. */
  readonly zone: string;
  /** How many. */
  readonly questions: number;
  /** Answered with no such name, or with an error. */
  readonly failed: number;
  /** No answer was seen, where one is owed. */
  readonly unanswered: number;
  /** One of the names. */
  readonly sample: string;
  /** Of the first question. */
  readonly first: string;
  /** Of the last question. */
  readonly last: string;
}

export interface NextStep {
  /** Refs of findings it is for; none: for the case as a whole. */
  readonly refs: readonly string[];
  /** What to see. */
  readonly what: string;
  /** To be pasted into a shell; names in them are quoted. */
  readonly commands: readonly string[];
  /** What to do once it is true; absent where that follows. */
  readonly mend?: string | undefined;
  /** Where more is written, a page of the documentation; absent where there is none. */
  readonly page?: string | undefined;
}

export interface BlindSpot {
  /** `grave`: findings may be missing for it. `plain`: the usual limits. */
  readonly weight: 'grave' | 'plain';
  /** In a word or two. */
  readonly what: string;
  /** How much, where, when, why. */
  readonly detail: string;
}
