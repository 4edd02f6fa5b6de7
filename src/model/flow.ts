import type { Endpoint } from './endpoint.ts';
import type { Network } from './network.ts';
import type { Micros } from './time.ts';

/**
 * Seen from the containers: `egress` leaves them, `ingress` reaches them from outside, `east-west` stays
 * between containers, `host` is between a container and this machine, `unknown` has an unattributed end.
 */
export type Direction = 'egress' | 'ingress' | 'east-west' | 'host' | 'unknown';

/** Zeek's conn_state; see docs/records.md for the letters. */
export type ConnState =
  | 'S0'
  | 'S1'
  | 'SF'
  | 'REJ'
  | 'S2'
  | 'S3'
  | 'RSTO'
  | 'RSTR'
  | 'RSTOS0'
  | 'RSTRH'
  | 'SH'
  | 'SHR'
  | 'OTH';

/** How much of the flow's time the capture really saw. */
export type Coverage = 'whole' | 'started-midstream' | 'lossy';

/**
 * A connection, or a pair of endpoints exchanging datagrams (names follow Zeek's conn log).
 * `orig` opened it: who sent the SYN, or the first packet seen where there is no handshake.
 */
export interface FlowRecord {
  readonly kind: 'flow';
  /** Unique for this agent and run; base-36. */
  readonly uid: string;
  /** Community ID v1, seed 0 (github.com/corelight/community-id-spec); absent for protocols it leaves out. */
  readonly communityId?: string;
  readonly start: Micros;
  readonly end: Micros;
  /** Where it was captured; absent when the interface belongs to no known network. */
  readonly network?: Network;
  readonly interface: string;
  readonly orig: Endpoint;
  readonly resp: Endpoint;
  /** `tcp`, `udp`, `icmp`, `icmp6`, or `ip-<number>`. */
  readonly protocol: string;
  /** Named by the well-known port for now, therefore a hint. */
  readonly service?: string;
  readonly serverName?: string;
  /** IP bytes: the total lengths of the IP packets, headers included, so that GRO and snaplen do not matter. */
  readonly origBytes: number;
  readonly respBytes: number;
  readonly origPackets: number;
  readonly respPackets: number;
  /** TCP: from flags. Others: `SF` when both sides spoke, else `S0`. */
  readonly connState: ConnState;
  /** Zeek's history letters: upper case from orig, lower case from resp. */
  readonly history: string;
  readonly direction: Direction;
  readonly coverage: Coverage;
  /** ICMP only: type and code of the first message. */
  readonly icmp?: { readonly type: number; readonly code: number };
  /** Why the record was written: still running, or how it ended. */
  readonly reason: 'start' | 'answered' | 'active' | 'idle' | 'closed' | 'evicted' | 'shutdown';
}

/** Traffic between two named ends over one interval: what dashboards sum. Written each roll-up interval. */
export interface TrafficRecord {
  readonly kind: 'traffic';
  readonly start: Micros;
  readonly end: Micros;
  readonly network: string;
  /** Workload labels, or the scope's word for ends that are no container. */
  readonly orig: string;
  readonly resp: string;
  readonly protocol: string;
  /** The responder's port; absent for protocols without ports. */
  readonly respPort?: number;
  readonly direction: Direction;
  readonly origBytes: number;
  readonly respBytes: number;
  readonly origPackets: number;
  readonly respPackets: number;
  readonly flowsStarted: number;
}
