/**
 * Packet time: microseconds since the Unix epoch, UTC, as an exact integer in a double (safe until the
 * year 2255). Everything derived from packets carries it; wall time appears only in sinks, health and logs.
 */
export type Micros = number;

export const MICROS_PER_SECOND = 1_000_000;

/**
 * The clock was set: what was `from` is now `to`. Whoever keeps times to compare new ones with moves them by the
 * difference, so that nothing waits for the old time to come again and nothing is over before its time.
 */
export interface ClockStep {
  readonly from: Micros;
  readonly to: Micros;
}

/** ISO 8601 with microseconds, always UTC: `2026-11-23T14:02:07.000123Z`. */
export function formatMicros(time: Micros): string {
  const millis = Math.floor(time / 1000);
  const rest = time - millis * 1000;
  const date = new Date(millis);
  if (Number.isNaN(date.getTime())) return 'invalid-time';
  return `${date.toISOString().slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}

/** Reads back what `formatMicros` wrote; undefined for any other text. */
export function parseMicros(text: string): Micros | undefined {
  const [, upToMillis, rest] = /^(.+\.\d{3})(\d{3})Z$/.exec(text) ?? [];
  const millis = Date.parse(`${upToMillis}Z`);
  return Number.isNaN(millis) ? undefined : millis * 1000 + Number(rest);
}

const SPAN_UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** For a sentence, the two largest units: `2 h 10 min`, `3 d`, `45 s`. */
export function spanText(span: Micros): string {
  const secs = Math.round(span / MICROS_PER_SECOND);
  const first = SPAN_UNITS.findIndex(([, unitSecs]) => secs >= unitSecs);
  if (first < 0) return '0 s';
  let rest = secs;
  const parts = SPAN_UNITS.slice(first, first + 2).map(([name, unitSecs]) => {
    const count = Math.floor(rest / unitSecs);
    rest -= count * unitSecs;
    return count === 0 ? '' : `${count} ${name}`;
  });
  return parts.filter((part) => part !== '').join(' ');
}

/** Wall clock in the unit of packet time. Only composition roots and sinks may call it. */
export function wallMicros(): Micros {
  return Date.now() * 1000;
}
