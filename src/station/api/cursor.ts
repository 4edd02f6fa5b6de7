/**
 * Where a page ended, as an opaque word for the next one. It carries the moment of the first page, so that `since=1h`
 * means the same hour on each page, and a check that binds it to its question: one that was cut, changed, or is given
 * with other parameters is refused instead of skipping records in silence. It holds no secret, so it needs no key.
 */
import { createHash } from 'node:crypto';
import type { Micros } from '../../model/time.ts';
import type { RowPlace } from '../store/reader.ts';
import { ApiProblem } from './problem.ts';

export interface Cursor {
  readonly before: RowPlace;
  /** Of the first page. */
  readonly now: Micros;
  readonly asOf: number;
}

const VERSION = 1;
const CHECK_CHARS = 12;

/** `question`: what must be the same on each page. */
export function writeCursor({ before, now, asOf }: Cursor, question: unknown): string {
  const payload = Buffer.from(JSON.stringify([VERSION, before.time, before.seq, now, asOf])).toString(
    'base64url',
  );
  return `${payload}.${checkOf(payload, question)}`;
}

/** Throws an ApiProblem. */
export function readCursor(text: string, question: unknown): Cursor {
  const [payload = '', check = '', ...more] = text.length > 200 ? [] : text.split('.');
  if (payload === '' || more.length > 0 || check !== checkOf(payload, question)) throw foreign();
  const numbers = numbersIn(payload);
  const [version, time, seq, now, asOf] = numbers;
  if (numbers.length !== 5 || version !== VERSION) throw foreign();
  return { before: { time: time!, seq: seq! }, now: now!, asOf: asOf! };
}

/** Whoever makes a check that fits may have written anything. */
function numbersIn(payload: string): readonly number[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    return Array.isArray(value) && value.every((part) => Number.isSafeInteger(part)) ? value : [];
  } catch {
    return [];
  }
}

function checkOf(payload: string, question: unknown): string {
  return createHash('sha256')
    .update(`${payload}\n${JSON.stringify(question)}`)
    .digest('base64url')
    .slice(0, CHECK_CHARS);
}

function foreign(): ApiProblem {
  return new ApiProblem(
    400,
    'this cursor does not belong to this question: give `next` of the page before as it came, with the same parameters; without cursor it begins anew',
  );
}
