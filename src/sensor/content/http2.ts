/**
 * HTTP/2 without TLS and without Upgrade, "prior knowledge" (RFC 9113 3.3): gRPC inside a Compose project speaks so.
 * The client's preface is 24 fixed bytes. The server's first frame is SETTINGS:
 *
 *   length 3 (a multiple of 6) | type 4 | flags 0 | stream 0 (4 bytes)
 */
import { ascii, startsWith } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const PREFACE = ascii('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAME_HEADER_BYTES = 9;
const SETTINGS = 4;
const SETTING_BYTES = 6;
const MAX_SETTINGS_BYTES = 32 * SETTING_BYTES;

export const http2: Recognizer = {
  service: 'http2',
  client: ({ data, at, end }) => (startsWith(data, at, end, PREFACE) ? VERDICT.SURE : VERDICT.NO),
  server: settings,
};

/** 2^-58 at random, but zeros and small numbers are not random: MAYBE. */
function settings({ data, at, end }: FirstBytes): Verdict {
  if (end - at < FRAME_HEADER_BYTES) return VERDICT.NO;
  const length = (data.getUint8(at) << 16) | data.getUint16(at + 1);
  const fits =
    length % SETTING_BYTES === 0 &&
    length <= MAX_SETTINGS_BYTES &&
    data.getUint16(at + 3) === SETTINGS << 8 &&
    data.getUint32(at + 5) === 0;
  return fits ? VERDICT.MAYBE : VERDICT.NO;
}
