import type { Micros } from './time.ts';

/** A Docker network as the engine describes it, plus the kernel interface that carries it. */
export interface Network {
  readonly id: string;
  readonly name: string;
  /** `bridge`, `overlay`, `macvlan`, `ipvlan`, `host`, `null`, or a plugin's name. */
  readonly driver: string;
  readonly scope: string;
  /** `internal: true`: by design nothing leaves or enters. */
  readonly internal: boolean;
  /** The bridge interface; absent when the driver has none. */
  readonly bridge?: string;
  /** CIDR texts, IPv4 and IPv6. */
  readonly subnets: readonly string[];
  readonly gateways: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly composeProject?: string;
}

/** A container, named as a person knows it. */
export interface Workload {
  readonly containerId: string;
  readonly name: string;
  readonly image: string;
  readonly imageDigest?: string;
  readonly composeProject?: string;
  readonly composeService?: string;
  readonly swarmService?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `bridge`, `host`, `none`, `container:<id>` or a network name, as in HostConfig.NetworkMode. */
  readonly networkMode: string;
  /** Names of the networks it is attached to. */
  readonly networks: readonly string[];
  readonly startedAt?: Micros;
  readonly stoppedAt?: Micros;
}

/** One container's place on one network, with the interval in which it held its addresses. */
export interface NetworkEndpoint {
  readonly networkId: string;
  readonly containerId: string;
  readonly ips: readonly string[];
  readonly mac?: string;
  readonly from: Micros;
  /** Absent while the endpoint still holds its addresses. */
  readonly to?: Micros;
}

/** What a workload's label is made of; its public JSON form has these too. */
export interface WorkloadNames {
  readonly name: string;
  readonly composeProject?: string | undefined;
  readonly composeService?: string | undefined;
  readonly swarmService?: string | undefined;
}

/**
 * How people name a workload: `shop/db`, the Compose project and service; else the Swarm service; else
 * the container's name.
 */
export function workloadLabel(workload: WorkloadNames): string {
  if (workload.composeProject !== undefined && workload.composeService !== undefined) {
    return `${workload.composeProject}/${workload.composeService}`;
  }
  return workload.swarmService ?? workload.name;
}
