/**
 * SHA-1 of one block (FIPS 180-4): at most 55 bytes, which a Community ID always is. Ours because the flow table may
 * not import node: modules, and because creating a hash object costs more than the hash. Not for secrets.
 */

const MAX_MESSAGE_BYTES = 55;
const schedule = new Int32Array(80);

/** Writes the 20-byte digest of `message[0, length)` to `digest`. */
export function sha1Block(message: Uint8Array, length: number, digest: Uint8Array): void {
  if (length > MAX_MESSAGE_BYTES) throw new RangeError(`sha1Block: ${length} bytes do not fit one block`);
  const w = schedule;
  for (let i = 0; i < 16; i++) {
    w[i] =
      (byteAt(message, length, 4 * i) << 24) |
      (byteAt(message, length, 4 * i + 1) << 16) |
      (byteAt(message, length, 4 * i + 2) << 8) |
      byteAt(message, length, 4 * i + 3);
  }
  w[15] = length * 8;
  for (let i = 16; i < 80; i++) {
    const x = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!;
    w[i] = (x << 1) | (x >>> 31);
  }

  let a = 0x67452301;
  let b = 0xefcdab89 | 0;
  let c = 0x98badcfe | 0;
  let d = 0x10325476;
  let e = 0xc3d2e1f0 | 0;
  for (let i = 0; i < 80; i++) {
    let f: number;
    let k: number;
    if (i < 20) {
      f = (b & c) | (~b & d);
      k = 0x5a827999;
    } else if (i < 40) {
      f = b ^ c ^ d;
      k = 0x6ed9eba1;
    } else if (i < 60) {
      f = (b & c) | (b & d) | (c & d);
      k = 0x8f1bbcdc;
    } else {
      f = b ^ c ^ d;
      k = 0xca62c1d6;
    }
    const next = (((a << 5) | (a >>> 27)) + f + e + k + w[i]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  put(digest, 0, (a + 0x67452301) | 0);
  put(digest, 4, (b + 0xefcdab89) | 0);
  put(digest, 8, (c + 0x98badcfe) | 0);
  put(digest, 12, (d + 0x10325476) | 0);
  put(digest, 16, (e + 0xc3d2e1f0) | 0);
}

/** The message, then one set bit, then zeros. */
function byteAt(message: Uint8Array, length: number, at: number): number {
  if (at < length) return message[at]!;
  return at === length ? 0x80 : 0;
}

function put(digest: Uint8Array, at: number, word: number): void {
  digest[at] = word >>> 24;
  digest[at + 1] = word >>> 16;
  digest[at + 2] = word >>> 8;
  digest[at + 3] = word;
}
