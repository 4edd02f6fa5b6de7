import { type Workload, type WorkloadNames, workloadLabel } from './network.ts';

/**
 * Where an address lives, seen from this host. `gateway`: the bridge's own address on that network.
 * `host`: any other address of this machine. `lan`: private or link-local, not ours. `internet`: global.
 * `unknown` always comes with a reason in `attribution`; nothing is `host` or `internet` by default.
 */
export type Scope = 'container' | 'gateway' | 'host' | 'lan' | 'internet' | 'multicast' | 'unknown';

/** How an address was given its name, and how far to trust that. */
export interface Attribution {
  /**
   * `mac`: address and MAC both match the inventory of that bridge. `ip`: the address matches, the MAC was
   * not seen or not known. `network`: by the network's own subnets and gateways. `host-address`: an address
   * of one of this machine's interfaces. `range`: by the IANA registry of special ranges. `none`: unknown.
   */
  readonly method: 'mac' | 'ip' | 'network' | 'host-address' | 'range' | 'none';
  /** `certain`: it cannot be another. `likely`: it fits best. `ambiguous`: several fit. `none`: nothing is known. */
  readonly confidence: 'certain' | 'likely' | 'ambiguous' | 'none';
  /** Why not certain: always there when the confidence is `ambiguous` or `none`, absent when it is `certain`. */
  readonly reason?: string;
  /** Labels of the workloads it may have been; absent unless ambiguous. */
  readonly candidates?: readonly string[];
}

/** One end of a flow, at the time of its packets. */
export interface Endpoint {
  /** RFC 5952 text; an IPv4-mapped address is written as IPv4. */
  readonly ip: string;
  /** Absent for protocols without ports. */
  readonly port?: number | undefined;
  /** Absent on links without MAC addresses. */
  readonly mac?: string | undefined;
  /** Where the address lives, seen from this host. */
  readonly scope: Scope;
  /** The container; absent when no container held the address then, or it is not known which. */
  readonly workload?: Workload | undefined;
  /** Names this address is known by; bytes from the wire, so escaped wherever shown. */
  readonly names: readonly string[];
  /** How the address was given its name, and how far to trust that. */
  readonly attribution: Attribution;
}

/** `shop/db` for a container, else the scope's word with the address: `internet 198.51.100.7`. */
export function endpointLabel(endpoint: {
  readonly ip: string;
  readonly scope: Scope;
  readonly workload?: WorkloadNames | undefined;
}): string {
  if (endpoint.workload !== undefined) return workloadLabel(endpoint.workload);
  return `${endpoint.scope} ${endpoint.ip}`;
}
