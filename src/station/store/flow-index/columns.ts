/**
 * A column of numbers of one block, as small as its spread allows: the least of them, and how far each lies above it in
 * 0, 1, 2, 4 or 8 bytes. Whole numbers up to 2^53, absent ones as -1; little-endian, as every machine that Node runs on.
 */

/** Width in bytes, padding, then the least value as a double. */
const HEADER_BYTES = 16;

export function encodeColumn(values: Float64Array, count: number): Buffer {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (count === 0) least = most = 0;
  const width = widthOf(most - least);
  const buffer = Buffer.alloc(HEADER_BYTES + count * width);
  buffer.writeUInt8(width, 0);
  buffer.writeDoubleLE(least, 8);
  const { buffer: memory, byteOffset } = buffer;
  // Beyond 4 bytes the values stand as they are: a difference of doubles need not be exact.
  if (width === 8) for (let i = 0; i < count; i++) buffer.writeDoubleLE(values[i]!, HEADER_BYTES + i * 8);
  else if (width !== 0) {
    const rest = width === 1 ? buffer.subarray(HEADER_BYTES) : wordsOf(memory, byteOffset, width, count);
    for (let i = 0; i < count; i++) rest[i] = values[i]! - least;
  }
  return buffer;
}

/** Into `values`, of which there must be room for `count`. */
export function decodeColumn(data: Buffer, values: Float64Array, count: number): void {
  const width = data.readUInt8(0);
  const least = data.readDoubleLE(8);
  if (data.length !== HEADER_BYTES + count * width) throw new RangeError('a column of another length');
  if (width === 0) values.fill(least, 0, count);
  else if (width === 8) {
    for (let i = 0; i < count; i++) values[i] = data.readDoubleLE(HEADER_BYTES + i * 8);
  } else if (width === 1) {
    for (let i = 0; i < count; i++) values[i] = least + data[HEADER_BYTES + i]!;
  } else {
    const isAligned = (data.byteOffset + HEADER_BYTES) % width === 0;
    const aligned = isAligned ? data : Buffer.from(Uint8Array.from(data).buffer);
    const { buffer, byteOffset } = aligned;
    // Two loops, each over arrays of one type: one over both would cost several times as much.
    if (width === 2) {
      const rest = new Uint16Array(buffer, byteOffset + HEADER_BYTES, count);
      for (let i = 0; i < count; i++) values[i] = least + rest[i]!;
    } else {
      const rest = new Uint32Array(buffer, byteOffset + HEADER_BYTES, count);
      for (let i = 0; i < count; i++) values[i] = least + rest[i]!;
    }
  }
}

function widthOf(spread: number): 0 | 1 | 2 | 4 | 8 {
  if (spread === 0) return 0;
  if (spread < 2 ** 8) return 1;
  if (spread < 2 ** 16) return 2;
  return spread < 2 ** 32 ? 4 : 8;
}

function wordsOf(
  memory: ArrayBufferLike,
  byteOffset: number,
  width: 2 | 4,
  count: number,
): Uint16Array | Uint32Array {
  return width === 2
    ? new Uint16Array(memory, byteOffset + HEADER_BYTES, count)
    : new Uint32Array(memory, byteOffset + HEADER_BYTES, count);
}
