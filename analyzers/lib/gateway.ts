/** The host's own addresses on a network, as words: for choosing flows before there is a record of them. */
import { type IpWords, parseIp } from '../../src/model/ip.ts';
import type { Network } from '../../src/model/network.ts';

/** Parsed once a network: the inventory makes a new object when anything changes. */
const parsed = new WeakMap<Network, readonly IpWords[]>();

export function isGatewayOf(network: Network, ip: IpWords): boolean {
  let gateways = parsed.get(network);
  if (gateways === undefined) {
    gateways = network.gateways.map(parseIp).filter((words) => words !== undefined);
    parsed.set(network, gateways);
  }
  return gateways.some(([w0, w1, w2, w3]) => ip[3] === w3 && ip[2] === w2 && ip[1] === w1 && ip[0] === w0);
}

/** A frame with the gateway's address and a container's MAC: a forgery, which tells nothing of the host. */
export function isForgedGateway({
  scope,
  attribution,
}: {
  readonly scope: string;
  readonly attribution: { readonly method: string; readonly confidence: string };
}): boolean {
  return scope === 'gateway' && attribution.method === 'gateway' && attribution.confidence === 'ambiguous';
}
