/**
 * Whether a flow seen on an internal network was opened from outside it, which way it came, and by whom. Geography and
 * translations only; no policy here. Who has the gateway's address may be anybody behind it: only what is known of the
 * translation says who.
 */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { cidrContains, type IpWords, isIpv4Words, parseIp } from '../../../src/model/ip.ts';
import type { Network } from '../../../src/model/network.ts';
import { isForgedGateway } from '../gateway.ts';
import { isReply, subnetsOf } from '../leaving.ts';

export interface Entering {
  /** `translated`: through an address translation of which the other side is not known. */
  readonly way: 'routed' | 'published-port' | 'from-host' | 'translated';
  /** The one with the host's address where nobody else is known. */
  readonly opener: Endpoint;
  readonly candidates?: readonly string[] | undefined;
}

export function entering(flow: FlowRecord): Entering | undefined {
  const { network, orig, resp } = flow;
  if (network === undefined || !network.internal || isReply(flow) || !isMember(resp, network))
    return undefined;
  // Neighbours on a link have such addresses before they have others (RFC 4291, RFC 3927, RFC 2131).
  if (isOfLink(orig.ip) || isForgedGateway(orig)) return undefined;
  if (isOfHost(orig, network)) return throughHost(flow);
  if (isMember(orig, network) || orig.scope === 'multicast') return undefined;
  // A forged source on this very bridge is ip-spoof's.
  if (orig.attribution.confidence === 'ambiguous') return undefined;
  return { way: isRewritten(flow) ? 'published-port' : 'routed', opener: flow.nat?.client ?? orig };
}

function throughHost({ orig, nat }: FlowRecord): Entering {
  if (nat === undefined) return { way: 'from-host', opener: orig };
  const { client, candidates, confidence } = nat;
  if (client === undefined) {
    // Surely nobody else: the kernel has the host itself as the one who asked.
    if (confidence === 'certain') return { way: 'from-host', opener: orig };
    return { way: 'translated', opener: orig, candidates };
  }
  if (client.scope === 'host' || client.scope === 'gateway') return { way: 'from-host', opener: client };
  // The destination stood as it was: only the source was rewritten on the way.
  return { way: nat.kind === 'masquerade' ? 'routed' : 'published-port', opener: client };
}

/** What was asked for was another address than the one that was reached. */
function isRewritten({ nat }: FlowRecord): boolean {
  return nat !== undefined && nat.kind !== 'masquerade' && nat.kind !== 'unknown';
}

function isOfHost({ scope, ip }: Endpoint, network: Network): boolean {
  return scope === 'gateway' || scope === 'host' || network.gateways.includes(ip);
}

/** A container of the network, or an address in its subnets that nobody could name. */
function isMember(end: Endpoint, network: Network): boolean {
  if (end.scope === 'multicast' || isOfHost(end, network)) return false;
  if (end.workload?.networks.includes(network.name) === true) return true;
  const words = parseIp(end.ip);
  return words !== undefined && subnetsOf(network).some((subnet) => cidrContains(subnet, words));
}

function isOfLink(ip: string): boolean {
  const words = parseIp(ip);
  return words === undefined || isLinkLocalOrNone(words);
}

function isLinkLocalOrNone([w0, w1, w2, w3]: IpWords): boolean {
  if (isIpv4Words(w0, w1, w2)) return w3 >>> 16 === 0xa9fe || w3 >>> 24 === 0;
  return w0 >>> 22 === 0xfe80 >>> 6 || (w0 | w1 | w2 | w3) === 0;
}
