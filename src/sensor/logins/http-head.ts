/**
 * HTTP/1 requests with `Authorization` or `Proxy-Authorization` of the schemes that hide nothing: Basic (RFC 7617) and
 * Bearer (RFC 6750). A request head may come in any pieces, so it is read byte by byte through a table of states; the
 * state is all that is kept between packets. Digest, Negotiate and signatures show no secret.
 */
import { http } from '../content/http.ts';
import { VERDICT } from '../content/recognizer.ts';
import { type LoginRule, type Said, STATE } from './login-rule.ts';

/** Bytes of one packet: a head that is longer is no head. */
const MAX_HEAD_BYTES = 16_384;

const S = {
  /** Outside a head: STATE.START. */
  NONE: STATE.START,
  IN_LINE: 1,
  LINE_START: 2,
  /** An empty line is ending. */
  LAST_CR: 3,
  /** Behind the field's name. */
  BEFORE_SCHEME: 4,
  FIRST_FREE: 5,
} as const;

const LF = 0x0a;
const CR = 0x0d;

const TABLE = stateTable();

export const httpAuthorization: LoginRule = {
  service: 'http',
  method: 'http-basic',
  otherMethod: 'http-bearer',
  maxPackets: 12,
  next(said, state, fromClient) {
    if (!fromClient) return state;
    if (state === S.NONE) {
      // What is no request line here is the body of a request.
      if (http.client(said) !== VERDICT.SURE) return S.NONE;
      state = S.IN_LINE;
    }
    return scan(said, state);
  },
};

function scan({ data, at, end, length }: Said, state: number): number {
  const stop = Math.min(end, at + MAX_HEAD_BYTES);
  for (let i = at; i < stop; i++) {
    state = TABLE[(state << 8) | data.getUint8(i)]!;
    if (state === S.NONE || state >= STATE.OVER) return state;
  }
  // What the snaplen cut may have been the end of the head.
  return end - at < length || stop < end ? S.NONE : state;
}

/** At most 253 states of 256 bytes' successors. */
function stateTable(): Uint8Array {
  const table = new Uint8Array(256 * 256).fill(S.IN_LINE);
  let free: number = S.FIRST_FREE;
  for (let state = 0; state < 256; state++) table[(state << 8) | LF] = S.LINE_START;
  const set = (from: number, byte: number, to: number) => {
    table[(from << 8) | byte] = to;
  };
  /** A way through the table along `word`, in either case, from `from` to `to`; shared where words begin alike. */
  const lead = (from: number, word: string, to: number) => {
    let state = from;
    for (const [i, char] of [...word].entries()) {
      const byte = char.charCodeAt(0);
      const known = table[(state << 8) | byte]!;
      const isLast = i === word.length - 1;
      const next = isLast ? to : known === S.IN_LINE ? free++ : known;
      set(state, byte, next);
      set(state, char.toUpperCase().charCodeAt(0), next);
      state = next;
    }
  };
  set(S.LINE_START, CR, S.LAST_CR);
  set(S.LINE_START, LF, S.NONE);
  set(S.LAST_CR, LF, S.NONE);
  lead(S.LINE_START, 'authorization:', S.BEFORE_SCHEME);
  lead(S.LINE_START, 'proxy-authorization:', S.BEFORE_SCHEME);
  // RFC 9110 5.5: white space before the value.
  set(S.BEFORE_SCHEME, 0x20, S.BEFORE_SCHEME);
  set(S.BEFORE_SCHEME, 0x09, S.BEFORE_SCHEME);
  lead(S.BEFORE_SCHEME, 'basic ', STATE.LOGIN);
  lead(S.BEFORE_SCHEME, 'bearer ', STATE.OTHER_LOGIN);
  return table;
}
