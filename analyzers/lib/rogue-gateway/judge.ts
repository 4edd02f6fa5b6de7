/** What one claim of a router or server means on its network. Argued in docs/analyzers/rogue-gateway.md. */
import type { Confidence, Severity } from '../../../src/model/finding.ts';
import type { RouterClaim } from '../../../src/model/neighbor.ts';
import type { Network } from '../../../src/model/network.ts';

export interface Judged {
  readonly message: 'default-router' | 'other-router' | 'other-resolver' | 'address-server' | 'rival-servers';
  readonly severity: Severity;
  readonly confidence: Confidence;
}

/** Undefined where it concerns nobody, or the network or the sender is not known well enough. */
export function judgeClaim(claim: RouterClaim): Judged | undefined {
  const { network, sender } = claim;
  if (network === undefined || sender.scope === 'gateway' || sender.scope === 'host') return undefined;
  if (sender.workload === undefined) {
    // On a LAN others are routers by right. On a bridge it may be the host, whose MACs a file does not tell.
    const judged = network.driver === 'bridge' ? judgeContainer(claim, network) : undefined;
    if (judged === undefined || judged.message === 'address-server') return undefined;
    return { ...judged, severity: 'low', confidence: 'low' };
  }
  return judgeContainer(claim, network);
}

function judgeContainer(claim: RouterClaim, network: Network): Judged | undefined {
  switch (claim.protocol) {
    case 'router-advertisement':
      return advertisement(claim, network);
    case 'redirect':
      return redirect(claim, network);
    case 'dhcp':
      return dhcp(claim, network);
    case 'dhcpv6':
      return dhcpv6(claim, network);
  }
}

/** Everybody that hears it makes it the default router (RFC 4861 6.3.4), unless its lifetime is 0. */
function advertisement({ lifetimeSecs }: RouterClaim, network: Network): Judged {
  if (lifetimeSecs === 0) return { message: 'address-server', severity: 'low', confidence: 'high' };
  if (isOnLan(network)) return { message: 'default-router', severity: 'medium', confidence: 'medium' };
  // An internal IPv6 network has no way out that somebody could take the place of.
  const hasNoWayOut = network.internal && network.subnets.some(isIpv6);
  return { message: 'default-router', severity: hasNoWayOut ? 'medium' : 'high', confidence: 'high' };
}

/** Who forwards for others sends redirects by itself: to the gateway, or to a neighbour (then no router is named). */
function redirect({ routers, sender }: RouterClaim, network: Network): Judged | undefined {
  if (routers.every((router) => network.gateways.includes(router))) return undefined;
  // Hosts believe their gateway only (RFC 1122 3.2.2.2): who redirects in its name means to be believed.
  const isAsGateway = network.gateways.includes(sender.ip);
  return { message: 'other-router', severity: isAsGateway ? 'high' : 'medium', confidence: 'medium' };
}

function dhcp({ routers }: RouterClaim, network: Network): Judged {
  const isHarmless = routers.every((router) => network.gateways.includes(router));
  if (isHarmless) return { message: 'address-server', severity: 'low', confidence: 'high' };
  const isLan = isOnLan(network);
  return {
    message: 'other-router',
    severity: isLan ? 'medium' : 'high',
    confidence: isLan ? 'medium' : 'high',
  };
}

/** It names no router (RFC 8415), but resolvers, which is as good (mitm6). */
function dhcpv6({ resolvers }: RouterClaim, network: Network): Judged {
  if (resolvers.length === 0) return { message: 'address-server', severity: 'low', confidence: 'high' };
  return { message: 'other-resolver', severity: isOnLan(network) ? 'low' : 'medium', confidence: 'medium' };
}

/** Beside the containers, machines of the LAN are there, with a router and perhaps a DHCP server of theirs. */
function isOnLan({ driver }: Network): boolean {
  return driver === 'macvlan' || driver === 'ipvlan';
}

function isIpv6(subnet: string): boolean {
  return subnet.includes(':');
}
