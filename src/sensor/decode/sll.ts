/**
 * Linux cooked capture, version 1 (LINKTYPE_LINUX_SLL): what the `any` device and tunnels without a MAC give.
 *
 *   packet type 2 | ARPHRD type 2 | address length 2 | address 8 | protocol 2
 */
import { ANOMALY } from './anomaly.ts';
import { decodeLlc } from './llc.ts';
import { LAYER, type PacketView, STATUS, type Status } from './packet-view.ts';

const HEADER_BYTES = 16;

export function decodeSll(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < HEADER_BYTES) return p.cut(ANOMALY['sll-header-truncated']);
  if (data.getUint16(at + 4) === 6) setSourceMac(data, at + 6, p);
  return decodeCookedProtocol(data, at + HEADER_BYTES, end, data.getUint16(at + 14), p);
}

/** The one address of a cooked header is the sender's. */
export function setSourceMac(data: DataView, at: number, p: PacketView): void {
  p.srcMacHi = (data.getUint16(at) << 8) | data.getUint8(at + 2);
  p.srcMacLo = (data.getUint8(at + 3) << 16) | data.getUint16(at + 4);
  p.layers |= LAYER.SRC_MAC;
}

/** linux/if_ether.h: ETH_P_802_2 says that LLC follows; other small numbers are no EtherTypes of ours. */
const ETH_P_802_2 = 4;

export function decodeCookedProtocol(
  data: DataView,
  at: number,
  end: number,
  protocol: number,
  p: PacketView,
): Status {
  p.at = at;
  if (protocol === ETH_P_802_2) return decodeLlc(data, at, end, p);
  p.etherType = protocol;
  return STATUS.ETHER_TYPE;
}
