/** Comparing wire bytes with text, without making strings. All read within [at, end) only. */

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function startsWith(data: DataView, at: number, end: number, wanted: Uint8Array): boolean {
  if (end - at < wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (data.getUint8(at + i) !== wanted[i]) return false;
  return true;
}

/** `wanted` in lower case, the data in either. */
export function startsWithIgnoringCase(data: DataView, at: number, end: number, wanted: Uint8Array): boolean {
  if (end - at < wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (lower(data.getUint8(at + i)) !== wanted[i]) return false;
  return true;
}

/** Words to be looked for at the same place; most bytes begin none of them, and are told so by one look. */
export interface WordList {
  readonly words: readonly Uint8Array[];
  /** 1 for bytes that begin a word, in either case. */
  readonly begins: Uint8Array;
}

export function wordList(words: readonly string[]): WordList {
  const begins = new Uint8Array(256);
  for (const word of words) {
    begins[word.toLowerCase().charCodeAt(0)] = 1;
    begins[word.toUpperCase().charCodeAt(0)] = 1;
  }
  return { words: words.map(ascii), begins };
}

/** Whether one of the words stands at `at`. */
export function startsWithAny(data: DataView, at: number, end: number, { words, begins }: WordList): boolean {
  if (at >= end || begins[data.getUint8(at)] === 0) return false;
  for (const word of words) if (startsWith(data, at, end, word)) return true;
  return false;
}

/** The words in lower case, the data in either. */
export function startsWithAnyIgnoringCase(
  data: DataView,
  at: number,
  end: number,
  { words, begins }: WordList,
): boolean {
  if (at >= end || begins[data.getUint8(at)] === 0) return false;
  for (const word of words) if (startsWithIgnoringCase(data, at, end, word)) return true;
  return false;
}

/** Whether `wanted` (lower case) stands anywhere in [at, end). */
export function containsIgnoringCase(data: DataView, at: number, end: number, wanted: Uint8Array): boolean {
  for (let i = at; i + wanted.length <= end; i++) {
    if (startsWithIgnoringCase(data, i, end, wanted)) return true;
  }
  return false;
}

/** Offset of the line feed of the first line, or -1 when no line ends within `maxBytes`. */
export function lineEnd(data: DataView, at: number, end: number, maxBytes: number): number {
  const stop = Math.min(end, at + maxBytes);
  for (let i = at; i < stop; i++) if (data.getUint8(i) === LF) return i;
  return -1;
}

/** 0x20..0x7e, and nothing else. */
export function isPrintable(data: DataView, at: number, end: number): boolean {
  for (let i = at; i < end; i++) {
    const byte = data.getUint8(i);
    if (byte < 0x20 || byte > 0x7e) return false;
  }
  return true;
}

/** The payload ends with CR LF, as far as it was captured whole. */
export function endsWithCrLf(data: DataView, at: number, end: number): boolean {
  return end - at >= 2 && data.getUint8(end - 2) === CR && data.getUint8(end - 1) === LF;
}

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Makes a string: for names only, once a flow. Bytes become the code points of the same number. */
export function latin1(data: DataView, at: number, end: number): string {
  let text = '';
  for (let i = at; i < end; i++) text += String.fromCharCode(data.getUint8(i));
  return text;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
