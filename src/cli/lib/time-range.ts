/** `--since`, `--until` and `--limit`. */
import { formatMicros, type Micros, wallMicros } from '../../model/time.ts';
import { AGE_OR_TIME, parseAgeOrTime } from '../../query/time-text.ts';
import { UsageError } from './failure.ts';
import { clockText } from './output.ts';

export interface TimeRange {
  readonly since: Micros;
  readonly until?: Micros;
  readonly limit: number;
}

export function parseRange(options: {
  readonly since: string;
  readonly until?: string;
  readonly limit: string;
}): TimeRange {
  const now = wallMicros();
  const since = parseTime(options.since, '--since', now);
  const until = options.until === undefined ? undefined : parseTime(options.until, '--until', now);
  refuseEmpty(since, until);
  return { since, ...(until === undefined ? {} : { until }), limit: parseLimit(options.limit) };
}

export interface RangeOptions {
  readonly since?: string;
  readonly until?: string;
}

/** Of packets: undefined where all are wanted. */
export function packetRange(options: RangeOptions): { since?: Micros; until?: Micros } | undefined {
  const now = wallMicros();
  const since = options.since === undefined ? undefined : parseTime(options.since, '--since', now);
  const until = options.until === undefined ? undefined : parseTime(options.until, '--until', now);
  refuseEmpty(since, until);
  if (since === undefined && until === undefined) return undefined;
  return { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
}

function refuseEmpty(since: Micros | undefined, until: Micros | undefined): void {
  if (since === undefined || until === undefined || until > since) return;
  throw new UsageError(
    `--until (${timeText(until)}) is not after --since (${timeText(since)}): nothing lies between`,
  );
}

/** `15m`, `24h`, `7d` ago, or a time; one without an offset is UTC, as everything that we print. */
export function parseTime(text: string, flag: string, now: Micros): Micros {
  const time = parseAgeOrTime(text, now);
  if (time === undefined) throw new UsageError(`${flag} "${text}" is no time: give ${AGE_OR_TIME}`);
  return time;
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
