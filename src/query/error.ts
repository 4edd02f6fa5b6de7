import { escapeText } from '../model/escape.ts';

/** Characters of the filter that are shown around the place. */
const EXCERPT_LENGTH = 72;
const LONGEST_QUOTE = 60;

/** A value in a message; the whole of a long one stands below it anyway. */
export function shortened(text: string): string {
  return text.length <= LONGEST_QUOTE ? text : `${text.slice(0, LONGEST_QUOTE)}...`;
}

/**
 * The filter cannot be understood. The only thing that this room throws. `problem` is one sentence; `lines` add the
 * filter with a caret under the place. Raw text: whoever prints it escapes it, and the caret is placed for that.
 */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly code = 'QUERY_INVALID';
  readonly problem: string;
  /** The whole filter. */
  readonly text: string;
  /** The place in it, [from, to) in UTF-16 units; both at the end where something is missing there. */
  readonly from: number;
  readonly to: number;

  constructor(problem: string, text: string, from: number, to: number) {
    super(`${problem} (at character ${from + 1})`);
    this.problem = problem;
    this.text = text;
    this.from = from;
    this.to = to;
  }

  /** The problem, the filter (or what surrounds the place in a long one), and the carets. */
  get lines(): string[] {
    const { text, from, to } = this;
    const begin = Math.max(0, Math.min(from - EXCERPT_LENGTH / 2, text.length - EXCERPT_LENGTH));
    const end = Math.min(text.length, begin + EXCERPT_LENGTH);
    const before = `${begin > 0 ? '...' : ''}${text.slice(begin, from)}`;
    const place = text.slice(from, Math.min(to, end));
    const after = `${text.slice(from + place.length, end)}${end < text.length ? '...' : ''}`;
    const carets = '^'.repeat(Math.max(1, shownLength(place)));
    return [this.problem, `  ${before}${place}${after}`, `  ${' '.repeat(shownLength(before))}${carets}`];
  }
}

/** On a terminal, where what is not printable is an escape of several characters. */
function shownLength(text: string): number {
  return escapeText(text, Number.POSITIVE_INFINITY).length;
}
