/**
 * Community ID v1 (github.com/corelight/community-id-spec): a hash of the 5-tuple that Zeek, Suricata, Wireshark and
 * Arkime compute alike, so that a flow found here can be found there. Both directions give the same.
 *
 *   "1:" + base64(sha1(seed 2 | lower address | higher address | protocol 1 | 0 1 | lower's port 2 | higher's port 2))
 */
import { type IpWords, isIpv4Words } from '../../model/ip.ts';
import { icmpAnswerType } from './icmp-ports.ts';
import { sha1Block } from './sha1.ts';

export interface CommunityTuple {
  readonly src: IpWords;
  readonly dst: IpWords;
  readonly protocol: number;
  /** For ICMP: the type of the message, and its code or the type of its answer. */
  readonly srcPort?: number;
  readonly dstPort?: number;
}

const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;

const message = new Uint8Array(40);
const digest = new Uint8Array(20);

/** Ports are hashed when both are given. Costs about a microsecond: for records. */
export function communityId(tuple: CommunityTuple, seed = 0): string {
  let { src, dst, srcPort, dstPort } = tuple;
  let oneWay = false;
  if (tuple.protocol === PROTOCOL_ICMP || tuple.protocol === PROTOCOL_ICMPV6) {
    const answer = icmpAnswerType(tuple.protocol === PROTOCOL_ICMPV6, srcPort ?? 0);
    if (answer >= 0) dstPort = answer;
    else oneWay = true;
  }
  if (!oneWay && isAfter(src, dst, srcPort ?? 0, dstPort ?? 0)) {
    [src, dst] = [dst, src];
    [srcPort, dstPort] = [dstPort, srcPort];
  }

  let at = putU16(0, seed);
  const isV4 = isIpv4Words(src[0], src[1], src[2]) && isIpv4Words(dst[0], dst[1], dst[2]);
  at = putAddress(at, src, isV4);
  at = putAddress(at, dst, isV4);
  message[at++] = tuple.protocol;
  message[at++] = 0;
  if (srcPort !== undefined && dstPort !== undefined) {
    at = putU16(at, srcPort);
    at = putU16(at, dstPort);
  }
  sha1Block(message, at, digest);
  return `1:${base64(digest)}`;
}

function isAfter(src: IpWords, dst: IpWords, srcPort: number, dstPort: number): boolean {
  for (let i = 0; i < 4; i++) if (src[i] !== dst[i]) return src[i]! > dst[i]!;
  return srcPort > dstPort;
}

function putAddress(at: number, words: IpWords, isV4: boolean): number {
  for (let i = isV4 ? 3 : 0; i < 4; i++) {
    const word = words[i]!;
    message[at] = word >>> 24;
    message[at + 1] = word >>> 16;
    message[at + 2] = word >>> 8;
    message[at + 3] = word;
    at += 4;
  }
  return at;
}

function putU16(at: number, value: number): number {
  message[at] = value >>> 8;
  message[at + 1] = value;
  return at + 2;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** RFC 4648 with padding. */
function base64(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out += ALPHABET[group >>> 18]! + ALPHABET[(group >>> 12) & 63]!;
    out += left > 1 ? ALPHABET[(group >>> 6) & 63]! : '=';
    out += left > 2 ? ALPHABET[group & 63]! : '=';
  }
  return out;
}
