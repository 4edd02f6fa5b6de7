/**
 * What the IANA registries of special-purpose addresses say about an address: who could be behind it at all.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry, and the allocation of
 * global unicast to 2000::/3 (RFC 4291, RFC 3513).
 */
import type { Scope } from '../../model/endpoint.ts';
import { type Cidr, cidrContains, type IpWords, isIpv4Words, parseCidr } from '../../model/ip.ts';

export interface SpecialRange {
  readonly scope: Extract<Scope, 'lan' | 'internet' | 'multicast' | 'unknown'>;
  /** Present when the scope alone would mislead, and always with `unknown`. */
  readonly reason?: string;
}

const LOOPBACK = 'loopback address: every host means itself by it';
const UNSPECIFIED = 'unspecified address: its sender has none yet';
// Not routed on the Internet, but whoever uses one behaves as an outside host, and means no machine of this network.
const DOCUMENTATION = 'documentation range, not routed on the Internet';

/** First match wins: the narrower range stands before the wider. */
const TABLE: readonly (readonly [cidr: string, scope: SpecialRange['scope'], reason?: string])[] = [
  ['255.255.255.255/32', 'multicast', 'limited broadcast (RFC 919)'],
  ['224.0.0.0/4', 'multicast'],
  ['10.0.0.0/8', 'lan'],
  ['172.16.0.0/12', 'lan'],
  ['192.168.0.0/16', 'lan'],
  ['169.254.0.0/16', 'lan', 'link-local (RFC 3927)'],
  ['100.64.0.0/10', 'lan', 'shared address space of carriers (RFC 6598)'],
  ['0.0.0.0/32', 'unknown', UNSPECIFIED],
  ['0.0.0.0/8', 'unknown', '"this network" (RFC 791), never a destination'],
  ['127.0.0.0/8', 'unknown', LOOPBACK],
  ['192.0.2.0/24', 'internet', `${DOCUMENTATION} (RFC 5737)`],
  ['198.51.100.0/24', 'internet', `${DOCUMENTATION} (RFC 5737)`],
  ['203.0.113.0/24', 'internet', `${DOCUMENTATION} (RFC 5737)`],
  // Inside 192.0.0.0/24 only these two are globally reachable.
  ['192.0.0.9/32', 'internet'],
  ['192.0.0.10/32', 'internet'],
  ['192.0.0.0/24', 'lan', 'IETF protocol assignments (RFC 6890)'],
  ['198.18.0.0/15', 'lan', 'benchmarking (RFC 2544)'],
  ['240.0.0.0/4', 'unknown', 'reserved (RFC 1112)'],
  ['0.0.0.0/0', 'internet'],

  ['::1/128', 'unknown', LOOPBACK],
  ['::/128', 'unknown', UNSPECIFIED],
  ['ff00::/8', 'multicast'],
  ['fc00::/7', 'lan'],
  ['fe80::/10', 'lan', 'link-local (RFC 4291)'],
  ['64:ff9b::/96', 'internet', 'an IPv4 address behind NAT64 (RFC 6052)'],
  ['64:ff9b:1::/48', 'lan', 'local-use NAT64 (RFC 8215)'],
  ['100::/64', 'unknown', 'discard-only (RFC 6666)'],
  ['2001:db8::/32', 'internet', `${DOCUMENTATION} (RFC 3849)`],
  ['3fff::/20', 'internet', `${DOCUMENTATION} (RFC 9637)`],
  ['2001:2::/48', 'lan', 'benchmarking (RFC 5180)'],
  ['2000::/3', 'internet'],
  ['::/0', 'unknown', 'not allocated for global unicast (IANA)'],
];

interface Row {
  readonly cidr: Cidr;
  readonly range: SpecialRange;
}

const ROWS: readonly Row[] = TABLE.map(([text, scope, reason]) => ({
  cidr: parseCidr(text)!,
  range: { scope, ...(reason === undefined ? {} : { reason }) },
}));
const V4_ROWS = ROWS.filter(({ cidr }) => cidr.family === 4);
const V6_ROWS = ROWS.filter(({ cidr }) => cidr.family === 6);

export function specialRange(ip: IpWords): SpecialRange {
  const rows = isIpv4Words(ip[0], ip[1], ip[2]) ? V4_ROWS : V6_ROWS;
  // The last row of each family holds every address.
  return rows.find(({ cidr }) => cidrContains(cidr, ip))!.range;
}
