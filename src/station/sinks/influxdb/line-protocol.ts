/**
 * InfluxDB line protocol, one point to one line. Whoever is watched chooses names (DNS, labels), so every value is
 * hostile: nothing in a value can end it, and nothing in a record can make its line unreadable.
 *
 *     measurement,tag=value,tag=value field="text",field=1i 1700000000000000000
 *
 * A field's text comes back exactly as it was, up to its cap. A tag's does not always: line protocol has no way to
 * write a newline or a final backslash in a tag, so control characters, backslash, quote and `%` are percent-encoded
 * there.
 */
import type { Micros } from '../../../model/time.ts';

/** `bigint` is written as an integer, `number` as a float; what is undefined or not finite is left out. */
export type FieldValue = string | boolean | number | bigint | undefined;

export interface Point {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string | undefined>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly time: Micros;
  /** Nanoseconds added to `time`: makes the timestamp unique, because an equal one overwrites. */
  readonly tie: number;
}

/** Stands for "no value": a tag that is sometimes missing would be two series. */
export const NO_VALUE = 'none';

export const MAX_TAG_CHARS = 200;
/** InfluxDB refuses strings beyond 64 KiB; what a person reads is far shorter. */
const MAX_FIELD_CHARS = 16_000;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Undefined when nothing of the point can be written: no field, or no time that InfluxDB can hold. */
export function encodeLine(point: Point): string | undefined {
  const timestamp = encodeTime(point.time, point.tie);
  const fields = Object.entries(point.fields)
    .map(([key, value]) => [encodeKey(key), encodeField(value)] as const)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value}`);
  if (timestamp === undefined || fields.length === 0) return undefined;
  let series = encodeMeasurement(point.measurement);
  // Sorted by key: what the server would do otherwise, for each line.
  for (const key of Object.keys(point.tags).sort())
    series += `,${encodeKey(key)}=${encodeTag(point.tags[key])}`;
  return `${series} ${fields.join(',')} ${timestamp}`;
}

/** The text that a tag's value has after encoding and decoding: what to compare with when reading back. */
export function tagText(value: string | undefined): string {
  if (value === undefined || value === '') return NO_VALUE;
  return wellFormed(cap(value, MAX_TAG_CHARS)).replace(UNSAFE_IN_TAG, percentEncode);
}

/** Likewise for a string field. */
export function fieldText(value: string): string {
  return wellFormed(cap(value, MAX_FIELD_CHARS));
}

// Control characters, DEL and C1, line and paragraph separator, backslash; the quote, because readers that look for
// quoted strings before fields exist; and the percent sign itself, so that two different texts stay different.
const UNSAFE_IN_TAG = /[\p{Cc}\u2028\u2029\\"%]/gu;

function percentEncode(char: string): string {
  return [...Buffer.from(char, 'utf8')]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

function encodeTag(value: string | undefined): string {
  return tagText(value).replace(/[,= ]/g, '\\$&');
}

/** Measurements and keys are words of ours; encoded all the same, so that the encoder is whole. */
function encodeMeasurement(name: string): string {
  return tagText(name).replace(/[, ]/g, '\\$&');
}

function encodeKey(key: string): string {
  return encodeTag(key);
}

function encodeField(value: FieldValue): string | undefined {
  switch (typeof value) {
    case 'string':
      return `"${fieldText(value).replace(/["\\]/g, '\\$&')}"`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined;
    case 'bigint':
      return value >= INT64_MIN && value <= INT64_MAX ? `${value}i` : undefined;
    default:
      return undefined;
  }
}

/** Nanoseconds do not fit a double, so they are written after the microseconds as digits. */
function encodeTime(time: Micros, tie: number): string | undefined {
  const micros = time + Math.floor(tie / 1000);
  if (!Number.isSafeInteger(micros) || micros <= 0) return undefined;
  return `${micros}${String(tie % 1000).padStart(3, '0')}`;
}

/** A surrogate without its other half has no UTF-8; the encoder would write U+FFFD for it too. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Cut text ends in `~`; a surrogate pair is never cut in two. */
function cap(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const cut = text.slice(0, maxChars - 1);
  const last = cut.charCodeAt(cut.length - 1);
  return `${last >= 0xd800 && last <= 0xdbff ? cut.slice(0, -1) : cut}~`;
}
