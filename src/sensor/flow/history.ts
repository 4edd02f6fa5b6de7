/**
 * Zeek's history letters, packed: six letters of five bits in each of four words, so that a flow's history costs 16
 * bytes and no string until a record is made. Each letter is kept once a direction; Zeek repeats s, h, f, r for new
 * sequence numbers and g, t, w at each power of ten, which we leave out. `c` (bad checksum) never appears: on a
 * bridge checksums are often still to be computed.
 */
import { COLD_WORDS, CW, type FlowRows, ROW_WORDS, W } from './rows.ts';

/** Index + 1 is a letter's code for the originator; the responder's is LETTERS.length higher. */
const LETTERS = 'shadfrgtwiq';
export const HISTORY = {
  SYN: 0,
  SYN_ACK: 1,
  ACK: 2,
  DATA: 3,
  FIN: 4,
  RST: 5,
  GAP: 6,
  RETRANSMIT: 7,
  ZERO_WINDOW: 8,
  FIN_RST: 9,
  MULTI_FLAG: 10,
} as const;
const FLIPPED_CODE = 2 * LETTERS.length + 1;

/** Bits of the mask: letter for orig, letter + 11 for resp, 22 for the flip; the count of letters above them. */
const RESP_SHIFT = LETTERS.length;
const FLIPPED_BIT = 1 << (2 * LETTERS.length);
const COUNT_SHIFT = 2 * LETTERS.length + 1;
const MASK_BITS = (1 << COUNT_SHIFT) - 1;

const LETTERS_PER_WORD = 6;

/** Adds a letter unless it stands there already. */
export function addHistory(rows: FlowRows, slot: number, letter: number, fromOrig: boolean): void {
  const mask = rows.words[slot * ROW_WORDS + W.HISTORY_MASK]!;
  const index = fromOrig ? letter : letter + RESP_SHIFT;
  if ((mask & (1 << index)) === 0) append(rows, slot, index + 1, mask | (1 << index));
}

/** `^`: we turned the flow round, because its first packet came from the responder. */
export function addFlip(rows: FlowRows, slot: number): void {
  append(rows, slot, FLIPPED_CODE, rows.words[slot * ROW_WORDS + W.HISTORY_MASK]! | FLIPPED_BIT);
}

function append(rows: FlowRows, slot: number, code: number, mask: number): void {
  const count = mask >>> COUNT_SHIFT;
  const at = slot * COLD_WORDS + CW.HISTORY + ((count / LETTERS_PER_WORD) | 0);
  rows.coldWords[at]! |= code << ((count % LETTERS_PER_WORD) * 5);
  rows.words[slot * ROW_WORDS + W.HISTORY_MASK] = (mask & MASK_BITS) | ((count + 1) << COUNT_SHIFT);
}

/** Whether a letter stands there. */
export function hasHistory(rows: FlowRows, slot: number, letter: number, fromOrig: boolean): boolean {
  const mask = rows.words[slot * ROW_WORDS + W.HISTORY_MASK]!;
  return (mask & (1 << (fromOrig ? letter : letter + RESP_SHIFT))) !== 0;
}

/** Makes a string: for records. */
export function formatHistory(rows: FlowRows, slot: number): string {
  const count = rows.words[slot * ROW_WORDS + W.HISTORY_MASK]! >>> COUNT_SHIFT;
  const at = slot * COLD_WORDS + CW.HISTORY;
  let out = '';
  for (let i = 0; i < count; i++) {
    const word = rows.coldWords[at + ((i / LETTERS_PER_WORD) | 0)]!;
    const code = (word >>> ((i % LETTERS_PER_WORD) * 5)) & 0x1f;
    if (code === FLIPPED_CODE) out += '^';
    else if (code <= LETTERS.length) out += LETTERS[code - 1]!.toUpperCase();
    else out += LETTERS[code - 1 - LETTERS.length]!;
  }
  return out;
}
