/**
 * Text for formats of single lines with bounds: nothing in it ends a line, moves a cursor or turns the reading
 * direction, and it is valid UTF-8 after being cut.
 */

// C0, DEL, C1, bidirectional controls, line separators, byte order mark, lone surrogates: as in printableJson.
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is for.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Each such character as `\u001b`, for people; the backslash is the format's to escape. */
export function visible(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** At most that many characters; what was cut ends in `~`. No half of a pair is left. */
export function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const last = text.charCodeAt(maxLength - 2);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return `${text.slice(0, maxLength - (isHalf ? 2 : 1))}~`;
}
