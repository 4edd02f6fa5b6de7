/** JSON that may be printed on a terminal as it is: what acts there, or reads differently from what it says, is escaped. */

// JSON.stringify escapes U+0000-001F and lone surrogates. A terminal also acts on DEL and C1 (U+009B is CSI), and
// bidirectional controls and line separators make a line read differently from what it says (Trojan Source,
// CVE-2021-42574).
const UNSAFE_TO_PRINT = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** One line. */
export function printableJson(value: unknown): string {
  return safe(JSON.stringify(value));
}

/** Indented, for a person. */
export function indentedJson(value: unknown): string {
  return safe(JSON.stringify(value, undefined, 2));
}

function safe(json: string): string {
  return json.replace(UNSAFE_TO_PRINT, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
