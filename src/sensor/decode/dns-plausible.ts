/**
 * Whether bytes where DNS is to be expected are a DNS message at all: by its header and first question, as `decodeDns`
 * left them in the view. Malformed DNS is DNS; what nobody could answer, because it asks nothing that can be read, is
 * not. iodine's raw mode, for one, begins with 10 d1 9e: an opcode that there is not, and counts out of ciphertext.
 */
import {
  DNS_HEADER_BYTES,
  type DnsView,
  isKnownOpcode,
  leastBytes,
  MIN_QUESTION_BYTES,
  MIN_RECORD_BYTES,
} from './dns.ts';

const OPCODE_DSO = 6;
const MAX_MESSAGE_BYTES = 65_535;

export function isDns(m: DnsView): boolean {
  const length = m.end - m.at;
  if (length < DNS_HEADER_BYTES) return !m.complete;
  if (m.questions + m.answers + m.authorities + m.additionals === 0) return isBareHeader(m, length);
  // One question is what queries have: then the other counts may be wrong. All of a random header never fit.
  const room = m.complete ? length - DNS_HEADER_BYTES : MAX_MESSAGE_BYTES;
  if (m.questions !== 1 && leastBytes(m) > room) return false;
  if (m.hasQuestion) return true;
  if (!isKnownOpcode(m.opcode)) return false;
  return m.questions === 0 || !m.complete;
}

/** Servers answer what they cannot read with a header alone; stateful operations have no sections (RFC 8490 5.4). */
function isBareHeader(m: DnsView, length: number): boolean {
  if (m.opcode === OPCODE_DSO) return true;
  return m.isResponse && length === DNS_HEADER_BYTES;
}

/**
 * The same before decoding, for multicast DNS and LLMNR: whoever was given their ports by chance is no anomaly of theirs.
 * `wireBytes`: of the whole message; it may have been cut.
 */
export function mayBeLocalDns(data: DataView, at: number, end: number, wireBytes: number): boolean {
  if (end - at < DNS_HEADER_BYTES) return false;
  const questions = data.getUint16(at + 4);
  const records = data.getUint16(at + 6) + data.getUint16(at + 8) + data.getUint16(at + 10);
  if (questions + records === 0) return false;
  // RFC 6762 18.3, RFC 4795 2.1.1: the opcode is zero, and anything else is not for us.
  if ((data.getUint8(at + 2) & 0x78) !== 0) return false;
  return questions * MIN_QUESTION_BYTES + records * MIN_RECORD_BYTES <= wireBytes - DNS_HEADER_BYTES;
}
