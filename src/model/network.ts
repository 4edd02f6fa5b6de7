import type { Micros } from './time.ts';

/** Of an engine's id in events, as `docker ps` prints ids. */
export const SHORT_ID_LENGTH = 12;

/** A Docker network as the engine describes it, plus the kernel interface that carries it. */
export interface Network {
  /** The engine's id, 64 hex digits; 12 of them in events. */
  readonly id: string;
  /** As the engine has it: Compose puts its project before it (`shop_data`). */
  readonly name: string;
  /** `bridge`, `overlay`, `macvlan`, `ipvlan`, `host`, `null`, or a plugin's name. */
  readonly driver: string;
  /** `local` or `swarm`. */
  readonly scope: string;
  /** `internal: true`: by design nothing leaves or enters. */
  readonly internal: boolean;
  /** The bridge interface; absent when the driver has none. */
  readonly bridge?: string;
  /** CIDR texts, IPv4 and IPv6. */
  readonly subnets: readonly string[];
  /** This host's own addresses on the network. */
  readonly gateways: readonly string[];
  /** The driver's options. */
  readonly options: Readonly<Record<string, string>>;
  /** Labels of the network. */
  readonly labels: Readonly<Record<string, string>>;
  /** Absent when Compose did not make it. */
  readonly composeProject?: string;
}

/** A container, named as a person knows it. */
export interface Workload {
  /** The engine's id, 64 hex digits; 12 of them in events. */
  readonly containerId: string;
  /** The container's name, without the slash. */
  readonly name: string;
  /** As it was named when the container was made: `postgres:17`. */
  readonly image: string;
  /** Absent when the engine does not tell. */
  readonly imageDigest?: string;
  /** Absent when Compose did not make it. */
  readonly composeProject?: string;
  /** Absent when Compose did not make it. */
  readonly composeService?: string;
  /** Which replica of its service it is, from 1; absent when Compose did not make it. */
  readonly composeNumber?: number;
  /** Absent when it is no task of a Swarm service. */
  readonly swarmService?: string;
  /** Labels of the container, those of its image included. */
  readonly labels: Readonly<Record<string, string>>;
  /** `bridge`, `host`, `none`, `container:<id>` or a network name, as in HostConfig.NetworkMode. */
  readonly networkMode: string;
  /** Names of the networks it is attached to. */
  readonly networks: readonly string[];
  /**
   * Addresses that the engine gave it to ask for names: 127.0.0.11 where the embedded resolver serves it, and those that
   * this passes on to. Absent when not known.
   */
  readonly resolvers?: readonly string[];
  /** Absent when it has not been started yet. */
  readonly startedAt?: Micros;
  /** Absent while it runs. */
  readonly stoppedAt?: Micros;
}

/** One container's place on one network, with the interval in which it held its addresses. */
export interface NetworkEndpoint {
  /** Of the network. */
  readonly networkId: string;
  /** Of the container. */
  readonly containerId: string;
  /** IPv4 first. */
  readonly ips: readonly string[];
  /** Absent when the engine does not tell. */
  readonly mac?: string;
  /** Since when it holds its addresses. */
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

/**
 * The networks that a finding names: all that its container is on, `back, front`, where what was seen crossed none of
 * them. A name with a comma and a space in it, which engine 20.10 takes, is then taken for two.
 */
export function networkNamesIn(named: string): readonly string[] {
  return named.split(', ');
}

/**
 * Compose writes its project before the names of a project's networks. `shop_data` is `data` to who is told of the
 * project already; a network of no project, or of another, keeps its name.
 */
export function shortNetworkName(network: string, composeProject: string | undefined): string {
  if (composeProject === undefined || composeProject === '') return network;
  const prefix = `${composeProject}_`;
  return network.startsWith(prefix) && network.length > prefix.length
    ? network.slice(prefix.length)
    : network;
}
