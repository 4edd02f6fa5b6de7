/**
 * Linux cooked capture, version 2 (LINKTYPE_LINUX_SLL2).
 *
 *   protocol 2 | reserved 2 | interface index 4 | ARPHRD type 2 | packet type 1 | address length 1 | address 8
 */
import { ANOMALY } from './anomaly.ts';
import type { PacketView, Status } from './packet-view.ts';
import { decodeCookedProtocol, setSourceMac } from './sll.ts';

const HEADER_BYTES = 20;

export function decodeSll2(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < HEADER_BYTES) return p.cut(ANOMALY['sll2-header-truncated']);
  if (data.getUint8(at + 11) === 6) setSourceMac(data, at + 12, p);
  return decodeCookedProtocol(data, at + HEADER_BYTES, end, data.getUint16(at), p);
}
