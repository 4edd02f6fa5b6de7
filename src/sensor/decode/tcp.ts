/**
 * TCP (RFC 9293).
 *
 *   ports 2+2 | sequence 4 | acknowledgement 4 | header words 4 bits | flags 8 | window 2 | checksum 2 | urgent 2
 */
import { ANOMALY } from './anomaly.ts';
import { LAYER, type PacketView, STATUS, type Status, TCP_FLAG } from './packet-view.ts';

const MIN_HEADER_BYTES = 20;

/** In these flags of the last byte an ordinary segment has SYN alone, or ACK; the rest needs a second look. */
const CONTROL = TCP_FLAG.FIN | TCP_FLAG.SYN | TCP_FLAG.RST;

export function decodeTcp(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < MIN_HEADER_BYTES) return p.cut(ANOMALY['tcp-header-truncated']);
  const headerBytes = (data.getUint8(at + 12) >>> 4) * 4;
  if (headerBytes < MIN_HEADER_BYTES) return p.malformed(ANOMALY['tcp-header-length']);
  p.srcPort = data.getUint16(at);
  p.dstPort = data.getUint16(at + 2);
  p.words[8] = data.getUint32(at + 4);
  p.words[9] = data.getUint32(at + 8);
  p.tcpFlags = data.getUint8(at + 13);
  p.tcpWindow = data.getUint16(at + 14);
  p.layers |= LAYER.TCP | LAYER.PORTS;
  if (p.srcPort === 0 || p.dstPort === 0) p.note(ANOMALY['tcp-port-zero']);
  if ((p.tcpFlags & TCP_FLAG.ACK) === 0 || (p.tcpFlags & CONTROL) !== 0) noteFlags(p.tcpFlags, p);
  if (end - at < headerBytes) {
    p.setPayload(at + headerBytes);
    p.payloadAt = end;
    return p.cut(ANOMALY['tcp-header-truncated']);
  }
  p.setPayload(at + headerBytes);
  return STATUS.DONE;
}

/** Combinations that no stack sends: scanners and evasions do. */
function noteFlags(flags: number, p: PacketView): void {
  const control = flags & CONTROL;
  if ((control & (TCP_FLAG.SYN | TCP_FLAG.FIN)) === (TCP_FLAG.SYN | TCP_FLAG.FIN)) {
    p.note(ANOMALY['tcp-flags-syn-fin']);
  }
  if ((control & (TCP_FLAG.SYN | TCP_FLAG.RST)) === (TCP_FLAG.SYN | TCP_FLAG.RST)) {
    p.note(ANOMALY['tcp-flags-syn-rst']);
  }
  if ((control & (TCP_FLAG.FIN | TCP_FLAG.RST)) === (TCP_FLAG.FIN | TCP_FLAG.RST)) {
    p.note(ANOMALY['tcp-flags-fin-rst']);
  }
  const six = flags & 0x3f;
  if (six === 0) p.note(ANOMALY['tcp-flags-null']);
  if (six === (TCP_FLAG.FIN | TCP_FLAG.PSH | TCP_FLAG.URG)) p.note(ANOMALY['tcp-flags-xmas']);
}
