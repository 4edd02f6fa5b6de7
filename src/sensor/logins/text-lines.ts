/**
 * Protocols of lines: FTP (RFC 959), SMTP (RFC 4954), POP3 (RFC 1939, 5034), IMAP (RFC 9051). A password stands in a
 * command, or follows a SASL mechanism that does not hide it (PLAIN, LOGIN; XOAUTH2 and OAUTHBEARER carry a token).
 * Challenges (CRAM-MD5, SCRAM, APOP) show no secret and are passed over.
 */
import { ascii, CR, LF, SPACE, startsWith, startsWithIgnoringCase } from '../content/bytes.ts';
import { type LoginRule, type Said, STATE } from './login-rule.ts';

/** Lines of one packet: commands may be sent in one go (RFC 2920, RFC 2449 6.8). */
const MAX_LINES = 16;
const MAX_TAG_BYTES = 32;
const LITERAL_END = 0x7d;
const CANCEL = 0x2a;

const S = {
  ANONYMOUS: 1,
  /** The secret is what the client says next. */
  SECRET_NEXT: 2,
  /** A user's name is what it says next, then the secret. */
  NAME_NEXT: 3,
  /** IMAP: name and password come as literals, each after the server has asked for it. */
  LITERALS: 4,
} as const;

const USER = ascii('user ');
const PASS = ascii('pass ');
const AUTH = ascii('auth ');
const MAIL = ascii('mail ');
const LOGIN = ascii('login ');
const AUTHENTICATE = ascii('authenticate ');
/** RFC 1635; many clients send their maker as the password. */
const NOBODY = [ascii('anonymous'), ascii('ftp')];
const NAME_FIRST = ascii('login');
const IN_CLEAR = [ascii('plain'), NAME_FIRST, ascii('xoauth2'), ascii('oauthbearer')];
/** What the server says when it wants the next word of an exchange, or when nobody has to log in any more. */
const SMTP_ASKS = ascii('334');
const PLUS = ascii('+');
const POP3_OK = ascii('+ok');
const FTP_IN = ascii('230');

export const ftp: LoginRule = {
  service: 'ftp',
  method: 'ftp-pass',
  maxPackets: 32,
  next(said, state, fromClient) {
    if (!fromClient) return begins(said, FTP_IN) ? STATE.OVER : state;
    return eachLine(said, state, ftpCommand);
  },
};

export const smtp: LoginRule = {
  service: 'smtp',
  method: 'smtp-auth',
  maxPackets: 32,
  next(said, state, fromClient) {
    if (!fromClient) return isExchange(state) && !begins(said, SMTP_ASKS) ? STATE.START : state;
    return eachLine(said, state, smtpCommand);
  },
};

export const pop3: LoginRule = {
  service: 'pop3',
  method: 'pop3-pass',
  maxPackets: 32,
  next(said, state, fromClient) {
    if (!fromClient) {
      const isAsking = begins(said, PLUS) && !begins(said, POP3_OK);
      return isExchange(state) && !isAsking ? STATE.START : state;
    }
    return eachLine(said, state, pop3Command);
  },
};

export const imap: LoginRule = {
  service: 'imap',
  method: 'imap-login',
  maxPackets: 32,
  next(said, state, fromClient) {
    if (!fromClient) return isExchange(state) && !begins(said, PLUS) ? STATE.START : state;
    return eachLine(said, state, imapCommand);
  },
};

function ftpCommand(data: DataView, at: number, end: number, state: number): number {
  if (startsWithIgnoringCase(data, at, end, USER)) {
    const name = at + USER.length;
    const isNobody = NOBODY.some(
      (word) => end - name === word.length && startsWithIgnoringCase(data, name, end, word),
    );
    return isNobody ? S.ANONYMOUS : STATE.START;
  }
  if (!hasArgument(data, at, end, PASS)) return state;
  return state === S.ANONYMOUS ? STATE.OVER : STATE.LOGIN;
}

