/**
 * A classic pcap file through npm `pcap-parser`, behind our guard. It exists so that the portable backend can be
 * compared and chosen; the file reader of capture/file.ts reads more, faster.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { captureError } from '../capture-error.ts';
import { openBytes } from '../file-open.ts';
import { MAX_FRAME_BYTES } from '../format.ts';
import { PCAP_HEADER_BYTES, type PcapHeader, parsePcapHeader } from '../pcap-format.ts';
import { allocateBatch, type EndReason, type FrameBatch, type PacketSource } from '../source.ts';
import { PcapGuard } from './guard.ts';

/** The part of pcap-parser that is used; it comes without types. */
interface PcapParser {
  parse(stream: Readable): NodeJS.EventEmitter;
}

interface ParsedPacket {
  readonly header: {
    readonly timestampSeconds: number;
    readonly timestampMicroseconds: number;
    readonly originalLength: number;
  };
  readonly data: Buffer;
}

const SLAB_BYTES = 2 * MAX_FRAME_BYTES;
const MAX_FRAMES = 4096;
const MICROS_PER_SECOND = 1_000_000;

/** Rejects with a CaptureError for everything that is not a classic pcap with microseconds. */
export async function openPortableFile(filePath: string): Promise<PacketSource> {
  const header = await readHeader(filePath);
  const stream = fs.createReadStream(filePath);
  const guard = new PcapGuard(filePath, header.littleEndian);
  const batch = allocateBatch(SLAB_BYTES, MAX_FRAMES);
  let state: 'open' | 'running' | 'closed' = 'open';
  let received = 0;

  const close = (): void => {
    state = 'closed';
    stream.destroy();
    guard.destroy();
  };

  const parse = (onBatch: (batch: FrameBatch) => void): Promise<EndReason> =>
    new Promise((resolve, reject) => {
      const deliver = (): void => {
        if (batch.count === 0 || state === 'closed') return;
        received += batch.count;
        onBatch(batch);
        batch.count = 0;
      };
      /** Our listeners run inside the stream's: what a consumer throws must reach the caller of run(). */
      const guarded = (work: () => void): void => {
        try {
          work();
        } catch (error) {
          reject(error);
          close();
        }
      };
      const failed = (error: Error): void =>
        resolve({ reason: 'failed', detail: `${filePath} cannot be read: ${error.message}` });

      const { parse: parsePcap } = createRequire(import.meta.url)('pcap-parser') as PcapParser;
      const parser = parsePcap(guard);
      parser.on('packet', (packet: ParsedPacket) => {
        if (state === 'closed') return;
        guarded(() => {
          if (isFull(batch, packet.data.length)) deliver();
          append(batch, packet);
        });
      });
      // After the parser's own listener: the packets of this chunk are in the batch now.
      guard.on('data', () => guarded(deliver));
      parser.on('error', failed);
      guard.on('end', () => resolve(guard.verdict()));
      guard.on('close', () => resolve({ reason: 'closed' }));
      stream.on('error', failed);
      stream.pipe(guard);
    });

  return {
    backend: 'portable',
    interfaces: [{ name: path.basename(filePath), linkType: header.linkType }],
    stats: () => ({ received }),
    async run(onBatch) {
      if (state === 'closed') return { reason: 'closed' };
      if (state === 'running') throw new Error('run() was called twice');
      state = 'running';
      try {
        const end = await parse(onBatch);
        return isClosed(state) ? { reason: 'closed' } : end;
      } finally {
        close();
      }
    },
    close,
  };
}

/** `close` may have run while `run` waited, which the compiler cannot see. */
function isClosed(state: string): boolean {
  return state === 'closed';
}

async function readHeader(filePath: string): Promise<PcapHeader> {
  if (filePath === '-') throw unsupported('stdin', 'cannot be read with it');
  const { bytes, name } = await openBytes(filePath);
  try {
    const head = new Uint8Array(PCAP_HEADER_BYTES);
    const count = await bytes.read(head, 0);
    const header = count < PCAP_HEADER_BYTES ? undefined : parsePcapHeader(new DataView(head.buffer), 0);
    if (header === undefined) throw unsupported(name, 'is something else, or cut off');
    if (header.nanos) throw unsupported(name, 'has nanoseconds');
    if (header.versionMajor !== 2 || header.versionMinor !== 4) {
      throw unsupported(name, `has version ${header.versionMajor}.${header.versionMinor}`);
    }
    return header;
  } finally {
    await bytes.close();
  }
}

function unsupported(name: string, what: string): Error {
  return captureError(
    'CAPTURE_UNSUPPORTED',
    `cannot read ${name}: the portable backend reads classic pcap 2.4 with microseconds only, and this ${what}; use --capture-backend auto`,
  );
}

function isFull(batch: FrameBatch, bytes: number): boolean {
  return batch.count === MAX_FRAMES || endOf(batch) + bytes > SLAB_BYTES;
}

function endOf(batch: FrameBatch): number {
  const last = batch.count - 1;
  return last < 0 ? 0 : batch.offset[last]! + batch.capLen[last]!;
}

function append(batch: FrameBatch, { header, data }: ParsedPacket): void {
  const at = endOf(batch);
  const i = batch.count++;
  new Uint8Array(batch.data.buffer).set(data, at);
  batch.offset[i] = at;
  batch.capLen[i] = data.length;
  batch.wireLen[i] = Math.max(header.originalLength, data.length);
  batch.tsSec[i] = header.timestampSeconds + Math.floor(header.timestampMicroseconds / MICROS_PER_SECOND);
  batch.tsNsec[i] = (header.timestampMicroseconds % MICROS_PER_SECOND) * 1000;
  batch.ifIndex[i] = 0;
}
