/**
 * ICMP (RFC 792). The four bytes after the checksum are read as identifier and sequence for every type; they mean
 * that for echo, timestamp and the like only.
 *
 *   type 1 | code 1 | checksum 2 | identifier 2 | sequence 2 | data
 */
import { ANOMALY } from './anomaly.ts';
import { LAYER, type PacketView, STATUS, type Status } from './packet-view.ts';

const HEADER_BYTES = 8;

export function decodeIcmp(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < HEADER_BYTES) return p.cut(ANOMALY['icmp-header-truncated']);
  p.icmpType = data.getUint8(at);
  p.icmpCode = data.getUint8(at + 1);
  p.icmpId = data.getUint16(at + 4);
  p.icmpSeq = data.getUint16(at + 6);
  p.layers |= LAYER.ICMP;
  p.setPayload(at + HEADER_BYTES);
  return STATUS.DONE;
}
