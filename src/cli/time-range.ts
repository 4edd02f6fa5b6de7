import { type Micros, wallMicros } from '../model/time.ts';
import { UsageError } from './failure.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `15m`, `24h`, `7d` ago, or an ISO 8601 time. */
export function parseTime(text: string, flag: string, now: Micros = wallMicros()): Micros {
  const ago = /^(\d+)([smhdw])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * UNITS[ago[2]!]! * 1_000_000;
  const millis = Date.parse(text);
  if (Number.isNaN(millis)) {
    throw new UsageError(
      `${flag} "${text}" is no time: give an age like 15m, 24h or 7d, or an ISO 8601 time like 2026-11-23T14:02:00Z`,
    );
  }
  return millis * 1000;
}

export function parseLimit(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000) {
    throw new UsageError(`--limit "${text}" is no count between 1 and 1000000`);
  }
  return value;
}
