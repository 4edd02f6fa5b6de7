/**
 * Kafka (kafka.apache.org/protocol): no magic anywhere, so only a request and a response that answers it count.
 *
 *   request:  size 4 | api key 2 | api version 2 | correlation id 4 | client id: length 2 (-1: none), text | ...
 *   response: size 4 | correlation id 4 | ...
 *
 * Request: exact size 32 bits, key and version 20, client id 10. Response: exact size or more to come, and the same
 * correlation id: 32.
 */
import { isPrintable } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const SIZE_BYTES = 4;
const HEADER_BYTES = 14;
/** Keys and versions in use (Kafka 4.1: 0 to 92, versions to 18), with room. */
const MAX_API_KEY = 100;
const MAX_API_VERSION = 20;
const MAX_CLIENT_ID_BYTES = 256;
/** A first response (ApiVersions, Metadata) is no larger. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

export const kafka: Recognizer = { service: 'kafka', opens: 'client', client: request, server: response };

function request(bytes: FirstBytes): Verdict {
  const { data, at, end, length } = bytes;
  if (end - at < HEADER_BYTES || data.getUint32(at) !== length - SIZE_BYTES) return VERDICT.NO;
  if (data.getUint16(at + 4) > MAX_API_KEY || data.getUint16(at + 6) > MAX_API_VERSION) return VERDICT.NO;
  const clientIdBytes = data.getInt16(at + 12);
  const clientId = at + HEADER_BYTES;
  if (clientIdBytes < -1 || clientIdBytes > MAX_CLIENT_ID_BYTES || clientId + clientIdBytes > end)
    return VERDICT.NO;
  if (!isPrintable(data, clientId, clientId + clientIdBytes)) return VERDICT.NO;
  bytes.token = data.getInt32(at + 8);
  return VERDICT.MAYBE;
}

function response({ data, at, end, length, token }: FirstBytes): Verdict {
  if (end - at < SIZE_BYTES + 4) return VERDICT.NO;
  const size = data.getUint32(at);
  if (size < length - SIZE_BYTES || size > MAX_RESPONSE_BYTES) return VERDICT.NO;
  return data.getInt32(at + 4) === token ? VERDICT.MAYBE : VERDICT.NO;
}
