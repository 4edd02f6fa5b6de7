/** A Compose project, read and merged: what of it is about networks and what defeats them. */
import type { Place, Remark } from './problem.ts';

export interface ComposePort {
  /** Absent: every address of the host, in both families. */
  readonly hostIp?: string;
  /** 0: the engine chooses one, at all or out of a range. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
}

export interface ComposeMount {
  /** `bind`, `volume`, `tmpfs`, ... */
  readonly type: string;
  /** On the host for a bind, a volume's name otherwise; empty for what has none. */
  readonly source: string;
  readonly target: string;
  readonly isReadOnly: boolean;
}

export interface ComposeAttachment {
  /** As the file calls the network. */
  readonly network: string;
  /** Those that the file asks for. */
  readonly ips: readonly string[];
  /** The gravest first; it decides about the network mode. */
  readonly priority: number;
}

/** What of a service, or a network, waits for variables that are not set here: the names of them by attribute. */
export type Unset = Readonly<Record<string, readonly string[]>>;

export interface ComposeService {
  readonly name: string;
  readonly at: Place;
  /** Absent for one that is built. */
  readonly image?: string;
  readonly containerName?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `host`, `none`, `bridge`, `service:NAME`, `container:NAME`; absent where networks are named, or none is. */
  readonly networkMode?: string;
  /** In the order in which the engine is asked; empty under a network mode. */
  readonly attachments: readonly ComposeAttachment[];
  readonly ports: readonly ComposePort[];
  /** `80/tcp`. */
  readonly exposed: readonly string[];
  readonly mounts: readonly ComposeMount[];
  readonly isPrivileged: boolean;
  /** Without `CAP_`, in capitals. */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  /** `host`, `service:NAME`, `container:NAME`. */
  readonly pid?: string;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly dns: readonly string[];
  readonly profiles: readonly string[];
  /** Absent where the file does not say: one. */
  readonly replicas?: number;
  readonly unset: Unset;
}

export interface ComposeNetwork {
  /** As the file calls it. */
  readonly key: string;
  /** As the engine will: `shop_data`. */
  readonly name: string;
  /** Absent of the default network, where the file does not declare it. */
  readonly at?: Place;
  /** Somebody else makes it: the file tells nothing but its name. */
  readonly isExternal: boolean;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly hasIpv6: boolean;
  /** Those that are asked for; else the engine takes one of its pool. */
  readonly subnets: readonly string[];
  readonly gateways: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly unset: Unset;
}

export interface ComposeModel {
  readonly name: string;
  /** From which relative paths count. */
  readonly folder: string;
  /** All that were read, those of `include` and `extends` too, in their order. */
  readonly files: readonly string[];
  /** Those whose profiles are active. */
  readonly services: readonly ComposeService[];
  /** Those that these services are on. */
  readonly networks: readonly ComposeNetwork[];
  /** Names of services whose profiles are not active. */
  readonly inactive: readonly string[];
  readonly remarks: readonly Remark[];
}
