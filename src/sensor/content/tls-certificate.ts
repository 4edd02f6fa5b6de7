/**
 * The name in a server's certificate, for TLS up to 1.2, where it passes in clear. TLS 1.3 encrypts it (RFC 8446 2).
 * The first DNS name of subjectAltName, else the subject's common name, as RFC 6125 6.4.4 ranks them. Nothing is
 * verified: it is what the server shows, and anybody may show anything.
 */
import { type DerElement, derElement } from './der.ts';
import { nameFromWire } from './server-name.ts';
import { HANDSHAKE, HANDSHAKE_HEADER_BYTES, MIN_HELLO_BYTES } from './tls.ts';

const TAG = {
  OID: 0x06,
  OCTET_STRING: 0x04,
  SEQUENCE: 0x30,
  SET: 0x31,
  VERSION: 0xa0,
  EXTENSIONS: 0xa3,
  DNS: 0x82,
};
/** 2.5.29.17 */
const SUBJECT_ALT_NAME = 0x551d11;
/** 2.5.4.3 */
const COMMON_NAME = 0x550403;
const SUPPORTED_VERSIONS = 43;

export interface CertificateName {
  readonly name: string | undefined;
}

/** Reads the server's handshake messages [at, end). `more`: the certificate has not passed yet. */
export function readCertificateName(data: DataView, from: number, end: number): CertificateName | 'more' {
  let at = from;
  while (end - at >= HANDSHAKE_HEADER_BYTES) {
    const type = data.getUint8(at);
    const body = at + HANDSHAKE_HEADER_BYTES;
    const stop = body + ((data.getUint8(at + 1) << 16) | data.getUint16(at + 2));
    if (type === HANDSHAKE.CERTIFICATE) {
      // List length 3, length of the first certificate 3; the others are the issuers'.
      if (end - body < 6) return 'more';
      const certificateEnd = body + 6 + ((data.getUint8(body + 3) << 16) | data.getUint16(body + 4));
      if (certificateEnd > stop) return NO_NAME;
      if (certificateEnd > end) return 'more';
      return { name: nameOf(data, body + 6, certificateEnd) };
    }
    if (type !== HANDSHAKE.SERVER_HELLO) return NO_NAME;
    if (stop > end) return 'more';
    // TLS 1.3 shows no certificate.
    if (hasSupportedVersions(data, body, stop)) return NO_NAME;
    at = stop;
  }
  return 'more';
}

const NO_NAME: CertificateName = { name: undefined };

/** Version, random and session id, cipher suite 2, compression 1, extensions. */
function hasSupportedVersions(data: DataView, body: number, end: number): boolean {
  if (end - body < MIN_HELLO_BYTES) return false;
  let at = body + MIN_HELLO_BYTES + data.getUint8(body + MIN_HELLO_BYTES - 1) + 3 + 2;
  while (at + 4 <= end) {
    if (data.getUint16(at) === SUPPORTED_VERSIONS) return true;
    at += 4 + data.getUint16(at + 2);
  }
  return false;
}

/** Certificate ::= { tbs { [0] version, serial, algorithm, issuer, validity, subject, key, ..., [3] extensions }, ... } */
function nameOf(data: DataView, at: number, end: number): string | undefined {
  const certificate = derElement(data, at, end);
  const tbs = certificate && derElement(data, certificate.at, certificate.end);
  if (tbs === undefined || tbs.tag !== TAG.SEQUENCE) return undefined;
  let commonName: string | undefined;
  let altName: string | undefined;
  let field = 0;
  for (const element of elements(data, tbs)) {
    if (element.tag === TAG.VERSION) continue;
    // Serial 0, algorithm 1, issuer 2, validity 3, subject 4.
    if (field++ === 4) commonName = commonNameOf(data, element);
    else if (element.tag === TAG.EXTENSIONS) altName = altNameOf(data, element);
  }
  return altName ?? commonName;
}

/** Name ::= SEQUENCE OF SET OF { OID, value }. */
function commonNameOf(data: DataView, subject: DerElement): string | undefined {
  for (const set of elements(data, subject)) {
    for (const pair of elements(data, set)) {
      const [oid, value] = elements(data, pair);
      if (isOid(data, oid, COMMON_NAME) && value !== undefined)
        return nameFromWire(data, value.at, value.end);
    }
  }
  return undefined;
}

/** Extensions ::= SEQUENCE OF { OID, critical?, OCTET STRING of GeneralNames }. */
function altNameOf(data: DataView, wrapper: DerElement): string | undefined {
  const extensions = derElement(data, wrapper.at, wrapper.end);
  if (extensions === undefined) return undefined;
  for (const extension of elements(data, extensions)) {
    const parts = elements(data, extension);
    if (!isOid(data, parts[0], SUBJECT_ALT_NAME)) continue;
    const octets = parts.find(({ tag }) => tag === TAG.OCTET_STRING);
    const names = octets && derElement(data, octets.at, octets.end);
    const dns = names && elements(data, names).find(({ tag }) => tag === TAG.DNS);
    return dns && nameFromWire(data, dns.at, dns.end);
  }
  return undefined;
}

/** At most so many: a certificate of nothing but empty elements is somebody's idea of fun. */
const MAX_ELEMENTS = 64;

function elements(data: DataView, { at: from, end }: DerElement): DerElement[] {
  const found: DerElement[] = [];
  let at = from;
  while (at < end && found.length < MAX_ELEMENTS) {
    const element = derElement(data, at, end);
    if (element === undefined) break;
    found.push(element);
    at = element.end;
  }
  return found;
}

function isOid(data: DataView, element: DerElement | undefined, oid: number): boolean {
  if (element === undefined || element.tag !== TAG.OID || element.end - element.at !== 3) return false;
  return ((data.getUint8(element.at) << 16) | data.getUint16(element.at + 1)) === oid;
}
