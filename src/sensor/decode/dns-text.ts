/**
 * DNS names and data as text. Whatever bytes the sender chose, what comes out is printable ASCII: RFC 4343 2.1 for
 * names, RFC 3597 5 for data of a type that we do not know.
 */
import { formatIp } from '../../model/ip.ts';
import { DnsName, type DnsView, readName } from './dns.ts';

/** As the model promises for answers. */
const MAX_DATA_CHARS = 255;

const inLabel = escapes('\\.', '');
const inQuotes = escapes('\\"', ' ');

/** Every byte as text: printable as itself, `special` with a backslash, the rest as `\DDD`. */
function escapes(special: string, alsoPlain: string): readonly string[] {
  return Array.from({ length: 256 }, (_, byte) => {
    const char = String.fromCharCode(byte);
    if (special.includes(char)) return `\\${char}`;
    if ((byte > 0x20 && byte < 0x7f) || alsoPlain.includes(char)) return char;
    return `\\${String(byte).padStart(3, '0')}`;
  });
}

/** Without the final dot; the root is `.`. Case is kept. */
export function formatDnsName(data: DataView, name: DnsName): string {
  if (name.labels === 0) return '.';
  let text = '';
  for (let i = 0; i < name.labels; i++) {
    if (i > 0) text += '.';
    const at = name.labelAt[i]!;
    const end = at + name.labelLength[i]!;
    for (let j = at; j < end; j++) text += inLabel[data.getUint8(j)]!;
  }
  return text;
}

const scratch = new DnsName();

/**
 * Data [at, end) of a record, in the form of zone files where we know the type. `undefined` when it does not hold
 * what its type says; the caller then falls back to `formatUnknown`.
 */
export function formatRdata(
  data: DataView,
  type: number,
  at: number,
  end: number,
  m: DnsView,
): string | undefined {
  const length = end - at;
  switch (type) {
    case 1:
      return length === 4 ? formatIp(0, 0, 0xffff, data.getUint32(at)) : undefined;
    case 28:
      if (length !== 16) return undefined;
      return formatIp(
        data.getUint32(at),
        data.getUint32(at + 4),
        data.getUint32(at + 8),
        data.getUint32(at + 12),
      );
    // NS, CNAME, PTR, DNAME
    case 2:
    case 5:
    case 12:
    case 39:
      return nameAt(data, at, end, m);
    case 15:
      return length < 3 ? undefined : prefixed(`${data.getUint16(at)}`, nameAt(data, at + 2, end, m));
    case 33: {
      if (length < 7) return undefined;
      const numbers = `${data.getUint16(at)} ${data.getUint16(at + 2)} ${data.getUint16(at + 4)}`;
      return prefixed(numbers, nameAt(data, at + 6, end, m));
    }
    case 6:
      return formatSoa(data, at, end, m);
    case 16:
      return formatStrings(data, at, end);
    default:
      return formatUnknown(data, at, end);
  }
}

/** `\# 3 010203`, cut with a `~` at the length the model allows. */
export function formatUnknown(data: DataView, at: number, end: number): string {
  let text = `\\# ${end - at}`;
  if (end > at) text += ' ';
  for (let i = at; i < end && text.length <= MAX_DATA_CHARS; i++) {
    text += data.getUint8(i).toString(16).padStart(2, '0');
  }
  return clip(text);
}

function prefixed(prefix: string, name: string | undefined): string | undefined {
  return name === undefined ? undefined : clip(`${prefix} ${name}`);
}

/** A name that must end exactly where the data ends. */
function nameAt(data: DataView, at: number, end: number, m: DnsView): string | undefined {
  if (readName(data, at, m, scratch) !== end) return undefined;
  return clip(formatDnsName(data, scratch));
}

function formatSoa(data: DataView, at: number, end: number, m: DnsView): string | undefined {
  const second = readName(data, at, m, scratch);
  if (second < 0 || second >= end) return undefined;
  const primary = formatDnsName(data, scratch);
  const numbers = readName(data, second, m, scratch);
  if (numbers < 0 || numbers + 20 !== end) return undefined;
  let text = `${primary} ${formatDnsName(data, scratch)}`;
  for (let i = 0; i < 5; i++) text += ` ${data.getUint32(numbers + 4 * i)}`;
  return clip(text);
}

function formatStrings(data: DataView, at: number, end: number): string | undefined {
  let text = '';
  let cursor = at;
  while (cursor < end) {
    const stringEnd = cursor + 1 + data.getUint8(cursor);
    if (stringEnd > end) return undefined;
    text += text === '' ? '"' : ' "';
    for (let i = cursor + 1; i < stringEnd && text.length <= MAX_DATA_CHARS; i++) {
      text += inQuotes[data.getUint8(i)]!;
    }
    text += '"';
    if (text.length > MAX_DATA_CHARS) break;
    cursor = stringEnd;
  }
  return clip(text);
}

function clip(text: string): string {
  return text.length <= MAX_DATA_CHARS ? text : `${text.slice(0, MAX_DATA_CHARS - 1)}~`;
}
