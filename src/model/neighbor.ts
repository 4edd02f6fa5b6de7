import type { Endpoint } from './endpoint.ts';
import type { Network } from './network.ts';
import type { Micros } from './time.ts';

/**
 * Somebody asks a network for the holder of an address: an ARP request (RFC 826) or a neighbour solicitation
 * (RFC 4861). Gratuitous ARP is none; a probe from no address (RFC 5227, RFC 4862) asks like any other, and is one. The
 * same question of the same sender is told at most once a second.
 */
export interface NeighborRequest {
  /** Packet time. */
  readonly time: Micros;
  /** Absent when the interface belongs to no known network. */
  readonly network?: Network | undefined;
  /** The tap's interface. */
  readonly interface: string;
  readonly protocol: 'arp' | 'ndp';
  /** Who asks, named by its source MAC. */
  readonly sender: Endpoint;
  /** The address asked for. */
  readonly target: Endpoint;
  /** Whether anybody holds it: a container, the gateway, the host. Undefined when the engine's view is not known. */
  readonly isAssigned: boolean | undefined;
}

/**
 * Somebody says that it is a way out: a router advertisement or redirect (RFC 4861), a server's message of DHCP
 * (RFC 2131) or DHCPv6 (RFC 8415). Told when first seen, then once a minute while it goes on.
 */
export interface RouterClaim {
  /** Packet time. */
  readonly time: Micros;
  /** Absent when the interface belongs to no known network. */
  readonly network?: Network | undefined;
  /** The tap's interface. */
  readonly interface: string;
  readonly protocol: 'router-advertisement' | 'redirect' | 'dhcp' | 'dhcpv6';
  /** Who says so, named by its source MAC. */
  readonly sender: Endpoint;
  /** Address texts of the routers that it names: itself, DHCP option 3, the redirect's better hop. */
  readonly routers: readonly string[];
  /** Address texts of the resolvers that it names. */
  readonly resolvers: readonly string[];
  /** CIDR texts of the prefixes or subnet that it gives out. */
  readonly prefixes: readonly string[];
  /** Router advertisement: 0 says that it is no default router. */
  readonly lifetimeSecs?: number | undefined;
  /** Since the last record of this, itself included. */
  readonly count: number;
}
