/**
 * Stands between a file and `pcap-parser`, which believes every length, is quadratic on a wrong one and silent when
 * a file ends too early. It lets bytes pass as long as the records in them can be right, and keeps the verdict.
 */
import { Transform, type TransformCallback } from 'node:stream';
import { MAX_FRAME_BYTES } from '../format.ts';
import { PCAP_HEADER_BYTES } from '../pcap-format.ts';
import type { EndReason } from '../source.ts';

const RECORD_HEADER_BYTES = 16;
const CAP_LEN_AT = 8;

/** Checks the records of a classic pcap whose header is known to be good. */
export class PcapGuard extends Transform {
  readonly #name: string;
  readonly #littleEndian: boolean;
  #offset = 0;
  #packets = 0;
  #recordAt = PCAP_HEADER_BYTES;
  /** Bytes of the header or the frame at hand that are still to come. */
  #left = PCAP_HEADER_BYTES;
  #part: 'file-header' | 'record-header' | 'frame' = 'file-header';
  readonly #header = Buffer.alloc(RECORD_HEADER_BYTES);
  #problem: string | undefined;

  constructor(name: string, littleEndian: boolean) {
    super();
    this.#name = name;
    this.#littleEndian = littleEndian;
  }

  /** How the file ended; to be asked after the last byte has passed. */
  verdict(): EndReason {
    const place = `byte ${this.#recordAt}, after packet ${this.#packets}`;
    if (this.#problem !== undefined) {
      return { reason: 'failed', detail: `${this.#name} is corrupt at ${place}: ${this.#problem}` };
    }
    if (this.#part === 'record-header' && this.#left === RECORD_HEADER_BYTES)
      return { reason: 'end-of-file' };
    return { reason: 'truncated', detail: `${this.#name} ends inside a record, at ${place}` };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#problem !== undefined) {
      done();
      return;
    }
    let at = 0;
    while (at < chunk.length && this.#problem === undefined) {
      const bytes = Math.min(this.#left, chunk.length - at);
      if (this.#part === 'record-header') {
        chunk.copy(this.#header, RECORD_HEADER_BYTES - this.#left, at, at + bytes);
      }
      this.#left -= bytes;
      at += bytes;
      this.#offset += bytes;
      // A frame may be empty: it ends where its header does.
      while (this.#left === 0 && this.#problem === undefined) this.#endPart();
    }
    done(null, chunk.subarray(0, at));
  }

  #endPart(): void {
    if (this.#part !== 'record-header') {
      if (this.#part === 'frame') this.#packets++;
      this.#recordAt = this.#offset;
      this.#part = 'record-header';
      this.#left = RECORD_HEADER_BYTES;
      return;
    }
    const capLen = this.#littleEndian
      ? this.#header.readUInt32LE(CAP_LEN_AT)
      : this.#header.readUInt32BE(CAP_LEN_AT);
    if (capLen > MAX_FRAME_BYTES) {
      this.#problem = `the record claims a frame of ${capLen} bytes, more than the ${MAX_FRAME_BYTES} that a frame may have`;
      return;
    }
    this.#part = 'frame';
    this.#left = capLen;
  }
}
