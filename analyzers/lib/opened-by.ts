/**
 * Whether a container opened a flow: the first question of every detector that accuses one. The host, its agents and
 * containers on the host's own network have no address of their own on a bridge and are never meant.
 */
import type { FlowRecord } from '../../src/model/flow.ts';
import { cidrContains, type IpWords, isIpv4Words, parseIp } from '../../src/model/ip.ts';
import type { FlowGlance } from '../../src/sensor/analysis/analyzer.ts';
import { isItself } from './asker.ts';
import { isReply, subnetsOf } from './leaving.ts';

/** TCP or UDP, by a container or by an address of a container network that nobody could name. */
export function isOpenedByContainer(flow: FlowRecord): boolean {
  const { orig, protocol } = flow;
  if ((protocol !== 'tcp' && protocol !== 'udp') || isReply(flow)) return false;
  if (orig.scope === 'container') return isItself(orig);
  return orig.scope === 'unknown' && orig.workload === undefined && isNameless(flow);
}

/** The same, to the Internet, and not the answer's way back of a translation. */
export function isOpenedToInternet(flow: FlowRecord): boolean {
  const { resp, nat } = flow;
  if (resp.scope !== 'internet' || !isOpenedByContainer(flow)) return false;
  return nat === undefined || nat.kind === 'masquerade' || nat.kind === 'unknown';
}

/**
 * Cheap, and never false for a flow that `isOpenedToInternet`: most that cross come in to a published port, from a public
 * address to a private one.
 */
export function mayLeave({ mayCross, respWords }: FlowGlance): boolean {
  return mayCross && !isSiteAddress(respWords);
}

/** RFC 1918, RFC 6598, RFC 4193. An address of a container network may be public as well. */
function isSiteAddress([w0, w1, w2, w3]: IpWords): boolean {
  if (!isIpv4Words(w0, w1, w2)) return w0 >>> 25 === 0xfc >>> 1;
  const first = w3 >>> 24;
  if (first === 10) return true;
  if (first === 172) return w3 >>> 20 === 0xac1;
  if (first === 192) return w3 >>> 16 === 0xc0a8;
  return first === 100 && w3 >>> 22 === 0x191;
}

function isNameless({ orig, network }: FlowRecord): boolean {
  if (network === undefined || network.gateways.includes(orig.ip)) return false;
  const words = parseIp(orig.ip);
  return words !== undefined && subnetsOf(network).some((subnet) => cidrContains(subnet, words));
}
