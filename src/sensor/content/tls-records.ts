/**
 * Handshake bytes out of TLS records: the beginning of one direction of a connection, as far as it has passed. In
 * place: the five bytes before each record are dropped, the rest moves together.
 */
import { MAX_RECORD_BYTES, RECORD, RECORD_HEADER_BYTES } from './tls.ts';

export interface HandshakeBytes {
  /** Handshake bytes are now [0, bytes). */
  readonly bytes: number;
  /** Something other than handshake follows: there will be no more in clear. */
  readonly isOver: boolean;
}

/** `stream` holds [0, filled) as it came from the wire, and is rewritten. */
export function unwrapRecords(stream: Uint8Array, filled: number): HandshakeBytes {
  let to = 0;
  let at = 0;
  while (filled - at >= RECORD_HEADER_BYTES) {
    if (stream[at] !== RECORD.HANDSHAKE) return { bytes: to, isOver: true };
    const length = (stream[at + 3]! << 8) | stream[at + 4]!;
    if (length === 0 || length > MAX_RECORD_BYTES) return { bytes: to, isOver: true };
    const from = at + RECORD_HEADER_BYTES;
    const stop = Math.min(from + length, filled);
    stream.copyWithin(to, from, stop);
    to += stop - from;
    at = from + length;
  }
  return { bytes: to, isOver: false };
}
