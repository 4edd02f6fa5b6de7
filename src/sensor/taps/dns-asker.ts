/**
 * Who asks in a container's network namespace: the container that owns it, with its networks as they are now. A
 * namespace cannot be mistaken, so this is certain, unless other containers live in it too.
 */
import type { DnsClientNetworks } from '../../model/dns.ts';
import { type Network, type Workload, workloadLabel } from '../../model/network.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import type { DnsAsker } from './tap.ts';

/** What is asked of the inventory. */
export interface AskerInventory {
  /** Rises with each change. */
  readonly version: number;
  container(id: string): ContainerState | undefined;
  networks(): readonly Network[];
  sharersOf(containerId: string): readonly Workload[];
}

/** Called for each question, so the answer is made once for each change of the inventory. */
export function createAsker(inventory: AskerInventory, first: ContainerState): () => DnsAsker {
  const { containerId } = first.workload;
  let version = inventory.version;
  let asker = askerOf(inventory, first);
  return () => {
    if (version === inventory.version) return asker;
    version = inventory.version;
    const now = inventory.container(containerId);
    // Its last frames are read after its end, and engines from 25 on take its networks before they tell of that: they
    // are of the container that it was.
    if (now !== undefined && now.workload.networks.length > 0) asker = askerOf(inventory, now);
    return asker;
  };
}

function askerOf(inventory: AskerInventory, { workload }: ContainerState): DnsAsker {
  const sharers = inventory.sharersOf(workload.containerId).map(workloadLabel);
  const attribution =
    sharers.length === 0
      ? ({ method: 'netns', confidence: 'certain' } as const)
      : ({
          method: 'netns',
          confidence: 'likely',
          reason: `shares its network namespace with ${sharers.join(', ')}`,
          candidates: [workloadLabel(workload), ...sharers],
        } as const);
  return {
    client: { scope: 'container', workload, names: [], attribution },
    networks: networksOf(inventory, workload.networks),
  };
}

/**
 * By name, since also networks without addresses count. One that the inventory does not know is not called internal:
 * that would accuse.
 */
function networksOf(inventory: AskerInventory, names: readonly string[]): DnsClientNetworks {
  const known = inventory.networks();
  return names.map((name) => {
    const network = known.find((other) => other.name === name);
    if (network === undefined) return { name, internal: false };
    const { internal, subnets, gateways } = network;
    return { name, internal, subnets, gateways };
  });
}
