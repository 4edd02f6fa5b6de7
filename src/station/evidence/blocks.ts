/**
 * Counts packets in pcapng by the heads of its blocks (draft-ietf-opsawg-pcapng, 3.1). It never looks inside a block, and
 * takes no length on faith: where one cannot be, what comes before it is all that there is.
 */
import { readSync } from 'node:fs';

/** Type and total length. */
const HEAD_BYTES = 8;
/** Type, total length, total length again. */
const LEAST_BYTES = 12;
const ENHANCED_PACKET = 6;
/** The same in either byte order. */
const SECTION_HEADER = 0x0a0d0d0a;

export interface WholeBlocks {
  /** Length of all whole blocks. */
  readonly bytes: number;
  readonly packets: number;
}

/** Of a piece of a file as this agent writes it: little-endian. */
export function packetsIn(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let packets = 0;
  for (let at = 0; at + LEAST_BYTES <= bytes.length; ) {
    if (view.getUint32(at, true) === ENHANCED_PACKET) packets += 1;
    const length = view.getUint32(at + 4, true);
    if (length < LEAST_BYTES) return packets;
    at += length;
  }
  return packets;
}

/** Of a file of `size` bytes whose writer was killed: what is left of its last block does not count. */
export function wholeBlocks(fd: number, size: number): WholeBlocks {
  const head = Buffer.alloc(HEAD_BYTES);
  const tail = Buffer.alloc(4);
  let bytes = 0;
  let packets = 0;
  while (bytes + LEAST_BYTES <= size) {
    if (readSync(fd, head, 0, HEAD_BYTES, bytes) < HEAD_BYTES) break;
    const type = head.readUInt32LE(0);
    const length = head.readUInt32LE(4);
    if (bytes === 0 && type !== SECTION_HEADER) break;
    if (length < LEAST_BYTES || length % 4 !== 0 || bytes + length > size) break;
    if (readSync(fd, tail, 0, 4, bytes + length - 4) < 4 || tail.readUInt32LE(0) !== length) break;
    if (type === ENHANCED_PACKET) packets += 1;
    bytes += length;
  }
  return { bytes, packets };
}
