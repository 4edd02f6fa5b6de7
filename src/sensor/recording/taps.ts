/**
 * Which taps a recording needs now: one for each network that is asked for, and for containers one on each of their
 * networks that lets only their frames through. Pure; the same question when a container joins later.
 */
import type { Network } from '../../model/network.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import type { PlaceOrReason, TapPlace } from '../taps/tap-place.ts';
import type { KnownWorld, Target } from './target.ts';

export interface WantedTap {
  readonly network: Network;
  readonly place: TapPlace;
  /** pcap-filter(7); absent: all of the network. */
  readonly filter?: string;
  /** MACs that it lets through; absent: all. */
  readonly macs?: readonly string[];
}

export interface WantedTaps {
  readonly taps: readonly WantedTap[];
  /** What was asked for and cannot be seen, one line each. */
  readonly unseen: readonly string[];
}

const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;

/** `filter`: the person's own, for all. `open`: taps that are there already; what they show is not shown twice. */
export function wantedTaps(
  targets: readonly Target[],
  world: KnownWorld,
  placeOf: (network: Network) => PlaceOrReason,
  filter?: string,
  open: readonly WantedTap[] = [],
): WantedTaps {
  const taps: WantedTap[] = [];
  const unseen: string[] = [];
  for (const network of world.networks) {
    const wanted = wantedOn(network, targets, world.containers);
    if (wanted === undefined) continue;
    const there = open.filter((tap) => tap.network.id === network.id);
    if (there.some(({ macs }) => macs === undefined)) continue;
    const shown = there.flatMap(({ macs }) => macs ?? []);
    const macs = wanted === 'all' ? undefined : wanted.macs.filter((mac) => !shown.includes(mac));
    if (wanted !== 'all') unseen.push(...wanted.unseen);
    if (macs?.length === 0) continue;
    const found = placeOf(network);
    if ('reason' in found) {
      unseen.push(`network ${network.name}: ${found.reason}`);
      continue;
    }
    const only = [
      found.place.filter,
      macs && hosts(macs),
      // Frames between one that is shown and one that comes now are there already.
      shown.length === 0 ? undefined : `not (${hosts(shown)})`,
      filter,
    ].filter((part) => part !== undefined);
    taps.push({
      network,
      place: found.place,
      ...(only.length === 0 ? {} : { filter: only.map((part) => `(${part})`).join(' and ') }),
      ...(macs === undefined ? {} : { macs }),
    });
  }
  for (const target of targets) unseen.push(...unseenOfTarget(target, world));
  return { taps, unseen: [...new Set(unseen)] };
}

function wantedOn(
  network: Network,
  targets: readonly Target[],
  containers: readonly ContainerState[],
): 'all' | { readonly macs: readonly string[]; readonly unseen: readonly string[] } | undefined {
  const macs = new Set<string>();
  const unseen: string[] = [];
  let isWanted = false;
  for (const target of targets) {
    if (target.kind === 'network') {
      if (target.networkId === network.id) return 'all';
      continue;
    }
    for (const { workload, endpoints } of containers) {
      if (!target.includes(workload)) continue;
      for (const { networkId, mac } of endpoints) {
        if (networkId !== network.id) continue;
        isWanted = true;
        // It goes into a filter: nothing but a MAC may.
        if (mac !== undefined && MAC.test(mac)) macs.add(mac);
        else unseen.push(`${workload.name} on ${network.name}: the engine does not tell its MAC`);
      }
    }
  }
  return isWanted ? { macs: [...macs], unseen } : undefined;
}

/** Containers that have no network of their own. */
function unseenOfTarget(target: Target, { containers }: KnownWorld): string[] {
  if (target.kind === 'network') return [];
  return containers
    .filter(({ workload, endpoints }) => target.includes(workload) && endpoints.length === 0)
    .map(({ workload: { name, networkMode } }) =>
      networkMode === 'host'
        ? `${name} is on the host's own network, which is not tapped`
        : `${name} is on no network of its own (network mode ${networkMode})`,
    );
}

function hosts(macs: readonly string[]): string {
  return macs.map((mac) => `ether host ${mac}`).join(' or ');
}
