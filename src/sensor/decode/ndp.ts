/**
 * Who claims which address in a message of neighbour discovery (RFC 4861 4): the target of an advertisement, the source
 * of a solicitation or of a router's message, with the link-layer address that it gives. Bytes to numbers; what is cut or
 * malformed claims nothing.
 *
 *   ICMPv6 header 8, the last four flags or reserved | target 16 (135, 136) | options: type 1, length in 8 bytes 1, ...
 */
import { FRAGMENT, LAYER, type PacketView } from './packet-view.ts';

export const NDP = {
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOR_SOLICITATION: 135,
  NEIGHBOR_ADVERTISEMENT: 136,
  REDIRECT: 137,
} as const;

const SOURCE_LINK_LAYER = 1;
const TARGET_LINK_LAYER = 2;
/** An Ethernet address fills one unit of 8 bytes. */
const LINK_LAYER_BYTES = 8;
const ADDRESS_BYTES = 16;
/** Lifetimes and timers of a router advertisement, behind the header's 8. */
const ROUTER_FIELDS_BYTES = 8;
/** Receivers ignore what a router may have forwarded (RFC 4861 7.1). */
const HOP_LIMIT = 255;

export interface NeighborClaim {
  readonly words: Uint32Array;
  macHi: number;
  macLo: number;
}

export function newNeighborClaim(): NeighborClaim {
  return { words: new Uint32Array(4), macHi: 0, macLo: 0 };
}

export function isNeighborDiscovery(view: PacketView): boolean {
  return (
    (view.layers & LAYER.ICMPV6) !== 0 &&
    view.icmpType >= NDP.ROUTER_SOLICITATION &&
    view.icmpType <= NDP.REDIRECT
  );
}

/** Of a packet that `isNeighborDiscovery`. False when nobody would believe it, or it claims nothing. */
export function readNeighborClaim(data: DataView, view: PacketView, claim: NeighborClaim): boolean {
  const { icmpType, payloadAt, payloadEnd } = view;
  if (view.ttl !== HOP_LIMIT || view.icmpCode !== 0 || view.fragment !== FRAGMENT.NONE) return false;
  if ((view.layers & LAYER.SRC_MAC) === 0) return false;
  claim.macHi = view.srcMacHi;
  claim.macLo = view.srcMacLo;
  switch (icmpType) {
    case NDP.NEIGHBOR_ADVERTISEMENT:
      if (payloadEnd - payloadAt < ADDRESS_BYTES) return false;
      for (let i = 0; i < 4; i++) claim.words[i] = data.getUint32(payloadAt + 4 * i);
      return readLinkLayer(data, payloadAt + ADDRESS_BYTES, payloadEnd, TARGET_LINK_LAYER, claim);
    case NDP.NEIGHBOR_SOLICITATION:
      return readSource(data, view, payloadAt + ADDRESS_BYTES, claim);
    case NDP.ROUTER_ADVERTISEMENT:
      return readSource(data, view, payloadAt + ROUTER_FIELDS_BYTES, claim);
    case NDP.ROUTER_SOLICITATION:
      return readSource(data, view, payloadAt, claim);
    default:
      return false;
  }
}

function readSource(data: DataView, view: PacketView, optionsAt: number, claim: NeighborClaim): boolean {
  if (view.payloadEnd < optionsAt) return false;
  for (let i = 0; i < 4; i++) claim.words[i] = view.words[i]!;
  return readLinkLayer(data, optionsAt, view.payloadEnd, SOURCE_LINK_LAYER, claim);
}

/** Ends: each turn goes on by at least 8 bytes. An option of length 0 makes the whole message void (RFC 4861 4.6). */
function readLinkLayer(
  data: DataView,
  optionsAt: number,
  end: number,
  type: number,
  claim: NeighborClaim,
): boolean {
  for (let at = optionsAt; at + 2 <= end; ) {
    const bytes = data.getUint8(at + 1) * 8;
    if (bytes === 0) return false;
    if (at + bytes > end) return true;
    if (data.getUint8(at) === type && bytes === LINK_LAYER_BYTES) {
      claim.macHi = (data.getUint16(at + 2) << 8) | data.getUint8(at + 4);
      claim.macLo = (data.getUint8(at + 5) << 16) | data.getUint16(at + 6);
      return true;
    }
    at += bytes;
  }
  return true;
}
