/**
 * Protocols in which the server greets with a line and the client answers with a word: SMTP, FTP, POP3, IMAP. The
 * greetings look alike, so one alone decides only where it names its protocol (48 bits and more); else both sides
 * must fit.
 */
import {
  ascii,
  CR,
  containsIgnoringCase,
  lineEnd,
  startsWith,
  startsWithAnyIgnoringCase,
  wordList,
} from './bytes.ts';
import { type FirstBytesRule, VERDICT } from './recognizer.ts';

/** RFC 5321 4.5.3.1.5 allows 512 bytes. */
const MAX_GREETING_BYTES = 512;

/** A line that begins with one of `starts`; sure when one of `names` stands in it. */
export function greets(starts: readonly string[], names: readonly string[]): FirstBytesRule {
  const begin = starts.map(ascii);
  const inside = names.map((name) => ascii(name.toLowerCase()));
  return ({ data, at, end }) => {
    if (!begin.some((start) => startsWith(data, at, end, start))) return VERDICT.NO;
    const lf = lineEnd(data, at, end, MAX_GREETING_BYTES);
    if (lf < 0 || data.getUint8(lf - 1) !== CR) return VERDICT.NO;
    return inside.some((name) => containsIgnoringCase(data, at, lf, name)) ? VERDICT.SURE : VERDICT.MAYBE;
  };
}

/** One of the words at the very beginning, in either case. */
export function answersWith(words: readonly string[]): FirstBytesRule {
  const wanted = wordList(words.map((word) => word.toLowerCase()));
  return ({ data, at, end }) =>
    startsWithAnyIgnoringCase(data, at, end, wanted) ? VERDICT.MAYBE : VERDICT.NO;
}
