/** `--since`, `--until` and `--limit`. */
import { formatMicros, type Micros, wallMicros } from '../model/time.ts';
import { parseClockTime } from '../query/time-text.ts';
import { UsageError } from './failure.ts';
import { clockText } from './output.ts';

export interface TimeRange {
  readonly since: Micros;
  readonly until?: Micros;
  readonly limit: number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

export function parseRange(options: {
  readonly since: string;
  readonly until?: string;
  readonly limit: string;
}): TimeRange {
  const now = wallMicros();
  const since = parseTime(options.since, '--since', now);
  const until = options.until === undefined ? undefined : parseTime(options.until, '--until', now);
  if (until !== undefined && until <= since) {
    throw new UsageError(
      `--until (${timeText(until)}) is not after --since (${timeText(since)}): nothing lies between`,
    );
  }
  return { since, ...(until === undefined ? {} : { until }), limit: parseLimit(options.limit) };
}

/** `15m`, `24h`, `7d` ago, or a time; one without an offset is UTC, as everything that we print. */
export function parseTime(text: string, flag: string, now: Micros): Micros {
  const ago = /^(\d{1,9})([smhdw])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * UNITS[ago[2]!]! * 1_000_000;
  const time = parseClockTime(text);
  if (time === undefined) {
    throw new UsageError(
      `${flag} "${text}" is no time: give an age like 15m, 24h or 7d, or a time like 2026-11-23, "2026-11-23 14:02" or 2026-11-23T14:02:00+01:00 (UTC where no offset is given)`,
    );
  }
  return time.at;
}

export function parseLimit(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000) {
    throw new UsageError(`--limit "${text}" is no count between 1 and 1000000`);
  }
  return value;
}

/** An empty answer says what it looked at; silence could be anything. */
export function emptyText(what: string, { since, until }: TimeRange): string {
  const end = until === undefined ? '' : ` until ${timeText(until)}`;
  return `No ${what} is recorded since ${timeText(since)}${end} with these filters.`;
}

function timeText(time: Micros): string {
  return clockText(formatMicros(time));
}
