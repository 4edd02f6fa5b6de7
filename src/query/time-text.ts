/** Times as people write them. Without an offset they are UTC, as everything that we print. */
import { MICROS_PER_SECOND, type Micros } from '../model/time.ts';
import { parseDuration } from './quantities.ts';

export interface TimeSpan {
  readonly at: Micros;
  /** How long that is: a day for `2026-11-23`, a minute for `2026-11-23T14:02`; absent for `-1h` and `now`. */
  readonly widthMicros?: number;
}

// What we print ourselves (`2026-11-23 14:02:07Z`) and ISO 8601 (`2026-11-23T15:02+01:00`), down to the day alone.
const TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** `2026-11-23`, `2026-11-23 14:02`, `2026-11-23T14:02:07.5+01:00`. Undefined when it is no time. */
export function parseClockTime(text: string): Required<TimeSpan> | undefined {
  const [, day, minutes = '00:00', secs, fraction = '', offset = 'Z'] = TIME.exec(text) ?? [];
  const millis = Date.parse(`${day}T${minutes}:${secs ?? '00'}${offset}`);
  if (day === undefined || Number.isNaN(millis) || !isDayOfCalendar(day)) return undefined;
  const at = millis * 1000 + (fraction === '' ? 0 : Number(fraction.padEnd(6, '0')));
  if (fraction !== '') return { at, widthMicros: 10 ** (6 - fraction.length) };
  const widthSecs = secs !== undefined ? 1 : text.length > day.length ? 60 : 86_400;
  return { at, widthMicros: widthSecs * MICROS_PER_SECOND };
}

/** Also `-1h` (ago) and `now`. */
export function parseTime(text: string, now: Micros): TimeSpan | undefined {
  if (/^now$/i.test(text)) return { at: now };
  const ago = /^(?:now)?-(.+)$/i.exec(text)?.[1];
  const duration = ago === undefined ? undefined : parseDuration(ago, true);
  return duration === undefined ? parseClockTime(text) : { at: now - duration };
}

const AGE = /^(\d{1,9})([smhdw])$/;
const AGE_SECS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** For people who are told that something is neither. */
export const AGE_OR_TIME =
  'an age like 15m, 24h or 7d, or a time like 2026-11-23, "2026-11-23 14:02" or 2026-11-23T14:02:00+01:00 (UTC where no offset is given)';

/** `15m`, `24h`, `7d` ago, or a time: what a range of time is given with. Undefined when it is neither. */
export function parseAgeOrTime(text: string, now: Micros): Micros | undefined {
  const [, count, unit] = AGE.exec(text) ?? [];
  if (unit !== undefined) return now - Number(count) * AGE_SECS[unit]! * MICROS_PER_SECOND;
  return parseClockTime(text)?.at;
}

/** From the text of a public record, `2026-11-23T14:02:07.000123Z`; undefined for what is no time. */
export function microsOf(iso: string): Micros | undefined {
  const dot = iso.length - '.000000Z'.length;
  const millis = Date.parse(`${iso.slice(0, dot + 4)}Z`);
  const micros = Number(iso.slice(dot + 4, -1));
  return Number.isNaN(millis) || Number.isNaN(micros) ? undefined : millis * 1000 + micros;
}

/** Date.parse takes 31 February for 3 March. */
function isDayOfCalendar(day: string): boolean {
  const millis = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(millis) && new Date(millis).toISOString().startsWith(day);
}
