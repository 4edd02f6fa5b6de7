/** What a server asks for with Retry-After: seconds or a date (RFC 9110 10.2.3); some chat services give fractions. */
import type { IncomingHttpHeaders } from 'node:http';

export function retryAfterMs(
  headers: Pick<IncomingHttpHeaders, 'retry-after'>,
  now: number = Date.now(),
): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000);
  // `Date.parse` takes nearly anything for a year; a date of HTTP begins with the day of the week.
  const date = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
