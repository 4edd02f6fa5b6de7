import type { Endpoint } from './endpoint.ts';
import type { NatFact } from './nat.ts';
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

/** TCP segments with neither SYN, ACK nor RST, by nmap's names for them: no flag at all, FIN alone, FIN with PSH or URG. */
export type TcpProbe = 'null' | 'fin' | 'xmas';

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
  readonly communityId?: string | undefined;
  /** Packet time of the first packet. */
  readonly start: Micros;
  /** Packet time of the last packet so far. */
  readonly end: Micros;
  /** Where it was captured; absent when the interface belongs to no known network. */
  readonly network?: Network | undefined;
  /** The tap's interface, or the file's name for a capture that names none. */
  readonly interface: string;
  /** Who opened it. */
  readonly orig: Endpoint;
  /** Who was spoken to. */
  readonly resp: Endpoint;
  /** `tcp`, `udp`, `icmp`, `icmp6`, or `ip-<number>`. */
  readonly protocol: string;
  /** The application protocol as its own bytes tell it: `tls`, `http`, `postgresql`; absent when they were not recognised. */
  readonly service?: string | undefined;
  /** What usually listens on the responder's port. A hint and no more; absent where `service` is known or the port is nobody's. */
  readonly portHint?: string | undefined;
  /** The name the client asked for in the protocol itself; bytes from the wire, escaped; absent when none was read. */
  readonly serverName?: string | undefined;
  /** Where `serverName` stood; absent without one. */
  readonly serverNameFrom?: 'tls-sni' | 'quic-sni' | 'http-host' | 'certificate' | undefined;
  /** The other side of an address translation; absent where none is known of and none is suspected. */
  readonly nat?: NatFact | undefined;
  /** IP bytes: the total lengths of the IP packets, headers included, so that GRO and snaplen do not matter. */
  readonly origBytes: number;
  /** The same in the other direction. */
  readonly respBytes: number;
  /** Packets from orig; one that offloading made of several counts once. */
  readonly origPackets: number;
  /** Packets from resp. */
  readonly respPackets: number;
  /** TCP: from flags. Others: `SF` when both sides spoke, else `S0`. */
  readonly connState: ConnState;
  /** Zeek's history letters: upper case from orig, lower case from resp. */
  readonly history: string;
  /** Seen from the containers. */
  readonly direction: Direction;
  /** How much of the time of the flow the capture really saw. */
  readonly coverage: Coverage;
  /** Type and code of the first message; absent unless ICMP or ICMPv6. */
  readonly icmp?:
    | {
        /** RFC 792, RFC 4443. */
        readonly type: number;
        /** Its meaning depends on the type. */
        readonly code: number;
      }
    | undefined;
  /** Present when the first TCP segment was one that no stack sends, only a scanner: by nmap's name for it. */
  readonly probe?: TcpProbe | undefined;
  /**
   * Why the record was written. `start`, `answered`, `active`: still running. `closed`: by both sides, or reset. `idle`:
   * silent for its time-out. `evicted`: given up, the flow table was full. `tap-ended`: its network was removed or its
   * tap was lost, so that its end was not seen. `shutdown`: the input ended, or the agent did.
   */
  readonly reason: 'start' | 'answered' | 'active' | 'idle' | 'closed' | 'evicted' | 'tap-ended' | 'shutdown';
}

/** Traffic between two named ends over one interval: what dashboards sum. Written each roll-up interval. */
export interface TrafficRecord {
  readonly kind: 'traffic';
  /** Begin of the interval, packet time. */
  readonly start: Micros;
  /** End of the interval. */
  readonly end: Micros;
  /** Name of the Docker network, else of the interface; `other` for what was folded beyond flows.max_edges. */
  readonly network: string;
  /** Workload labels, or the scope's word for ends that are no container. */
  readonly orig: string;
  /** The other end, written alike. */
  readonly resp: string;
  /** `tcp`, `udp`, `icmp`, `icmp6`, or `ip-<number>`. */
  readonly protocol: string;
  /** The responder's port; absent for protocols without ports. */
  readonly respPort?: number;
  /** Seen from the containers. */
  readonly direction: Direction;
  /** IP bytes from orig in this interval. */
  readonly origBytes: number;
  /** IP bytes from resp in this interval. */
  readonly respBytes: number;
  /** Packets from orig in this interval. */
  readonly origPackets: number;
  /** Packets from resp in this interval. */
  readonly respPackets: number;
  /** Flows that began in this interval. */
  readonly flowsStarted: number;
}
