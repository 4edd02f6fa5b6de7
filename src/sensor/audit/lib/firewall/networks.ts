/**
 * The engine's networks as a firewall sees them: bridges with prefixes, for each family. And the packets that its promises
 * are about: between two networks, out of one, into one.
 */
import { type Cidr, parseCidr } from '../../../../model/ip.ts';
import type { Network } from '../../../../model/network.ts';
import type { Family } from '../../../host/firewall/ruleset.ts';
import type { HostNetwork } from '../../../host/host-network.ts';
import type { Interface, Packets } from './packets.ts';

export interface Bridged<Of extends Network = Network> {
  readonly network: Of;
  readonly bridge: string;
  readonly family: Family;
  readonly subnets: readonly Cidr[];
}

export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** One for each family that a network has addresses of. */
export function bridgesOf<Of extends Network>(networks: readonly Of[]): Bridged<Of>[] {
  return networks.flatMap((network) => {
    const { bridge, driver } = network;
    if (bridge === undefined || driver !== 'bridge') return [];
    const prefixes = network.subnets.map(parseCidr).filter((cidr) => cidr !== undefined);
    return FAMILIES.map((family) => ({
      network,
      bridge,
      family,
      subnets: prefixes.filter((cidr) => cidr.family === (family === 'ipv4' ? 4 : 6)),
    })).filter(({ subnets }) => subnets.length > 0);
  });
}

/**
 * By which interfaces the world outside is reached: those with routes that carry no containers; where the routes are not
 * known, any that is no bridge of the engine's.
 */
export function outside(networks: readonly Network[], host?: HostNetwork): readonly Interface[] {
  const own = new Set(['lo', ...networks.flatMap(({ bridge }) => bridge ?? [])]);
  const names = new Set((host?.routes ?? []).map((route) => route.interface));
  const ways = [...names].filter((name) => !own.has(name) && !/^(?:br-[0-9a-f]{12}|veth\w*)$/.test(name));
  return ways.length > 0 ? ways : [own];
}

/** Connections of one network's containers to another's. */
export function between(from: Bridged, to: Bridged): Packets[] {
  return from.subnets.flatMap((source) =>
    to.subnets.map((destination) => ({
      ...{ family: from.family, from: from.bridge, to: to.bridge, source, destination },
    })),
  );
}

/** To anything that is not on the network itself. */
export function outOf({ family, bridge, subnets }: Bridged, to: Interface): Packets[] {
  const without = subnets.map((destination) => ({ destination }));
  return subnets.map((source) => ({ family, from: bridge, to, source, without }));
}

/** From anything that is not on the network itself. */
export function into({ family, bridge, subnets }: Bridged, from: Interface): Packets[] {
  const without = subnets.map((source) => ({ source }));
  return subnets.map((destination) => ({ family, from, to: bridge, destination, without }));
}
