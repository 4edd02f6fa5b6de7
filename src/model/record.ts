import type { DnsRecord } from './dns.ts';
import type { Endpoint } from './endpoint.ts';
import type { Finding } from './finding.ts';
import type { FlowRecord, TrafficRecord } from './flow.ts';
import type { Micros } from './time.ts';

/** Traffic or records that were lost, where, and how many. */
export interface LossRecord {
  readonly kind: 'loss';
  readonly time: Micros;
  /** `kernel-ring`, `interface`, `flow-table`, `analyzer-window`, `sink-queue`, ... */
  readonly source: string;
  /** Interface, analyzer or sink concerned. */
  readonly where: string;
  readonly count: number;
  readonly first: Micros;
  readonly last: Micros;
}

/** Malformed traffic seen in an interval, by code (Zeek calls it weird). */
export interface AnomalyRecord {
  readonly kind: 'anomaly';
  readonly time: Micros;
  /** `ipv4-header-truncated`, ... */
  readonly code: string;
  readonly interface: string;
  readonly count: number;
}

/** A network, container or endpoint came, changed or went. */
export interface InventoryChange {
  readonly kind: 'inventory';
  readonly time: Micros;
  readonly change: 'added' | 'changed' | 'removed';
  readonly object: 'network' | 'container' | 'endpoint' | 'engine';
  readonly id: string;
  readonly name: string;
  readonly detail: Readonly<Record<string, string | boolean | readonly string[]>>;
}

/** Whether a network is being watched; a network without `covered` since its creation was never seen. */
export interface CoverageRecord {
  readonly kind: 'coverage';
  readonly time: Micros;
  readonly network: string;
  readonly interface?: string;
  readonly state: 'covered' | 'uncovered';
  readonly reason: string;
}

/**
 * The kernel refused to route a container's packets: `OutNoRoutes` of its network namespace rose. On engines
 * >= 25 this is the only trace of an attempt to leave an internal network, because no packet is ever emitted.
 */
export interface NoRouteRecord {
  readonly kind: 'no-route';
  readonly time: Micros;
  readonly subject: Endpoint;
  readonly networks: readonly { readonly name: string; readonly internal: boolean }[];
  readonly family: 'ipv4' | 'ipv6';
  /** Failed sends since the last reading. */
  readonly count: number;
  /** Interval between the two readings, seconds. */
  readonly intervalSecs: number;
}

/** The closing line of `analyze`. */
export interface SummaryRecord {
  readonly kind: 'summary';
  readonly packets: number;
  readonly bytes: number;
  readonly first?: Micros;
  readonly last?: Micros;
  readonly flows: number;
  readonly dnsQuestions: number;
  readonly findings: number;
  readonly anomalies: Readonly<Record<string, number>>;
  /** Frames whose protocol is not decoded, by EtherType, IP protocol or link type. */
  readonly notUnderstood: Readonly<Record<string, number>>;
  readonly losses: Readonly<Record<string, number>>;
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
  | SummaryRecord;

export type RecordKind = AgentRecord['kind'];
