/** Options of pcapng blocks: code, length and value, padded to four bytes, and an end. */

export interface PcapngOption {
  readonly code: number;
  readonly value: Uint8Array;
}

/** The length of a value has 16 bits. */
const MAX_VALUE_BYTES = 65_535;

/** Cut at a character where it is too long. `prefix`: what the format wants before it. */
export function utf8Option(code: number, text: string, prefix = ''): PcapngOption {
  const value = Buffer.from(prefix + text);
  if (value.length <= MAX_VALUE_BYTES) return { code, value };
  let end = MAX_VALUE_BYTES;
  while ((value[end]! & 0xc0) === 0x80) end -= 1;
  return { code, value: value.subarray(0, end) };
}

/** Nothing where there is no option: then the block needs no end of them. */
export function encodedOptions(options: readonly PcapngOption[]): Uint8Array {
  if (options.length === 0) return new Uint8Array(0);
  const padded = options.map(({ value }) => 4 + ((value.length + 3) & ~3));
  const bytes = new Uint8Array(padded.reduce((sum, length) => sum + length, 4));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [i, { code, value }] of options.entries()) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += padded[i]!;
  }
  return bytes;
}
