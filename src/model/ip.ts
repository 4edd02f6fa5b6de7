/**
 * IP addresses as four 32-bit words, IPv4 in its mapped form (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that both
 * families take one path. Text is strict: no leading zeros, no short IPv4 forms, no zone ids; what inet_pton(3)
 * refuses is refused here, because `010.0.0.1` means different addresses to different programs.
 */

/** Most significant word first, each 0..2^32-1. */
export type IpWords = readonly [w0: number, w1: number, w2: number, w3: number];

/** A prefix. `base` has no bits beyond it. */
export interface Cidr {
  readonly family: 4 | 6;
  readonly base: IpWords;
  /** Of 128, also for IPv4: 10.0.0.0/8 has 104. */
  readonly prefixBits: number;
}

/** Word 2 of every mapped IPv4 address. */
export const V4_MAPPED_WORD = 0xffff;

export function isIpv4Words(w0: number, w1: number, w2: number): boolean {
  return w0 === 0 && w1 === 0 && w2 === V4_MAPPED_WORD;
}

/** `undefined` when the text is no address. */
export function parseIp(text: string): IpWords | undefined {
  if (!text.includes(':')) {
    const v4 = parseIpv4(text);
    return v4 === undefined ? undefined : [0, 0, V4_MAPPED_WORD, v4];
  }
  return parseIpv6(text);
}

/** RFC 5952 text; a mapped IPv4 address is shown as IPv4. */
export function formatIp(w0: number, w1: number, w2: number, w3: number): string {
  if (isIpv4Words(w0, w1, w2)) {
    return `${w3 >>> 24}.${(w3 >>> 16) & 0xff}.${(w3 >>> 8) & 0xff}.${w3 & 0xff}`;
  }
  const groups = [
    w0 >>> 16,
    w0 & 0xffff,
    w1 >>> 16,
    w1 & 0xffff,
    w2 >>> 16,
    w2 & 0xffff,
    w3 >>> 16,
    w3 & 0xffff,
  ];
  const [zeroAt, zeroCount] = longestZeroRun(groups);
  let out = '';
  for (let i = 0; i < 8; i++) {
    if (i === zeroAt) {
      out += '::';
      i += zeroCount - 1;
      continue;
    }
    if (out !== '' && !out.endsWith(':')) out += ':';
    out += groups[i]!.toString(16);
  }
  return out;
}

/**
 * `10.0.0.0/8`, `2001:db8::/32`. Bits beyond the prefix are cleared, as the kernel does with a subnet given by one
 * of its addresses. `undefined` when the text is no prefix; a bare address is none.
 */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = text.slice(0, slash);
  const length = text.slice(slash + 1);
  const words = parseIp(address);
  if (words === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefixBits = Number(length) + (address.includes(':') ? 0 : 96);
  if (prefixBits > 128) return undefined;
  const base: IpWords = [
    (words[0] & wordMask(prefixBits, 0)) >>> 0,
    (words[1] & wordMask(prefixBits, 1)) >>> 0,
    (words[2] & wordMask(prefixBits, 2)) >>> 0,
    (words[3] & wordMask(prefixBits, 3)) >>> 0,
  ];
  const family = prefixBits >= 96 && isIpv4Words(base[0], base[1], base[2]) ? 4 : 6;
  return { family, base, prefixBits };
}

export function formatCidr(cidr: Cidr): string {
  const [w0, w1, w2, w3] = cidr.base;
  return `${formatIp(w0, w1, w2, w3)}/${cidr.family === 4 ? cidr.prefixBits - 96 : cidr.prefixBits}`;
}

export function cidrContains(cidr: Cidr, ip: IpWords): boolean {
  const { base, prefixBits } = cidr;
  return (
    ((base[0] ^ ip[0]) & wordMask(prefixBits, 0)) === 0 &&
    ((base[1] ^ ip[1]) & wordMask(prefixBits, 1)) === 0 &&
    ((base[2] ^ ip[2]) & wordMask(prefixBits, 2)) === 0 &&
    ((base[3] ^ ip[3]) & wordMask(prefixBits, 3)) === 0
  );
}

/** The bits of word `index` that a prefix covers. Shifts in JS count modulo 32, so 0 bits needs its own answer. */
export function wordMask(prefixBits: number, index: number): number {
  const bits = prefixBits - index * 32;
  if (bits >= 32) return -1;
  return bits <= 0 ? 0 : -1 << (32 - bits);
}

const DOT = 0x2e;
const ZERO = 0x30;

/** By character: it is asked for several times a record, and a regular expression for each part cost ten times as much. */
function parseIpv4(text: string): number | undefined {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === DOT) {
      if (octet < 0 || dots === 3) return undefined;
      value = value * 256 + octet;
      octet = -1;
      dots += 1;
      continue;
    }
    const digit = char - ZERO;
    // A zero stands alone.
    if (digit < 0 || digit > 9 || octet === 0) return undefined;
    octet = octet < 0 ? digit : octet * 10 + digit;
    if (octet > 255) return undefined;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : undefined;
}

function parseIpv6(text: string): IpWords | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const compressed = halves.length === 2;
  const head = parseGroups(halves[0]!, !compressed);
  const tail = compressed ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // RFC 4291 2.2: `::` stands for one group of zeros or more.
  if (compressed ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const word = (i: number): number => groups[2 * i]! * 0x10000 + groups[2 * i + 1]!;
  return [word(0), word(1), word(2), word(3)];
}

/** 16-bit groups of one side of `::`; only the last part of the whole text may be dotted IPv4. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const v4 = endsAddress && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (v4 === undefined) return undefined;
    groups.push(v4 >>> 16, v4 & 0xffff);
  }
  return groups;
}

/** RFC 5952 4.2: the longest run, the first of equals, and never a single group. */
function longestZeroRun(groups: readonly number[]): [at: number, count: number] {
  let bestAt = -1;
  let bestCount = 1;
  for (let at = 0; at < groups.length; at++) {
    let count = 0;
    while (groups[at + count] === 0) count++;
    if (count > bestCount) {
      bestAt = at;
      bestCount = count;
    }
    at += count;
  }
  return [bestAt, bestCount];
}
