/**
 * Who opened a flow whose first packet we see. A TCP SYN says it; a SYN-ACK says it of the other side. Otherwise the
 * first sender counts as the opener, except where that packet plainly is an answer to one that we missed:
 *
 * - TCP without SYN was opened before we looked: a sender with a server's port is the responder.
 * - UDP and ICMP can only be under way unseen while the capture is younger than their time-out; in that time a
 *   server's port, or an ICMP reply, marks the responder. Afterwards the first packet really is the first, and
 *   believing ports would let a sender choose its own direction by binding port 53.
 */
import { LAYER, type PacketView, TCP_FLAG } from '../decode/packet-view.ts';

/** Ports above 1023 on which servers commonly listen; below it, every port is a server's. */
const SERVER_PORTS: readonly number[] = [
  1080, 1194, 1433, 1521, 1723, 1883, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 3000, 3128, 3260, 3306, 3389,
  3478, 4222, 4369, 4789, 5000, 5060, 5061, 5222, 5269, 5353, 5355, 5432, 5601, 5671, 5672, 5900, 5984, 6379,
  6443, 6667, 7687, 8000, 8008, 8080, 8081, 8086, 8123, 8200, 8300, 8443, 8500, 8883, 8888, 9000, 9042, 9090,
  9092, 9093, 9100, 9200, 9300, 9418, 10250, 11211, 15672, 26257, 27017, 50051, 51820,
];

const isServerPort = new Uint8Array(65_536);
isServerPort.fill(1, 1, 1024);
for (const port of SERVER_PORTS) isServerPort[port] = 1;

/** `captureIsYoung`: flows that were under way when the capture began may still show up. */
export function isAnswer(p: PacketView, captureIsYoung: boolean): boolean {
  if ((p.layers & LAYER.TCP) !== 0) {
    if ((p.tcpFlags & TCP_FLAG.SYN) !== 0) return (p.tcpFlags & TCP_FLAG.ACK) !== 0;
    // What answers carries ACK or RST (RFC 9293 3.10.7): without either it is a scanner's, wherever it comes from.
    return (p.tcpFlags & (TCP_FLAG.ACK | TCP_FLAG.RST)) !== 0 && fromServer(p);
  }
  if (!captureIsYoung) return false;
  if ((p.layers & LAYER.PORTS) !== 0) return fromServer(p);
  if ((p.layers & LAYER.ICMP) !== 0) return p.icmpType === 0 || p.icmpType === 14;
  if ((p.layers & LAYER.ICMPV6) !== 0) return p.icmpType === 129;
  return false;
}

function fromServer(p: PacketView): boolean {
  return isServerPort[p.srcPort] === 1 && isServerPort[p.dstPort] === 0;
}
