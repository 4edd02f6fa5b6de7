/**
 * HTTP/1 (RFC 9112): a request line or a status line, and the Host field of the first request.
 *
 * A whole request line fixes `SP`, ` HTTP/1.`, a digit and the line's end, and asks for a known method: 100 bits and
 * more. A line that is longer than what passed must be a known method, a space, `/` and 32 printable bytes: 80 bits.
 */
import {
  ascii,
  isDigit,
  isPrintable,
  lineEnd,
  SPACE,
  startsWith,
  startsWithAny,
  startsWithIgnoringCase,
  wordList,
} from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';
import { hostFromWire } from './server-name.ts';

/** IANA's method registry as far as it is met, and WebDAV's; each with the space behind it. */
const METHODS = wordList(
  [
    'GET POST PUT HEAD DELETE OPTIONS PATCH CONNECT TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK',
    'REPORT SEARCH PURGE',
  ]
    .flatMap((line) => line.split(' '))
    .map((method) => `${method} `),
);
const VERSION = ascii(' HTTP/1.');
const STATUS_VERSION = ascii('HTTP/1.');
const HOST = ascii('host:');
/** RFC 9112 3: a request line of 8000 bytes at least should be taken. Ours may be cut before. */
const MAX_LINE_BYTES = 8192;
const CUT_LINE_BYTES = 32;

export const http: Recognizer = { service: 'http', client: requestLine, server: statusLine };

function requestLine({ data, at, end }: FirstBytes): Verdict {
  if (!startsWithAny(data, at, end, METHODS)) return VERDICT.NO;
  const lf = lineEnd(data, at, end, MAX_LINE_BYTES);
  if (lf < 0) return isLongRequest(data, at, end);
  const stop = data.getUint8(lf - 1) === 0x0d ? lf - 1 : lf;
  const version = stop - VERSION.length - 1;
  const fits = version > at && startsWith(data, version, stop, VERSION) && isDigit(data.getUint8(stop - 1));
  return fits ? VERDICT.SURE : VERDICT.NO;
}

function isLongRequest(data: DataView, at: number, end: number): Verdict {
  let target = at;
  while (data.getUint8(target) !== SPACE) target++;
  target++;
  const fits =
    end - target >= CUT_LINE_BYTES &&
    data.getUint8(target) === 0x2f &&
    isPrintable(data, target, target + CUT_LINE_BYTES);
  return fits ? VERDICT.SURE : VERDICT.NO;
}

/** `HTTP/1.1 200`: 12 bytes, of which 8 are fixed. */
function statusLine({ data, at, end }: FirstBytes): Verdict {
  const code = at + STATUS_VERSION.length + 2;
  if (end < code + 3 || !startsWith(data, at, end, STATUS_VERSION)) return VERDICT.NO;
  for (let i = code; i < code + 3; i++) if (!isDigit(data.getUint8(i))) return VERDICT.NO;
  return data.getUint8(code - 1) === SPACE ? VERDICT.SURE : VERDICT.NO;
}

export interface HttpHost {
  readonly host: string | undefined;
}

/** The Host field of the request head in [from, end). `more`: the head goes on beyond. */
export function readHttpHost(data: DataView, from: number, end: number): HttpHost | 'more' {
  let at = from;
  while (at < end) {
    const lf = lineEnd(data, at, end, end - at);
    if (lf < 0) return 'more';
    const isEmpty = lf === at || (lf === at + 1 && data.getUint8(at) === 0x0d);
    if (isEmpty) return { host: undefined };
    if (startsWithIgnoringCase(data, at, lf, HOST)) {
      return { host: hostFromWire(data, at + HOST.length, lf) };
    }
    at = lf + 1;
  }
  return 'more';
}
