/**
 * Ethernet II and IEEE 802.3.
 *
 *   destination 6 | source 6 | type (>= 1536) or length (<= 1500) 2
 */
import { ANOMALY } from './anomaly.ts';
import { decodeTypeOrLength } from './llc.ts';
import { LAYER, type PacketView, type Status } from './packet-view.ts';

export const ETHERNET_HEADER_BYTES = 14;

export function decodeEthernet(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < ETHERNET_HEADER_BYTES) return p.cut(ANOMALY['ethernet-header-truncated']);
  p.dstMacHi = (data.getUint16(at) << 8) | data.getUint8(at + 2);
  p.dstMacLo = (data.getUint8(at + 3) << 16) | data.getUint16(at + 4);
  p.srcMacHi = (data.getUint16(at + 6) << 8) | data.getUint8(at + 8);
  p.srcMacLo = (data.getUint8(at + 9) << 16) | data.getUint16(at + 10);
  p.layers |= LAYER.SRC_MAC | LAYER.DST_MAC;
  return decodeTypeOrLength(data, at + ETHERNET_HEADER_BYTES, end, data.getUint16(at + 12), p);
}
