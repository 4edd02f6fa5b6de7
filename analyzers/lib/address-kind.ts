/**
 * Who could be behind an address, for detectors that only have its text: the host itself, this site, or the outside.
 * IANA special-purpose registries; unwraps the IPv6 forms that carry an IPv4 address, because a filter that does not is
 * what they are used against. No inventory and no policy here.
 */
import {
  type Cidr,
  cidrContains,
  formatIp,
  type IpWords,
  isIpv4Words,
  parseCidr,
  parseIp,
} from '../../src/model/ip.ts';
import { METADATA_SERVICES } from './metadata-services.ts';

/** `metadata`: where clouds hand out credentials. `other`: multicast, reserved, benchmarking: neither in nor out. */
export type AddressKind =
  | 'outside'
  | 'metadata'
  | 'loopback'
  | 'unspecified'
  | 'link-local'
  | 'private'
  | 'shared'
  | 'other';

export interface JudgedAddress {
  readonly kind: AddressKind;
  /** What it means in the end: the IPv4 address inside, where the form carries one. */
  readonly words: IpWords;
  /** The form that carries an IPv4 address; absent for a plain address. */
  readonly wrappedAs?: 'NAT64' | '6to4' | 'IPv4-compatible';
}

/** First match wins: the narrower stands before the wider. */
const TABLE: readonly (readonly [cidr: string, kind: AddressKind])[] = [
  ...METADATA_SERVICES.map(
    ({ address }) => [address.includes(':') ? `${address}/128` : `${address}/32`, 'metadata'] as const,
  ),

  ['0.0.0.0/8', 'unspecified'],
  ['10.0.0.0/8', 'private'],
  ['172.16.0.0/12', 'private'],
  ['192.168.0.0/16', 'private'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['100.64.0.0/10', 'shared'],
  ['192.0.0.0/24', 'other'],
  ['198.18.0.0/15', 'other'],
  ['224.0.0.0/3', 'other'],
  ['0.0.0.0/0', 'outside'],

  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['fe80::/10', 'link-local'],
  // Site-local, deprecated (RFC 3879), still an address of the site to whoever uses it.
  ['fec0::/10', 'private'],
  ['fc00::/7', 'private'],
  ['2000::/3', 'outside'],
  ['::/0', 'other'],
];

const ROWS = TABLE.map(([text, kind]) => ({ cidr: parseCidr(text)!, kind }));
const V4_ROWS = ROWS.filter(({ cidr }) => cidr.family === 4);
const V6_ROWS = ROWS.filter(({ cidr }) => cidr.family === 6);

/** RFC 6052 2.1: the well-known prefix; RFC 8215: the local-use one, here with the IPv4 address in the last 32 bits. */
const NAT64: readonly Cidr[] = ['64:ff9b::/96', '64:ff9b:1::/48'].map((text) => parseCidr(text)!);
/** RFC 3056. */
const SIX_TO_FOUR = parseCidr('2002::/16')!;
/** RFC 4291 2.5.5.1, deprecated. Holds `::` and `::1` too, which are what they are. */
const COMPATIBLE = parseCidr('::/96')!;

/** Undefined when the text is no address. */
export function judgeAddress(text: string): JudgedAddress | undefined {
  const words = parseIp(text);
  return words === undefined ? undefined : judgeWords(words);
}

/** Answers name the same addresses again and again. Bounded: when full it starts again empty. */
const REMEMBERED = 4096;

export class AddressJudge {
  readonly #known = new Map<string, JudgedAddress | undefined>();

  judge(text: string): JudgedAddress | undefined {
    const known = this.#known.get(text);
    if (known !== undefined || this.#known.has(text)) return known;
    const judged = judgeAddress(text);
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(text, judged);
    return judged;
  }
}

function judgeWords(words: IpWords): JudgedAddress {
  if (isIpv4Words(words[0], words[1], words[2])) return { kind: kindIn(V4_ROWS, words), words };
  const wrappedAs = wrapping(words);
  if (wrappedAs === undefined) return { kind: kindIn(V6_ROWS, words), words };
  const inner = wrappedAs === '6to4' ? ((words[0] & 0xffff) * 0x10000 + (words[1] >>> 16)) >>> 0 : words[3];
  const v4: IpWords = [0, 0, 0xffff, inner];
  return { kind: kindIn(V4_ROWS, v4), words: v4, wrappedAs };
}

/** Text of what it means in the end. */
export function innerText({ words }: JudgedAddress): string {
  return formatIp(...words);
}

function wrapping(words: IpWords): JudgedAddress['wrappedAs'] {
  if (NAT64.some((prefix) => cidrContains(prefix, words))) return 'NAT64';
  if (cidrContains(SIX_TO_FOUR, words)) return '6to4';
  if (cidrContains(COMPATIBLE, words) && words[3] > 0xffff) return 'IPv4-compatible';
  return undefined;
}

function kindIn(
  rows: readonly { readonly cidr: Cidr; readonly kind: AddressKind }[],
  words: IpWords,
): AddressKind {
  // The last row of each family holds every address.
  return rows.find(({ cidr }) => cidrContains(cidr, words))!.kind;
}
