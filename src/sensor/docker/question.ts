/** What is asked about an address, and whom those who decide ask in turn. */
import type { IpWords } from '../../model/ip.ts';
import type { Micros } from '../../model/time.ts';
import type { Interval } from './address-book.ts';
import type { Arrival } from './arrivals.ts';
import { type Claims, claimsAt } from './claims.ts';
import type { InventoryState } from './inventory-state.ts';
import type { NetworkIndex, ParsedNetwork } from './network-index.ts';

/** What attribution asks about this machine. */
export interface HostAddresses {
  has(ip: string): boolean;
  /** Also of this interface itself; tells link-local addresses apart, which may repeat on each interface. */
  onInterface(name: string, ip: string): boolean;
  /** The bridge of this host whose own subnet holds the address, when it is none of these. */
  behindBridge?(ip: string, except: (name: string) => boolean): string | undefined;
  /** Whether the MAC is this machine's own; undefined when it does not see that bridge. */
  ownsMac?(mac: string, bridge: string): boolean | undefined;
}

export interface Question {
  /** RFC 5952 text; an IPv4 address in its mapped form reads as IPv4. */
  readonly ip: string;
  readonly words: IpWords;
  /** Lower case; absent where no frame was seen from it. */
  readonly mac: string | undefined;
  readonly networkId: string | undefined;
  /** That network, when the inventory knows it. */
  readonly here: ParsedNetwork | undefined;
  readonly time: Micros;
}

export interface World {
  readonly state: InventoryState;
  readonly networks: NetworkIndex;
  readonly host: HostAddresses;
}

/** Who may have held it, by the intervals of one address or MAC. */
export function claimsOf(
  { state }: World,
  intervals: readonly Interval[],
  arrivals: readonly Arrival[],
  time: Micros,
): Claims {
  const gap = state.gapAt(time);
  return claimsAt(intervals, arrivals, time, gap?.to === Number.POSITIVE_INFINITY);
}

/** Intervals of a MAC on one network. */
export function onNetwork({ state }: World, mac: string, networkId: string): Interval[] {
  return state.book.byMac(mac).filter((interval) => interval.networkId === networkId);
}

/** Who had the MAC on that network at that time. */
export function sendersOf(
  world: World,
  mac: string | undefined,
  networkId: string,
  time: Micros,
): readonly Interval[] {
  return mac === undefined ? [] : claimsOf(world, onNetwork(world, mac, networkId), [], time).intervals;
}
