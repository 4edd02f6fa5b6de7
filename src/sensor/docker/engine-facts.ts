/** What the audit asks of the engine itself and of its networks: `GET /version`, `/info`, `/networks/ID` and `/swarm`. */
import type { Network } from '../../model/network.ts';
import { readNetwork } from './engine-json.ts';
import { array, defined, number, object, string } from './json.ts';

export interface EngineFacts {
  /** `28.0.1`, `20.10.24+dfsg1`. */
  readonly version: string;
  /** It calls itself so: `Engine`, `Podman Engine`. */
  readonly product: string;
  readonly liveRestore?: boolean;
  /** What `/info` calls `firewalld` or `nftables`; only since 28.2. */
  readonly firewallBackend?: string;
  /** Configured ones; empty where the engine's own are used, or where it does not tell (before 19.03). */
  readonly addressPools: readonly string[];
  readonly warnings: readonly string[];
  readonly swarm: {
    /** `inactive`, `active`, `locked`, `pending`, `error`. */
    readonly state: string;
    readonly isManager: boolean;
  };
}

export interface NetworkFacts extends Network {
  readonly isAttachable: boolean;
  /** Swarm's own, for published ports of services. */
  readonly isIngress: boolean;
  readonly hasIpv6: boolean;
  /** The predefined `bridge`. */
  readonly isDefaultBridge: boolean;
}

export interface SwarmFacts {
  readonly autoLock: boolean;
  readonly nodeCertExpirySecs?: number;
}

const NANOS_PER_SECOND = 1_000_000_000;

export function readEngineFacts(version: unknown, info: unknown): EngineFacts | undefined {
  const { Version, Components } = object(version);
  const from = object(info);
  const engineVersion = string(Version) ?? string(from['ServerVersion']);
  if (engineVersion === undefined) return undefined;
  const swarm = object(from['Swarm']);
  const firewallBackend = string(object(from['FirewallBackend'])['Driver']);
  return {
    version: engineVersion,
    product: string(object(array(Components)[0])['Name']) ?? 'Engine',
    ...(typeof from['LiveRestoreEnabled'] === 'boolean' ? { liveRestore: from['LiveRestoreEnabled'] } : {}),
    ...(firewallBackend === undefined ? {} : { firewallBackend }),
    addressPools: defined(array(from['DefaultAddressPools']).map((pool) => string(object(pool)['Base']))),
    warnings: defined(array(from['Warnings']).map(string)),
    swarm: {
      state: string(swarm['LocalNodeState']) ?? 'inactive',
      isManager: swarm['ControlAvailable'] === true,
    },
  };
}

export function readNetworkFacts(json: unknown): NetworkFacts | undefined {
  const network = readNetwork(json)?.network;
  if (network === undefined) return undefined;
  const from = object(json);
  return {
    ...network,
    isAttachable: from['Attachable'] === true,
    isIngress: from['Ingress'] === true,
    hasIpv6: from['EnableIPv6'] === true || network.subnets.some((subnet) => subnet.includes(':')),
    isDefaultBridge:
      network.driver === 'bridge' &&
      (network.name === 'bridge' || network.options['com.docker.network.bridge.default_bridge'] === 'true'),
  };
}

export function readSwarmFacts(json: unknown): SwarmFacts {
  const spec = object(object(json)['Spec']);
  const expiry = number(object(spec['CAConfig'])['NodeCertExpiry']);
  return {
    autoLock: object(spec['EncryptionConfig'])['AutoLockManagers'] === true,
    ...(expiry === undefined ? {} : { nodeCertExpirySecs: expiry / NANOS_PER_SECOND }),
  };
}