function smtpCommand(data: DataView, at: number, end: number, state: number): number {
  if (isExchange(state)) return inExchange(data, at, end, state);
  if (hasArgument(data, at, end, AUTH)) return mechanism(data, at + AUTH.length, end);
  return startsWithIgnoringCase(data, at, end, MAIL) ? STATE.OVER : state;
}

function pop3Command(data: DataView, at: number, end: number, state: number): number {
  if (isExchange(state)) return inExchange(data, at, end, state);
  if (hasArgument(data, at, end, PASS)) return STATE.LOGIN;
  return hasArgument(data, at, end, AUTH) ? mechanism(data, at + AUTH.length, end) : state;
}

function imapCommand(data: DataView, at: number, end: number, state: number): number {
  if (state === S.LITERALS) return at === end || endsInLiteral(data, end) ? S.LITERALS : STATE.LOGIN;
  if (isExchange(state)) return inExchange(data, at, end, state);
  const stop = Math.min(end, at + MAX_TAG_BYTES);
  let command = at;
  while (command < stop && data.getUint8(command) !== SPACE) command++;
  command++;
  if (hasArgument(data, command, end, LOGIN)) return endsInLiteral(data, end) ? S.LITERALS : STATE.LOGIN;
  if (!hasArgument(data, command, end, AUTHENTICATE)) return state;
  return mechanism(data, command + AUTHENTICATE.length, end);
}

/** `PLAIN`, and perhaps the first word of the exchange behind it (RFC 4954 4, RFC 4959). */
function mechanism(data: DataView, at: number, end: number): number {
  for (const name of IN_CLEAR) {
    const behind = at + name.length;
    if (!startsWithIgnoringCase(data, at, end, name)) continue;
    const isNameFirst = name === NAME_FIRST;
    if (behind === end) return isNameFirst ? S.NAME_NEXT : S.SECRET_NEXT;
    if (data.getUint8(behind) !== SPACE) continue;
    // `=` stands for no first word.
    const isEmpty = end - behind === 2 && data.getUint8(behind + 1) === 0x3d;
    if (isEmpty) return isNameFirst ? S.NAME_NEXT : S.SECRET_NEXT;
    return isNameFirst ? S.SECRET_NEXT : STATE.LOGIN;
  }
  return STATE.START;
}

function inExchange(data: DataView, at: number, end: number, state: number): number {
  if (end - at === 1 && data.getUint8(at) === CANCEL) return STATE.START;
  if (end === at) return state;
  return state === S.NAME_NEXT ? S.SECRET_NEXT : STATE.LOGIN;
}

function isExchange(state: number): boolean {
  return state === S.SECRET_NEXT || state === S.NAME_NEXT || state === S.LITERALS;
}

type LineRule = (data: DataView, at: number, end: number, state: number) => number;

/** Each line without its end, until one has decided. */
function eachLine({ data, at, end }: Said, state: number, rule: LineRule): number {
  let from = at;
  for (let line = 0; line < MAX_LINES && from < end; line++) {
    let lf = from;
    while (lf < end && data.getUint8(lf) !== LF) lf++;
    const stop = lf > from && data.getUint8(lf - 1) === CR ? lf - 1 : lf;
    state = rule(data, from, stop, state);
    if (state >= STATE.OVER) return state;
    from = lf + 1;
  }
  return state;
}

/** The word, and something behind it. */
function hasArgument(data: DataView, at: number, end: number, word: Uint8Array): boolean {
  return end - at > word.length && startsWithIgnoringCase(data, at, end, word);
}

function endsInLiteral(data: DataView, end: number): boolean {
  return data.getUint8(end - 1) === LITERAL_END;
}

function begins({ data, at, end }: Said, words: Uint8Array): boolean {
  return words === POP3_OK ? startsWithIgnoringCase(data, at, end, words) : startsWith(data, at, end, words);
}
