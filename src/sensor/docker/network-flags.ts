/** `analyze --network NAME=CIDR[,CIDR][,internal]`: networks without an inventory of their containers. */
import { cidrContains, formatCidr, formatIp, parseCidr } from '../../model/ip.ts';
import type { Network } from '../../model/network.ts';
import { InventoryInputError } from './inventory-records.ts';
import { InventoryState } from './inventory-state.ts';

export function inventoryFromNetworkFlags(flags: readonly string[]): InventoryState {
  const state = new InventoryState(() => {}, { knowsContainers: false });
  for (const flag of flags) {
    const network = parseFlag(flag);
    for (const other of state.networks()) refuseOverlap(network, other);
    state.networkSeen({ network, endpoints: [] }, 0);
  }
  return state;
}

function parseFlag(flag: string): Network {
  const refuse = (why: string): InventoryInputError =>
    new InventoryInputError(
      `--network ${JSON.stringify(flag)}: ${why}; expected NAME=CIDR[,CIDR][,internal]`,
    );
  const equals = flag.indexOf('=');
  if (equals < 1) throw refuse('the name is missing');
  const name = flag.slice(0, equals);
  const subnets: string[] = [];
  const gateways: string[] = [];
  let internal = false;
  for (const part of flag.slice(equals + 1).split(',')) {
    if (part === 'internal') {
      internal = true;
      continue;
    }
    const cidr = parseCidr(part);
    if (cidr === undefined) throw refuse(`${JSON.stringify(part)} is no prefix like 172.18.0.0/16`);
    subnets.push(formatCidr(cidr));
    // Docker's IPAM gives the gateway the first address; in a prefix too small for one there is none.
    const [w0, w1, w2, w3] = cidr.base;
    if (cidr.prefixBits < 127) gateways.push(formatIp(w0, w1, w2, w3 + 1));
  }
  if (subnets.length === 0) throw refuse('there is no prefix');
  return {
    id: name,
    name,
    driver: 'bridge',
    scope: 'local',
    internal,
    // Only so that the gateway counts as the host's; captures name their interfaces themselves.
    bridge: name,
    subnets,
    gateways,
    options: {},
    labels: {},
  };
}

/** An address in two networks could be attributed to neither. */
function refuseOverlap(network: Network, other: Network): void {
  if (network.name === other.name) {
    throw new InventoryInputError(`--network: ${JSON.stringify(network.name)} is given twice`);
  }
  for (const subnet of network.subnets) {
    for (const taken of other.subnets) {
      const [a, b] = [parseCidr(subnet)!, parseCidr(taken)!];
      if (cidrContains(a, b.base) || cidrContains(b, a.base)) {
        throw new InventoryInputError(
          `--network: ${subnet} of ${network.name} overlaps ${taken} of ${other.name}`,
        );
      }
    }
  }
}
