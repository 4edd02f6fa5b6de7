/**
 * TLS (RFC 8446, 5246): records, of which the first holds a ClientHello or a ServerHello.
 *
 *   record: type 1 | version 2 | length 2 |  handshake: type 1 | length 3 | version 2 | random 32 | session id 1+n
 *
 * Random bytes pass with 2^-50: record type and version 22 bits, lengths that fit each other 24, hello version 14.
 */
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

export const RECORD = { ALERT: 21, HANDSHAKE: 22 } as const;
export const HANDSHAKE = { CLIENT_HELLO: 1, SERVER_HELLO: 2, CERTIFICATE: 11 } as const;
export const RECORD_HEADER_BYTES = 5;
export const HANDSHAKE_HEADER_BYTES = 4;
/** RFC 8446 5.2: 2^14 and what encryption adds. */
export const MAX_RECORD_BYTES = 16_384 + 256;
/** Version, random, the session id's length. */
export const MIN_HELLO_BYTES = 2 + 32 + 1;
const MAX_SESSION_ID_BYTES = 32;
const SSL3_MAJOR = 3;
const ALERT_BYTES = 2;
const MAX_HELLO_BYTES = 16_384;

export const tls: Recognizer = {
  service: 'tls',
  client: (bytes) => hello(bytes, HANDSHAKE.CLIENT_HELLO),
  server: (bytes) => {
    const sure = hello(bytes, HANDSHAKE.SERVER_HELLO);
    return sure === VERDICT.NO ? alert(bytes) : sure;
  },
};

export function looksLikeClientHello(bytes: FirstBytes): boolean {
  return tls.client(bytes) === VERDICT.SURE;
}

function hello({ data, at, end }: FirstBytes, type: number): Verdict {
  const body = at + RECORD_HEADER_BYTES;
  if (end - body < HANDSHAKE_HEADER_BYTES + MIN_HELLO_BYTES) return VERDICT.NO;
  if (data.getUint8(at) !== RECORD.HANDSHAKE || !isVersion(data, at + 1)) return VERDICT.NO;
  const recordBytes = data.getUint16(at + 3);
  if (recordBytes < HANDSHAKE_HEADER_BYTES || recordBytes > MAX_RECORD_BYTES) return VERDICT.NO;
  if (data.getUint8(body) !== type || data.getUint8(body + 1) !== 0) return VERDICT.NO;
  const helloBytes = data.getUint16(body + 2);
  if (helloBytes < MIN_HELLO_BYTES || helloBytes > MAX_HELLO_BYTES) return VERDICT.NO;
  // A client sends nothing but its hello; a server may put its whole flight into one record. A hello that is longer
  // than its record goes on in the next one.
  if (type === HANDSHAKE.CLIENT_HELLO && recordBytes > helloBytes + HANDSHAKE_HEADER_BYTES) return VERDICT.NO;
  if (recordBytes < Math.min(HANDSHAKE_HEADER_BYTES + MIN_HELLO_BYTES, helloBytes)) return VERDICT.NO;
  const version = body + HANDSHAKE_HEADER_BYTES;
  if (!isVersion(data, version)) return VERDICT.NO;
  return data.getUint8(version + MIN_HELLO_BYTES - 1) <= MAX_SESSION_ID_BYTES ? VERDICT.SURE : VERDICT.NO;
}

/** A server that refuses: type, version, length 2, level 1 or 2, a description. */
function alert({ data, at, end, length }: FirstBytes): Verdict {
  if (end - at < RECORD_HEADER_BYTES + ALERT_BYTES || length > 2 * (RECORD_HEADER_BYTES + ALERT_BYTES)) {
    return VERDICT.NO;
  }
  if (data.getUint8(at) !== RECORD.ALERT || !isVersion(data, at + 1)) return VERDICT.NO;
  if (data.getUint16(at + 3) !== ALERT_BYTES) return VERDICT.NO;
  const level = data.getUint8(at + RECORD_HEADER_BYTES);
  return level === 1 || level === 2 ? VERDICT.MAYBE : VERDICT.NO;
}

/** SSL 3.0 to TLS 1.2; TLS 1.3 says 1.2 here (RFC 8446 4.1.2). */
function isVersion(data: DataView, at: number): boolean {
  return data.getUint8(at) === SSL3_MAJOR && data.getUint8(at + 1) <= 4;
}
