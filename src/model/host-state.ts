/**
 * How a host's Docker networks are configured, without what changes by itself (ids, addresses given out, replicas): what
 * `audit --save` keeps, and what a Compose file asks for. Two of them are compared; the difference is drift.
 */

export interface NetworkState {
  /** As the engine names it: `shop_data`. */
  readonly name: string;
  readonly driver: string;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly hasIpv6: boolean;
  /** Those that were asked for; the engine's own choice of a pool is none. */
  readonly subnets: readonly string[];
  readonly options: Readonly<Record<string, string>>;
}

export interface PortState {
  /** `0.0.0.0`, `::`, or one address. */
  readonly hostIp: string;
  /** 0: the engine chooses one. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
}

/** A service of Compose or Swarm, or a container of nobody: all its replicas as one. */
export interface ServiceState {
  /** As people name it: `shop/db`, or the container's name. */
  readonly name: string;
  /** Names of its networks, sorted. */
  readonly networks: readonly string[];
  /** `bridge`, `host`, `none`, `container:NAME`, or a network's name. */
  readonly networkMode: string;
  readonly ports: readonly PortState[];
  readonly isPrivileged: boolean;
  /** Without `CAP_`, in capitals, sorted. */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly pidMode?: string;
  readonly sysctls: Readonly<Record<string, string>>;
  /** Sockets of engines that are mounted: their paths on the host. */
  readonly sockets: readonly string[];
}

export interface HostState {
  readonly networks: readonly NetworkState[];
  readonly services: readonly ServiceState[];
}
