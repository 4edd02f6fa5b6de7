/**
 * IPv6 (RFC 8200): the fixed header, and one extension header a call.
 *
 *   version 4 bits, class 8, flow label 20 | payload length 2 | next header 1 | hop limit 1 | source 16 | dest. 16
 */
import { ANOMALY } from './anomaly.ts';
import { decodeFragment } from './ipv4.ts';
import { LAYER, type PacketView, STATUS, type Status } from './packet-view.ts';

const HEADER_BYTES = 40;

export const IPV6_HOP_BY_HOP = 0;
export const IPV6_ROUTING = 43;
export const IPV6_FRAGMENT = 44;
/** Real packets carry at most three or four; a long chain hides the transport from whoever gives up first. */
export const MAX_EXTENSIONS = 8;

export function decodeIpv6(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < HEADER_BYTES) return p.cut(ANOMALY['ipv6-header-truncated']);
  if (data.getUint8(at) >>> 4 !== 6) return p.malformed(ANOMALY['ipv6-version']);
  const payloadLength = data.getUint16(at + 4);
  // 0: a jumbogram (RFC 2675), BIG TCP or TSO. The frame knows its own length.
  const totalLength = payloadLength === 0 ? p.wireEnd - at : HEADER_BYTES + payloadLength;
  const ipEnd = at + totalLength;
  if (ipEnd > p.wireEnd) p.note(ANOMALY['ipv6-length-beyond-frame']);
  if (ipEnd <= end) {
    p.end = ipEnd;
    p.endIsCut = false;
  }
  p.ipAt = at;
  p.ipTotalLength = totalLength;
  p.ipProtocol = data.getUint8(at + 6);
  p.ttl = data.getUint8(at + 7);
  const words = p.words;
  for (let i = 0; i < 8; i++) words[i] = data.getUint32(at + 8 + i * 4);
  p.layers |= LAYER.IPV6;
  p.at = at + HEADER_BYTES;
  return STATUS.IP_PROTOCOL;
}

/**
 * Hop-by-hop, routing, destination options and the like: next header 1 | length in 8-byte units after the first 1.
 * A fragment header is 8 bytes: next header 1 | reserved 1 | offset 13 bits, reserved 2, more 1 | id 4.
 */
export function decodeIpv6Extension(data: DataView, at: number, end: number, p: PacketView): Status {
  if (p.extensions === MAX_EXTENSIONS) return p.malformed(ANOMALY['ipv6-too-many-extensions']);
  if (end - at < 8) return p.cut(ANOMALY['ipv6-extension-truncated']);
  const kind = p.ipProtocol;
  if (kind === IPV6_HOP_BY_HOP && p.extensions > 0) p.note(ANOMALY['ipv6-hop-by-hop-not-first']);
  if (kind === IPV6_ROUTING && data.getUint8(at + 2) === 0) p.note(ANOMALY['ipv6-routing-type-0']);
  p.extensions++;
  p.ipProtocol = data.getUint8(at);

  if (kind === IPV6_FRAGMENT) {
    p.at = at + 8;
    const word = data.getUint16(at + 2);
    const offset = word & 0xfff8;
    const more = (word & 1) !== 0;
    // RFC 6946: an "atomic" fragment is a whole packet.
    if (offset === 0 && !more) return STATUS.IP_PROTOCOL;
    p.fragmentId = data.getUint32(at + 4);
    return decodeFragment(offset, more, p.ipAt + p.ipTotalLength - p.at, p);
  }

  const length = (data.getUint8(at + 1) + 1) * 8;
  if (end - at < length) return p.cut(ANOMALY['ipv6-extension-truncated']);
  p.at = at + length;
  return STATUS.IP_PROTOCOL;
}
