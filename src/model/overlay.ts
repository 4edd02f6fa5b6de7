import type { Endpoint } from './endpoint.ts';
import type { Network } from './network.ts';
import type { Micros } from './time.ts';

/**
 * Frames of an overlay network on the wire between two hosts, readable by whoever is on the way: VXLAN (RFC 7348) that
 * nothing encrypts. Told when first seen, then once a minute while it goes on, by identifier and pair of hosts.
 */
export interface OverlayTraffic {
  /** Packet time of the latest frame. */
  readonly time: Micros;
  /** Where it was seen: an uplink, or an interface of a file. */
  readonly interface: string;
  /** VXLAN network identifier. */
  readonly vni: number;
  /** The overlay that has this identifier; absent when the inventory has none, or several. */
  readonly network?: Network | undefined;
  /** The host that sent it. */
  readonly sender: Endpoint;
  /** The host that it was for. */
  readonly receiver: Endpoint;
  /** The ends of the latest frame inside; absent when that carries no IP. */
  readonly inner?: { readonly from: Endpoint; readonly to: Endpoint } | undefined;
  /** Since the last record of this. */
  readonly frames: number;
  /** Of these, as datagrams without their headers. */
  readonly bytes: number;
}
