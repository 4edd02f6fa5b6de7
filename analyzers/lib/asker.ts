/** Who asked: the key of what is remembered of a client, where it stands, and whether what was seen is beyond doubt its own. */
import type { DnsRecord } from '../../src/model/dns.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { Network } from '../../src/model/network.ts';

/** The container, else the address on its network. The same for a question and for a flow of one client. */
export function clientKey(client: Endpoint, network: Network | undefined): string {
  return client.workload?.containerId ?? `${network?.id ?? ''}/${client.ip}`;
}

/** As a finding names it: the network on which the question was seen, or all that the container is on. */
export function networkOf({ network, networks }: Pick<DnsRecord, 'network' | 'networks'>): {
  network?: string;
} {
  if (network !== undefined) return { network: network.name };
  if (networks === undefined || networks.length === 0) return {};
  return { network: networks.map(({ name }) => name).join(', ') };
}

/**
 * A neighbour on a bridge can send frames with another's address. Then the MAC is not the one that the inventory gives
 * with it, and what was said so says nothing about the owner of the address.
 */
export function isItself({ workload, mac, attribution }: Endpoint): boolean {
  if (attribution.confidence === 'ambiguous') return false;
  return workload === undefined || mac === undefined || attribution.method !== 'ip@time';
}

/** Whom the answer came from in the end, as far as it was seen: behind the embedded resolver stands another. */
export function answererOf({ server, upstream }: DnsRecord): Endpoint {
  return upstream?.server ?? server;
}
