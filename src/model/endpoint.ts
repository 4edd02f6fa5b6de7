import { type Workload, type WorkloadNames, workloadLabel } from './network.ts';

/**
 * Where an address lives, seen from this host. `gateway`: the bridge's own address on that network.
 * `host`: any other address of this machine. `engine`: Docker itself, answering inside a container's namespace (its
 * embedded resolver at 127.0.0.11). `lan`: private or link-local, not ours. `internet`: global.
 * `unknown` always comes with a reason in `attribution`; nothing is `host` or `internet` by default.
 */
export type Scope =
  | 'container'
  | 'gateway'
  | 'host'
  | 'engine'
  | 'lan'
  | 'internet'
  | 'multicast'
  | 'unknown';

/** How an address was given its name, and how far to trust that. */
export interface Attribution {
  /**
   * `mac+ip`: address and MAC both match the inventory of that bridge. `mac`: the MAC alone, for addresses that name
   * nobody (link-local, unspecified). `ip@time`: who held the address then; the MAC was not seen or not known.
   * `conntrack`: the kernel's table of translated connections names the end behind the translation. `netns`: seen in, or
   * owned by a socket of, that container's network namespace. `gateway`: the host's own address on that network.
   * `network`: by the network's subnets. `host-address`: an address of one of this machine's interfaces. `range`: by the
   * IANA registry of special ranges. `none`: unknown, see `reason`.
   */
  readonly method:
    | 'mac+ip'
    | 'mac'
    | 'ip@time'
    | 'conntrack'
    | 'netns'
    | 'gateway'
    | 'network'
    | 'host-address'
    | 'range'
    | 'none';
  /** `certain`: it cannot be another. `likely`: it fits best. `ambiguous`: several fit. `none`: nothing is known. */
  readonly confidence: 'certain' | 'likely' | 'ambiguous' | 'none';
  /** Why not certain: always there when the confidence is `ambiguous` or `none`; a remark, or absent, when it is `certain`. */
  readonly reason?: string;
  /** Labels of the workloads it may have been; absent unless ambiguous. */
  readonly candidates?: readonly string[];
}

/** From the .mmdb files that the configuration names; absent without one that knows the address. */
export interface GeoFacts {
  /** ISO 3166-1 alpha-2; absent when the database does not tell. */
  readonly country?: string | undefined;
  /** Autonomous system number; absent when the database does not tell. */
  readonly asn?: number | undefined;
  /** Who runs the autonomous system; absent when the database does not tell. */
  readonly asOrganization?: string | undefined;
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
  /**
   * Names this address is known by, the likeliest first: what that container itself resolved before it connected. Bytes
   * from the wire, so escaped wherever shown.
   */
  readonly names: readonly string[];
  /** Where in the world a global address is registered; absent without a database that knows it. */
  readonly geo?: GeoFacts | undefined;
  /** How the address was given its name, and how far to trust that. */
  readonly attribution: Attribution;
}

/**
 * `shop/db` for a container, else the scope's word with the address: `internet 198.51.100.7`, and where it is known by a
 * name `internet api.example.com (198.51.100.7)`. For people: names come and go, so a key must not be made of it.
 */
export function endpointLabel(endpoint: {
  readonly ip: string;
  readonly scope: Scope;
  readonly workload?: WorkloadNames | undefined;
  readonly names: readonly string[];
}): string {
  if (endpoint.workload !== undefined) return workloadLabel(endpoint.workload);
  return `${endpoint.scope} ${addressLabel(endpoint)}`;
}

/** `api.example.com (198.51.100.7)`, or the address alone. The address always stands there: names are claims. */
export function addressLabel({ ip, names }: Pick<Endpoint, 'ip' | 'names'>): string {
  const [name] = names;
  return name === undefined ? ip : `${name} (${ip})`;
}

/** How the reason begins where Docker's own list, whole at that time, has nobody at an address of a network of its. */
export const NOBODY_HELD = 'no container held this address of';

/** An address inside a Docker network that surely nobody had: whoever speaks to it cannot know anybody there. */
export function isVacant({ scope, attribution }: Pick<Endpoint, 'scope' | 'attribution'>): boolean {
  return scope === 'unknown' && attribution.reason?.startsWith(NOBODY_HELD) === true;
}
