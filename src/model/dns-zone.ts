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
const HOSTNAME_LABEL = /^[a-z0-9_-]+$/;
const OPTIONS = {
  validateHostname: false,
  extractHostname: false,
  detectIp: false,
  allowPrivateDomains: true,
} as const;

/** Undefined for the root. */
export function zoneOfLabels(labels: readonly Uint8Array[]): ZoneOfName | undefined {
  const suffix: string[] = [];
  for (let i = labels.length - 1; i >= 0 && suffix.length < mostLabels(suffix); i--) {
    const text = latin1Lower(labels[i]!);
    if (!HOSTNAME_LABEL.test(text)) break;
    suffix.unshift(text);
  }
  return zoneOfSuffix(suffix, labels.length);
}

/** The same for presentation form (RFC 4343 escapes). */
export function zoneOfText(query: string): ZoneOfName | undefined {
  const labels = query.toLowerCase().split('.');
  if (labels.at(-1) === '') labels.pop();
  const suffix: string[] = [];
  for (let i = labels.length - 1; i >= 0 && suffix.length < mostLabels(suffix); i--) {
    if (!HOSTNAME_LABEL.test(labels[i]!)) break;
    suffix.unshift(labels[i]!);
  }
  return zoneOfSuffix(suffix, labels.length);
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

function mostLabels(suffix: readonly string[]): number {
  return suffix.at(-1) === 'arpa' ? REVERSE_SUFFIX_LABELS : MAX_SUFFIX_LABELS;
}

export function latin1Lower(label: Uint8Array): string {
  let text = '';
  for (const byte of label) text += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
  return text;
}

function zoneOfSuffix(suffix: readonly string[], totalLabels: number): ZoneOfName | undefined {
  if (totalLabels === 0) return undefined;
  if (totalLabels === 1) return { kind: 'bare', zone: '.', zoneLabels: 0 };
  // A last label of odd bytes is under no top-level domain either.
  const last = suffix.at(-1) ?? '';
  if (last === 'arpa') return reverseZone(suffix);
  const { domain, isIcann, isPrivate, publicSuffix } = parse(suffix.join('.'), OPTIONS);
  if (last === '' || (isIcann !== true && isPrivate !== true))
    return { kind: 'unlisted', zone: last, zoneLabels: 1 };
  const zone = domain ?? publicSuffix ?? last;
  return { kind: 'registered', zone, zoneLabels: zone.split('.').length };
}

/** Reverse zones are delegated on /24 (RFC 2317 below that) and, for IPv6, on /48 as a rule: 3 octets, 12 nibbles. */
function reverseZone(suffix: readonly string[]): ZoneOfName {
  const digits = suffix.at(-2) === 'in-addr' ? 3 : suffix.at(-2) === 'ip6' ? 12 : 0;
  const zoneLabels = Math.min(suffix.length, digits + 2);
  return { kind: 'reverse', zone: suffix.slice(-zoneLabels).join('.'), zoneLabels };
}
