/**
 * Telnet (RFC 854): the server's prompt for a password, and an answer to it, which may come letter by letter. Told by
 * the negotiation with which both sides begin (IAC and WILL, WONT, DO or DONT), on any port.
 */
import { ascii, CR, LF, SPACE, startsWithIgnoringCase } from '../content/bytes.ts';
import { type LoginRule, type Said, STATE } from './login-rule.ts';

const IAC = 0xff;
const SUBNEGOTIATION = 0xfa;
const WILL = 0xfb;
const DONT = 0xfe;
const END_OF_SUBNEGOTIATION = 0xf0;
/** `Password:`, and behind other words (`bob's password:`). */
const PROMPT = ascii('password:');

const S = { PROMPTED: 1, TYPED: 2 } as const;

export const telnet: LoginRule = {
  service: 'telnet',
  method: 'telnet-password',
  // A name and a password, letter by letter, each echoed.
  maxPackets: 255,
  next(said, state, fromClient) {
    if (!fromClient) return isPrompt(said) ? S.PROMPTED : state;
    return state === STATE.START ? state : typed(said, state);
  },
};

/** The beginning of a side that speaks telnet: two options in a row, so that no other protocol passes. */
export function isTelnet({ data, at, end }: Said): boolean {
  return isOption(data, at, end) && (isOption(data, at + 3, end) || end - at === 3);
}

function isOption(data: DataView, at: number, end: number): boolean {
  if (end - at < 3 || data.getUint8(at) !== IAC) return false;
  const command = data.getUint8(at + 1);
  return command >= WILL && command <= DONT && data.getUint8(at + 2) < 0x40;
}

function isPrompt({ data, at, end }: Said): boolean {
  let stop = end;
  while (stop > at && data.getUint8(stop - 1) === SPACE) stop--;
  return stop - at >= PROMPT.length && startsWithIgnoringCase(data, stop - PROMPT.length, stop, PROMPT);
}

function typed({ data, at, end }: Said, state: number): number {
  let i = at;
  while (i < end) {
    const byte = data.getUint8(i);
    if (byte === IAC) {
      i = behindCommand(data, i, end);
      continue;
    }
    // RFC 854: the end of a line is CR LF or CR NUL.
    if (byte === CR || byte === LF) return state === S.TYPED ? STATE.LOGIN : STATE.START;
    if (byte !== 0) state = S.TYPED;
    i++;
  }
  return state;
}

function behindCommand(data: DataView, at: number, end: number): number {
  if (end - at < 2) return end;
  const command = data.getUint8(at + 1);
  if (command === SUBNEGOTIATION) {
    let i = at + 2;
    while (i + 1 < end && !(data.getUint8(i) === IAC && data.getUint8(i + 1) === END_OF_SUBNEGOTIATION)) i++;
    return i + 2;
  }
  return command >= WILL && command <= DONT ? at + 3 : at + 2;
}
