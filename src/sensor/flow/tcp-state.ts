/**
 * The state of a TCP connection as Zeek keeps it: one small state an endpoint, moved by flags alone, and conn_state
 * derived from the two. Watching from the middle, it must make sense of connections whose start or end it missed.
 */
import type { ConnState } from '../../model/flow.ts';

/** Zeek's names; PARTIAL is an endpoint whose packets were seen without its SYN. */
export const TCP_STATE = {
  INACTIVE: 0,
  SYN_SENT: 1,
  SYN_ACK_SENT: 2,
  PARTIAL: 3,
  ESTABLISHED: 4,
  CLOSED: 5,
  RESET: 6,
} as const;

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

/** Both endpoints in one integer: orig's state in bits 0..2, resp's in 3..5, their previous ones in 6..8 and 9..11. */
const RESP_SHIFT = 3;
const PREVIOUS_SHIFT = 6;
export const TCP_PAIR_MASK = 0xfff;

export function origState(pair: number): number {
  return pair & 7;
}

export function respState(pair: number): number {
  return (pair >>> RESP_SHIFT) & 7;
}

/** The pair after a segment with these flags and this many bytes of payload. */
export function nextTcpPair(pair: number, fromOrig: boolean, flags: number, payload: number): number {
  const self = fromOrig ? origState(pair) : respState(pair);
  switch (self) {
    case TCP_STATE.INACTIVE:
      return fromInactive(pair, fromOrig, flags, payload);
    case TCP_STATE.SYN_SENT:
    case TCP_STATE.SYN_ACK_SENT:
      if ((flags & RST) !== 0) return set(pair, fromOrig, TCP_STATE.RESET);
      if ((flags & FIN) !== 0) return set(pair, fromOrig, TCP_STATE.CLOSED);
      return pair;
    case TCP_STATE.PARTIAL:
    case TCP_STATE.ESTABLISHED:
      return fromEstablished(pair, fromOrig, flags);
    case TCP_STATE.CLOSED:
      // RST after FIN from both sides is a stack that forgot the connection, not an abort.
      if ((flags & RST) !== 0 && peer(pair, fromOrig) !== TCP_STATE.CLOSED) {
        return set(pair, fromOrig, TCP_STATE.RESET);
      }
      return pair;
    default:
      return pair;
  }
}

function fromInactive(pair: number, fromOrig: boolean, flags: number, payload: number): number {
  const other = peer(pair, fromOrig);
  if ((flags & RST) !== 0) return set(pair, fromOrig, TCP_STATE.RESET);
  if ((flags & FIN) !== 0) return set(pair, fromOrig, TCP_STATE.CLOSED);
  if ((flags & SYN) !== 0) {
    if (fromOrig) {
      return set(pair, true, (flags & ACK) === 0 ? TCP_STATE.SYN_SENT : TCP_STATE.SYN_ACK_SENT);
    }
    const answered = other === TCP_STATE.SYN_SENT ? set(pair, true, TCP_STATE.ESTABLISHED) : pair;
    return set(answered, false, TCP_STATE.ESTABLISHED);
  }
  // Some stacks acknowledge a SYN before they answer it; that makes no connection.
  if (!fromOrig && payload === 0 && other === TCP_STATE.SYN_SENT) return pair;
  // SYN-ACK seen, now the ACK: only the SYN was missed.
  if ((flags & ACK) !== 0 && other === TCP_STATE.ESTABLISHED)
    return set(pair, fromOrig, TCP_STATE.ESTABLISHED);
  return set(pair, fromOrig, TCP_STATE.PARTIAL);
}

function fromEstablished(pair: number, fromOrig: boolean, flags: number): number {
  if ((flags & RST) !== 0) return set(pair, fromOrig, TCP_STATE.RESET);
  if ((flags & FIN) !== 0) {
    const closed = set(pair, fromOrig, TCP_STATE.CLOSED);
    const otherWas = (pair >>> (PREVIOUS_SHIFT + (fromOrig ? RESP_SHIFT : 0))) & 7;
    // The peer sent FIN, then RST: with our FIN this is a normal end after all.
    if (peer(pair, fromOrig) === TCP_STATE.RESET && otherWas === TCP_STATE.CLOSED) {
      return set(closed, !fromOrig, TCP_STATE.CLOSED);
    }
    return closed;
  }
  if (
    (flags & (SYN | ACK)) === SYN &&
    (fromOrig ? origState(pair) : respState(pair)) === TCP_STATE.PARTIAL &&
    peer(pair, fromOrig) === TCP_STATE.INACTIVE
  ) {
    return set(pair, fromOrig, TCP_STATE.SYN_SENT);
  }
  return pair;
}

function peer(pair: number, fromOrig: boolean): number {
  return fromOrig ? respState(pair) : origState(pair);
}

function set(pair: number, ofOrig: boolean, state: number): number {
  const shift = ofOrig ? 0 : RESP_SHIFT;
  const old = (pair >>> shift) & 7;
  if (old === state) return pair;
  const cleared = pair & ~((7 << shift) | (7 << (shift + PREVIOUS_SHIFT)));
  return cleared | (state << shift) | (old << (shift + PREVIOUS_SHIFT));
}

/** Nothing more is expected: both sides closed, or one reset. */
export function isTcpOver(pair: number): boolean {
  const orig = origState(pair);
  const resp = respState(pair);
  if (orig === TCP_STATE.RESET || resp === TCP_STATE.RESET) return true;
  return orig === TCP_STATE.CLOSED && resp === TCP_STATE.CLOSED;
}

/** One side closed, the other not yet. */
export function isTcpHalfClosed(pair: number): boolean {
  return (origState(pair) === TCP_STATE.CLOSED) !== (respState(pair) === TCP_STATE.CLOSED);
}

/** The responder never spoke. */
export function isTcpAttempt(pair: number): boolean {
  return respState(pair) === TCP_STATE.INACTIVE;
}

/**
 * Zeek's conn_state (scripts/base/protocols/conn/main.zeek, `conn_state`). The history tells whether payload was
 * seen and what came before a reset.
 */
export function tcpConnState(pair: number, history: string): ConnState {
  const orig = origState(pair);
  const resp = respState(pair);
  const origSilent = orig === TCP_STATE.INACTIVE || orig === TCP_STATE.PARTIAL;
  const respSilent = resp === TCP_STATE.INACTIVE || resp === TCP_STATE.PARTIAL;

  if (resp === TCP_STATE.RESET) {
    const noData = !/d/i.test(history);
    if (orig === TCP_STATE.SYN_SENT || orig === TCP_STATE.SYN_ACK_SENT) return 'REJ';
    if (orig === TCP_STATE.RESET && noData) return 'REJ';
    return origSilent ? 'RSTRH' : 'RSTR';
  }
  if (orig === TCP_STATE.RESET) {
    if (!respSilent) return 'RSTO';
    // A SYN, then a RST, and from the originator nothing of weight between the two.
    return /^\^?S[^HAFGIQ]*R/.test(history) ? 'RSTOS0' : 'OTH';
  }
  if (orig === TCP_STATE.CLOSED && resp === TCP_STATE.CLOSED) return 'SF';
  if (orig === TCP_STATE.CLOSED) return respSilent ? 'SH' : 'S2';
  if (resp === TCP_STATE.CLOSED) return origSilent ? 'SHR' : 'S3';
  if (orig === TCP_STATE.SYN_SENT && resp === TCP_STATE.INACTIVE) return 'S0';
  if (orig === TCP_STATE.ESTABLISHED && resp === TCP_STATE.ESTABLISHED) return 'S1';
  return 'OTH';
}
