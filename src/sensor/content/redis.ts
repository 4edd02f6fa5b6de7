/**
 * Redis and its kin (RESP, redis.io/docs/reference/protocol-spec): the client sends arrays of bulk strings.
 *
 *   *2\r\n$4\r\nAUTH\r\n$8\r\n...        answered by  +OK\r\n  -ERR ...\r\n  :1\r\n  $5\r\nhello\r\n  *1\r\n  %7\r\n
 */
import { ascii, CR, isDigit, LF, lineEnd, startsWithIgnoringCase } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const ARRAY = 0x2a;
const BULK = 0x24;
/** Inline commands, as a health check by hand sends them; `token` tells the answer which one it was. */
const PING = ascii('ping\r\n');
const INFO = ascii('info\r\n');
const INLINE = { PING: 1, INFO: 2 } as const;
const PONG = ascii('+pong\r\n');
const ERROR = 0x2d;
/** RESP2 and RESP3. */
const REPLY_TYPES = ascii('+-:$*%~_#,(');
const MAX_LENGTH_DIGITS = 9;

export const redis: Recognizer = { service: 'redis', opens: 'client', client: command, server: reply };

/** `*` digits CR LF `$` digits CR LF and a letter: 48 fixed bits, 2 digits (9 bits). */
function command(bytes: FirstBytes): Verdict {
  const { data, at, end } = bytes;
  const count = afterNumber(data, at, end, ARRAY);
  if (count < 0) return inline(bytes);
  const name = afterNumber(data, count, end, BULK);
  if (name < 0 || name >= end) return VERDICT.NO;
  return isLetter(data.getUint8(name)) ? VERDICT.SURE : VERDICT.NO;
}

function inline(bytes: FirstBytes): Verdict {
  const { data, at, end } = bytes;
  if (startsWithIgnoringCase(data, at, end, PING)) bytes.token = INLINE.PING;
  else if (startsWithIgnoringCase(data, at, end, INFO)) bytes.token = INLINE.INFO;
  else return VERDICT.NO;
  return VERDICT.MAYBE;
}

function reply({ data, at, end, token }: FirstBytes): Verdict {
  const type = data.getUint8(at);
  if (!REPLY_TYPES.includes(type)) return VERDICT.NO;
  if (token === INLINE.PING && type !== ERROR && !startsWithIgnoringCase(data, at, end, PONG))
    return VERDICT.NO;
  if (token === INLINE.INFO && type !== ERROR && type !== BULK) return VERDICT.NO;
  const lf = lineEnd(data, at, end, 512);
  return lf >= at + 2 && data.getUint8(lf - 1) === CR ? VERDICT.MAYBE : VERDICT.NO;
}

/** Offset behind `<mark><digits>\r\n`, or -1. */
function afterNumber(data: DataView, from: number, end: number, mark: number): number {
  if (from >= end || data.getUint8(from) !== mark) return -1;
  let at = from + 1;
  while (at < end && at - from <= MAX_LENGTH_DIGITS && isDigit(data.getUint8(at))) at++;
  if (at === from + 1 || end - at < 2) return -1;
  return data.getUint8(at) === CR && data.getUint8(at + 1) === LF ? at + 2 : -1;
}

function isLetter(byte: number): boolean {
  const upper = byte & 0xdf;
  return upper >= 0x41 && upper <= 0x5a;
}
