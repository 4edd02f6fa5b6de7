/**
 * Whether a flow leaves its internal network, and where to. Pure geography and manners of the protocols: what is inside
 * is decided by the network's own subnets, who opened the flow by the flow table. No policy here.
 */
import type { FlowRecord } from '../../src/model/flow.ts';
import {
  type Cidr,
  cidrContains,
  type IpWords,
  isIpv4Words,
  parseCidr,
  parseIp,
} from '../../src/model/ip.ts';
import type { Network } from '../../src/model/network.ts';

export type Leaving = 'outside' | 'host';

/** Undefined when the flow stays inside, was opened from elsewhere, or is the network's own housekeeping. */
export function leaving(flow: FlowRecord): Leaving | undefined {
  const network = flow.network;
  if (network === undefined || !network.internal) return undefined;
  const subnets = subnetsOf(network);
  if (!isMember(flow, network, subnets) || isReply(flow)) return undefined;
  return destinationOf(flow, network, subnets);
}

/** True when the opening was not seen, so that who opened the flow is inferred from its ports. */
export function isOpenerInferred(flow: FlowRecord): boolean {
  return flow.protocol === 'tcp' ? !flow.history.startsWith('S') : flow.coverage === 'started-midstream';
}

/** Subnets parsed once a network: records of one network share the object. */
const parsed = new WeakMap<object, readonly Cidr[]>();

export function subnetsOf(network: Partial<Pick<Network, 'subnets'>>): readonly Cidr[] {
  let subnets = parsed.get(network);
  if (subnets === undefined) {
    subnets = (network.subnets ?? []).map(parseCidr).filter((cidr) => cidr !== undefined);
    parsed.set(network, subnets);
  }
  return subnets;
}

/**
 * A container, or an address in the subnets that nobody could name. The gateway lies in the subnets too, but what it
 * opens comes from the host, or from outside through NAT.
 */
function isMember(flow: FlowRecord, network: Network, subnets: readonly Cidr[]): boolean {
  const { ip, scope } = flow.orig;
  if (scope === 'gateway' || scope === 'host' || network.gateways.includes(ip)) return false;
  if (scope === 'container' && flow.orig.workload?.networks.includes(network.name) === true) return true;
  return isIn(subnets, ip);
}

function destinationOf(flow: FlowRecord, network: Network, subnets: readonly Cidr[]): Leaving | undefined {
  const { ip, scope } = flow.resp;
  const words = parseIp(ip);
  if (words === undefined || scope === 'multicast' || isToMany(words)) return undefined;
  const isHost =
    scope === 'gateway' || scope === 'host' || network.gateways.includes(ip) || isLoopback(words);
  if (isLinkLocal6(words)) {
    // Neighbours talk link-local all day; only a service of the host reached that way is worth a word.
    return isHost && (flow.protocol === 'tcp' || flow.protocol === 'udp') ? 'host' : undefined;
  }
  if (isHost) return 'host';
  return subnets.some((subnet) => cidrContains(subnet, words)) ? undefined : 'outside';
}

/** What a container sends because somebody else spoke first. */
export function isReply(flow: FlowRecord): boolean {
  switch (flow.protocol) {
    case 'tcp':
      return isTcpReply(flow);
    case 'icmp':
      return flow.icmp !== undefined && ICMP_ERRORS.has(flow.icmp.type);
    case 'icmp6':
      return flow.icmp !== undefined && isIcmp6Housekeeping(flow.icmp.type);
    default:
      return flow.coverage === 'started-midstream' && servesOnLowerPort(flow);
  }
}

/** SYN-ACK and RST answer a SYN that we did not see; other segments without one are judged by their ports. */
function isTcpReply(flow: FlowRecord): boolean {
  const first = flow.history[0];
  if (first === 'S') return false;
  return first === 'H' || first === 'R' || servesOnLowerPort(flow);
}

/** Clients take ephemeral ports, which are the higher ones (ip_local_port_range begins at 32768). */
function servesOnLowerPort(flow: FlowRecord): boolean {
  return (flow.orig.port ?? 0) < (flow.resp.port ?? 0);
}

/** RFC 792: unreachable, quench, redirect, time exceeded, parameter problem. An unsolicited echo reply is none of them. */
const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

/** RFC 4443 errors (1-4); MLD, router and neighbour discovery, MLDv2, multicast router discovery (130-153). */
function isIcmp6Housekeeping(type: number): boolean {
  return (type >= 1 && type <= 4) || (type >= 130 && type <= 153);
}

/** 224.0.0.0/4, 255.255.255.255, ff00::/8, and the unspecified addresses. */
function isToMany([w0, w1, w2, w3]: IpWords): boolean {
  if (isIpv4Words(w0, w1, w2)) return w3 >>> 28 === 0xe || w3 === 0xffff_ffff || w3 === 0;
  return w0 >>> 24 === 0xff || (w0 | w1 | w2 | w3) === 0;
}

function isLinkLocal6([w0]: IpWords): boolean {
  return w0 >>> 22 === 0xfe80 >>> 6;
}

/** 127.0.0.0/8 on a wire is aimed at the host's own loopback (net.ipv4.conf.*.route_localnet). */
function isLoopback([w0, w1, w2, w3]: IpWords): boolean {
  if (isIpv4Words(w0, w1, w2)) return w3 >>> 24 === 127;
  return w0 === 0 && w1 === 0 && w2 === 0 && w3 === 1;
}

function isIn(subnets: readonly Cidr[], ip: string): boolean {
  const words = parseIp(ip);
  return words !== undefined && subnets.some((subnet) => cidrContains(subnet, words));
}
