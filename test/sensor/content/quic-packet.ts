/**
 * A client's Initial packet, sealed here with the keys that RFC 9001 prints in its appendix A.1, so that the code
 * under test, which derives them, meets somebody else's.
 */
import { createCipheriv } from 'node:crypto';
import { concat, hex, u16 } from '../../support/packet-builder.ts';

export const RFC_9001 = {
  key: hex('1f369613dd76d5467730efcbe3b1a22d'),
  iv: hex('fa044b2f42a3fd3b46fb255c'),
  hp: hex('9f50449e04a0e810283a1e9933adedd2'),
  /** A.2: the CRYPTO frame with its ClientHello for example.com. */
  crypto: hex(`060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868
    04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578
    616d706c652e636f6dff01000100000a00080006001d00170018001000070005
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fba
    baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400
    0d0010000e0403050306030203080408050806002d00020101001c0002400100
    3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000
    75300901100f088394c8f03e51570806048000ffff`),
  dcid: hex('8394c8f03e515708'),
  /** A.2: the sample of the ciphertext, and the header when it is protected. */
  sample: hex('d1b1c98dd7689fb8ec11d242b123dc9b'),
  protectedHeader: hex('c000000001088394c8f03e5157080000449e7b9aec34'),
} as const;

const PAYLOAD_BYTES = 1162;

/** Frames are padded to the length of A.2; the packet number is 2 unless another is given. */
export function quicInitial(frames: Uint8Array = RFC_9001.crypto, number = 2): Uint8Array {
  const { key, iv, hp, dcid } = RFC_9001;
  const payload = concat(frames, new Uint8Array(PAYLOAD_BYTES - frames.length));
  const header = concat(
    hex('c300000001 08'),
    dcid,
    hex('00 00'),
    u16(0x4000 | (4 + payload.length + 16)),
    hex('000000'),
    Uint8Array.of(number),
  );
  const nonce = iv.slice();
  nonce[11]! ^= number;
  const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(header);
  const sealed = concat(cipher.update(payload), cipher.final(), cipher.getAuthTag());
  const mask = createCipheriv('aes-128-ecb', hp, null).setAutoPadding(false).update(sealed.subarray(0, 16));
  header[0]! ^= mask[0]! & 0x0f;
  for (let i = 0; i < 4; i++) header[header.length - 4 + i]! ^= mask[1 + i]!;
  return concat(header, sealed);
}
