/**
 * The host's end of a flow, by who holds the socket there. The address stays the host's; what is added is who speaks:
 * the host itself, or a container on its network.
 */
import type { Attribution, Endpoint } from '../model/endpoint.ts';
import type { Network, Workload } from '../model/network.ts';
import type { Micros } from '../model/time.ts';
import type { HostSocket, SocketOwner, SocketOwners } from './flow-facts.ts';

interface Ends {
  readonly orig: Endpoint;
  readonly resp: Endpoint;
}

/** A flow begins: its socket is looked for while it is open. */
export function askForOwners({ orig, resp }: Ends, protocol: string, since: Micros, of: SocketOwners): void {
  for (const [end, peer] of [
    [orig, resp],
    [resp, orig],
  ] as const) {
    const socket = hostSocket(end, peer, protocol, since);
    if (socket !== undefined) of.began(socket);
  }
}

interface PlacedEnds extends Ends {
  readonly network: Network | undefined;
}

export function withOwners(
  { orig, resp, network }: PlacedEnds,
  protocol: string,
  since: Micros,
  of: SocketOwners,
): PlacedEnds {
  const owned = (end: Endpoint, peer: Endpoint): Endpoint => {
    const socket = hostSocket(end, peer, protocol, since);
    const owner = socket === undefined ? undefined : of.ownerOf(socket);
    return owner === undefined ? end : withOwner(end, owner);
  };
  return { orig: owned(orig, resp), resp: owned(resp, orig), network };
}

function hostSocket(end: Endpoint, peer: Endpoint, protocol: string, since: Micros): HostSocket | undefined {
  if (end.scope !== 'host' && end.scope !== 'gateway') return undefined;
  if (protocol !== 'tcp' && protocol !== 'udp') return undefined;
  if (end.port === undefined || peer.port === undefined) return undefined;
  return { protocol, ip: end.ip, port: end.port, peerIp: peer.ip, peerPort: peer.port, since };
}

function withOwner(end: Endpoint, owner: SocketOwner): Endpoint {
  switch (owner.kind) {
    case 'container':
      return owned(end, owner.workload, { method: 'netns', confidence: 'certain' });
    case 'host':
      return owned(end, end.workload, { method: end.attribution.method, confidence: 'certain' });
    case 'several': {
      const { candidates } = owner;
      const reason = `${candidates.length} hold a socket on this port, and only the kernel knows which one it was`;
      return owned(end, end.workload, { method: 'netns', confidence: 'ambiguous', reason, candidates });
    }
  }
}

/** In the order and with all the fields of other ends: no spread, see FlowRecords. */
function owned(
  { ip, port, mac, scope, names, geo }: Endpoint,
  workload: Workload | undefined,
  attribution: Attribution,
): Endpoint {
  return { ip, port, mac, scope, workload, names, geo, attribution };
}
