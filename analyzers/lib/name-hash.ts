/** 53-bit hashes of DNS names, from bytes, letters folded to lower case (RFC 4343). Not for secrets. */

/** Two 32-bit FNV-1a lanes with different primes, finished as MurmurHash3 does, joined to 53 bits. */
export function hashLabels(labels: readonly Uint8Array[], from: number, to: number): number {
  let a = 0x811c_9dc5;
  let b = 0x9747_b28c;
  for (let i = from; i < to; i++) {
    const label = labels[i]!;
    // The length keeps `ab.c` and `a.bc` apart.
    a = Math.imul(a ^ label.length, 0x0100_0193);
    b = Math.imul(b ^ label.length, 0x5bd1_e995);
    for (let j = 0; j < label.length; j++) {
      const byte = lower(label[j]!);
      a = Math.imul(a ^ byte, 0x0100_0193);
      b = Math.imul(b ^ byte, 0x5bd1_e995) ^ (b >>> 15);
    }
  }
  return (finish(b ^ a) & 0x1f_ffff) * 2 ** 32 + (finish(a) >>> 0);
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return h ^ (h >>> 16);
}
