/**
 * SNMP v1 and v2c (RFC 1901 3), v3 (RFC 3412 6).
 *
 *   30 len | 02 01 version (0, 1) | 04 len community | a0..a8 len ...       30 len | 02 01 03 | 30 len 02 len id ...
 *
 * Tags, version, exact length and the PDU's tag: 45 bits.
 */
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const MAX_COMMUNITY_BYTES = 64;
const PDU_FIRST = 0xa0;
const PDU_LAST = 0xa8;

export const snmp: Recognizer = { service: 'snmp', client: message, server: message };

function message({ data, at, end, length }: FirstBytes): Verdict {
  if (end - at < 12 || data.getUint8(at) !== SEQUENCE) return VERDICT.NO;
  const first = data.getUint8(at + 1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 2) return VERDICT.NO;
  const total =
    lengthBytes === 0 ? first : lengthBytes === 1 ? data.getUint8(at + 2) : data.getUint16(at + 2);
  const body = at + 2 + lengthBytes;
  if (body - at + total !== length || end - body < 5 || data.getUint16(body) !== 0x0201) return VERDICT.NO;
  const version = data.getUint8(body + 2);
  const next = data.getUint8(body + 3);
  if (version === 3) return next === SEQUENCE && data.getUint8(body + 5) === 0x02 ? VERDICT.SURE : VERDICT.NO;
  if (version > 1 || next !== OCTET_STRING) return VERDICT.NO;
  const communityBytes = data.getUint8(body + 4);
  const pdu = body + 5 + communityBytes;
  if (communityBytes > MAX_COMMUNITY_BYTES || pdu >= end) return VERDICT.NO;
  const tag = data.getUint8(pdu);
  return tag >= PDU_FIRST && tag <= PDU_LAST ? VERDICT.SURE : VERDICT.NO;
}
