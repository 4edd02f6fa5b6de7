/**
 * Which subnets of a network somebody asked for. The engine tells those that it chose itself in the same words, and a
 * network that is made anew may get another of them: that is no change by anybody. Its own choices are known by their
 * shape: out of one of its pools, of the pool's size (moby daemon/libnetwork/ipamutils), with the first address as gateway.
 */
import { type Cidr, cidrContains, parseCidr, parseIp } from '../../../model/ip.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';

type Pool = readonly [within: Cidr, prefixBits: number];

/** Pools, and the prefix length of what is cut from them; one length more or less is another's. */
const LOCAL = [
  ...['172.17.0.0/16', '172.18.0.0/15', '172.20.0.0/14', '172.24.0.0/13'].map((text) => pool(text, 16)),
  pool('192.168.0.0/16', 20),
];
const OVERLAY = [pool('10.0.0.0/8', 24)];
/** RFC 4193 3.2.1, locally assigned: since 27.0 the engine makes a /64 of its own where IPv6 is on and none was named. */
const LOCAL_V6: Pool = [parseCidr('fd00::/8')!, 64];

/** `configured`: default-address-pools, of which the engine tells the bases but not the sizes. */
export function askedSubnets(network: NetworkFacts, configured: readonly string[] = []): string[] {
  const bases = configured.map(parseCidr).filter((base) => base !== undefined);
  return network.subnets.filter((subnet) => {
    const cidr = parseCidr(subnet);
    // Of the default bridge it shows its own choice without the gateway, too.
    const isChoice =
      network.isDefaultBridge || (cidr !== undefined && hasFirstAddress(cidr, network.gateways));
    if (cidr === undefined || !isChoice) return true;
    return !isOfEnginesShape(network.driver, subnet) && !bases.some((base) => cidrContains(base, cidr.base));
  });
}

export function isOfEnginesShape(driver: string, subnet: string): boolean {
  const cidr = parseCidr(subnet);
  return (
    cidr !== undefined &&
    [...(driver === 'overlay' ? OVERLAY : LOCAL), LOCAL_V6].some(
      ([within, prefixBits]) => cidr.prefixBits === prefixBits && cidrContains(within, cidr.base),
    )
  );
}

function pool(text: string, length: number): Pool {
  return [parseCidr(text)!, length + 96];
}

/** Up to 27 the engine shows the gateway of a subnet only where somebody named it, or where it chose both. */
function hasFirstAddress({ base }: Cidr, gateways: readonly string[]): boolean {
  return gateways.some((gateway) => {
    const words = parseIp(gateway);
    return words !== undefined && base.every((word, i) => words[i] === (i === 3 ? word + 1 : word));
  });
}
