/**
 * What one TCP segment changes in its flow: state, history, sequence numbers. It says in which list the flow then
 * waits; it never ends a flow.
 */
import { FRAGMENT, type PacketView, TCP_FLAG } from '../decode/packet-view.ts';
import { addHistory, HISTORY } from './history.ts';
import { LIST } from './lists.ts';
import { COLD_WORDS, CW, FLOW_FLAG, type FlowRows, LIST_MASK, LIST_SHIFT, ROW_WORDS, W } from './rows.ts';
import { advanceSequence, missedBefore, startFromAck, startSequence } from './tcp-sequence.ts';
import {
  isTcpHalfClosed,
  isTcpOver,
  nextTcpPair,
  origState,
  respState,
  TCP_PAIR_MASK,
  TCP_STATE,
} from './tcp-state.ts';

const CONTROL = TCP_FLAG.SYN | TCP_FLAG.FIN | TCP_FLAG.RST;

export function followTcp(rows: FlowRows, slot: number, p: PacketView, fromOrig: boolean): number {
  const words = rows.words;
  const at = slot * ROW_WORDS + W.STATE;
  const pair = words[at]! & TCP_PAIR_MASK;
  const letter = historyLetter(p);
  if (letter >= 0) addHistory(rows, slot, letter, fromOrig);
  if (p.tcpWindow === 0) noteZeroWindow(rows, slot, p, fromOrig, pair);
  if (p.fragment === FRAGMENT.NONE) followSequence(rows, slot, p, fromOrig);

  const next = nextTcpPair(pair, fromOrig, p.tcpFlags, p.payloadLength);
  if (next === pair) {
    const list = (words[at]! >>> LIST_SHIFT) & LIST_MASK;
    return list === LIST.OTHER ? listOf(pair) : list;
  }
  words[at] = (words[at]! & ~TCP_PAIR_MASK) | next;
  return listOf(next);
}

function listOf(pair: number): number {
  if (isTcpOver(pair)) return LIST.TCP_OVER;
  if (respState(pair) === TCP_STATE.INACTIVE) {
    return origState(pair) === TCP_STATE.SYN_SENT ? LIST.TCP_ATTEMPT : LIST.TCP_PARTIAL;
  }
  if (isTcpHalfClosed(pair) || origState(pair) === TCP_STATE.INACTIVE) return LIST.TCP_PARTIAL;
  return LIST.TCP_ESTABLISHED;
}

/** -1: none, for a segment without flags and payload. */
function historyLetter(p: PacketView): number {
  const flags = p.tcpFlags;
  switch (flags & CONTROL) {
    case 0:
      if (p.payloadLength > 0) return HISTORY.DATA;
      return (flags & TCP_FLAG.ACK) === 0 ? -1 : HISTORY.ACK;
    case TCP_FLAG.SYN:
      return (flags & TCP_FLAG.ACK) === 0 ? HISTORY.SYN : HISTORY.SYN_ACK;
    case TCP_FLAG.FIN:
      return HISTORY.FIN;
    case TCP_FLAG.RST:
      return HISTORY.RST;
    default:
      return (flags & TCP_FLAG.SYN) === 0 || (flags & CONTROL) === CONTROL
        ? HISTORY.FIN_RST
        : HISTORY.MULTI_FLAG;
  }
}

/** A closed window says nothing in or after a reset, nor once the peer will send no more. */
function noteZeroWindow(rows: FlowRows, slot: number, p: PacketView, fromOrig: boolean, pair: number): void {
  if ((p.tcpFlags & TCP_FLAG.RST) !== 0) return;
  const self = fromOrig ? origState(pair) : respState(pair);
  const peer = fromOrig ? respState(pair) : origState(pair);
  if (self !== TCP_STATE.RESET && peer !== TCP_STATE.CLOSED) {
    addHistory(rows, slot, HISTORY.ZERO_WINDOW, fromOrig);
  }
}

function followSequence(rows: FlowRows, slot: number, p: PacketView, fromOrig: boolean): void {
  const words = rows.words;
  const base = slot * ROW_WORDS;
  const own = base + (fromOrig ? W.ORIG_SEQ : W.RESP_SEQ);
  const other = base + (fromOrig ? W.RESP_SEQ : W.ORIG_SEQ);
  const ownKnown = fromOrig ? FLOW_FLAG.ORIG_SEQ_KNOWN : FLOW_FLAG.RESP_SEQ_KNOWN;
  const otherKnown = fromOrig ? FLOW_FLAG.RESP_SEQ_KNOWN : FLOW_FLAG.ORIG_SEQ_KNOWN;
  const flags = p.tcpFlags;
  const seq = p.words[8]! | 0;

  if ((words[base + W.STATE]! & ownKnown) === 0) {
    words[base + W.STATE]! |= ownKnown;
    startSequence(words, own, seq, flags, p.payloadLength);
  } else if (advanceSequence(words, own, seq, flags, p.payloadLength)) {
    addHistory(rows, slot, HISTORY.RETRANSMIT, fromOrig);
  }

  // Acknowledgements in resets are not to be believed.
  if ((flags & (TCP_FLAG.ACK | TCP_FLAG.RST)) !== TCP_FLAG.ACK) return;
  const ack = p.words[9]! | 0;
  if ((words[base + W.STATE]! & otherKnown) === 0) {
    words[base + W.STATE]! |= otherKnown;
    startFromAck(words, other, ack);
    return;
  }
  const missed = missedBefore(words, other, ack);
  if (missed === 0) return;
  const at = slot * COLD_WORDS + CW.MISSED_BYTES;
  rows.coldWords[at] = Math.min((rows.coldWords[at]! >>> 0) + missed, 0xffffffff);
  addHistory(rows, slot, HISTORY.GAP, !fromOrig);
}
