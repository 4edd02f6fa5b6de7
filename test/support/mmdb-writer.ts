/**
 * A .mmdb file from a list of prefixes, as maxmind.github.io/MaxMind-DB describes the format: an IPv6 tree with IPv4 under
 * ::/96, 24-bit records, no pointers in the data. For tests; the last of overlapping prefixes wins.
 */
import { parseCidr } from '../../src/model/ip.ts';

export type MmdbValue =
  | string
  | number
  | boolean
  | readonly MmdbValue[]
  | { readonly [key: string]: MmdbValue };

export interface MmdbOptions {
  readonly type?: string;
  /** Wall clock, seconds. */
  readonly builtAtSecs?: number;
  readonly formatVersion?: number;
}

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const TYPE = { STRING: 2, UINT16: 5, UINT32: 6, MAP: 7, UINT64: 9, ARRAY: 11, BOOLEAN: 14 } as const;
const RECORD_BYTES = 3;
const EMPTY = -1;

/** A child: another node, the place of an entry's data, or nothing. */
type Child = { readonly node: number } | { readonly data: number } | typeof EMPTY;

export function mmdb(
  entries: readonly (readonly [cidr: string, value: MmdbValue])[],
  { type = 'Test-DB', builtAtSecs = 1_763_900_000, formatVersion = 2 }: MmdbOptions = {},
): Buffer {
  const nodes: [Child, Child][] = [[EMPTY, EMPTY]];
  const data: Buffer[] = [];
  let dataBytes = 0;
  for (const [text, value] of entries) {
    insert(nodes, bitsOf(text), dataBytes);
    const encoded = encode(value);
    data.push(encoded);
    dataBytes += encoded.length;
  }
  const tree = Buffer.alloc(nodes.length * RECORD_BYTES * 2);
  for (const [i, children] of nodes.entries()) {
    for (const [side, child] of children.entries()) {
      tree.writeUIntBE(recordOf(child, nodes.length), (i * 2 + side) * RECORD_BYTES, RECORD_BYTES);
    }
  }
  const metadata = Buffer.concat([
    head(TYPE.MAP, 8),
    encode('binary_format_major_version'),
    uint(TYPE.UINT16, formatVersion),
    encode('binary_format_minor_version'),
    uint(TYPE.UINT16, 0),
    encode('build_epoch'),
    uint(TYPE.UINT64, builtAtSecs),
    encode('database_type'),
    encode(type),
    encode('ip_version'),
    uint(TYPE.UINT16, 6),
    encode('languages'),
    encode(['en']),
    encode('node_count'),
    uint(TYPE.UINT32, nodes.length),
    encode('record_size'),
    uint(TYPE.UINT16, RECORD_BYTES * 8),
  ]);
  return Buffer.concat([tree, Buffer.alloc(16), ...data, MARKER, metadata]);
}

function recordOf(child: Child, nodeCount: number): number {
  if (child === EMPTY) return nodeCount;
  return 'node' in child ? child.node : nodeCount + 16 + child.data;
}

function insert(nodes: [Child, Child][], bits: readonly (0 | 1)[], data: number): void {
  let node = nodes[0]!;
  for (const bit of bits.slice(0, -1)) {
    let child = node[bit];
    if (child === EMPTY || 'data' in child) {
      // What covered the whole prefix goes on covering its other half.
      nodes.push([child, child]);
      child = { node: nodes.length - 1 };
      node[bit] = child;
    }
    node = nodes[child.node]!;
  }
  node[bits.at(-1)!] = { data };
}

/** IPv4 prefixes lie under ::/96 in the tree, not under the mapped ::ffff:0:0/96. */
function bitsOf(text: string): (0 | 1)[] {
  const { base, prefixBits, family } = parseCidr(text)!;
  return Array.from({ length: prefixBits }, (_, i) => {
    if (family === 4 && i < 96) return 0;
    return ((base[i >>> 5]! >>> (31 - (i & 31))) & 1) as 0 | 1;
  });
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'utf8');
    return Buffer.concat([head(TYPE.STRING, bytes.length), bytes]);
  }
  if (typeof value === 'number') return uint(TYPE.UINT32, value);
  if (typeof value === 'boolean') return head(TYPE.BOOLEAN, value ? 1 : 0);
  if (Array.isArray(value)) return Buffer.concat([head(TYPE.ARRAY, value.length), ...value.map(encode)]);
  const fields = Object.entries(value);
  return Buffer.concat([
    head(TYPE.MAP, fields.length),
    ...fields.flatMap(([key, field]) => [encode(key), encode(field as MmdbValue)]),
  ]);
}

function uint(type: number, value: number): Buffer {
  const hex = value === 0 ? '' : value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([head(type, bytes.length), bytes]);
}

/** Control byte: type in three bits (0: it follows, less 7), size in five (29: it follows, less 29). */
function head(type: number, size: number): Buffer {
  const inline = Math.min(size, 29);
  const bytes = type > 7 ? [inline, type - 7] : [(type << 5) | inline];
  if (size >= 285) throw new RangeError(`no test needs a field of ${size}`);
  return Buffer.from(size >= 29 ? [...bytes, size - 29] : bytes);
}
