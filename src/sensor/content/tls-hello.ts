/**
 * What a ClientHello says in clear: the name asked for (server_name, RFC 6066 3) and the protocols offered (ALPN,
 * RFC 7301). Reads one handshake message, without record headers, from [at, end); QUIC carries the same message.
 */
import { startsWith } from './bytes.ts';
import { nameFromWire } from './server-name.ts';
import { HANDSHAKE, HANDSHAKE_HEADER_BYTES, MIN_HELLO_BYTES } from './tls.ts';

export interface ClientHello {
  readonly serverName: string | undefined;
  /** What it offers first is PostgreSQL. */
  readonly offersPostgresql: boolean;
}

const EXTENSION = { SERVER_NAME: 0, ALPN: 16 } as const;
const HOST_NAME_TYPE = 0;
/** IANA's ALPN identifier, with its length. PostgreSQL 17 speaks TLS directly under it. */
const ALPN_POSTGRESQL = Uint8Array.from([10, ...Buffer.from('postgresql')]);

/** `more`: the message goes on beyond `end`. `undefined`: it is no ClientHello. */
export function readClientHello(data: DataView, at: number, end: number): ClientHello | 'more' | undefined {
  if (end - at < HANDSHAKE_HEADER_BYTES) return 'more';
  if (data.getUint8(at) !== HANDSHAKE.CLIENT_HELLO) return undefined;
  const bodyBytes = (data.getUint8(at + 1) << 16) | data.getUint16(at + 2);
  const stop = at + HANDSHAKE_HEADER_BYTES + bodyBytes;
  if (stop > end) return 'more';
  return readBody(data, at + HANDSHAKE_HEADER_BYTES, stop);
}

/**
 * The same from a message that was cut at `end`: what is there of it. The extensions that matter often stand before
 * the cut.
 */
export function readCutClientHello(data: DataView, at: number, end: number): ClientHello | undefined {
  if (end - at < HANDSHAKE_HEADER_BYTES || data.getUint8(at) !== HANDSHAKE.CLIENT_HELLO) return undefined;
  return readBody(data, at + HANDSHAKE_HEADER_BYTES, end);
}

function readBody(data: DataView, from: number, end: number): ClientHello | undefined {
  if (end - from < MIN_HELLO_BYTES) return undefined;
  let at = from + MIN_HELLO_BYTES - 1;
  // Session id, cipher suites, compression methods.
  at += 1 + data.getUint8(at);
  if (at + 2 > end) return undefined;
  at += 2 + data.getUint16(at);
  if (at + 1 > end) return undefined;
  at += 1 + data.getUint8(at);
  let serverName: string | undefined;
  let offersPostgresql = false;
  if (at + 2 > end) return { serverName, offersPostgresql };
  const stop = Math.min(end, at + 2 + data.getUint16(at));
  at += 2;
  while (at + 4 <= stop) {
    const type = data.getUint16(at);
    const extension = at + 4;
    at = extension + data.getUint16(at + 2);
    if (at > stop) break;
    if (type === EXTENSION.SERVER_NAME) serverName ??= readServerName(data, extension, at);
    else if (type === EXTENSION.ALPN) offersPostgresql = startsWith(data, extension + 2, at, ALPN_POSTGRESQL);
  }
  return { serverName, offersPostgresql };
}

/** List length 2, then entries: type 1, length 2, name. RFC 6066 knows one type, and one name of it. */
function readServerName(data: DataView, from: number, end: number): string | undefined {
  let at = from + 2;
  while (at + 3 <= end) {
    const stop = at + 3 + data.getUint16(at + 1);
    if (stop > end) return undefined;
    if (data.getUint8(at) === HOST_NAME_TYPE) return nameFromWire(data, at + 3, stop);
    at = stop;
  }
  return undefined;
}
