/**
 * The loop between the bytes of a file and the batches handed out. A chunk is read, its frames are worked on where they
 * lie, and the next chunk takes its place. Only the part of a record that the chunk's end cuts is moved, into the room
 * that the slab keeps free in front:
 *
 *     [ room ......... | chunk ...................### ]   ### begins a record
 *     [ room ......### | next chunk ..................]   and is continued here
 *
 * It must never hold more than this one slab, whatever the file says.
 */
import { ByteReadError, type ByteReader } from './byte-reader.ts';
import { type FormatReader, MAX_RECORD_BYTES, type ScanEnd } from './format.ts';
import {
  allocateBatch,
  CaptureError,
  type CaptureInterface,
  type CaptureStats,
  type EndReason,
  type FrameBatch,
  type PacketSource,
} from './source.ts';

/** Where a slab's chunk begins. */
export const CHUNK_AT = MAX_RECORD_BYTES;
// Measured (docs/adr/0003): the frames are still in the core's own cache when they are worked on.
const CHUNK_BYTES = 256 * 1024;
const MAX_FRAMES = 4096;

export interface Slab {
  readonly bytes: Uint8Array;
  readonly batch: FrameBatch;
}

export function allocateSlab(): Slab {
  const batch = allocateBatch(CHUNK_AT + CHUNK_BYTES, MAX_FRAMES);
  return { batch, bytes: new Uint8Array(batch.data.buffer) };
}

/** How far the reading is; handed out once for each chunk. */
export interface FileProgress {
  /** Of the file as it is on disk, so compressed where it is compressed. */
  readonly bytesRead: number;
  /** Size of the file; absent for a pipe. */
  readonly totalBytes?: number | undefined;
  readonly packets: number;
}

/** Takes frames out of a batch, in place. */
export interface FrameFilter {
  /** Must be told of all interfaces of a batch before it. Throws a CaptureError when it cannot be used with one. */
  prepare(interfaces: readonly CaptureInterface[]): void;
  apply(batch: FrameBatch): void;
  /** Idempotent. */
  close(): void;
}

export interface FileSourceParts {
  /** For messages. */
  readonly name: string;
  readonly bytes: ByteReader;
  readonly totalBytes?: number;
  readonly reader: FormatReader;
  /** The slab with the first chunk, of which [start, end) is for the reader. */
  readonly slab: Slab;
  readonly start: number;
  readonly end: number;
  readonly filter?: FrameFilter;
  readonly onProgress?: (progress: FileProgress) => void;
}

export class FileSource implements PacketSource {
  readonly backend = 'file';
  readonly #parts: Omit<FileSourceParts, 'slab'>;
  #slab: Slab | undefined;
  #started = false;
  #closed = false;
  #released: Promise<void> | undefined;
  /** Frames found in the file, with those that the filter took out. */
  #scanned = 0;
  #received = 0;
  /** Place in the (decompressed) file where the latest chunk ends. */
  #chunkEndOffset: number;

  constructor(parts: FileSourceParts) {
    const { slab, ...rest } = parts;
    this.#slab = slab;
    this.#parts = rest;
    this.#chunkEndOffset = parts.end - CHUNK_AT;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#parts.reader.interfaces;
  }

  stats(): CaptureStats {
    const { droppedByKernel, droppedByInterface } = this.#parts.reader;
    return {
      received: this.#received,
      ...(droppedByKernel !== undefined && { droppedByKernel }),
      ...(droppedByInterface !== undefined && { droppedByInterface }),
    };
  }

