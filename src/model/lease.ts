import type { Workload } from './network.ts';
import type { Micros } from './time.ts';

/**
 * One interval in which a container held addresses on a network. Written when it begins, when more becomes known of it,
 * and when it ends; the latest of one `id` stands. Addresses are reused at once, so only these tell who an old packet
 * belonged to.
 */
export interface LeaseRecord {
  readonly kind: 'lease';
  /** When this was written. */
  readonly time: Micros;
  /** The same for all records of this interval. */
  readonly id: string;
  /** The engine's id of the network. */
  readonly networkId: string;
  /** Name of the Docker network. */
  readonly network: string;
  /** IPv4 first, RFC 5952 text. */
  readonly ips: readonly string[];
  /** Lower case; absent when the engine does not tell. */
  readonly mac?: string | undefined;
  /** The host's end of the container's link; absent when it is not known or has none (macvlan). */
  readonly veth?: string | undefined;
  /** Interface index of that end, in the host's network namespace; absent when `veth` is. */
  readonly ifIndex?: number | undefined;
  /** Inode of the container's network namespace, as `ls -l /proc/PID/ns/net` shows it; absent before the start. */
  readonly netns?: number | undefined;
  /** Who held them. */
  readonly workload: Workload;
  /** Since when. */
  readonly from: Micros;
  /** Until when; absent while it holds them. */
  readonly to?: Micros | undefined;
  /** The beginning or the end was not observed: between these times nobody told us, so the holder is likely, no more. Absent when both are known. */
  readonly uncertain?: boolean | undefined;
}

/**
 * What an earlier run of the agent knew of addresses, kept by the station for the sensor, so that what was learned
 * outlives a restart.
 */
export interface LeaseHistory {
  /** Those that run left open (without `to`), and those that ended recently; by `from`. */
  readonly leases: readonly LeaseRecord[];
  /** Its last sign of life while an engine answered it: open ones held until then, at least. Absent when none ever ran. */
  readonly knownUntil?: Micros | undefined;
}
