/** By what the networks of the inventory, this host and the registries say of an address that no container surely held. */
import { NOBODY_HELD } from '../../model/endpoint.ts';
import { cidrContains, type IpWords, isIpv4Words } from '../../model/ip.ts';
import { type Network, workloadLabel } from '../../model/network.ts';
import { type Attributed, found, labels, unknown } from './answers.ts';
import { asNewcomer, LINK_LOCAL_V6 } from './by-holder.ts';
import { gapText } from './gaps.ts';
import { holds } from './network-index.ts';
import { type Question, sendersOf, type World } from './question.ts';
import { specialRange } from './special-ranges.ts';

/** The gateway of the network, which on a bridge is this host. */
export function asGateway(world: World, { ip, mac, here, time }: Question): Attributed | undefined {
  const network = (here ?? world.networks.byGateway(ip))?.network;
  if (network === undefined) return undefined;
  const ours =
    network.gateways.includes(ip) ||
    (network.bridge !== undefined && world.host.onInterface(network.bridge, ip));
  if (!ours) return undefined;
  if (network.bridge === undefined) {
    // macvlan and ipvlan: their gateway is a router of the LAN, not this machine.
    return found('lan', 'network', 'certain', `router of the ${network.driver} network ${network.name}`);
  }
  if (!world.state.knowsContainers) {
    const reason = 'the first address of the subnet, which Docker gives to the gateway';
    return found('gateway', 'gateway', 'likely', reason);
  }
  const senders = sendersOf(world, mac, network.id, time);
  if (senders.length === 0) return found('gateway', 'gateway', 'certain');
  const names = labels(senders);
  return {
    scope: 'gateway',
    names: [],
    attribution: {
      method: 'gateway',
      confidence: 'ambiguous',
      reason: `the gateway's address, but the frame carries the MAC of ${names.join(', ')}: spoofed`,
      candidates: names,
    },
  };
}

/** An address of this machine, but not the one that it has on this bridge. */
export function asHost(world: World, { ip, words, here }: Question): Attributed | undefined {
  // Link-local addresses repeat on each interface: only those of this bridge count, and they were asked already.
  if (cidrContains(LINK_LOCAL_V6, words)) return undefined;
  const gatewayElsewhere = world.networks.all.find(
    ({ network, removed }) =>
      network !== here?.network && !removed && network.bridge !== undefined && network.gateways.includes(ip),
  );
  if (gatewayElsewhere === undefined && (isLoopback(words) || !world.host.has(ip))) return undefined;
  const candidates = world.state.onHostNetwork().map(workloadLabel);
  const reasons = [
    ...(gatewayElsewhere === undefined ? [] : [`gateway of the network ${gatewayElsewhere.network.name}`]),
    ...(candidates.length === 0 ? [] : ['the host itself or a container on the host network']),
  ];
  return {
    scope: 'host',
    names: [],
    attribution: {
      method: 'host-address',
      confidence: 'certain',
      ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
      ...(candidates.length === 0 ? {} : { candidates }),
    },
  };
}

/** The broadcast address of a subnet: IPv4 only, and none in /31 and /32 (RFC 3021). */
export function asMulticast(world: World, { words, here }: Question): Attributed | undefined {
  if (!isIpv4Words(words[0], words[1], words[2])) return undefined;
  for (const { network, subnets } of here === undefined ? world.networks.all : [here]) {
    for (const cidr of subnets) {
      if (cidr.family !== 4 || cidr.prefixBits > 126) continue;
      const last = (cidr.base[3] | (2 ** (128 - cidr.prefixBits) - 1)) >>> 0;
      if (words[3] === last)
        return found('multicast', 'network', 'certain', `broadcast address of ${network.name}`);
    }
  }
  return undefined;
}

/** Inside the subnets of a network, but nobody's. */
export function asSubnet(world: World, { words, mac, here, time }: Question): Attributed | undefined {
  const owner =
    here !== undefined && holds(here, words) ? here : world.networks.all.find((entry) => holds(entry, words));
  if (owner === undefined) return undefined;
  const { name } = owner.network;
  if (!world.state.knowsContainers) {
    return found(
      'container',
      'network',
      'likely',
      `an address of ${name}; no inventory of its containers was given`,
    );
  }
  const newcomer = asNewcomer(world, owner.network, mac, time);
  if (newcomer !== undefined) return newcomer;
  const gap = world.state.gapAt(time);
  if (gap !== undefined) {
    return unknown(`no container is known to have held this address of ${name}, but ${gapText(gap, time)}`);
  }
  if (owner.network.bridge === undefined && isOnLan(owner.network)) {
    return found(
      'lan',
      'network',
      'likely',
      `on the LAN that ${name} is part of, and no container's of this host`,
    );
  }
  const removed = owner.removed ? ' (removed meanwhile)' : '';
  return unknown(`${NOBODY_HELD} ${name}${removed} then`);
}

/** Another engine's network, or a bridge made by hand: on this host, and unknown to this engine. */
export function asForeign(world: World, { ip, words }: Question): Attributed | undefined {
  if (specialRange(words).scope !== 'lan') return undefined;
  const ours = (name: string): boolean => world.networks.all.some(({ network }) => network.bridge === name);
  const bridge = world.host.behindBridge?.(ip, ours);
  if (bridge === undefined) return undefined;
  return unknown(`behind ${bridge}, a bridge of this host that is no network of this engine`);
}

/** By what the IANA registries say. */
export function byRange({ words }: Question): Attributed {
  const { scope, reason } = specialRange(words);
  if (scope === 'unknown') return unknown(reason ?? 'no registry knows this address');
  return found(scope, 'range', 'certain', reason);
}

/** Their subnets are those of a LAN, where other machines live too. */
function isOnLan({ driver, internal }: Network): boolean {
  return !internal && (driver === 'macvlan' || driver === 'ipvlan');
}

function isLoopback(words: IpWords): boolean {
  if (isIpv4Words(words[0], words[1], words[2])) return words[3] >>> 24 === 127;
  return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 1;
}
