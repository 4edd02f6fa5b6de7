import type { AuditRunRecord } from './audit-run.ts';
import type { BlockedRecord } from './blocked.ts';
import type { DecisionRecord } from './decision.ts';
import type { DnsRecord } from './dns.ts';
import type { Endpoint } from './endpoint.ts';
import type { EvidenceRecord } from './evidence.ts';
import type { Finding } from './finding.ts';
import type { FlowRecord, TrafficRecord } from './flow.ts';
import type { LeaseRecord } from './lease.ts';
import type { ListenerRecord } from './listener.ts';
import type { Workload } from './network.ts';
import type { SpoofRecord } from './spoof.ts';
import type { Micros } from './time.ts';

/** Traffic or records that were lost, where, and how many. */
export interface LossRecord {
  readonly kind: 'loss';
  /** When it was noticed. */
  readonly time: Micros;
  /** `kernel-ring`, `interface`, `flow-table`, `analyzer-window`, `sink-queue`, ... */
  readonly source: string;
  /** Interface, analyzer or sink concerned. */
  readonly where: string;
  /** Packets or records, as the source counts them. */
  readonly count: number;
  /** Not lost before. */
  readonly first: Micros;
  /** Not lost after. */
  readonly last: Micros;
}

/** Malformed traffic seen in an interval, by code (Zeek calls it weird). */
export interface AnomalyRecord {
  readonly kind: 'anomaly';
  /** End of the interval. */
  readonly time: Micros;
  /** `ipv4-header-truncated`, ... */
  readonly code: string;
  /** The tap's interface, or the file's name for a capture that names none. */
  readonly interface: string;
  /** How often in the interval. */
  readonly count: number;
}

/** A network, container or endpoint came, changed or went. */
export interface InventoryChange {
  readonly kind: 'inventory';
  /** When the engine says it happened. */
  readonly time: Micros;
  /** What happened to it. */
  readonly change: 'added' | 'changed' | 'removed';
  /** What it happened to. */
  readonly object: 'network' | 'container' | 'endpoint' | 'engine';
  /** The engine's id. */
  readonly id: string;
  /** The engine's name for it. */
  readonly name: string;
  /** What else is known, by kind of object. */
  readonly detail: Readonly<Record<string, string | boolean | readonly string[]>>;
}

/**
 * Whether a network is being watched, or the DNS of one container; a network without `covered` since its creation was
 * never seen.
 */
export interface CoverageRecord {
  readonly kind: 'coverage';
  /** When it changed. */
  readonly time: Micros;
  /** Name of the Docker network; absent where it is about a container. */
  readonly network?: string;
  /** The container whose questions to Docker's embedded resolver this is about; absent where it is about a network. */
  readonly container?: string;
  /** That container; absent where it is about a network. */
  readonly workload?: Workload;
  /** Absent when the network has none on this host. */
  readonly interface?: string;
  /** Whether its traffic is seen from now on. */
  readonly state: 'covered' | 'uncovered';
  /** Why. */
  readonly reason: string;
}

/**
 * The kernel refused to route a container's packets: `OutNoRoutes` of its network namespace rose. On engines
 * >= 25 this is the only trace of an attempt to leave an internal network, because no packet is ever emitted.
 */
export interface NoRouteRecord {
  readonly kind: 'no-route';
  /** Of the second reading. */
  readonly time: Micros;
  /** The container whose sends the kernel refused. */
  readonly subject: Endpoint;
  /** All that the container is on. */
  readonly networks: readonly {
    /** Name of the Docker network. */
    readonly name: string;
    /** `internal: true`: by design nothing leaves or enters. */
    readonly internal: boolean;
  }[];
  /** Each has a counter of its own. */
  readonly family: 'ipv4' | 'ipv6';
  /** Failed sends since the last reading. */
  readonly count: number;
  /** Interval between the two readings, seconds. */
  readonly intervalSecs: number;
}

/** The closing line of `analyze`. */
export interface SummaryRecord {
  readonly kind: 'summary';
  /** Frames read. */
  readonly packets: number;
  /** Bytes on the wire, link headers included. */
  readonly bytes: number;
  /** Packet time of the first frame; absent when there was none. */
  readonly first?: Micros;
  /** The latest packet time; absent when there was no frame. */
  readonly last?: Micros;
  /** Flows seen, evicted ones included. */
  readonly flows: number;
  /** Questions seen, retransmissions aside. */
  readonly dnsQuestions: number;
  /** Findings opened. */
  readonly findings: number;
  /** Malformed traffic, by code. */
  readonly anomalies: Readonly<Record<string, number>>;
  /** Frames whose protocol is not decoded, by EtherType, IP protocol or link type. */
  readonly notUnderstood: Readonly<Record<string, number>>;
  /** What was lost, by source. */
  readonly losses: Readonly<Record<string, number>>;
  /**
   * How many files ended how: `whole`, `cut`, `corrupt`, `unreadable`, `copy` (of another, not read), `outside` (of the
   * range of time, not read), `not-a-capture` (passed over); absent when one file was read.
   */
  readonly files?: Readonly<Record<string, number>>;
  /** Packets that were in two files of one interface, and counted once; absent when there were none. */
  readonly duplicates?: number;
}

/** Everything that leaves the sensor. Each switch over `kind` is exhaustive. */
export type AgentRecord =
  | FlowRecord
  | TrafficRecord
  | DnsRecord
  | Finding
  | LossRecord
  | AnomalyRecord
  | InventoryChange
  | CoverageRecord
  | NoRouteRecord
  | BlockedRecord
  | ListenerRecord
  | LeaseRecord
  | SpoofRecord
  | DecisionRecord
  | EvidenceRecord
  | AuditRunRecord
  | SummaryRecord;

export type RecordKind = AgentRecord['kind'];
