/**
 * Whether a container opened a flow to the machine that it runs on, and to what there. A published port of the host
 * leads to a container, and a container on the host's network is one as well: neither is the host.
 */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { type SensitivePort, sensitivePort } from '../../../src/model/sensitive-ports.ts';
import type { Surroundings } from '../../../src/sensor/analysis/analyzer.ts';
import { isForgedGateway } from '../gateway.ts';
import { isReply } from '../leaving.ts';

export interface ToHost {
  readonly sensitive: SensitivePort | undefined;
  /** Nobody told which ports are published: a container may be behind this one. */
  readonly mayBePublished: boolean;
}

export function toHost(flow: FlowRecord, around: Surroundings): ToHost | undefined {
  const { orig, resp, protocol, network, nat } = flow;
  // What leaves an internal network for the host is internal-egress's.
  if (network === undefined || network.internal || isReply(flow)) return undefined;
  // A ping reaches no service.
  if ((protocol !== 'tcp' && protocol !== 'udp') || resp.port === undefined) return undefined;
  if (orig.scope !== 'container' && !isNameless(orig, network.gateways)) return undefined;
  if (!isHost(resp, network.gateways) || isForgedGateway(resp)) return undefined;
  if (isGivenResolver(flow) || isLeaseRenewal(flow)) return undefined;
  if (
    (nat !== undefined && nat.kind !== 'masquerade') ||
    around.publisherOf(protocol, resp.ip, resp.port) !== undefined
  )
    return undefined;
  const id = orig.workload?.containerId;
  const arePortsKnown = id !== undefined && around.isPublished(id, protocol, resp.port) !== undefined;
  return {
    // Somebody on the host's network who is a container is named; his service is his own, not the machine's.
    sensitive: resp.workload === undefined ? sensitivePort(protocol, resp.port) : undefined,
    mayBePublished: !arePortsKnown,
  };
}

function isHost({ scope, ip }: Endpoint, gateways: readonly string[]): boolean {
  return scope === 'gateway' || scope === 'host' || gateways.includes(ip);
}

/** An address of the bridge that nobody could name. */
function isNameless({ scope, ip }: Endpoint, gateways: readonly string[]): boolean {
  return scope === 'unknown' && !gateways.includes(ip);
}

/** The engine gave it the host to ask for names, or asks there for it. */
function isGivenResolver({ orig, resp }: FlowRecord): boolean {
  return resp.port === 53 && orig.workload?.resolvers?.includes(resp.ip) === true;
}

/** DHCP and DHCPv6 (RFC 2131, RFC 8415). */
function isLeaseRenewal({ protocol, resp }: FlowRecord): boolean {
  return protocol === 'udp' && (resp.port === 67 || resp.port === 547);
}
