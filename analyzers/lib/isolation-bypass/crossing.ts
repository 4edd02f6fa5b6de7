/**
 * Whether a flow goes from one bridge network straight to an address of another, or from outside the host straight to a
 * port of a container that nobody published. What was asked for by a port of the host is neither. How sure that is
 * depends on what is known: a published port can look the same from the client's bridge.
 */
import type { FlowRecord } from '../../../src/model/flow.ts';
import { parseIp } from '../../../src/model/ip.ts';
import type { Network } from '../../../src/model/network.ts';
import type { Surroundings } from '../../../src/sensor/analysis/analyzer.ts';
import { isGatewayOf } from '../gateway.ts';
import { isReply } from '../leaving.ts';

export interface Crossing {
  /** `shared`: both are on one network, and the address of another was taken. */
  readonly kind: 'between-networks' | 'shared' | 'from-outside';
  readonly target: Network;
  /** It cannot have been a published port. */
  readonly isSure: boolean;
}

export function crossing(flow: FlowRecord, around: Surroundings): Crossing | undefined {
  const { orig, resp } = flow;
  if (isReply(flow) || isTranslated(flow)) return undefined;
  const respWords = parseIp(resp.ip);
  const origWords = parseIp(orig.ip);
  if (respWords === undefined || origWords === undefined) return undefined;
  const target = around.networkAt(respWords);
  if (target === undefined || isGatewayOf(target, respWords) || resp.scope === 'multicast') return undefined;
  const source = around.networkAt(origWords);
  if (source === undefined) return fromOutside(flow, target, around);
  // A host's address on one of its bridges: a program of the host, or what came through it.
  if (source.id === target.id || isGatewayOf(source, origWords)) return undefined;
  return betweenNetworks(flow, source, target, around);
}

function betweenNetworks(
  flow: FlowRecord,
  source: Network,
  target: Network,
  around: Surroundings,
): Crossing | undefined {
  const { orig, resp, network, nat } = flow;
  // internal-egress tells of who leaves an internal network.
  if (source.internal || (network?.internal === true && network.id !== target.id)) return undefined;
  const isSeenThere = network?.id === target.id;
  // A forged source, on the bridge of him who forged it, is ip-spoof's.
  if (isSeenThere && orig.attribution.confidence === 'ambiguous') return undefined;
  if (orig.scope !== 'container' && orig.scope !== 'unknown') return undefined;
  const isShared = orig.workload?.networks.some((name) => resp.workload?.networks.includes(name)) === true;
  // One that is on both took the address that it has on the one to speak on the other.
  if (isSeenThere && orig.workload?.networks.includes(target.name) === true) return undefined;
  return {
    kind: isShared ? 'shared' : 'between-networks',
    target,
    // On the target's own bridge a client of a published port has the gateway's address (docs/nat.md).
    isSure: isSeenThere || nat?.kind === 'masquerade' || isUnpublished(flow, around),
  };
}

/** A port that is published is reached from outside by right; that of an internal network is internal-ingress's. */
function fromOutside(flow: FlowRecord, target: Network, around: Surroundings): Crossing | undefined {
  const { orig, resp, nat, protocol, history } = flow;
  if (orig.scope !== 'lan' && orig.scope !== 'internet') return undefined;
  if (target.internal || resp.scope !== 'container' || nat !== undefined) return undefined;
  // A datagram from outside may answer one that was sent before the flow began.
  if (protocol !== 'tcp' || !history.startsWith('S')) return undefined;
  if (!isUnpublished(flow, around)) return undefined;
  return { kind: 'from-outside', target, isSure: true };
}

function isUnpublished({ resp, protocol }: FlowRecord, around: Surroundings): boolean {
  const { workload, port } = resp;
  if (workload === undefined || port === undefined) return false;
  return around.isPublished(workload.containerId, protocol, port) === false;
}

/** Its destination was rewritten, or nobody knows whether it was. */
function isTranslated({ nat }: FlowRecord): boolean {
  return nat !== undefined && nat.kind !== 'masquerade';
}

const MODES = ['com.docker.network.bridge.gateway_mode_ipv4', 'com.docker.network.bridge.gateway_mode_ipv6'];

/**
 * The operator asked for it: `routed` and `nat-unprotected` let others in by containers' own addresses, and so do
 * trusted interfaces (Engine 27 and later).
 */
export function openedOnPurpose({ options }: Network, isIpv6: boolean): string | undefined {
  const mode = options[isIpv6 ? MODES[1]! : MODES[0]!];
  if (mode === 'routed' || mode === 'nat-unprotected') return `gateway mode ${mode}`;
  const trusted = options['com.docker.network.bridge.trusted_host_interfaces'];
  return trusted === undefined || trusted === '' ? undefined : `trusted interfaces ${trusted}`;
}
