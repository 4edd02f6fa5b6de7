/**
 * LDAP (RFC 4511): messages in BER. The client binds, searches without a bind, or asks for TLS; the server answers.
 *
 *   30 len | 02 len id | 60 len  02 01 version  04 len name ...                     BindRequest
 *                      | 63 len  04 len base  0a 01 scope  0a 01 deref ...          SearchRequest
 *                      | 77 len  80 16 "1.3.6.1.4.1.1466.20037"                     StartTLS
 *                      | 61 len  0a 01 result ...                                   BindResponse (64, 65, 78 alike)
 */
import { ascii, startsWith } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const ENUMERATED = 0x0a;
/** [0] of a bind's choices. */
const SIMPLE = 0x80;
const OP = {
  BIND_REQUEST: 0x60,
  BIND_RESPONSE: 0x61,
  SEARCH_REQUEST: 0x63,
  SEARCH_ENTRY: 0x64,
  SEARCH_DONE: 0x65,
  EXTENDED_REQUEST: 0x77,
  EXTENDED_RESPONSE: 0x78,
} as const;
/** [0] requestName, 22 bytes. */
const START_TLS = Uint8Array.from([0x80, 22, ...ascii('1.3.6.1.4.1.1466.20037')]);

export const ldap: Recognizer = { service: 'ldap', client: request, server: response };

function request(bytes: FirstBytes): Verdict {
  const { data, end } = bytes;
  const op = operationAt(bytes);
  if (op < 0) return VERDICT.NO;
  const body = contentAt(data, op, end);
  if (body < 0) return VERDICT.NO;
  switch (data.getUint8(op)) {
    case OP.BIND_REQUEST:
      return isBind(data, body, end) ? VERDICT.SURE : VERDICT.NO;
    case OP.SEARCH_REQUEST:
      return isSearch(data, body, end) ? VERDICT.SURE : VERDICT.NO;
    case OP.EXTENDED_REQUEST:
      return startsWith(data, body, end, START_TLS) ? VERDICT.SURE : VERDICT.NO;
  }
  return VERDICT.NO;
}

/** Tags 8 + 8 + 8 bits, version 02 01 03 (or 2) 23, name 8, and lengths that fit. */
function isBind(data: DataView, body: number, end: number): boolean {
  if (end - body < 5 || data.getUint16(body) !== ((INTEGER << 8) | 1)) return false;
  const version = data.getUint8(body + 2);
  return (version === 2 || version === 3) && data.getUint8(body + 3) === OCTET_STRING;
}

/** A bind whose choice is [0] simple, with a name and a password: the password stands there as it is (RFC 4511 4.2). */
export function isSimpleBind(bytes: FirstBytes): boolean {
  const { data, end } = bytes;
  const op = operationAt(bytes);
  if (op < 0 || data.getUint8(op) !== OP.BIND_REQUEST) return false;
  const body = contentAt(data, op, end);
  if (body < 0 || !isBind(data, body, end)) return false;
  const nameAt = body + 3;
  const name = contentAt(data, nameAt, end);
  if (name < 0) return false;
  const nameBytes = lengthAt(data, nameAt + 1, end);
  const choice = name + nameBytes;
  return (
    nameBytes > 0 &&
    end - choice >= 2 &&
    data.getUint8(choice) === SIMPLE &&
    contentAt(data, choice, end) > 0 &&
    lengthAt(data, choice + 1, end) > 0
  );
}

function isSearch(data: DataView, body: number, end: number): boolean {
  if (body >= end || data.getUint8(body) !== OCTET_STRING) return false;
  const base = contentAt(data, body, end);
  if (base < 0) return false;
  const scope = base + lengthAt(data, body + 1, end);
  if (end - scope < 6) return false;
  return (
    data.getUint16(scope) === ((ENUMERATED << 8) | 1) &&
    data.getUint8(scope + 2) <= 3 &&
    data.getUint16(scope + 3) === ((ENUMERATED << 8) | 1) &&
    data.getUint8(scope + 5) <= 3
  );
}

/** 8 bits of tag, 22 of message id, 8 of operation: not enough alone, as search entries have no fixed content. */
function response(bytes: FirstBytes): Verdict {
  const { data, end } = bytes;
  const op = operationAt(bytes);
  if (op < 0) return VERDICT.NO;
  const type = data.getUint8(op);
  const body = contentAt(data, op, end);
  if (body < 0) return VERDICT.NO;
  if (type === OP.SEARCH_ENTRY) {
    return body < end && data.getUint8(body) === OCTET_STRING ? VERDICT.MAYBE : VERDICT.NO;
  }
  if (type !== OP.BIND_RESPONSE && type !== OP.SEARCH_DONE && type !== OP.EXTENDED_RESPONSE)
    return VERDICT.NO;
  const isResult = end - body >= 3 && data.getUint16(body) === ((ENUMERATED << 8) | 1);
  return isResult ? VERDICT.MAYBE : VERDICT.NO;
}

/** Offset of the operation behind the message's own tag and its id; -1 when this is no LDAP message. */
function operationAt({ data, at, end, length }: FirstBytes): number {
  if (end - at < 7 || data.getUint8(at) !== SEQUENCE) return -1;
  const body = contentAt(data, at, end);
  if (body < 0 || body - at + lengthAt(data, at + 1, end) > Math.max(length, 65_536)) return -1;
  if (end - body < 3 || data.getUint8(body) !== INTEGER) return -1;
  const idBytes = data.getUint8(body + 1);
  const op = body + 2 + idBytes;
  return idBytes < 1 || idBytes > 4 || op + 2 > end ? -1 : op;
}

/** Offset of the content of the element at `at`, -1 when its length is none we read. */
function contentAt(data: DataView, at: number, end: number): number {
  if (end - at < 2) return -1;
  const first = data.getUint8(at + 1);
  if (first < 0x80) return at + 2;
  const lengthBytes = first & 0x7f;
  return lengthBytes < 1 || lengthBytes > 4 || end - at < 2 + lengthBytes ? -1 : at + 2 + lengthBytes;
}

/** `at` is the length's first byte, and `contentAt` was content with it. */
function lengthAt(data: DataView, at: number, end: number): number {
  const first = data.getUint8(at);
  if (first < 0x80) return first;
  let length = 0;
  for (let i = 1; i <= (first & 0x7f) && at + i < end; i++) length = length * 256 + data.getUint8(at + i);
  return length;
}
