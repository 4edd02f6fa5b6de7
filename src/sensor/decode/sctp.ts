/** SCTP (RFC 9260): the ports only, so that its flows are told apart. ports 2+2 | verification tag 4 | checksum 4 */
import { ANOMALY } from './anomaly.ts';
import { LAYER, type PacketView, STATUS, type Status } from './packet-view.ts';

export function decodeSctp(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < 12) return p.cut(ANOMALY['sctp-header-truncated']);
  p.srcPort = data.getUint16(at);
  p.dstPort = data.getUint16(at + 2);
  p.layers |= LAYER.SCTP | LAYER.PORTS;
  p.setPayload(at + 12);
  return STATUS.DONE;
}
