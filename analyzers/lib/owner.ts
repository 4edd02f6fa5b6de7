/**
 * Whose habits a container has: what is learned of it must outlive its next deployment and its replicas. The Compose or
 * Swarm service, else the image: a container that is made anew for each night's backup has no other name that stays.
 */
import type { Endpoint } from '../../src/model/endpoint.ts';
import { type Network, workloadLabel } from '../../src/model/network.ts';
import { clientKey } from './asker.ts';

export function ownerKey(client: Endpoint, network: Network | undefined): string {
  const { workload } = client;
  if (workload === undefined) return `address ${clientKey(client, network)}`;
  if (workload.composeProject !== undefined || workload.swarmService !== undefined)
    return `service ${workloadLabel(workload)}`;
  return `image ${workload.image}`;
}
