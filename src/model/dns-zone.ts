/**
 * Which part of a name is the zone somebody registered, and which part is theirs to fill. Decided from the last labels
 * only: what a tunnel writes into the left ones is any bytes at all, and must never reach the public suffix list.
 */
import { parse } from 'tldts';

export interface ZoneOfName {
  /**
   * `registered`: under the public suffix list, its private part included (a bucket or a site under a platform's name
   * is a zone of its own). `unlisted`: the last label is no public suffix (`.lan`, `.internal`, a tunnel that asks its
   * own server); then it alone is the zone. `reverse`: PTR, by /24 or /48. `bare`: a name without a dot.
   */
  readonly kind: 'registered' | 'unlisted' | 'reverse' | 'bare';
  readonly zone: string;
  /** How many labels of the name are the zone; those to their left carry what the client chose. */
  readonly zoneLabels: number;
}

/** The longest public suffix has five labels; one more is registered, one more decides nothing. */
const MAX_SUFFIX_LABELS = 7;
/** `ip6.arpa` and the nibbles of a /48. */
const REVERSE_SUFFIX_LABELS = 14;
const OPTIONS = {
  validateHostname: false,
  extractHostname: false,
  detectIp: false,
  allowPrivateDomains: true,
} as const;

/** Undefined for the root. */
export function zoneOfLabels(labels: readonly Uint8Array[]): ZoneOfName | undefined {
  let suffix = '';
  let most = MAX_SUFFIX_LABELS;
  for (let i = labels.length - 1; i >= 0 && labels.length - 1 - i < most; i--) {
    const text = latin1Lower(labels[i]!);
    if (!isHostnameLabel(text, 0, text.length)) break;
    if (suffix === '' && text === 'arpa') most = REVERSE_SUFFIX_LABELS;
    suffix = suffix === '' ? text : `${text}.${suffix}`;
  }
  return zoneOfSuffix(suffix, labels.length);
}

/** The same for presentation form (RFC 4343 escapes). Most questions are for names never seen before, so nothing is split. */
export function zoneOfText(query: string): ZoneOfName | undefined {
  if (query === '' || query === '.') return undefined;
  const text = query.toLowerCase();
  const end = text.endsWith('.') ? text.length - 1 : text.length;
  const lastDot = text.lastIndexOf('.', end - 1);
  if (end === 0 || lastDot < 0) return zoneOfSuffix('', 1);
  let most = text.startsWith('arpa', lastDot + 1) ? REVERSE_SUFFIX_LABELS : MAX_SUFFIX_LABELS;
  let begin = end + 1;
  for (let dot = lastDot; most > 0 && isHostnameLabel(text, dot + 1, begin - 1); most--) {
    begin = dot + 1;
    if (dot <= 0) break;
    dot = text.lastIndexOf('.', dot - 1);
  }
  return zoneOfSuffix(text.slice(begin, end), 2);
}

/** Programs ask for the same names again and again; a tunnel never does, and then nothing but a little time is lost. */
const REMEMBERED = 4096;

/** Answers for names that were asked for before, in presentation form. Bounded: when full it starts again empty. */
export class ZoneMemory {
  readonly #known = new Map<string, ZoneOfName>();

  ofText(query: string): ZoneOfName | undefined {
    const known = this.#known.get(query);
    if (known !== undefined) return known;
    const zone = zoneOfText(query);
    // The root has none, and is decided each time: that costs nothing.
    if (zone === undefined) return undefined;
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(query, zone);
    return zone;
  }
}

/** `[a-z0-9_-]+`. */
function isHostnameLabel(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    const isLetter = c >= 0x61 && c <= 0x7a;
    const isDigit = c >= 0x30 && c <= 0x39;
    if (!isLetter && !isDigit && c !== 0x5f && c !== 0x2d) return false;
  }
  return to > from;
}

export function latin1Lower(label: Uint8Array): string {
  let text = '';
  for (const byte of label) text += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
  return text;
}

/** `suffix`: the last labels, as far as they are a host's; `totalLabels` of the name, of which 2 stand for more. */
function zoneOfSuffix(suffix: string, totalLabels: number): ZoneOfName | undefined {
  if (totalLabels === 0) return undefined;
  if (totalLabels === 1) return { kind: 'bare', zone: '.', zoneLabels: 0 };
  // A last label of odd bytes is under no top-level domain either.
  const last = suffix.slice(suffix.lastIndexOf('.') + 1);
  if (last === 'arpa') return reverseZone(suffix.split('.'));
  const { domain, isIcann, isPrivate, publicSuffix } = parse(suffix, OPTIONS);
  if (last === '' || (isIcann !== true && isPrivate !== true))
    return { kind: 'unlisted', zone: last, zoneLabels: 1 };
  const zone = domain ?? publicSuffix ?? last;
  return { kind: 'registered', zone, zoneLabels: labelsOf(zone) };
}

function labelsOf(zone: string): number {
  let labels = 1;
  for (let dot = zone.indexOf('.'); dot >= 0; dot = zone.indexOf('.', dot + 1)) labels += 1;
  return labels;
}

/** Reverse zones are delegated on /24 (RFC 2317 below that) and, for IPv6, on /48 as a rule: 3 octets, 12 nibbles. */
function reverseZone(suffix: readonly string[]): ZoneOfName {
  const digits = suffix.at(-2) === 'in-addr' ? 3 : suffix.at(-2) === 'ip6' ? 12 : 0;
  const zoneLabels = Math.min(suffix.length, digits + 2);
  return { kind: 'reverse', zone: suffix.slice(-zoneLabels).join('.'), zoneLabels };
}
