import type { Workload } from './network.ts';
import type { Micros } from './time.ts';

/**
 * A frame's source disagrees with the inventory of the bridge that it was seen on: an address used with the MAC of
 * another. Counted by bridge, layer, address and MAC; told when first seen and once an interval while it goes on.
 */
export interface SpoofRecord {
  readonly kind: 'spoof';
  /** Packet time of the latest such frame. */
  readonly time: Micros;
  /** Name of the Docker network; absent in a file of which no network is known. */
  readonly network?: string | undefined;
  /** The tap's interface. */
  readonly interface: string;
  /** The source address that the frame claims. */
  readonly ip: string;
  /** The source MAC that it carries. */
  readonly mac: string;
  /**
   * `ip-of-another`: the address is held by another endpoint than the MAC. `gateway-address`: the address is the host's
   * own, the MAC a container's. `address-of-nobody`: the MAC is a container's, the address is in the subnet and held by
   * nobody. `foreign-address`: the MAC is a container's, the address lies outside the network's subnets.
   * `unknown-mac`: the address is a container's, the MAC nobody's. `contradiction`: no inventory of containers is there;
   * ARP messages of the capture contradict each other.
   */
  readonly mismatch:
    | 'ip-of-another'
    | 'gateway-address'
    | 'address-of-nobody'
    | 'foreign-address'
    | 'unknown-mac'
    | 'contradiction';
  /**
   * `ip`: in the source address of an IP packet. `arp`: in the sender's address of an ARP message. `ndp`: in the target
   * of a neighbour advertisement, or in the source of another message of neighbour discovery (RFC 4861).
   */
  readonly layer: 'ip' | 'arp' | 'ndp';
  /** Whom the first of them was for: the packet's destination, the ARP message's target; absent when that is not known. */
  readonly target?: string | undefined;
  /**
   * The rightful MAC, or without an inventory the other one; only when that too was seen with the address after the first of them: two use it at the same time.
   */
  readonly rivalMac?: string | undefined;
  /** Whose MAC it is; absent when it is nobody's. */
  readonly sender?: Workload | undefined;
  /** An address of its own there, of the same family where it has one; absent when none is known. */
  readonly senderIp?: string | undefined;
  /** Whose address it is; absent when it is nobody's. */
  readonly holder?: Workload | undefined;
  /** Flows, or messages of ARP and neighbour discovery, since the last record of this. */
  readonly count: number;
  /** Packet time of the first since the last record. */
  readonly first: Micros;
}
