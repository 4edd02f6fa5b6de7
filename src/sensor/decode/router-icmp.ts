/**
 * Router advertisements (RFC 4861 4.2, RFC 8106 for resolvers, RFC 4191 for routes) and redirects of both families
 * (RFC 792, RFC 4861 4.5): bytes to numbers. False when the message is cut, malformed or nothing that a host would
 * believe; never throws, never reads beyond the payload.
 *
 *   advertisement: header 8 (hop limit 1, flags 1, lifetime 2) | reachable 4 | retransmit 4 | options
 *   redirect:      header 8 | target, the better hop 16 | destination 16 | options
 *   ICMPv4:        type, code, checksum 4 | the better hop 4 | the packet that was sent
 */
import { NDP } from './ndp.ts';
import { FRAGMENT, LAYER, type PacketView } from './packet-view.ts';
import type { RouterMessage } from './router-message.ts';

const ICMP_REDIRECT = 5;
/** For the network, the host, and with type of service. */
const MAX_REDIRECT_CODE = 3;
/** Of the packet that was sent, which a redirect carries. */
const IPV4_HEADER_BYTES = 20;
const IPV4_DESTINATION_AT = 16;
const HOP_LIMIT = 255;
const HEADER_BYTES = 8;
const ADVERTISEMENT_BYTES = 8;
const ADDRESS_BYTES = 16;
const OPTION = { PREFIX: 3, ROUTE: 24, RESOLVERS: 25 } as const;
/** Each has a length in units of 8 bytes. */
const UNIT_BYTES = 8;
const PREFIX_BYTES = 32;
const MAX_PREFIX_BITS = 128;

/** Whether the view is one of these messages; cheap, asked for each ICMP packet. */
export function isRouterIcmp(view: PacketView): boolean {
  if ((view.layers & LAYER.ICMP) !== 0) return view.icmpType === ICMP_REDIRECT;
  return (
    (view.layers & LAYER.ICMPV6) !== 0 &&
    (view.icmpType === NDP.ROUTER_ADVERTISEMENT || view.icmpType === NDP.REDIRECT)
  );
}

/** Of a view that `isRouterIcmp`. */
export function readRouterIcmp(data: DataView, view: PacketView, message: RouterMessage): boolean {
  message.clear();
  if (view.fragment !== FRAGMENT.NONE) return false;
  if ((view.layers & LAYER.ICMP) !== 0) return readRedirect(data, view, message);
  if (view.ttl !== HOP_LIMIT || view.icmpCode !== 0) return false;
  return view.icmpType === NDP.REDIRECT
    ? readRedirect6(data, view, message)
    : readAdvertisement(data, view, message);
}

/** To a destination that is the better hop itself, a neighbour (RFC 792, RFC 4861 8), no router is named. */
function readRedirect(data: DataView, view: PacketView, { routers }: RouterMessage): boolean {
  const { icmpCode, icmpId, icmpSeq, payloadAt, payloadEnd } = view;
  if (icmpCode > MAX_REDIRECT_CODE || payloadEnd - payloadAt < IPV4_HEADER_BYTES) return false;
  const hop = ((icmpId << 16) | icmpSeq) >>> 0;
  return data.getUint32(payloadAt + IPV4_DESTINATION_AT) === hop || routers.addV4(hop);
}

function readRedirect6(
  data: DataView,
  { payloadAt, payloadEnd }: PacketView,
  { routers }: RouterMessage,
): boolean {
  if (payloadEnd - payloadAt < 2 * ADDRESS_BYTES) return false;
  for (let i = 0; i < ADDRESS_BYTES; i += 4) {
    if (data.getUint32(payloadAt + i) !== data.getUint32(payloadAt + ADDRESS_BYTES + i))
      return routers.addV6(data, payloadAt);
  }
  return true;
}

function readAdvertisement(data: DataView, view: PacketView, message: RouterMessage): boolean {
  const { payloadAt, payloadEnd, words } = view;
  if (payloadEnd - payloadAt < ADVERTISEMENT_BYTES) return false;
  message.lifetimeSecs = data.getUint16(payloadAt - HEADER_BYTES + 6);
  message.routers.addWords(words, 0);
  // Ends: each turn goes on by at least 8 bytes.
  for (let at = payloadAt + ADVERTISEMENT_BYTES; at + 2 <= payloadEnd; ) {
    const bytes = data.getUint8(at + 1) * UNIT_BYTES;
    // RFC 4861 6.1.2: a host discards the message.
    if (bytes === 0 || at + bytes > payloadEnd) return false;
    readOption(data, at, bytes, message);
    at += bytes;
  }
  return true;
}

function readOption(data: DataView, at: number, bytes: number, { prefixes, resolvers }: RouterMessage): void {
  switch (data.getUint8(at)) {
    case OPTION.PREFIX:
      if (bytes === PREFIX_BYTES) addPrefix(data, at + 16, data.getUint8(at + 2), prefixes);
      break;
    case OPTION.ROUTE:
      // Shorter routes leave out the prefix's last bytes; only whole ones are read.
      if (bytes === 24) addPrefix(data, at + 8, data.getUint8(at + 2), prefixes);
      break;
    case OPTION.RESOLVERS:
      for (let one = at + 8; one + ADDRESS_BYTES <= at + bytes; one += ADDRESS_BYTES)
        resolvers.addV6(data, one);
      break;
    default:
  }
}

function addPrefix(data: DataView, at: number, bits: number, prefixes: RouterMessage['prefixes']): void {
  if (bits <= MAX_PREFIX_BITS) prefixes.addV6(data, at, bits);
}
