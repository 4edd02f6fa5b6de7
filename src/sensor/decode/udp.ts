/**
 * UDP (RFC 768).
 *
 *   ports 2+2 | length, header included 2 | checksum 2
 */
import { ANOMALY } from './anomaly.ts';
import { FRAGMENT, LAYER, type PacketView, STATUS, type Status } from './packet-view.ts';

const HEADER_BYTES = 8;

export function decodeUdp(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < HEADER_BYTES) return p.cut(ANOMALY['udp-header-truncated']);
  p.srcPort = data.getUint16(at);
  p.dstPort = data.getUint16(at + 2);
  p.layers |= LAYER.UDP | LAYER.PORTS;
  if (p.srcPort === 0 || p.dstPort === 0) p.note(ANOMALY['udp-port-zero']);
  p.setPayload(at + HEADER_BYTES);
  p.at = at + HEADER_BYTES;

  const length = data.getUint16(at + 4);
  // 0: more than 16 bits hold (RFC 2675 4), or left to the hardware. The IP packet knows.
  if (length === 0) return STATUS.UDP_PORT;
  if (length < HEADER_BYTES) {
    p.payloadEnd = p.payloadAt;
    p.payloadLength = 0;
    return p.malformed(ANOMALY['udp-length']);
  }
  const payload = length - HEADER_BYTES;
  if (payload < p.payloadLength) {
    p.note(ANOMALY['udp-trailing-bytes']);
    p.payloadLength = payload;
    if (p.payloadAt + payload < p.payloadEnd) p.payloadEnd = p.payloadAt + payload;
    p.end = p.payloadEnd;
  } else if (payload > p.payloadLength && p.fragment === FRAGMENT.NONE) {
    p.note(ANOMALY['udp-length-beyond-ip']);
  }
  return STATUS.UDP_PORT;
}
