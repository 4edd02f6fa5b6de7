/**
 * What a file is, by its first bytes. Beyond the formats that are read here it names what people mistake for
 * them, so that the refusal can say what to do instead.
 */
import { PCAP_MAGIC_MICROS, PCAP_MAGIC_MODIFIED, PCAP_MAGIC_NANOS } from './pcap-format.ts';
import { PCAPNG_SECTION_HEADER } from './pcapng-format.ts';

/** As many first bytes as any rule here looks at. */
export const MAGIC_BYTES = 16;

export type FileKind =
  | { readonly kind: 'pcap' | 'pcapng' | 'gzip' }
  /** A capture that is recognised but not read; `packed`: what may hold one, and is not opened. */
  | { readonly kind: 'unsupported' | 'packed'; readonly what: string; readonly advice: string }
  | { readonly kind: 'unknown'; readonly what: string };

const DECOMPRESS = (tool: string): string => `decompress it first: ${tool} -dc FILE | bridgewatch analyze -`;
const CONVERT = 'convert it first: editcap -F pcapng FILE out.pcapng';

const OTHER_FORMATS: readonly {
  magic: string;
  kind: 'unsupported' | 'packed';
  what: string;
  advice: string;
}[] = [
  { magic: '736e6f6f70000000', kind: 'unsupported', what: 'a snoop capture (RFC 1761)', advice: CONVERT },
  { magic: '474d4255', kind: 'unsupported', what: 'a Microsoft Network Monitor capture', advice: CONVERT },
  { magic: '5452534e494646', kind: 'unsupported', what: 'a Sniffer capture', advice: CONVERT },
  { magic: '28b52ffd', kind: 'packed', what: 'compressed with zstd', advice: DECOMPRESS('zstd') },
  { magic: 'fd377a585a00', kind: 'packed', what: 'compressed with xz', advice: DECOMPRESS('xz') },
  { magic: '425a68', kind: 'packed', what: 'compressed with bzip2', advice: DECOMPRESS('bzip2') },
  { magic: '04224d18', kind: 'packed', what: 'compressed with lz4', advice: DECOMPRESS('lz4') },
  { magic: '504b0304', kind: 'packed', what: 'a zip archive', advice: 'unpack it first: unzip FILE' },
];

export function recogniseFile(head: Uint8Array): FileKind {
  if (head.length === 0) return { kind: 'unknown', what: 'it is empty' };
  if (head.length >= 4) {
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    for (const littleEndian of [true, false]) {
      const magic = view.getUint32(0, littleEndian);
      if (magic === PCAP_MAGIC_MICROS || magic === PCAP_MAGIC_NANOS) return { kind: 'pcap' };
      if (magic === PCAP_MAGIC_MODIFIED) {
        return {
          kind: 'unsupported',
          what: 'a pcap of the modified format of 1999 (magic a1b2cd34)',
          advice: CONVERT,
        };
      }
    }
    if (view.getUint32(0, true) === PCAPNG_SECTION_HEADER) return { kind: 'pcapng' };
  }
  if (head[0] === 0x1f && head[1] === 0x8b) return { kind: 'gzip' };
  const hex = Buffer.from(head).toString('hex');
  for (const { magic, ...other } of OTHER_FORMATS) {
    if (hex.startsWith(magic)) return other;
  }
  return { kind: 'unknown', what: describe(head) };
}

function describe(head: Uint8Array): string {
  const printable = head.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d));
  const bytes = Buffer.from(head);
  return printable
    ? `it begins with the text ${JSON.stringify(bytes.toString('latin1'))}`
    : `it begins with the bytes ${(bytes.toString('hex').match(/../g) ?? []).join(' ')}`;
}
