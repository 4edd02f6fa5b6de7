/**
 * What single commands print with `--json` beside the agent's records; docs/records.md and docs/output.schema.json
 * are made from these comments and types.
 */
import type { ConfigIssue } from '../config/error.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Direction } from '../model/flow.ts';

/** `version --json`. */
export interface VersionRecord {
  readonly kind: 'version';
  /** Of the package. */
  readonly bridgewatch: string;
  /** Of the runtime. */
  readonly node: string;
  /** What the library says of itself; absent when live capture through libpcap is not possible. */
  readonly libpcap?: string;
  /** Why libpcap cannot be used; absent when it can. */
  readonly problem?: string;
}

/** `doctor --json`: one line for each thing looked at. */
export interface DiagnosisRecord extends Diagnosis {
  readonly kind: 'diagnosis';
}

/** `check-config --json` when all is well. */
export interface ConfigRecord {
  readonly kind: 'config';
  /** The file as it was named, or `environment and defaults`. */
  readonly file: string;
  /** Always. */
  readonly ok: true;
}

/** `check-config --json`: one line for each thing that is wrong. */
export interface ConfigIssueRecord extends ConfigIssue {
  readonly kind: 'config-issue';
}

/**
 * `dns --by ... --json`: one line for each container, name, zone or resolver, those with the most questions first, and
 * a last one for all others.
 */
export interface DnsSummaryRecord {
  readonly kind: 'dns-summary';
  /** What look-ups are summed up by. */
  readonly by: 'container' | 'name' | 'zone' | 'resolver';
  /**
   * Which one: a container's label, else the scope's word with the address; a name or zone in lower case; a resolver's
   * address or label, `engine` for Docker's embedded one where it is not known whom it asked. Absent in the last line.
   */
  readonly key?: string;
  /** Only in the last line: how many are summed up there. */
  readonly others?: number;
  /** The earliest question. */
  readonly first: string;
  /** The latest question. */
  readonly last: string;
  /** How many look-ups; with those of which only the answer was seen. */
  readonly questions: number;
  /** No answer was seen; mDNS and LLMNR do not count, because nobody owes one there. */
  readonly unanswered: number;
  /** Answers that there is no such name. */
  readonly nxdomain: number;
  /** Answers that the resolver could not find out. */
  readonly servfail: number;
  /** Distinct names, in any case. */
  readonly names: number;
  /** Distinct askers. */
  readonly clients: number;
  /** Absent while the counts are exact: `names` beyond 512 are some 5 % off, `clients` beyond 128 some 10 %. */
  readonly isEstimated?: true;
  /** Microseconds from question to answer, 5 % off at most; absent when no pair was seen. */
  readonly latencyMedian?: number;
  /** Nineteen of twenty answers came within, as exact; absent likewise. */
  readonly latencyP95?: number;
  /** The one whose `latencyP95` is the highest; absent when no pair was seen. */
  readonly slowestResolver?: {
    /** Written as `key` is. */
    readonly resolver: string;
    /** Look-ups with question and answer. */
    readonly questions: number;
    /** Of this resolver. */
    readonly latencyP95: number;
  };
  /** Who asked most, at most five. */
  readonly topClients: readonly DnsCount[];
  /** What was asked for most, at most five, in lower case. */
  readonly topNames: readonly DnsCount[];
  /** What came back most, at most five: data of the asked type, else the code, `NODATA`, or `?` for no answer. */
  readonly topAnswers: readonly DnsCount[];
}

export interface DnsCount {
  /** Whose or which, in escaped form. */
  readonly value: string;
  /** How many look-ups; at least so many, where there were more than 64 to choose from. */
  readonly count: number;
}

/** `map --edges --json`, and `map --watch` where it cannot draw: one line for each pair that talked of late. */
export interface EdgeRecord {
  readonly kind: 'edge';
  /** End of the window, wall clock; the same for all edges of one look. */
  readonly time: string;
  /** How much time the edge sums up. */
  readonly windowSecs: number;
  /** Name of the Docker network, else of the interface. */
  readonly network: string;
  /** Who opened the flows: a container's label, else the scope's word with the name or the address. */
  readonly orig: string;
  /** The other end, written alike. */
  readonly resp: string;
  /** The responder's port; absent for protocols without ports. */
  readonly respPort?: number;
  /** `tcp`, `udp`, `icmp`, `icmp6`, or `ip-<number>`. */
  readonly protocol: string;
  /** Seen from the containers. */
  readonly direction: Direction;
  /** IP bytes in both directions, averaged over the window; of a flow that began before it, its average so far. */
  readonly bytesPerSecond: number;
  /** Flows summed up. */
  readonly flows: number;
  /** Begin of the oldest of them. */
  readonly since: string;
  /** The latest packet that is recorded of them. */
  readonly last: string;
}

/** `learned --json`: one line for each service that the detector `new-edge` knows. */
export interface LearnedServiceRecord {
  readonly kind: 'learned';
  /** Always `new-edge`. */
  readonly analyzer: string;
  /** Compose project and service, or the Swarm service; else `image` with the image, where no service is known. */
  readonly service: string;
  /** `discover`: what it does is learned and not told. `monitor`: what is new is told. */
  readonly state: 'discover' | 'monitor';
  /** When it was first seen. */
  readonly since: string;
  /** When its edges were known; absent in `discover`. */
  readonly monitoredSince?: string;
  /** How much longer it must be watched at the least; absent in `monitor`. */
  readonly monitorInSecs?: number;
  /** How long it was watched when that was last kept; long quiet stretches count in part. */
  readonly watchedSecs: number;
  /** Known edges that it opens. */
  readonly edges: number;
  /** Outside places that it ever used; not counted on once it goes anywhere. */
  readonly places: number;
  /** It has no habits outside, so that no new place is told. */
  readonly goesAnywhere: boolean;
  /** It was reached from the Internet. */
  readonly isExposed: boolean;
}

/** `learned SERVICE --json`: one line for each edge that this service opens, after the service itself. */
export interface LearnedEdgeRecord {
  readonly kind: 'learned-edge';
  /** Always `new-edge`. */
  readonly analyzer: string;
  /** Who opens it, as in `learned`. */
  readonly service: string;
  /** A service as in `learned`, `host`, `lan` with a prefix, `zone` with a name, an AS number, or `net` with a prefix. */
  readonly target: string;
  /** With its protocol; `high` for all from 32768 on, `web` for 80 and 443 outside. */
  readonly port: string;
  /** When it was first seen. */
  readonly first: string;
}

/** `learned --json`, after the services: one line for each thing that a detector keeps. */
export interface LearnedMapRecord {
  readonly kind: 'learned-map';
  /** Which detector. */
  readonly analyzer: string;
  /** Its own word for what it learned. */
  readonly map: string;
  /** How many. */
  readonly entries: number;
  /** Of their text in the database. */
  readonly bytes: number;
  /** The newest of them; wall clock of the agent, or of the capture. */
  readonly saved: string;
}
