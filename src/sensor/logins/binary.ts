/**
 * Logins in protocols of messages: Redis AUTH and HELLO, LDAP's simple bind, PostgreSQL's and MySQL's passwords in clear.
 */
import {
  ascii,
  CR,
  containsIgnoringCase,
  isDigit,
  LF,
  startsWith,
  startsWithIgnoringCase,
} from '../content/bytes.ts';
import { isSimpleBind } from '../content/ldap.ts';
import { type LoginRule, STATE } from './login-rule.ts';

/** The server asked for the secret. */
const ASKED = 1;

// --- Redis: `*2 $4 AUTH $8 ...`, `*5 $5 HELLO $1 3 $4 AUTH $7 default $8 ...`, or in one line `AUTH ...` ---

const REDIS_AUTH = ascii('auth');
const REDIS_HELLO = ascii('hello');
const REDIS_INLINE = ascii('auth ');
const ARRAY = 0x2a;
const BULK = 0x24;
/** Clients send several commands at once. */
const MAX_COMMANDS = 8;
/** HELLO's AUTH is its second word, after the version. */
const MAX_WORDS = 8;
/** Reads one number and where it ended; nothing is allocated for it. */
const cursor = { at: 0, value: 0 };

export const redis: LoginRule = {
  service: 'redis',
  method: 'redis-auth',
  maxPackets: 16,
  next({ data, at, end }, state, fromClient) {
    if (!fromClient) return state;
    if (startsWithIgnoringCase(data, at, end, REDIS_INLINE)) return STATE.LOGIN;
    cursor.at = at;
    for (let i = 0; i < MAX_COMMANDS && cursor.at < end; i++) {
      const isLogin = redisCommand(data, end);
      if (isLogin === undefined) return state;
      if (isLogin) return STATE.LOGIN;
    }
    return state;
  },
};

/** The command at the cursor, which then stands behind it; undefined when it is none, or not here whole. */
function redisCommand(data: DataView, end: number): boolean | undefined {
  if (!readNumber(data, end, ARRAY)) return undefined;
  const words = cursor.value;
  let isHello = false;
  for (let word = 0; word < words && word < MAX_WORDS; word++) {
    if (!readNumber(data, end, BULK)) return undefined;
    const from = cursor.at;
    const bytes = cursor.value;
    const isAuth = bytes === REDIS_AUTH.length && startsWithIgnoringCase(data, from, end, REDIS_AUTH);
    if (isAuth && words > word + 1 && (word === 0 || isHello)) return true;
    if (word === 0)
      isHello = bytes === REDIS_HELLO.length && startsWithIgnoringCase(data, from, end, REDIS_HELLO);
    cursor.at = from + bytes + 2;
  }
  return words > MAX_WORDS ? undefined : false;
}

/** `<mark><digits>\r\n` at the cursor, which then stands behind it. */
function readNumber(data: DataView, end: number, mark: number): boolean {
  let at = cursor.at;
  if (at >= end || data.getUint8(at) !== mark) return false;
  at++;
  let value = 0;
  const from = at;
  while (at < end && at - from < 9 && isDigit(data.getUint8(at)))
    value = value * 10 + data.getUint8(at++) - 0x30;
  if (at === from || end - at < 2 || data.getUint8(at) !== CR || data.getUint8(at + 1) !== LF) return false;
  cursor.at = at + 2;
  cursor.value = value;
  return true;
}

// --- LDAP: BindRequest with the choice [0] simple (RFC 4511 4.2); an empty one is no secret (RFC 4513 5.1) ---

export const ldap: LoginRule = {
  service: 'ldap',
  method: 'ldap-simple-bind',
  maxPackets: 16,
  next: (said, state, fromClient) => (fromClient && isSimpleBind(said) ? STATE.LOGIN : state),
};

// --- PostgreSQL: `R` 8 3 (AuthenticationCleartextPassword), answered by `p` length password ---

const AUTHENTICATION = 0x52;
const CLEARTEXT_PASSWORD = 3;
const PASSWORD_MESSAGE = 0x70;
const EMPTY_PASSWORD_BYTES = 6;

export const postgresql: LoginRule = {
  service: 'postgresql',
  method: 'postgresql-password',
  maxPackets: 12,
  next({ data, at, end, length }, state, fromClient) {
    if (fromClient) {
      const isPassword =
        state === ASKED && data.getUint8(at) === PASSWORD_MESSAGE && length > EMPTY_PASSWORD_BYTES;
      return isPassword ? STATE.LOGIN : state;
    }
    if (data.getUint8(at) !== AUTHENTICATION || end - at < 9) return state;
    const method = data.getUint32(at + 5);
    if (method === CLEARTEXT_PASSWORD) return ASKED;
    // AuthenticationOk: nobody is asked any more. The others hide the password.
    return method === 0 ? STATE.OVER : STATE.START;
  },
};

// --- MySQL: the client names `mysql_clear_password` itself, or the server asks it to switch (0xfe, plugin) ---

const CLEAR_PASSWORD = ascii('mysql_clear_password');
const MYSQL_HEADER_BYTES = 4;
const SWITCH = 0xfe;
const OK = 0x00;
const MAX_LOGIN_BYTES = 1024;

export const mysql: LoginRule = {
  service: 'mysql',
  method: 'mysql-clear-password',
  maxPackets: 10,
  next({ data, at, end, length }, state, fromClient) {
    const body = at + MYSQL_HEADER_BYTES;
    if (body >= end) return state;
    if (!fromClient) {
      if (data.getUint8(body) === SWITCH) {
        return startsWith(data, body + 1, end, CLEAR_PASSWORD) ? ASKED : STATE.START;
      }
      // Behind the login: it was accepted.
      return data.getUint8(body) === OK && data.getUint8(at + 3) > 1 ? STATE.OVER : state;
    }
    // An empty password is its NUL alone.
    if (state === ASKED) return length > MYSQL_HEADER_BYTES + 1 ? STATE.LOGIN : STATE.OVER;
    const stop = Math.min(end, at + MAX_LOGIN_BYTES);
    return data.getUint8(at + 3) === 1 && containsIgnoringCase(data, body, stop, CLEAR_PASSWORD)
      ? STATE.LOGIN
      : state;
  },
};
