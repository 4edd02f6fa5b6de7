/** What people say with a decision, checked where it comes in: it is printed on terminals and told to other people. */

import type { Micros } from '../../model/time.ts';
import { parseDuration } from '../../query/quantities.ts';
import { DecisionError } from './error.ts';

export const MAX_REASON = 200;
export const MAX_BY = 100;

/** A day, begun in UTC, or a moment of RFC 3339. */
const UNTIL = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/;

/** Controls, and what makes a line read differently from what it says. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

/** Throws a DecisionError. */
export function plainText(text: string, what: string, maxChars: number): string {
  const trimmed = text.trim();
  if (trimmed === '') throw new DecisionError('INVALID', `${what} is empty; say a few words`);
  if (trimmed.length > maxChars)
    throw new DecisionError('INVALID', `${what} is longer than ${maxChars} characters; say it shorter`);
  if (UNPRINTABLE.test(trimmed))
    throw new DecisionError('INVALID', `${what} holds control characters; write it in one plain line`);
  return trimmed;
}

export interface Duration {
  readonly until?: string | undefined;
  readonly for?: string | undefined;
  readonly forever?: boolean | undefined;
}

/** When it ends; undefined: never. One of the three must be said. Throws a DecisionError. */
export function endOf({ until, for: duration, forever }: Duration, now: Micros): Micros | undefined {
  const said = [until, duration, forever === true ? true : undefined].filter((one) => one !== undefined);
  if (said.length !== 1)
    throw new DecisionError(
      'INVALID',
      'say for how long, one of three: `for` (as 7d), `until` (as 2026-12-24) or `forever`',
    );
  if (forever === true) return undefined;
  const end = until === undefined ? afterNow(duration!, now) : momentOf(until);
  if (end <= now) throw new DecisionError('INVALID', `\`until\` ${until ?? duration} is over already`);
  return end;
}

function afterNow(duration: string, now: Micros): Micros {
  const micros = parseDuration(duration, true);
  if (micros === undefined || micros <= 0)
    throw new DecisionError('INVALID', '`for` is a number with a unit: 30m, 12h, 7d, 2w');
  return now + micros;
}

function momentOf(until: string): Micros {
  const millis = UNTIL.test(until) ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(millis))
    throw new DecisionError(
      'INVALID',
      '`until` is a day (2026-12-24, begun in UTC) or a moment (2026-12-24T08:00Z)',
    );
  return millis * 1000;
}
