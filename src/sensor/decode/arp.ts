/**
 * ARP for Ethernet and IPv4 (RFC 826).
 *
 *   hardware 2 | protocol 2 | lengths 1+1 | operation 2 | sender MAC 6, IP 4 | target MAC 6, IP 4
 */
import { ANOMALY } from './anomaly.ts';
import { LAYER, type PacketView, STATUS, type Status } from './packet-view.ts';

const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;
const BODY_BYTES = 28;
const V4_MAPPED = 0xffff;

export function decodeArp(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < 8) return p.cut(ANOMALY['arp-header-truncated']);
  if (data.getUint16(at) !== HARDWARE_ETHERNET || data.getUint16(at + 2) !== PROTOCOL_IPV4) {
    return STATUS.NOT_UNDERSTOOD;
  }
  if (data.getUint8(at + 4) !== 6 || data.getUint8(at + 5) !== 4) {
    return p.malformed(ANOMALY['arp-address-length']);
  }
  if (end - at < BODY_BYTES) return p.cut(ANOMALY['arp-header-truncated']);
  p.arpOp = data.getUint16(at + 6);
  p.arpSenderMacHi = (data.getUint16(at + 8) << 8) | data.getUint8(at + 10);
  p.arpSenderMacLo = (data.getUint8(at + 11) << 16) | data.getUint16(at + 12);
  p.arpTargetMacHi = (data.getUint16(at + 18) << 8) | data.getUint8(at + 20);
  p.arpTargetMacLo = (data.getUint8(at + 21) << 16) | data.getUint16(at + 22);
  const words = p.words;
  words[0] = 0;
  words[1] = 0;
  words[2] = V4_MAPPED;
  words[3] = data.getUint32(at + 14);
  words[4] = 0;
  words[5] = 0;
  words[6] = V4_MAPPED;
  words[7] = data.getUint32(at + 24);
  p.layers |= LAYER.ARP;
  return STATUS.DONE;
}
