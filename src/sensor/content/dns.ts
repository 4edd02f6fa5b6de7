/**
 * DNS messages (RFC 1035 4.1), over UDP and, behind two bytes of length, over TCP. mDNS and LLMNR have the same
 * format and the same name here; NetBIOS names (RFC 1002 4.2) have it too and are told apart by their own type.
 *
 *   id 2 | QR opcode AA TC RD RA Z AD CD rcode 2 | QDCOUNT 2 | ANCOUNT 2 | NSCOUNT 2 | ARCOUNT 2 | name type class
 *
 * A question fixes QR, opcode, Z, four counts and the class: 60 bits and the name's form. An answer 50.
 */
import {
  type FirstBytes,
  type FirstBytesRule,
  type Recognizer,
  VERDICT,
  type Verdict,
} from './recognizer.ts';

const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
const OPCODE = { QUERY: 0, NOTIFY: 4, UPDATE: 5 } as const;
/** Reserved, must be zero (RFC 1035 4.1.1; AD and CD were taken from it). */
const Z = 0x40;
const MAX_ANSWERS = 256;
const MAX_ADDITIONAL = 64;
const TYPE_NB = 32;
const TYPE_NBSTAT = 33;
/** Half a byte a letter: 16 bytes become 32. */
const NETBIOS_LABEL_BYTES = 32;

export const dnsOverUdp: Recognizer = {
  service: 'dns',
  client: ({ data, at, end }) => message(data, at, end, false, false),
  server: ({ data, at, end }) => message(data, at, end, true, false),
};

export const dnsOverTcp: Recognizer = {
  service: 'dns',
  client: (bytes) => behindLength(bytes, false),
  server: (bytes) => behindLength(bytes, true),
};

/** RFC 1002 4.2.1.3: the first byte of the name's label is 32, its letters are A to P, its type is NB or NBSTAT. */
export const netbiosNames: Recognizer = {
  service: 'netbios-ns',
  client: netbios(false),
  server: netbios(true),
};

function netbios(isResponse: boolean): FirstBytesRule {
  return ({ data, at, end }) => message(data, at, end, isResponse, true);
}

function behindLength({ data, at, end, length }: FirstBytes, isResponse: boolean): Verdict {
  if (end - at < 2) return VERDICT.NO;
  const messageBytes = data.getUint16(at);
  // Several questions may stand in one segment, and a long answer in several.
  if (messageBytes < HEADER_BYTES) return VERDICT.NO;
  if (!isResponse && messageBytes > length - 2) return VERDICT.NO;
  return message(data, at + 2, Math.min(end, at + 2 + messageBytes), isResponse, false);
}

function message(data: DataView, at: number, end: number, isResponse: boolean, isNetbios: boolean): Verdict {
  if (end - at < HEADER_BYTES) return VERDICT.NO;
  const flags = data.getUint16(at + 2);
  if (flags >>> 15 !== (isResponse ? 1 : 0) || (flags & Z) !== 0) return VERDICT.NO;
  const opcode = (flags >>> 11) & 0xf;
  const questions = data.getUint16(at + 4);
  const answers = data.getUint16(at + 6);
  const authority = data.getUint16(at + 8);
  const additional = data.getUint16(at + 10);
  if (additional > MAX_ADDITIONAL || answers > MAX_ANSWERS || authority > MAX_ANSWERS) return VERDICT.NO;
  if (
    isNetbios ? opcode > 8 : opcode !== OPCODE.QUERY && opcode !== OPCODE.NOTIFY && opcode !== OPCODE.UPDATE
  ) {
    return VERDICT.NO;
  }
  if (isResponse) {
    // mDNS answers repeat no question (RFC 6762 6), nor do NetBIOS answers.
    if (questions > 1 || (questions === 0 && answers === 0)) return VERDICT.NO;
  } else {
    // mDNS asks for several things at once, and says in the authority section what it means to claim.
    if (questions === 0 || questions > 16 || (flags & 0xf) !== 0) return VERDICT.NO;
    if (opcode === OPCODE.QUERY && (answers > 64 || authority > 64)) return VERDICT.NO;
    // RD aside, a plain question has one question and nothing else but OPT or TSIG; others must be mDNS: no flags.
    if (opcode === OPCODE.QUERY && questions + answers + authority > 1 && flags !== 0) return VERDICT.NO;
  }
  return nameTypeClass(data, at + HEADER_BYTES, end, isNetbios) ? VERDICT.SURE : VERDICT.NO;
}

/** The first name of the message is never compressed: nothing stands before it. */
function nameTypeClass(data: DataView, from: number, end: number, isNetbios: boolean): boolean {
  const stop = Math.min(end, from + MAX_NAME_BYTES);
  let at = from;
  for (;;) {
    if (at >= stop) return false;
    const label = data.getUint8(at);
    if (label === 0) break;
    if (label > MAX_LABEL_BYTES) return false;
    at += 1 + label;
  }
  if (end - at < 5) return false;
  const type = data.getUint16(at + 1);
  const isNetbiosName = (type === TYPE_NB || type === TYPE_NBSTAT) && isNetbiosLabel(data, from, end);
  if (isNetbiosName !== isNetbios) return false;
  // mDNS sets the class's top bit: a unicast answer, or a flush of the cache (RFC 6762 5.4, 10.2).
  const dnsClass = data.getUint16(at + 3) & 0x7fff;
  return (
    type !== 0 && (dnsClass === 1 || dnsClass === 3 || dnsClass === 4 || dnsClass >= 254) && dnsClass <= 255
  );
}

function isNetbiosLabel(data: DataView, at: number, end: number): boolean {
  if (end - at <= NETBIOS_LABEL_BYTES || data.getUint8(at) !== NETBIOS_LABEL_BYTES) return false;
  for (let i = at + 1; i <= at + NETBIOS_LABEL_BYTES; i++) {
    const letter = data.getUint8(i);
    if (letter < 0x41 || letter > 0x50) return false;
  }
  return true;
}
