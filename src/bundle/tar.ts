/**
 * The one form of a tar archive that bundles have: POSIX ustar, plain files only, every byte of a header given by path,
 * size and time. Whoever knows these three knows the header, so that a changed byte in it is seen (docs/adr/0012).
 *
 *   offset 0 name[100]  100 mode[8]   108 uid[8]    116 gid[8]      124 size[12]   136 mtime[12]  148 chksum[8]
 *   156 typeflag        157 linkname[100]           257 magic[6]    263 version[2] 265 uname[32]  297 gname[32]
 *   329 devmajor[8]     337 devminor[8]             345 prefix[155]                500 zeros
 */
import { isSafeName, isSafePath } from './paths.ts';

export const BLOCK_BYTES = 512;
/** Two blocks of zeros end an archive (POSIX pax, ustar interchange format). */
export const END_BYTES = 2 * BLOCK_BYTES;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;
/** Eleven octal digits. */
export const MAX_FILE_BYTES = 8 ** 11 - 1;

export interface TarEntry {
  /** Name of the one folder that everything is in. */
  readonly root: string;
  /** Below it. */
  readonly path: string;
  readonly bytes: number;
  /** Unix time, whole seconds. */
  readonly mtimeSecs: number;
}

export function tarHeader({ root, path, bytes, mtimeSecs }: TarEntry): Buffer {
  if (!isSafeName(root) || !isSafePath(path) || bytes > MAX_FILE_BYTES)
    throw new RangeError(`no entry of a bundle: ${root}, ${path}, ${bytes}`);
  const header = Buffer.alloc(BLOCK_BYTES);
  // A reader joins them again, with a slash between.
  header.write(path, 0, 'latin1');
  header.write(root, 345, 'latin1');
  // What was said on the network is for nobody but whoever unpacks it.
  header.write('0000600\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  header.write(`${octal(bytes)}\0`, 124, 'latin1');
  header.write(`${octal(mtimeSecs)}\0`, 136, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write('0000000\0', 329, 'latin1');
  header.write('0000000\0', 337, 'latin1');
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, CHECKSUM_AT, 'latin1');
  return header;
}

/** Zeros after the content of a file, up to the next header. */
export function paddingBytes(bytes: number): number {
  return (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** The entry whose header this is, byte for byte; else what is wrong with it. */
export function readHeader(block: Buffer): { readonly entry: TarEntry } | { readonly problem: string } {
  const claimed = claimedEntry(block);
  const problem = refusal(block, claimed);
  if (problem !== undefined) return { problem };
  const { root, path, bytes, mtimeSecs } = claimed;
  if (bytes === undefined || mtimeSecs === undefined) return { problem: 'its size or its time is no number' };
  const entry = { root, path, bytes, mtimeSecs };
  const wrongAt = firstDifference(block, tarHeader(entry));
  return wrongAt === undefined
    ? { entry }
    : { problem: `byte ${wrongAt} of its header is not as Bridgewatch writes it` };
}

/** What a header that may be broken calls its file; hostile. */
export function claimedPath(block: Buffer): string {
  const { root, path } = claimedEntry(block);
  return root === '' ? path : `${root}/${path}`;
}

function claimedEntry(block: Buffer) {
  return {
    root: textAt(block, 345, 500),
    path: textAt(block, 0, 100),
    bytes: octalNumber(block.toString('latin1', 124, 135)),
    mtimeSecs: octalNumber(block.toString('latin1', 136, 147)),
  };
}

const TYPES: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '5': 'a folder',
  '6': 'a FIFO',
  x: 'an extended header',
  g: 'an extended header',
  L: 'an extended header',
  K: 'an extended header',
};

/** What no bundle holds, in words; the checksum first, because a broken header says nothing true of itself. */
function refusal(block: Buffer, { root, path }: ReturnType<typeof claimedEntry>): string | undefined {
  if (octalNumber(block.toString('latin1', 148, 154)) !== checksum(block))
    return 'the checksum of its header does not fit';
  const type = String.fromCharCode(block[156]!);
  if (type !== '0')
    return `it is ${TYPES[type] ?? `of an unknown type (${block[156]})`}, and a bundle holds plain files only`;
  if (`${root}${path}`.startsWith('/')) return 'its path is absolute';
  if (`${root}/${path}`.split('/').includes('..')) return 'its path leads out of the folder';
  return isSafeName(root) && isSafePath(path) ? undefined : 'its path is none that a bundle has';
}

/** Of all bytes of the header, its own field taken as blanks. */
function checksum(header: Buffer): number {
  let sum = CHECKSUM_BYTES * 0x20;
  for (let i = 0; i < BLOCK_BYTES; i++) if (!isInChecksum(i)) sum += header[i]!;
  return sum;
}

/** The checksum differs wherever anything does: it comes last. */
function firstDifference(a: Buffer, b: Buffer): number | undefined {
  for (let i = 0; i < BLOCK_BYTES; i++) if (!isInChecksum(i) && a[i] !== b[i]) return i;
  for (let i = CHECKSUM_AT; isInChecksum(i); i++) if (a[i] !== b[i]) return i;
  return undefined;
}

function isInChecksum(at: number): boolean {
  return at >= CHECKSUM_AT && at < CHECKSUM_AT + CHECKSUM_BYTES;
}

function textAt(block: Buffer, from: number, to: number): string {
  const end = block.indexOf(0, from);
  return block.toString('latin1', from, end < 0 || end > to ? to : end);
}

function octal(value: number): string {
  return value.toString(8).padStart(11, '0');
}

function octalNumber(text: string): number | undefined {
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}
