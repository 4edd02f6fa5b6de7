/**
 * Opens a client's Initial packets. Their keys follow from what stands in clear in the packet itself (RFC 9001 5.2),
 * so that anybody on the path may read the ClientHello; the tag says whether it was read rightly.
 *
 *   secret  = HKDF-Extract(salt of the version, DCID)  ->  "client in"  ->  key 16, iv 12, hp 16
 *   header  : first byte and packet number are masked with AES-ECB(hp, 16 bytes of the ciphertext)
 *   payload : AES-128-GCM, nonce = iv xor packet number, associated data = the unmasked header
 *
 * Costs about 40 us a packet and allocates: only for flows that begin with an Initial, and so many a second.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { isInitialType, type LongHeader, QUIC_VERSION_2, readLongHeader } from './quic.ts';

/** RFC 9001 5.2, RFC 9369 3.3.1. */
const SALT_V1 = Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex');
const SALT_V2 = Buffer.from('0dede3def700a6db819381be6e269dcbf9bd2ed9', 'hex');
const TAG_BYTES = 16;
const SAMPLE_BYTES = 16;
const MAX_PACKET_NUMBER_BYTES = 4;
/**
 * A client puts one or two into a datagram. With segmentation offload a datagram has 64 KB, and 1,400 tiny packets in it
 * would take 15 ms.
 */
const MAX_PACKETS = 4;
const FRAME = { PADDING: 0, PING: 1, ACK: 2, ACK_ECN: 3, CRYPTO: 6 } as const;
/** An acknowledgement of more ranges has no place in a first flight. */
const MAX_ACK_RANGES = 64;

interface Keys {
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly hp: Buffer;
}

/** Bytes of the handshake, by their offset in it: frames may come in any order (RFC 9000 19.6). */
export type CryptoVisitor = (offset: number, data: Uint8Array) => void;

/**
 * The keys of one connection, and its client's packets. They follow from the first packet's DCID; the client's later
 * ones carry the DCID that the server chose, but keep the keys.
 */
export class QuicInitial {
  #keys: Keys | undefined;

