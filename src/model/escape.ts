/**
 * Text from the wire or from labels, made safe for a terminal: everything outside printable ASCII becomes
 * `\xHH` or `\u{H}`, the backslash itself is doubled, and the length is capped.
 */
export function escapeText(text: string, maxLength = 255): string {
  return printableText(text, maxLength, '\\\\');
}

/**
 * The same for what is escaped already, as names are in records (RFC 4343): a backslash stands as it is, so that a name
 * reads alike everywhere. Whatever else should have come through is escaped all the same.
 */
export function escapedText(text: string, maxLength = 255): string {
  return printableText(text, maxLength, '\\');
}

/** Keeps both ends, with `~` between: of a name the end tells whose it is, of an address with a name the address. */
export function shortened(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const head = Math.ceil((maxLength - 1) / 2);
  return `${text.slice(0, head)}~${text.slice(text.length - (maxLength - 1 - head))}`;
}

function printableText(text: string, maxLength: number, backslash: string): string {
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (code === 0x5c) out += backslash;
    else if (code >= 0x20 && code < 0x7f) out += char;
    else if (code <= 0xff) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += `\\u{${code.toString(16)}}`;
    if (out.length > maxLength) return `${out.slice(0, maxLength - 1)}~`;
  }
  return out;
}
