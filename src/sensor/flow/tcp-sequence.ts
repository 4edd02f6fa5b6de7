/**
 * Which bytes of a TCP stream the capture missed. Per direction: the next sequence number expected, and what is
 * missing before it. A hole that a later segment fills was reordering; one that the receiver acknowledges was loss,
 * ours, because the receiver has the bytes.
 *
 *        seen            hole          seen
 *   |----------------|###########|----------------|
 *                    start       start + size      next
 *
 * Several holes are summed into one that starts at the first: enough to say how much, not where.
 */
import { TCP_FLAG } from '../decode/packet-view.ts';

/** Word offsets from a direction's base. */
const NEXT = 0;
const HOLE_START = 1;
const HOLE_BYTES = 2;

/** The largest window that TCP can have (RFC 7323): a jump beyond it is no loss but nonsense. */
const MAX_JUMP = 1 << 30;

/** First segment of a direction. */
export function startSequence(
  words: Int32Array,
  at: number,
  seq: number,
  flags: number,
  payload: number,
): void {
  words[at + NEXT] = seq + sequenceLength(flags, payload);
  words[at + HOLE_BYTES] = 0;
}

/** The peer's acknowledgement is the first we hear of this direction. */
export function startFromAck(words: Int32Array, at: number, ack: number): void {
  words[at + NEXT] = ack;
  words[at + HOLE_BYTES] = 0;
}

/** Returns whether payload was sent again. */
export function advanceSequence(
  words: Int32Array,
  at: number,
  seq: number,
  flags: number,
  payload: number,
): boolean {
  // RFC 9293 3.5.2: a reset's sequence number need not follow, and its payload is no stream.
  if ((flags & TCP_FLAG.RST) !== 0) return false;
  const length = sequenceLength(flags, payload);
  const ahead = (seq - words[at + NEXT]!) | 0;
  if (ahead > MAX_JUMP || ahead < -MAX_JUMP || (flags & TCP_FLAG.SYN) !== 0) {
    if ((flags & TCP_FLAG.SYN) !== 0 && ahead + 1 !== 0) startSequence(words, at, seq, flags, payload);
    return false;
  }
  if (ahead > 0) {
    if (words[at + HOLE_BYTES] === 0) words[at + HOLE_START] = words[at + NEXT]!;
    words[at + HOLE_BYTES]! += ahead;
    words[at + NEXT] = seq + length;
    return false;
  }
  const past = (seq + length - words[at + NEXT]!) | 0;
  if (past > 0) words[at + NEXT] = seq + length;
  if (ahead === 0 || payload === 0) return false;
  const hole = words[at + HOLE_BYTES]!;
  if (hole > 0 && ((seq - words[at + HOLE_START]!) | 0) >= 0) {
    words[at + HOLE_BYTES] = Math.max(hole - payload, 0);
    return false;
  }
  // One byte before the expected one is a keep-alive probe (RFC 9293 3.8.4).
  return past <= 0 && !(ahead === -1 && payload === 1);
}

/** The receiver acknowledges up to `ack`: how many bytes of those never passed us. */
export function missedBefore(words: Int32Array, at: number, ack: number): number {
  let missed = 0;
  const hole = words[at + HOLE_BYTES]!;
  if (hole > 0) {
    const acked = (ack - words[at + HOLE_START]!) | 0;
    if (acked > 0 && acked <= MAX_JUMP) {
      missed = Math.min(hole, acked);
      words[at + HOLE_BYTES] = 0;
    }
  }
  const beyond = (ack - words[at + NEXT]!) | 0;
  if (beyond > 0 && beyond <= MAX_JUMP) {
    missed += beyond;
    words[at + NEXT] = ack;
  }
  return missed;
}

/** SYN and FIN take a number each. */
function sequenceLength(flags: number, payload: number): number {
  return payload + (flags & TCP_FLAG.FIN) + ((flags & TCP_FLAG.SYN) >>> 1);
}
