/**
 * MySQL and MariaDB (MySQL internals, "Connection Phase"): the server speaks first.
 *
 *   packet:   length 3, little endian | sequence 1
 *   greeting: 10 | version, NUL-terminated | thread 4 | salt 8 | 0 | capabilities 2 | charset 1 | status 2 | ...
 *   login:    capabilities 4 | max packet 4 | charset 1 | 19 zeros, then 4 more (MariaDB: capabilities)
 *   error:    0xff | code 2 | text
 */
import { isPrintable } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const HEADER_BYTES = 4;
const PROTOCOL_10 = 10;
const MAX_VERSION_BYTES = 96;
const ERROR = 0xff;
/** ER_* of the server start at 1000. */
const MIN_ERROR_CODE = 1000;
const MAX_ERROR_CODE = 4999;
const MIN_ERROR_TEXT_BYTES = 16;
const LOGIN_ZEROS_AT = HEADER_BYTES + 9;
const LOGIN_ZEROS = 19;
const LOGIN_BYTES = HEADER_BYTES + 32;
/** CLIENT_PROTOCOL_41, in every client of this century. */
const PROTOCOL_41 = 0x200;

export const mysql: Recognizer = { service: 'mysql', client: login, server: greeting };

/** Exact length 24 bits, sequence and protocol 16, the version's form 40, the zero byte 8. */
function greeting({ data, at, end, length }: FirstBytes): Verdict {
  if (end - at < HEADER_BYTES + 8 || packetBytes(data, at) !== length - HEADER_BYTES) return VERDICT.NO;
  if (data.getUint8(at + 3) !== 0) return VERDICT.NO;
  const body = at + HEADER_BYTES;
  if (data.getUint8(body) === ERROR) return error(data, body, end);
  if (data.getUint8(body) !== PROTOCOL_10) return VERDICT.NO;
  const stop = Math.min(end, body + 1 + MAX_VERSION_BYTES);
  let at0 = body + 1;
  while (at0 < stop && data.getUint8(at0) !== 0) at0++;
  const fits =
    at0 < stop &&
    at0 - body > 3 &&
    isPrintable(data, body + 1, at0) &&
    at0 + 13 < end &&
    data.getUint8(at0 + 13) === 0;
  return fits ? VERDICT.SURE : VERDICT.NO;
}

/** Too many connections, or this host may not connect: the client never speaks. 2^-24 for the header, 2^-20 for the text. */
function error(data: DataView, body: number, end: number): Verdict {
  const code = data.getUint16(body + 1, true);
  if (code < MIN_ERROR_CODE || code > MAX_ERROR_CODE) return VERDICT.NO;
  const text = body + 3;
  return end - text >= MIN_ERROR_TEXT_BYTES && isPrintable(data, text, end) ? VERDICT.SURE : VERDICT.NO;
}

/** Login, or the request for TLS that looks like its beginning: 19 zero bytes at their place. */
function login({ data, at, end, length }: FirstBytes): Verdict {
  if (end - at < LOGIN_BYTES || packetBytes(data, at) > length - HEADER_BYTES) return VERDICT.NO;
  if (data.getUint8(at + 3) !== 1) return VERDICT.NO;
  if ((data.getUint32(at + HEADER_BYTES, true) & PROTOCOL_41) === 0) return VERDICT.NO;
  for (let i = 0; i < LOGIN_ZEROS; i++) if (data.getUint8(at + LOGIN_ZEROS_AT + i) !== 0) return VERDICT.NO;
  return VERDICT.SURE;
}

function packetBytes(data: DataView, at: number): number {
  return data.getUint16(at, true) | (data.getUint8(at + 2) << 16);
}
