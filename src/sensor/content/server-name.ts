/**
 * Names from the wire, as they may stand in a record: a valid host name in lower case (RFC 4343: case means nothing),
 * or, where the bytes are none, the same bytes escaped and cut.
 */
import { escapeText } from '../../model/escape.ts';
import { parseIp } from '../../model/ip.ts';
import { latin1 } from './bytes.ts';

/** RFC 1035 2.3.4. */
const MAX_NAME_CHARS = 253;
const MAX_LABEL_CHARS = 63;
const DOT = 0x2e;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;

/**
 * RFC 1123 2.1, in lower case; and the underscore that Compose service names have, a dot at the end, and `*` as the first
 * label of a certificate's name. By character: each TLS connection asks.
 */
export function isHostName(text: string): boolean {
  if (text.length > MAX_NAME_CHARS) return false;
  const end = text.endsWith('.') ? text.length - 1 : text.length;
  let labelAt = text.startsWith('*.') ? 2 : 0;
  if (labelAt >= end) return false;
  for (let i = labelAt; i <= end; i++) {
    const char = i === end ? DOT : text.charCodeAt(i);
    if (char === DOT) {
      if (!isLabel(text, labelAt, i)) return false;
      labelAt = i + 1;
    } else if (!isLetterOrDigit(char) && char !== HYPHEN) return false;
  }
  return true;
}

function isLabel(text: string, at: number, end: number): boolean {
  const length = end - at;
  if (length < 1 || length > MAX_LABEL_CHARS) return false;
  return text.charCodeAt(at) !== HYPHEN && text.charCodeAt(end - 1) !== HYPHEN;
}

/** Or an underscore. */
function isLetterOrDigit(char: number): boolean {
  return (char >= 0x61 && char <= 0x7a) || (char >= 0x30 && char <= 0x39) || char === UNDERSCORE;
}

/** Undefined where there is no byte. */
export function nameFromWire(data: DataView, at: number, end: number): string | undefined {
  // One more than the limit, so that what is too long shows as cut.
  const text = latin1(data, at, Math.min(end, at + MAX_NAME_CHARS + 1));
  if (text === '') return undefined;
  const host = text.toLowerCase();
  return isHostName(host) ? host.replace(/\.$/, '') : escapeText(text, MAX_NAME_CHARS);
}

/** A Host field: `name`, `name:port`, `1.2.3.4`, `[2001:db8::1]:port` (RFC 9110 7.2). The port is not the name's. */
export function hostFromWire(data: DataView, at: number, end: number): string | undefined {
  const text = latin1(data, at, Math.min(end, at + MAX_NAME_CHARS + 8)).trim();
  if (text === '') return undefined;
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::\d{1,5})?$/.exec(text)?.[1];
  if (bracketed !== undefined && parseIp(bracketed) !== undefined) return bracketed.toLowerCase();
  const host = text.replace(/:\d{1,5}$/, '').toLowerCase();
  return isHostName(host) ? host.replace(/\.$/, '') : escapeText(text, MAX_NAME_CHARS);
}