  async run(onBatch: (batch: FrameBatch) => void): Promise<EndReason> {
    if (this.#closed) return { reason: 'closed' };
    if (this.#started) throw new Error('run() was called twice');
    this.#started = true;
    try {
      const end = await this.#deliver(onBatch);
      return this.#closed ? { reason: 'closed' } : end;
    } finally {
      await this.#release();
    }
  }

  close(): void {
    this.#closed = true;
    void this.#release();
  }

  async #deliver(onBatch: (batch: FrameBatch) => void): Promise<EndReason> {
    const slab = this.#slab;
    if (slab === undefined) return { reason: 'closed' };
    let { start, end } = this.#parts;
    const { reader, bytes } = this.#parts;

    for (;;) {
      const stopped = this.#work(slab, start, end, onBatch);
      if (stopped !== undefined) return stopped;

      const carried = end - reader.position;
      slab.bytes.copyWithin(CHUNK_AT - carried, reader.position, end);
      let count: number;
      try {
        count = await bytes.read(slab.bytes, CHUNK_AT);
      } catch (error) {
        if (error instanceof ByteReadError) return this.#unreadable(error, carried);
        throw error;
      }
      if (this.#closed) return { reason: 'closed' };
      if (count === 0) return this.#atEnd(carried);

      start = CHUNK_AT - carried;
      end = CHUNK_AT + count;
      this.#chunkEndOffset += count;
    }
  }

  /** Hands out all frames of a slab. */
  #work(slab: Slab, start: number, end: number, onBatch: (batch: FrameBatch) => void): EndReason | undefined {
    const { reader, filter } = this.#parts;
    const { batch } = slab;
    let scanEnd: ScanEnd;
    let from = start;
    do {
      batch.count = 0;
      scanEnd = reader.scan(batch.data, from, end, batch);
      from = reader.position;
      this.#scanned += batch.count;
      if (filter !== undefined) {
        const refusal = prepared(filter, reader.interfaces);
        if (refusal !== undefined) return refusal;
        filter.apply(batch);
      }
      this.#received += batch.count;
      if (batch.count > 0) onBatch(batch);
      if (this.#closed) return { reason: 'closed' };
    } while (scanEnd === 'full');
    this.#progress();
    if (scanEnd === 'more') return undefined;
    return {
      reason: 'failed',
      detail: `${this.#parts.name} is corrupt at ${this.#place(end - reader.position)}: ${reader.problem}`,
    };
  }

  #atEnd(carried: number): EndReason {
    const { reader, name, totalBytes, bytes } = this.#parts;
    if (carried === 0 && reader.owedBytes === 0) return { reason: 'end-of-file' };
    const grew = totalBytes !== undefined && bytes.consumedBytes > totalBytes;
    return {
      reason: 'truncated',
      detail:
        `${name} ends inside a record, at ${this.#place(carried)}` +
        (grew ? '; it is still being written' : ''),
    };
  }

  #unreadable(error: ByteReadError, carried: number): EndReason {
    const detail = `${this.#parts.name} cannot be read beyond ${this.#place(carried)}: ${error.message}`;
    return { reason: error.kind === 'cut' ? 'truncated' : 'failed', detail };
  }

  /** Where the record begins of which the slab's last `carried` bytes are. */
  #place(carried: number): string {
    return `byte ${this.#chunkEndOffset - carried}, after packet ${this.#scanned}`;
  }

  #progress(): void {
    const { onProgress, bytes, totalBytes } = this.#parts;
    onProgress?.({ bytesRead: bytes.consumedBytes, totalBytes, packets: this.#scanned });
  }

  #release(): Promise<void> {
    this.#slab = undefined;
    this.#released ??= this.#parts.bytes
      .close()
      // Nothing is written through it: a failing close loses nothing.
      .catch(() => {})
      .then(() => this.#parts.filter?.close());
    return this.#released;
  }
}

/** An interface may come late in a pcapng file, with a link type for which the filter makes no sense. */
function prepared(filter: FrameFilter, interfaces: readonly CaptureInterface[]): EndReason | undefined {
  try {
    filter.prepare(interfaces);
    return undefined;
  } catch (error) {
    if (error instanceof CaptureError) return { reason: 'failed', detail: error.message };
    throw error;
  }
}
