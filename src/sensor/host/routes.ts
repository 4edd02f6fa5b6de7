/**
 * Which prefixes the host reaches through which of its interfaces: /proc/net/route (net/ipv4/fib_trie.c) and
 * /proc/net/ipv6_route (net/ipv6/route.c). Only routes of the main kind: what is rejected, local, link-local or multicast
 * says nothing about who else lives there.
 */
import { type Cidr, formatIp, parseCidr, V4_MAPPED_WORD } from '../../model/ip.ts';
import { readSmallFile } from './small-file.ts';

export interface HostRoute {
  readonly interface: string;
  readonly cidr: Cidr;
  /** A prefix of length 0: the way to everywhere else. */
  readonly isDefault: boolean;
  /** Whom it leads through; absent where the other end is on the link. */
  readonly gateway?: string;
}

/** include/uapi/linux/route.h, ipv6_route.h. */
const RTF_UP = 0x1;
const RTF_REJECT = 0x200;
const RTF_LOCAL = 0x8000_0000;
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
/** Some 10,000 routes of a host; a router with the whole Internet's is not read. */
const MAX_BYTES = 2 * 1024 * 1024;

/** Undefined where the IPv4 table cannot be read. */
export async function readRoutes(procNet = '/proc/net'): Promise<readonly HostRoute[] | undefined> {
  const [v4, v6] = await Promise.all([
    readSmallFile(`${procNet}/route`, MAX_BYTES),
    readSmallFile(`${procNet}/ipv6_route`, MAX_BYTES),
  ]);
  return v4 === undefined ? undefined : [...ipv4Routes(v4), ...ipv6Routes(v6 ?? '')];
}

export function ipv4Routes(text: string): HostRoute[] {
  return text.split('\n').flatMap((line) => {
    const [name, destination, gateway, flags, , , , mask] = line.trim().split(/\s+/);
    if (name === undefined || !/^[0-9A-F]{8}$/.test(destination ?? '') || !/^[0-9A-F]{8}$/.test(mask ?? ''))
      return [];
    const bits = Number.parseInt(flags!, 16);
    if ((bits & RTF_UP) === 0 || (bits & RTF_REJECT) !== 0) return [];
    const prefix = ones(word(mask!));
    const through = word(gateway ?? '');
    return routeOf(
      name,
      formatIp(0, 0, V4_MAPPED_WORD, word(destination!)),
      prefix,
      through > 0 ? formatIp(0, 0, V4_MAPPED_WORD, through) : undefined,
    );
  });
}

export function ipv6Routes(text: string): HostRoute[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [destination, prefix, , , gateway = ''] = fields;
    const [flags, name] = fields.slice(-2);
    if (name === undefined || !/^[0-9a-f]{32}$/.test(destination ?? '')) return [];
    const bits = Number.parseInt(flags!, 16);
    if ((bits & RTF_UP) === 0 || (bits & (RTF_REJECT | RTF_LOCAL)) !== 0 || name === 'lo') return [];
    const [w0, w1, w2, w3] = words(destination!);
    // fe80::/10 and ff00::/8 are on every link.
    if ((w0! & 0xffc0_0000) >>> 0 === 0xfe80_0000 || w0! >>> 24 === 0xff) return [];
    const through = /^(?!0{32}$)[0-9a-f]{32}$/.test(gateway) ? words(gateway) : undefined;
    return routeOf(
      name,
      formatIp(w0!, w1!, w2!, w3!),
      Number.parseInt(prefix!, 16),
      through === undefined ? undefined : formatIp(through[0]!, through[1]!, through[2]!, through[3]!),
    );
  });
}

function routeOf(name: string, ip: string, prefix: number, gateway: string | undefined): HostRoute[] {
  const cidr = parseCidr(`${ip}/${prefix}`);
  if (cidr === undefined) return [];
  const route = { interface: name, cidr, isDefault: prefix === 0 };
  return [gateway === undefined ? route : { ...route, gateway }];
}

function words(hex: string): number[] {
  return hex.match(/.{8}/g)!.map((part) => Number.parseInt(part, 16));
}

/** The kernel prints the word as it lies in memory. */
function word(hex: string): number {
  const value = Number.parseInt(hex, 16);
  if (!IS_LITTLE_ENDIAN) return value;
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** Of a mask, whose ones all stand before its zeros. */
function ones(mask: number): number {
  return Math.clz32(~mask >>> 0);
}
