/**
 * syslog: `<34>1 2026-...` (RFC 5424 6) or `<34>Oct 11 22:14:15` (RFC 3164 4.1). It is never answered. The date's
 * form must be there; at random that passes with 2^-48.
 */
import { isDigit, SPACE, startsWithAny, wordList } from './bytes.ts';
import { type FirstBytes, never, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const OPEN = 0x3c;
const CLOSE = 0x3e;
/** 23 * 8 + 7. */
const MAX_PRIORITY = 191;
const MONTHS = wordList(
  'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ').map((month) => `${month} `),
);
/** A dot stands for a digit, which here may be a space. */
const DATE_5424 = '1 ....-..-..T';
const TIME_3164 = '.. ..:..:..';

export const syslog: Recognizer = { service: 'syslog', client: message, server: never };

function message({ data, at, end }: FirstBytes): Verdict {
  if (data.getUint8(at) !== OPEN) return VERDICT.NO;
  let priority = 0;
  let next = at + 1;
  while (next < Math.min(end, at + 4) && isDigit(data.getUint8(next))) {
    priority = priority * 10 + data.getUint8(next++) - 0x30;
  }
  if (next === at + 1 || next >= end || data.getUint8(next) !== CLOSE || priority > MAX_PRIORITY)
    return VERDICT.NO;
  next++;
  if (hasForm(data, next, end, DATE_5424)) return VERDICT.SURE;
  return startsWithAny(data, next, end, MONTHS) && hasForm(data, next + 4, end, TIME_3164)
    ? VERDICT.SURE
    : VERDICT.NO;
}

function hasForm(data: DataView, at: number, end: number, form: string): boolean {
  if (end - at < form.length) return false;
  for (let i = 0; i < form.length; i++) {
    const byte = data.getUint8(at + i);
    const wanted = form.charCodeAt(i);
    if (wanted === 0x2e ? !isDigit(byte) && byte !== SPACE : byte !== wanted) return false;
  }
  return true;
}
