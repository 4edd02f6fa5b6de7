/**
 * ICMPv6 (RFC 4443), which also carries neighbour discovery (RFC 4861) and multicast listeners (RFC 2710).
 *
 *   type 1 | code 1 | checksum 2 | four bytes by type | data
 */
import { ANOMALY } from './anomaly.ts';
import { LAYER, type PacketView, STATUS, type Status } from './packet-view.ts';

const HEADER_BYTES = 8;

export function decodeIcmpv6(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < HEADER_BYTES) return p.cut(ANOMALY['icmpv6-header-truncated']);
  p.icmpType = data.getUint8(at);
  p.icmpCode = data.getUint8(at + 1);
  p.icmpId = data.getUint16(at + 4);
  p.icmpSeq = data.getUint16(at + 6);
  p.layers |= LAYER.ICMPV6;
  p.setPayload(at + HEADER_BYTES);
  return STATUS.DONE;
}
