/**
 * QUIC versions 1 and 2 (RFC 9000 17.2.2, RFC 9369): the long header of an Initial packet.
 *
 *   1 1 type 2 bits, protected 4 | version 4 | DCID length 1, DCID | SCID length 1, SCID | token | length | number ...
 *
 * Version 32 bits, form and type 4, connection ids 8, and a client's datagram holds at least 1,200 bytes.
 */
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

export const QUIC_VERSION_1 = 1;
export const QUIC_VERSION_2 = 0x6b3343cf;
const MAX_CONNECTION_ID_BYTES = 20;
/** RFC 9000 7.2: what a client chooses for its first packet. */
const MIN_FIRST_DCID_BYTES = 8;
/** RFC 9000 14.1. */
const MIN_CLIENT_BYTES = 1200;
const MIN_HEADER_BYTES = 7;
const VERSION_NEGOTIATION = 0;

export const quic: Recognizer = {
  service: 'quic',
  client: (bytes) => (isClientInitial(bytes) ? VERDICT.SURE : VERDICT.NO),
  server: longHeader,
};

/** Where the packet's fields stand; reused, as nothing here may allocate for a packet that is none of it. */
export interface LongHeader {
  version: number;
  /** Bits 5 and 4 of the first byte: their meaning depends on the version. */
  type: number;
  dcidAt: number;
  dcidEnd: number;
  /** What follows the connection ids. */
  next: number;
}

export function isInitialType(version: number, type: number): boolean {
  // RFC 9369 3.2 turned the numbers round, so that nobody takes them for granted.
  return type === (version === QUIC_VERSION_2 ? 1 : 0);
}

/** False when there is no long header of a version we know at `at`. */
export function readLongHeader(data: DataView, at: number, end: number, header: LongHeader): boolean {
  if (end - at < MIN_HEADER_BYTES || data.getUint8(at) >>> 6 !== 3) return false;
  header.version = data.getUint32(at + 1);
  if (header.version !== QUIC_VERSION_1 && header.version !== QUIC_VERSION_2) return false;
  header.type = (data.getUint8(at) >>> 4) & 3;
  const dcidBytes = data.getUint8(at + 5);
  header.dcidAt = at + 6;
  header.dcidEnd = header.dcidAt + dcidBytes;
  if (dcidBytes > MAX_CONNECTION_ID_BYTES || header.dcidEnd >= end) return false;
  const scidBytes = data.getUint8(header.dcidEnd);
  header.next = header.dcidEnd + 1 + scidBytes;
  return scidBytes <= MAX_CONNECTION_ID_BYTES && header.next < end;
}

const scratch: LongHeader = { version: 0, type: 0, dcidAt: 0, dcidEnd: 0, next: 0 };

function isClientInitial({ data, at, end, length }: FirstBytes): boolean {
  if (length < MIN_CLIENT_BYTES || !readLongHeader(data, at, end, scratch)) return false;
  if (scratch.dcidEnd - scratch.dcidAt < MIN_FIRST_DCID_BYTES) return false;
  return isInitialType(scratch.version, scratch.type);
}

/** Initial, Handshake or Retry; or the list of versions that the server would take instead (RFC 9000 17.2.1). */
function longHeader({ data, at, end }: FirstBytes): Verdict {
  if (readLongHeader(data, at, end, scratch)) return VERDICT.MAYBE;
  const isNegotiation =
    end - at >= MIN_HEADER_BYTES &&
    data.getUint8(at) >= 0x80 &&
    data.getUint32(at + 1) === VERSION_NEGOTIATION;
  return isNegotiation ? VERDICT.MAYBE : VERDICT.NO;
}
