/**
 * What other rooms know about a flow beyond its packets, as ports: the pipeline asks through these when it makes a
 * record and never learns who answers. Each answer is optional; what nobody knows stays absent.
 */
import type { DnsRecord } from '../model/dns.ts';
import type { Endpoint, GeoFacts, Scope } from '../model/endpoint.ts';
import type { FlowRecord } from '../model/flow.ts';
import type { NatFact } from '../model/nat.ts';
import type { Network, Workload } from '../model/network.ts';
import type { ClockStep, Micros } from '../model/time.ts';

/** Who an address is; implemented by the attribution of src/sensor/docker. */
export interface AddressNames {
  resolve(
    ip: string,
    mac: string | undefined,
    networkId: string | undefined,
    time: Micros,
    /** Of what lasted longer than a packet. */
    until?: Micros,
  ): Pick<Endpoint, 'scope' | 'workload' | 'names' | 'attribution'>;
}

/** A flow as it was seen on its bridge. */
export interface SeenFlow {
  readonly protocol: string;
  readonly orig: Endpoint;
  readonly resp: Endpoint;
  readonly network: Network | undefined;
  /** Packet times of its first and last packet. */
  readonly start: Micros;
  readonly end: Micros;
}

/** The other side of an address translation. Asked once a record; undefined where there is none. */
export interface NatUnfolder {
  unfold(flow: SeenFlow): NatFact | undefined;
}

/** What an outside address is known by. */
export interface OutsideNames {
  /** Each question, with its answer or without, before anything that it explains is described. */
  learn(record: DnsRecord): void;
  clockSet(step: ClockStep): void;
  /** Addresses whose names were given up for want of room. */
  readonly evicted: number;
  /** `asker`: the flow's other end, because a name counts only for who resolved it. */
  describe(
    ip: string,
    scope: Scope,
    asker: Workload | undefined,
    askerIp: string,
    time: Micros,
  ): { readonly names: readonly string[]; readonly geo?: GeoFacts | undefined } | undefined;
}

/** The host's end of a flow, and its peer. */
export interface HostSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly ip: string;
  readonly port: number;
  readonly peerIp: string;
  readonly peerPort: number;
  /** Packet time of the flow's first packet. */
  readonly since: Micros;
}

export type SocketOwner =
  | { readonly kind: 'container'; readonly workload: Workload }
  /** No container: the host itself. */
  | { readonly kind: 'host' }
  /** Several share the port. */
  | { readonly kind: 'several'; readonly candidates: readonly string[] };

/** Who holds the socket at the host's end: the host, or a container on its network. */
export interface SocketOwners {
  /** False where no container is on the host's network: then nobody has to ask. */
  readonly isNeeded: boolean;
  /** A flow begins; its owner can be asked for a moment later, and for as long as the flow lasts. */
  began(socket: HostSocket): void;
  /** Undefined when nobody knows (yet). */
  ownerOf(socket: HostSocket): SocketOwner | undefined;
}

/** What the flow's own bytes said, by slot. */
export interface FlowContent {
  of(slot: number): Pick<FlowRecord, 'service' | 'serverName' | 'serverNameFrom'> | undefined;
  serviceOf(slot: number): string | undefined;
  serverName(slot: number): string | undefined;
}
