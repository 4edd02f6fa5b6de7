/**
 * AMQP 0-9-1 (2.3.5, 4.2.2) and 1.0 (2.2): the client begins with `AMQP` and four bytes of protocol and version. The
 * server answers with Connection.Start (0-9-1), or with the same eight bytes (1.0, and when it wants another version).
 *
 *   frame: type 1 | channel 0, 2 bytes | size 4 | class 10, 2 bytes | method 10, 2 bytes
 */
import { ascii, startsWith } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const NAME = ascii('AMQP');
const HEADER_BYTES = 8;
/** 0, 2 (TLS), 3 (SASL) for 1.0; 0 or 1 before. */
const MAX_PROTOCOL_ID = 3;
const METHOD_FRAME_ON_CHANNEL_0 = 0x010000;
const CONNECTION_START = 0x000a000a;

export const amqp: Recognizer = {
  service: 'amqp',
  client: header,
  server: (bytes) => (header(bytes) === VERDICT.SURE ? VERDICT.SURE : start(bytes)),
};

/** 32 bits of name, 20 of numbers that must be small. */
function header({ data, at, end }: FirstBytes): Verdict {
  if (end - at < HEADER_BYTES || !startsWith(data, at, end, NAME)) return VERDICT.NO;
  const isKnown =
    data.getUint8(at + 4) <= MAX_PROTOCOL_ID && data.getUint8(at + 5) <= 9 && data.getUint8(at + 6) <= 9;
  return isKnown ? VERDICT.SURE : VERDICT.NO;
}

/** 56 fixed bits. */
function start({ data, at, end }: FirstBytes): Verdict {
  if (end - at < 11) return VERDICT.NO;
  const isStart =
    data.getUint32(at) >>> 8 === METHOD_FRAME_ON_CHANNEL_0 && data.getUint32(at + 7) === CONNECTION_START;
  return isStart ? VERDICT.SURE : VERDICT.NO;
}
