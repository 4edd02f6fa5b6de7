/** Numbers with units, as people write them. Undefined when the text is none, or too large to be exact. */
import { MICROS_PER_SECOND } from '../model/time.ts';

const SIZE = /^(\d{1,16}(?:\.\d{1,9})?) ?(?:([kmgt])(i?))?b?$/i;
const DURATION_PART = /(\d{1,12}(?:\.\d{1,6})?)(us|ms|s|m|h|d|w)/y;
const PREFIX_POWER: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4 };
const UNIT_MICROS: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1000,
  s: MICROS_PER_SECOND,
  m: 60 * MICROS_PER_SECOND,
  h: 3600 * MICROS_PER_SECOND,
  d: 86_400 * MICROS_PER_SECOND,
  w: 604_800 * MICROS_PER_SECOND,
};

export function parseCount(text: string): number | undefined {
  return /^\d{1,16}$/.test(text) ? exact(Number(text)) : undefined;
}

/** `500`, `1.5kB` (1000), `1MiB` (1024 x 1024), in any case: bits are not counted here. */
export function parseSize(text: string): number | undefined {
  const [, number, prefix, binary] = SIZE.exec(text) ?? [];
  if (number === undefined) return undefined;
  const power = prefix === undefined ? 0 : PREFIX_POWER[prefix.toLowerCase()]!;
  return exact(Number(number) * (binary === '' || binary === undefined ? 1000 : 1024) ** power);
}

/** `30s`, `5m`, `1h30m`, `250ms`, in microseconds; a number alone is seconds, unless a unit is needed. */
export function parseDuration(text: string, needsUnit = false): number | undefined {
  if (!needsUnit && /^\d{1,12}(?:\.\d{1,6})?$/.test(text)) return exact(Number(text) * MICROS_PER_SECOND);
  let micros = 0;
  let at = 0;
  while (at < text.length) {
    DURATION_PART.lastIndex = at;
    const [whole, number, unit] = DURATION_PART.exec(text) ?? [];
    if (whole === undefined) return undefined;
    micros += Number(number) * UNIT_MICROS[unit!]!;
    at += whole.length;
  }
  return text === '' ? undefined : exact(micros);
}

function exact(value: number): number | undefined {
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}
