/** STUN (RFC 8489 5): two zero bits, a length that is exact, the magic cookie. 60 bits. */
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const HEADER_BYTES = 20;
const MAGIC_COOKIE = 0x2112a442;

export const stun: Recognizer = { service: 'stun', client: message, server: message };

function message({ data, at, end, length }: FirstBytes): Verdict {
  if (end - at < HEADER_BYTES || data.getUint8(at) >= 0x40) return VERDICT.NO;
  const fits = data.getUint16(at + 2) === length - HEADER_BYTES && data.getUint32(at + 4) === MAGIC_COOKIE;
  return fits ? VERDICT.SURE : VERDICT.NO;
}
