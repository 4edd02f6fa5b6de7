/**
 * WireGuard (wireguard.com/protocol): a handshake of 148 bytes, answered by one of 92 that names its sender.
 *
 *   1 | 0 0 0 | sender 4 | ...  148 bytes          2 | 0 0 0 | sender 4 | receiver 4 | ...  92 bytes
 */
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const INITIATION = 0x01000000;
const INITIATION_BYTES = 148;
const RESPONSE = 0x02000000;
const RESPONSE_BYTES = 92;

export const wireguard: Recognizer = { service: 'wireguard', client: initiation, server: response };

function initiation(bytes: FirstBytes): Verdict {
  const { data, at, end, length } = bytes;
  if (length !== INITIATION_BYTES || end - at < 8 || data.getUint32(at) !== INITIATION) return VERDICT.NO;
  bytes.token = data.getInt32(at + 4);
  return VERDICT.MAYBE;
}

function response({ data, at, end, length, token }: FirstBytes): Verdict {
  if (length !== RESPONSE_BYTES || end - at < 12 || data.getUint32(at) !== RESPONSE) return VERDICT.NO;
  return data.getInt32(at + 8) === token ? VERDICT.MAYBE : VERDICT.NO;
}
