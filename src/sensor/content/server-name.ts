/**
 * Names from the wire, as they may stand in a record: a valid host name in lower case (RFC 4343: case means nothing),
 * or, where the bytes are none, the same bytes escaped and cut.
 */
import { escapeText } from '../../model/escape.ts';
import { parseIp } from '../../model/ip.ts';
import { latin1 } from './bytes.ts';

/** RFC 1035 2.3.4. */
const MAX_NAME_CHARS = 253;
/** RFC 1123 2.1, and the underscore that Compose service names have; `*` as the first label of a certificate's name. */
const HOST_NAME =
  /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/;

export function isHostName(text: string): boolean {
  return text.length <= MAX_NAME_CHARS && HOST_NAME.test(text);
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
