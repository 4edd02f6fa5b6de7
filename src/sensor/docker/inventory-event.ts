/** What listeners of the inventory hear, and its shape as a record for the station. */
import type { Network, NetworkEndpoint, Workload } from '../../model/network.ts';
import type { InventoryChange } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import type { PublishedPort } from './engine-json.ts';

/** A container that runs, or is about to. */
export interface ContainerState {
  readonly workload: Workload;
  /** The main process, in the engine's PID namespace; absent before the start. */
  readonly pid?: number;
  /** Path of its network namespace; absent before the start and for `container:ID`, whose namespace is another's. */
  readonly sandboxKey?: string;
  /** What the host forwards to it; absent when there is nothing, or the engine did not tell yet. */
  readonly published?: readonly PublishedPort[];
  /** `80/tcp`: what its image says that it listens on, and `--expose`; absent when the engine did not tell yet. */
  readonly exposed?: readonly string[];
  /** Open ones only. */
  readonly endpoints: readonly NetworkEndpoint[];
}

export type InventoryEvent =
  | {
      readonly type: 'network-added' | 'network-changed' | 'network-removed';
      readonly time: Micros;
      readonly network: Network;
    }
  | {
      readonly type: 'container-added' | 'container-changed' | 'container-removed';
      readonly time: Micros;
      readonly container: ContainerState;
    }
  | {
      readonly type: 'endpoint-added' | 'endpoint-removed';
      readonly time: Micros;
      readonly endpoint: NetworkEndpoint;
      readonly workload: Workload;
      readonly network?: Network;
    }
  | {
      readonly type: 'engine-connected';
      readonly time: Micros;
      readonly engine: string;
      readonly version: string;
    }
  | {
      /** Said once when the engine goes, or is not there at the start; then again only for another reason. */
      readonly type: 'engine-lost';
      readonly time: Micros;
      readonly engine: string;
      readonly reason: string;
      readonly code: string;
    };

export function toInventoryRecord(event: InventoryEvent): InventoryChange {
  const change = event.type.endsWith('-added') || event.type === 'engine-connected' ? 'added' : 'removed';
  const base = { kind: 'inventory', time: event.time, change } as const;
  switch (event.type) {
    case 'network-added':
    case 'network-changed':
    case 'network-removed':
      return {
        ...base,
        change: event.type === 'network-changed' ? 'changed' : change,
        object: 'network',
        id: event.network.id,
        name: event.network.name,
        detail: networkDetail(event.network),
      };
    case 'container-added':
    case 'container-changed':
    case 'container-removed':
      return {
        ...base,
        change: event.type === 'container-changed' ? 'changed' : change,
        object: 'container',
        id: event.container.workload.containerId,
        name: event.container.workload.name,
        detail: containerDetail(event.container.workload),
      };
    case 'endpoint-added':
    case 'endpoint-removed':
      return {
        ...base,
        object: 'endpoint',
        id: `${event.endpoint.networkId.slice(0, 12)}/${event.endpoint.containerId.slice(0, 12)}`,
        name: event.workload.name,
        detail: {
          network: event.network?.name ?? event.endpoint.networkId,
          ips: event.endpoint.ips,
          ...(event.endpoint.mac === undefined ? {} : { mac: event.endpoint.mac }),
        },
      };
    case 'engine-connected':
      return {
        ...base,
        object: 'engine',
        id: event.engine,
        name: event.engine,
        detail: { version: event.version },
      };
    case 'engine-lost':
      return {
        ...base,
        object: 'engine',
        id: event.engine,
        name: event.engine,
        detail: { reason: event.reason, code: event.code },
      };
  }
}

function networkDetail(network: Network): InventoryChange['detail'] {
  return {
    driver: network.driver,
    internal: network.internal,
    subnets: network.subnets,
    gateways: network.gateways,
    ...(network.bridge === undefined ? {} : { bridge: network.bridge }),
    ...(network.composeProject === undefined ? {} : { composeProject: network.composeProject }),
  };
}

function containerDetail(workload: Workload): InventoryChange['detail'] {
  return {
    image: workload.image,
    networkMode: workload.networkMode,
    networks: workload.networks,
    ...(workload.composeProject === undefined ? {} : { composeProject: workload.composeProject }),
    ...(workload.composeService === undefined ? {} : { composeService: workload.composeService }),
    ...(workload.swarmService === undefined ? {} : { swarmService: workload.swarmService }),
  };
}
