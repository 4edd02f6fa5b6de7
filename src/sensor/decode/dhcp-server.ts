/**
 * What a DHCP server gives out (RFC 2131, RFC 2132): offers and acknowledgements with their subnet, routers and
 * resolvers. False for all else, for what is cut and what is malformed; never throws, never reads beyond the payload.
 *
 *   op, hardware, lengths, hops 4 | xid 4 | secs, flags 4 | ciaddr, yiaddr, siaddr, giaddr 16 | chaddr 16 | sname 64 |
 *   file 128 | cookie 4 | options: code 1, length 1, value
 */
import { FRAGMENT, LAYER, type PacketView } from './packet-view.ts';
import type { RouterMessage } from './router-message.ts';

const SERVER_PORT = 67;
const CLIENT_PORT = 68;
const REPLY = 2;
const YOUR_ADDRESS_AT = 16;
const COOKIE_AT = 236;
const COOKIE = 0x63825363;
const OPTION = {
  PAD: 0,
  MASK: 1,
  ROUTERS: 3,
  RESOLVERS: 6,
  MESSAGE_TYPE: 53,
  /** RFC 3442: routes, whose gateways are routers. */
  ROUTES: 121,
  END: 255,
} as const;
const OFFER = 2;
const ACK = 5;

/** A server's side of a DHCP conversation, by its ports. */
export function isDhcpFromServer(view: PacketView): boolean {
  return (
    (view.layers & LAYER.UDP) !== 0 &&
    view.srcPort === SERVER_PORT &&
    (view.dstPort === CLIENT_PORT || view.dstPort === SERVER_PORT)
  );
}

/** Of a view that `isDhcpFromServer`. */
export function readDhcpServer(data: DataView, view: PacketView, message: RouterMessage): boolean {
  message.clear();
  const { payloadAt: at, payloadEnd: end } = view;
  if (view.fragment !== FRAGMENT.NONE || end - at < COOKIE_AT + 4) return false;
  if (data.getUint8(at) !== REPLY || data.getUint32(at + COOKIE_AT) !== COOKIE) return false;
  let type = 0;
  let maskBits = -1;
  // Ends: each turn goes on by at least one byte.
  for (let option = at + COOKIE_AT + 4; option < end; ) {
    const code = data.getUint8(option);
    if (code === OPTION.END) break;
    if (code === OPTION.PAD) {
      option++;
      continue;
    }
    if (option + 2 > end) return false;
    const length = data.getUint8(option + 1);
    const value = option + 2;
    if (value + length > end) return false;
    if (code === OPTION.MESSAGE_TYPE && length === 1) type = data.getUint8(value);
    else if (code === OPTION.MASK && length === 4) maskBits = maskBitsOf(data.getUint32(value));
    else if (code === OPTION.ROUTERS) addAddresses(data, value, length, message.routers);
    else if (code === OPTION.RESOLVERS) addAddresses(data, value, length, message.resolvers);
    else if (code === OPTION.ROUTES) addRoutes(data, value, length, message.routers);
    option = value + length;
  }
  if (type !== OFFER && type !== ACK) return false;
  const given = data.getUint32(at + YOUR_ADDRESS_AT);
  if (maskBits > 0 && given !== 0) {
    message.prefixes.addV4((given & (0xffffffff << (32 - maskBits))) >>> 0, maskBits);
  }
  return true;
}

function addAddresses(data: DataView, at: number, length: number, to: RouterMessage['routers']): void {
  for (let one = at; one + 4 <= at + length; one += 4) to.addV4(data.getUint32(one));
}

/** Each: prefix bits 1 | as many bytes of the prefix as those need | gateway 4. */
function addRoutes(data: DataView, at: number, length: number, to: RouterMessage['routers']): void {
  const end = at + length;
  for (let one = at; one < end; ) {
    const bits = data.getUint8(one);
    const gateway = one + 1 + ((bits + 7) >> 3);
    if (bits > 32 || gateway + 4 > end) return;
    const address = data.getUint32(gateway);
    // 0.0.0.0: on the link itself.
    if (address !== 0 && !to.addV4(address)) return;
    one = gateway + 4;
  }
}

/** -1 for what is no mask: ones, then zeros. */
function maskBitsOf(mask: number): number {
  const inverted = ~mask >>> 0;
  return (inverted & (inverted + 1)) === 0 ? Math.clz32(inverted) : -1;
}
