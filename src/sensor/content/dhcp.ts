/** DHCP and BOOTP (RFC 2131 2, RFC 951): operation, Ethernet, and the magic cookie 99.130.83.99 at 236: 56 bits. */
import { type FirstBytes, type FirstBytesRule, type Recognizer, VERDICT } from './recognizer.ts';

const COOKIE_AT = 236;
const COOKIE = 0x63825363;
const REQUEST = 1;
const REPLY = 2;
/** Hardware type 1, address length 6. */
const ETHERNET = 0x0106;

export const dhcp: Recognizer = { service: 'dhcp', client: message(REQUEST), server: message(REPLY) };

function message(op: number): FirstBytesRule {
  return ({ data, at, end }: FirstBytes) => {
    if (end - at < COOKIE_AT + 4 || data.getUint8(at) !== op) return VERDICT.NO;
    const fits = data.getUint16(at + 1) === ETHERNET && data.getUint32(at + COOKIE_AT) === COOKIE;
    return fits ? VERDICT.SURE : VERDICT.NO;
  };
}
