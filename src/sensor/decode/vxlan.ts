/**
 * VXLAN (RFC 7348): a whole Ethernet frame in a datagram; Docker's overlay networks use it between hosts.
 *
 *   flags 1 (0x08: the identifier is valid) | reserved 3 | network identifier 3 | reserved 1 | frame
 */
import { ANOMALY } from './anomaly.ts';
import { type PacketView, STATUS, type Status } from './packet-view.ts';

const HEADER_BYTES = 8;
const FLAG_VNI_VALID = 0x08;

/** Leaves the identifier in the inner view: it names the network in which the carried frame lives. */
export function decodeVxlan(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < HEADER_BYTES) return p.cut(ANOMALY['vxlan-header-truncated']);
  if ((data.getUint8(at) & FLAG_VNI_VALID) === 0) return p.malformed(ANOMALY['vxlan-flags']);
  const inner = p.inner;
  if (inner === undefined) return p.malformed(ANOMALY['tunnel-too-deep']);
  inner.reset(at + HEADER_BYTES, end, p.payloadAt + p.payloadLength);
  inner.vni = data.getUint32(at + 4) >>> 8;
  return STATUS.INNER_FRAME;
}
