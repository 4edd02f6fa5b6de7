/**
 * IPv4 (RFC 791). Checksums are not judged: on a bridge the sender's hardware was going to fill them in.
 *
 *   version 4 bits, header words 4 | tos 1 | total length 2 | id 2 | flags 3 bits, offset 13 | ttl 1 | protocol 1
 *   | checksum 2 | source 4 | destination 4 | options 0..40
 */
import { ANOMALY } from './anomaly.ts';
import { FRAGMENT, LAYER, type PacketView, STATUS, type Status } from './packet-view.ts';

const MIN_HEADER_BYTES = 20;
const V4_MAPPED = 0xffff;
const MAX_DATAGRAM_BYTES = 65_535;

export function decodeIpv4(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < MIN_HEADER_BYTES) return p.cut(ANOMALY['ipv4-header-truncated']);
  const first = data.getUint8(at);
  if (first >>> 4 !== 4) return p.malformed(ANOMALY['ipv4-version']);
  const headerBytes = (first & 0xf) * 4;
  if (headerBytes < MIN_HEADER_BYTES) return p.malformed(ANOMALY['ipv4-header-length']);
  if (end - at < headerBytes) return p.cut(ANOMALY['ipv4-header-truncated']);

  let totalLength = data.getUint16(at + 2);
  // TSO and BIG TCP leave 0 for the hardware, or because 16 bits do not hold it: the frame knows.
  if (totalLength === 0) totalLength = p.wireEnd - at;
  if (totalLength < headerBytes) return p.malformed(ANOMALY['ipv4-total-length']);
  const ipEnd = at + totalLength;
  if (ipEnd > p.wireEnd) p.note(ANOMALY['ipv4-length-beyond-frame']);
  if (ipEnd <= end) {
    p.end = ipEnd;
    p.endIsCut = false;
  }

  p.ipAt = at;
  p.ipTotalLength = totalLength;
  p.ipProtocol = data.getUint8(at + 9);
  p.ttl = data.getUint8(at + 8);
  const words = p.words;
  words[0] = 0;
  words[1] = 0;
  words[2] = V4_MAPPED;
  words[3] = data.getUint32(at + 12);
  words[4] = 0;
  words[5] = 0;
  words[6] = V4_MAPPED;
  words[7] = data.getUint32(at + 16);
  p.layers |= LAYER.IPV4;
  if (headerBytes > MIN_HEADER_BYTES) noteOptions(data, at + MIN_HEADER_BYTES, at + headerBytes, p);

  p.at = at + headerBytes;
  const fragment = data.getUint16(at + 6);
  if ((fragment & 0x3fff) === 0) return STATUS.IP_PROTOCOL;
  p.fragmentId = data.getUint16(at + 4);
  return decodeFragment((fragment & 0x1fff) * 8, (fragment & 0x2000) !== 0, totalLength - headerBytes, p);
}

/** Both families: sets what a fragment is and judges its bounds. */
export function decodeFragment(offset: number, more: boolean, payloadBytes: number, p: PacketView): Status {
  p.fragmentOffset = offset;
  p.moreFragments = more;
  p.fragmentBytes = payloadBytes;
  p.fragmentProtocol = p.ipProtocol;
  p.fragment = offset === 0 ? FRAGMENT.FIRST : FRAGMENT.LATER;
  if (more && payloadBytes % 8 !== 0) p.note(ANOMALY['fragment-length']);
  if (offset + payloadBytes > MAX_DATAGRAM_BYTES) p.note(ANOMALY['fragment-beyond-datagram']);
  if (offset === 0) return STATUS.IP_PROTOCOL;
  p.setPayload(p.at);
  return STATUS.LATER_FRAGMENT;
}

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_LOOSE_SOURCE_ROUTE = 131;
const OPTION_STRICT_SOURCE_ROUTE = 137;

function noteOptions(data: DataView, from: number, end: number, p: PacketView): void {
  let at = from;
  while (at < end) {
    const option = data.getUint8(at);
    if (option === OPTION_END) return;
    if (option === OPTION_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? data.getUint8(at + 1) : 0;
    if (length < 2 || at + length > end) {
      p.note(ANOMALY['ipv4-option-length']);
      return;
    }
    if (option === OPTION_LOOSE_SOURCE_ROUTE || option === OPTION_STRICT_SOURCE_ROUTE) {
      p.note(ANOMALY['ipv4-source-route']);
    }
    at += length;
  }
}
