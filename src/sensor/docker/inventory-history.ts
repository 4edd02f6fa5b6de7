/**
 * The inventory over a time, from what an agent has recorded: networks, who held which address from when until when,
 * and when nobody was watching. So an address that passed on is named rightly before and after.
 */
import type { LeaseRecord } from '../../model/lease.ts';
import type { Network, Workload } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';
import type { OfflineInventory } from './inventory-records.ts';
import { InventoryState, type RestoredEndpoint } from './inventory-state.ts';

export interface InventoryHistory {
  readonly networks: readonly Network[];
  /** The latest record of each; by their begin. */
  readonly leases: readonly LeaseRecord[];
  /** When nobody told the agent what changed; `to` is Infinity where that did not end. */
  readonly gaps: readonly { readonly from: Micros; readonly to: Micros }[];
}

export function inventoryFromHistory({ networks, leases, gaps }: InventoryHistory): OfflineInventory {
  // What was read is wanted, however old; who reads it bounds it.
  const retention = { maxClosed: Number.POSITIVE_INFINITY, closedSecs: Number.POSITIVE_INFINITY };
  const state = new InventoryState(() => {}, { retention });
  for (const network of networks) state.networkSeen({ network, endpoints: [] }, 0);
  for (const held of byContainer(leases)) state.restore(workloadOf(held), held.map(endpointOf));
  for (const { from, to } of gaps) state.restoreGap(from, to);
  return { state, hostAddresses: [] };
}

function byContainer(leases: readonly LeaseRecord[]): Iterable<readonly LeaseRecord[]> {
  const held = new Map<string, LeaseRecord[]>();
  for (const lease of leases) {
    const { containerId } = lease.workload;
    const others = held.get(containerId);
    if (others === undefined) held.set(containerId, [lease]);
    else others.push(lease);
  }
  return held.values();
}

/** As it was called last. One that holds nothing any more has stopped, or nothing can be said of it. */
function workloadOf(leases: readonly LeaseRecord[]): Workload {
  const { workload } = leases.at(-1)!;
  const holds = leases.some(({ to }) => to === undefined);
  return holds ? workload : { ...workload, stoppedAt: Math.max(...leases.map(({ to }) => to!)) };
}

function endpointOf(lease: LeaseRecord): RestoredEndpoint {
  const { networkId, network, workload, ips, mac, from, to, uncertain } = lease;
  return {
    networkId,
    networkName: network,
    containerId: workload.containerId,
    ips,
    ...(mac === undefined ? {} : { mac }),
    from,
    ...(to === undefined ? {} : { to }),
    ...(uncertain === true ? { uncertain } : {}),
  };
}
