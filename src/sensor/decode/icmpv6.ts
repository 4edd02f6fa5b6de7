/**
 * ICMPv6 (RFC 4443), which also carries neighbour discovery (RFC 4861) and multicast listeners (RFC 2710).
 *
 *   type 1 | code 1 | checksum 2 | four bytes by type | data
 *   neighbour solicitation 135, advertisement 136, redirect 137: the data begin with the target's address
 */
import { ANOMALY } from './anomaly.ts';
import { LAYER, type PacketView, STATUS, type Status } from './packet-view.ts';

const HEADER_BYTES = 8;
const TARGET_BYTES = 16;
const NEIGHBOR_SOLICITATION = 135;
const REDIRECT = 137;

export function decodeIcmpv6(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < HEADER_BYTES) return p.cut(ANOMALY['icmpv6-header-truncated']);
  p.icmpType = data.getUint8(at);
  p.icmpCode = data.getUint8(at + 1);
  p.icmpId = data.getUint16(at + 4);
  p.icmpSeq = data.getUint16(at + 6);
  p.layers |= LAYER.ICMPV6;
  p.setPayload(at + HEADER_BYTES);
  if (p.icmpType >= NEIGHBOR_SOLICITATION && p.icmpType <= REDIRECT)
    readTarget(data, at + HEADER_BYTES, end, p);
  return STATUS.DONE;
}

/** A message too short for its target is left at what its header says: nobody is told of a target. */
function readTarget(data: DataView, at: number, end: number, p: PacketView): void {
  if (end - at < TARGET_BYTES) return;
  for (let i = 0; i < 4; i++) p.ndTarget[i] = data.getUint32(at + 4 * i);
  p.layers |= LAYER.ND_TARGET;
}