  /** The first Initial packets in the datagram [at, end). False when none could be opened. */
  read(data: DataView, from: number, end: number, onCrypto: CryptoVisitor): boolean {
    let opened = false;
    let at = from;
    // Packets are put together in one datagram (RFC 9000 12.2); each tells its length.
    for (let packets = 0; packets < MAX_PACKETS && at < end; packets++) {
      const header: LongHeader = { version: 0, type: 0, dcidAt: 0, dcidEnd: 0, next: 0 };
      if (!readLongHeader(data, at, end, header) || !isInitialType(header.version, header.type)) break;
      const tokenBytes = readVarint(data, header.next, end);
      if (tokenBytes === undefined) break;
      const length = readVarint(data, tokenBytes.next + tokenBytes.value, end);
      if (length === undefined || length.next + length.value > end) break;
      this.#keys ??= deriveKeys(header.version, bytesOf(data, header.dcidAt, header.dcidEnd));
      const frames = open(data, at, length.next, length.next + length.value, this.#keys);
      if (frames !== undefined) {
        opened = true;
        readFrames(frames, onCrypto);
      }
      at = length.next + length.value;
    }
    return opened;
  }
}

function deriveKeys(version: number, dcid: Uint8Array): Keys {
  const isV2 = version === QUIC_VERSION_2;
  const initial = hmac(isV2 ? SALT_V2 : SALT_V1, dcid);
  const client = expandLabel(initial, 'client in', 32);
  const prefix = isV2 ? 'quicv2 ' : 'quic ';
  return {
    key: expandLabel(client, `${prefix}key`, 16),
    iv: expandLabel(client, `${prefix}iv`, 12),
    hp: expandLabel(client, `${prefix}hp`, 16),
  };
}

/** HKDF-Expand-Label (RFC 8446 7.1) without context; one block of SHA-256 is enough for up to 32 bytes. */
function expandLabel(secret: Buffer, label: string, length: number): Buffer {
  const text = Buffer.from(`tls13 ${label}`, 'latin1');
  const info = Buffer.concat([Buffer.from([0, length, text.length]), text, Buffer.from([0, 1])]);
  return hmac(secret, info).subarray(0, length);
}

function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** The frames of one packet; undefined when the tag says no. */
function open(data: DataView, at: number, numberAt: number, end: number, keys: Keys): Uint8Array | undefined {
  const sampleAt = numberAt + MAX_PACKET_NUMBER_BYTES;
  if (sampleAt + SAMPLE_BYTES > end) return undefined;
  const mask = createCipheriv('aes-128-ecb', keys.hp, null)
    .setAutoPadding(false)
    .update(bytesOf(data, sampleAt, sampleAt + SAMPLE_BYTES));
  const header = Buffer.from(bytesOf(data, at, numberAt + MAX_PACKET_NUMBER_BYTES));
  header[0]! ^= mask[0]! & 0x0f;
  const numberBytes = (header[0]! & 3) + 1;
  const headerBytes = numberAt - at + numberBytes;
  let number = 0;
  const nonce = Buffer.from(keys.iv);
  for (let i = 0; i < numberBytes; i++) {
    const byte = header[numberAt - at + i]! ^ mask[1 + i]!;
    header[numberAt - at + i] = byte;
    number = number * 256 + byte;
    nonce[nonce.length - numberBytes + i]! ^= byte;
  }
  const payload = numberAt + numberBytes;
  if (payload + TAG_BYTES > end) return undefined;
  const decipher = createDecipheriv('aes-128-gcm', keys.key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(header.subarray(0, headerBytes));
  decipher.setAuthTag(bytesOf(data, end - TAG_BYTES, end));
  const frames = decipher.update(bytesOf(data, payload, end - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    // The tag does not fit: not a client's Initial, or not the first one of its connection. Node has no other way to
    // say so.
    return undefined;
  }
  return frames;
}

function readFrames(frames: Uint8Array, onCrypto: CryptoVisitor): void {
  const data = new DataView(frames.buffer, frames.byteOffset, frames.byteLength);
  const end = frames.length;
  let at = 0;
  while (at < end) {
    const type = data.getUint8(at++);
    if (type === FRAME.PADDING || type === FRAME.PING) continue;
    if (type === FRAME.CRYPTO) {
      const offset = readVarint(data, at, end);
      const length = offset && readVarint(data, offset.next, end);
      if (length === undefined || length.next + length.value > end) return;
      onCrypto(offset!.value, frames.subarray(length.next, length.next + length.value));
      at = length.next + length.value;
    } else if (type === FRAME.ACK || type === FRAME.ACK_ECN) {
      const next = afterAck(data, at, end, type === FRAME.ACK_ECN);
      if (next === undefined) return;
      at = next;
    } else {
      // CONNECTION_CLOSE ends it; nothing else is allowed here (RFC 9000 12.4).
      return;
    }
  }
}

/** Largest, delay, range count, first range; two numbers a range; three counters with ECN. */
function afterAck(data: DataView, from: number, end: number, ecn: boolean): number | undefined {
  let at = from;
  let left = 4;
  let ranges = 0;
  for (let i = 0; i < left; i++) {
    const number = readVarint(data, at, end);
    if (number === undefined) return undefined;
    at = number.next;
    if (i !== 2) continue;
    ranges = number.value;
    if (ranges > MAX_ACK_RANGES) return undefined;
    left = 4 + 2 * ranges + (ecn ? 3 : 0);
  }
  return at;
}

/** RFC 9000 16: the first two bits tell the length. Values beyond 2^30 have no place in an Initial: undefined. */
function readVarint(data: DataView, at: number, end: number): { value: number; next: number } | undefined {
  if (at >= end) return undefined;
  const first = data.getUint8(at);
  const bytes = 1 << (first >>> 6);
  if (end - at < bytes || bytes > 4) return undefined;
  let value = first & 0x3f;
  for (let i = 1; i < bytes; i++) value = value * 256 + data.getUint8(at + i);
  return { value, next: at + bytes };
}

function bytesOf(data: DataView, at: number, end: number): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset + at, end - at);
}
