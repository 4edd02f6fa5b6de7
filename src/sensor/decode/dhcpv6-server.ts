/**
 * What a DHCPv6 server gives out (RFC 8415): advertise and reply, with resolvers (RFC 3646), addresses and delegated
 * prefixes. Routers it cannot give. False for all else and for what is malformed; never throws, never reads beyond the
 * payload.
 *
 *   type 1 | transaction 3 | options: code 2, length 2, value
 *   IA_NA (3), IA_PD (25): id 4, times 8, options | address (5): address 16, lifetimes 8 | prefix (26): lifetimes 8,
 *   bits 1, prefix 16
 */
import { FRAGMENT, LAYER, type PacketView } from './packet-view.ts';
import type { RouterMessage } from './router-message.ts';

const SERVER_PORT = 547;
const CLIENT_PORT = 546;
const ADVERTISE = 2;
const REPLY = 7;
const HEADER_BYTES = 4;
const OPTION = { IA_NA: 3, IA_ADDRESS: 5, RESOLVERS: 23, IA_PD: 25, IA_PREFIX: 26 } as const;
const IA_HEADER_BYTES = 12;
const ADDRESS_BYTES = 16;

export function isDhcpv6FromServer(view: PacketView): boolean {
  return (view.layers & LAYER.UDP) !== 0 && view.srcPort === SERVER_PORT && view.dstPort === CLIENT_PORT;
}

/** Of a view that `isDhcpv6FromServer`. */
export function readDhcpv6Server(data: DataView, view: PacketView, message: RouterMessage): boolean {
  message.clear();
  const { payloadAt: at, payloadEnd: end } = view;
  if (view.fragment !== FRAGMENT.NONE || end - at < HEADER_BYTES) return false;
  const type = data.getUint8(at);
  if (type !== ADVERTISE && type !== REPLY) return false;
  return readOptions(data, at + HEADER_BYTES, end, message, 0) && gives(message);
}

/** Depth 2 at most: an address stands in its association. Ends: each turn goes on by at least 4 bytes. */
function readOptions(
  data: DataView,
  from: number,
  end: number,
  message: RouterMessage,
  depth: number,
): boolean {
  for (let at = from; at < end; ) {
    if (at + 4 > end) return false;
    const code = data.getUint16(at);
    const length = data.getUint16(at + 2);
    const value = at + 4;
    if (value + length > end) return false;
    if (code === OPTION.RESOLVERS) {
      for (let one = value; one + ADDRESS_BYTES <= value + length; one += ADDRESS_BYTES)
        message.resolvers.addV6(data, one);
    } else if (code === OPTION.IA_ADDRESS && length >= 24) {
      message.prefixes.addV6(data, value);
    } else if (code === OPTION.IA_PREFIX && length >= 25 && data.getUint8(value + 8) <= 128) {
      message.prefixes.addV6(data, value + 9, data.getUint8(value + 8));
    } else if ((code === OPTION.IA_NA || code === OPTION.IA_PD) && depth === 0 && length >= IA_HEADER_BYTES) {
      if (!readOptions(data, value + IA_HEADER_BYTES, value + length, message, 1)) return false;
    }
    at = value + length;
  }
  return true;
}

/** An answer without any of these is a refusal, or about something else. */
function gives({ resolvers, prefixes }: RouterMessage): boolean {
  return resolvers.count > 0 || prefixes.count > 0;
}
