/** One look at the engine: what `map` and `doctor` show. */
import type { Network } from '../model/network.ts';
import { clientOptions, type DockerConfig } from './config.ts';
import type { DockerError } from './docker/docker-error.ts';
import { Inventory } from './docker/inventory.ts';
import type { ContainerState } from './docker/inventory-event.ts';
import { type InventoryRecord, inventoryToRecords } from './docker/inventory-records.ts';
import { ContainerResolvers } from './host/container-resolvers.ts';
import { type HostInterfaces, readHostInterfaces } from './host/interfaces.ts';

export interface EngineMap {
  readonly engine: string;
  readonly engineVersion: string;
  readonly networks: readonly Network[];
  readonly containers: readonly ContainerState[];
  /** The interfaces of this host's network namespace. */
  readonly host: HostInterfaces;
  /** What `analyze --inventory` reads. */
  records(): InventoryRecord[];
}

/** Rejects with a DockerError when the engine does not answer; nobody waits for it here. */
export async function mapEngine(docker: DockerConfig): Promise<EngineMap> {
  const host = readHostInterfaces();
  const resolvers = new ContainerResolvers();
  const inventory = new Inventory({
    ...clientOptions(docker),
    localAddresses: () => host.addresses,
    resolversOf: (facts) => resolvers.of(facts),
  });
  try {
    await new Promise<void>((resolve, reject: (error: DockerError) => void) => {
      inventory.onChange(() => {
        if (inventory.status.state === 'stale') reject(inventory.status.error);
      });
      void inventory.ready.then(resolve);
      inventory.start();
    });
  } finally {
    await inventory.stop();
  }
  const { status } = inventory;
  return {
    engine: status.state === 'current' ? status.engine : 'docker',
    engineVersion: status.state === 'current' ? status.version : 'unknown',
    networks: inventory.networks(),
    containers: inventory.containers(),
    host,
    records: () => inventoryToRecords(inventory.state, host.addresses),
  };
}
