/**
 * Whether all networks of who asked are internal, and how that is known. Where something is not known it says nothing:
 * one ordinary network beside the internal one makes every outside answer ordinary.
 */
import type { DnsRecord } from '../../../src/model/dns.ts';
import { cidrContains, type IpWords } from '../../../src/model/ip.ts';
import type { Network } from '../../../src/model/network.ts';
import type { BoundedMap } from '../../../src/sensor/analysis/analyzer.ts';
import { subnetsOf } from '../leaving.ts';

export interface OnlyInternal {
  /** Names of all its networks, as far as they are known. */
  readonly networks: readonly string[];
  /** False when the client is an address that nobody could name: it may have other networks. */
  readonly isWhole: boolean;
}

/** Networks seen so far, by name: a record of a bridge tells of its own network only. */
export type NetworksSeen = BoundedMap<SeenNetwork>;

interface SeenNetwork {
  network: Network;
}

export function noteNetwork(seen: NetworksSeen, network: Network | undefined): void {
  if (network === undefined || seen.get(network.name)?.network === network) return;
  seen.ensure(network.name, () => ({ network })).network = network;
}

/** Whether a network of that name is known to hold the address. */
export function isOn(names: readonly string[], ip: IpWords, seen: NetworksSeen): boolean {
  return names.some((name) => {
    const entry = seen.get(name);
    return entry !== undefined && subnetsOf(entry.network).some((subnet) => cidrContains(subnet, ip));
  });
}

export function onlyInternal(record: DnsRecord, seen: NetworksSeen): OnlyInternal | undefined {
  const { client, network, networks } = record;
  if (networks !== undefined) {
    if (networks.length === 0 || !networks.every(({ internal }) => internal)) return undefined;
    return { networks: networks.map(({ name }) => name), isWhole: true };
  }
  if (network === undefined || !network.internal) return undefined;
  if (client.scope !== 'container' && client.scope !== 'unknown') return undefined;
  // What the gateway asks comes from the host, or from outside through NAT.
  if (network.gateways.includes(client.ip)) return undefined;
  if (client.workload === undefined) return { networks: [network.name], isWhole: false };
  const names = client.workload.networks;
  const isInternal = (name: string): boolean =>
    name === network.name || seen.get(name)?.network.internal === true;
  return names.every(isInternal) ? { networks: names, isWhole: true } : undefined;
}
