/**
 * NTP (RFC 5905 7.3), 48 bytes: only a question and the answer that repeats its transmit time count, 32 bits of it.
 *
 *   leap 2 bits, version 3, mode 3 | stratum | poll | precision | ... | origin time at 24 | ... | transmit time at 40
 */
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const PACKET_BYTES = 48;
/** Extension fields and a MAC are few. */
const MAX_PACKET_BYTES = 2048;
const MODE = { CLIENT: 3, SERVER: 4 } as const;
const ORIGIN_FRACTION_AT = 28;
const TRANSMIT_FRACTION_AT = 44;

export const ntp: Recognizer = { service: 'ntp', client: question, server: answer };

function question(bytes: FirstBytes): Verdict {
  if (!isPacket(bytes, MODE.CLIENT)) return VERDICT.NO;
  bytes.token = bytes.data.getInt32(bytes.at + TRANSMIT_FRACTION_AT);
  return VERDICT.MAYBE;
}

function answer(bytes: FirstBytes): Verdict {
  if (!isPacket(bytes, MODE.SERVER)) return VERDICT.NO;
  return bytes.data.getInt32(bytes.at + ORIGIN_FRACTION_AT) === bytes.token ? VERDICT.MAYBE : VERDICT.NO;
}

function isPacket({ data, at, end, length }: FirstBytes, mode: number): boolean {
  if (end - at < PACKET_BYTES || length > MAX_PACKET_BYTES || length % 4 !== 0) return false;
  const first = data.getUint8(at);
  const version = (first >>> 3) & 7;
  return (first & 7) === mode && version >= 1 && version <= 4 && data.getUint8(at + 1) <= 16;
}
