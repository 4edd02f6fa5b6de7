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

import type { Micros } from '../src/model/time.ts';
import { ByteReadError, type ByteReader } from './byte-reader.ts';
import { type FormatReader, MAX_RECORD_BYTES, type ScanEnd } from './format.ts';
import type { HashingByteReader } from './hashing-reader.ts';
import { keepWithin, type PacketRange, timeOfFrame } from './packet-range.ts';
import {
  allocateBatch,
  CaptureError,
  type CaptureInterface,
  type CaptureStats,
  type EndReason,
  type FrameBatch,
} from './source.ts';

// Measured (docs/adr/0003): the frames are still in the core's own cache when they are worked on.
const CHUNK_BYTES = 256 * 1024;
const MAX_FRAMES = 4096;
/** What one slab takes. */
export const SLAB_BYTES = MAX_RECORD_BYTES + CHUNK_BYTES;

export interface Slab {
  /** From the beginning of the memory to the end of the slab, since a batch's offsets count from there. */
  readonly bytes: Uint8Array;
  /** Where its chunk begins. */
  readonly chunkAt: number;
  readonly batch: FrameBatch;
}

/** In memory of its own, or at a place in memory that several share, so that one batch can hold frames of all. */
export function allocateSlab(memory = new DataView(new ArrayBuffer(SLAB_BYTES)), at = 0): Slab {
  return {
    bytes: new Uint8Array(memory.buffer, 0, at + SLAB_BYTES),
    chunkAt: at + MAX_RECORD_BYTES,
    batch: { ...allocateBatch(0, MAX_FRAMES), data: memory },
  };
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

export interface FileReadingParts {
  /** For messages. */
  readonly name: string;
  readonly bytes: ByteReader;
  readonly totalBytes?: number;
  readonly reader: FormatReader;
  /** The slab with the first chunk, of which [start, end) is for the reader. */
  readonly slab: Slab;
  readonly start: number;
  readonly end: number;
  readonly range?: PacketRange;
  readonly filter?: FrameFilter;
  /** What `bytes` come through, where their hash is wanted. */
  readonly hashing?: HashingByteReader;
  readonly onProgress?: (progress: FileProgress) => void;
}

/** A file batch by batch, for whoever says when the next one comes. */
export class FileReading {
  readonly #parts: FileReadingParts;
  #closed = false;
  #released: Promise<void> | undefined;
  /** How the latest scan ended: at the beginning there is a chunk that is not scanned yet. */
  #scanEnd: ScanEnd = 'full';
  /** Where the next scan begins and ends. */
  #start: number;
  #end: number;
  /** What `next` is to answer, where the batch was filled before. */
  #peeked: { readonly end: EndReason | undefined } | undefined;
  /** Why no chunk follows. */
  #ended: EndReason | undefined;
  /** Frames found in the file, with those that range and filter took out. */
  #scanned = 0;
  /** Place in the (decompressed) file where the latest chunk ends. */
  #chunkEndOffset: number;
  /** Frames handed out, and the times of the first and the latest. */
  received = 0;
  first: Micros | undefined;
  last: Micros | undefined;

  constructor(parts: FileReadingParts) {
    this.#parts = parts;
    this.#start = parts.start;
    this.#end = parts.end;
    this.#chunkEndOffset = parts.end - parts.slab.chunkAt;
  }

  get name(): string {
    return this.#parts.name;
  }

  /** What `next` filled. */
  get batch(): FrameBatch {
    return this.#parts.slab.batch;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#parts.reader.interfaces;
  }

  /** Of the file as it is on disk. */
  get bytesRead(): number {
    return this.#parts.bytes.consumedBytes;
  }

  get totalBytes(): number | undefined {
    return this.#parts.totalBytes;
  }

  /** Nothing is left in the file behind the batch at hand. */
  get isAtItsEnd(): boolean {
    const { totalBytes, reader } = this.#parts;
    return this.#scanEnd === 'more' && reader.position === this.#end && this.bytesRead === totalBytes;
  }

  stats(): CaptureStats {
    const { droppedByKernel, droppedByInterface } = this.#parts.reader;
    return {
      received: this.received,
      ...(droppedByKernel !== undefined && { droppedByKernel }),
      ...(droppedByInterface !== undefined && { droppedByInterface }),
    };
  }

  /** The time of the first frame, before it is asked for: the next `next` gives it. Undefined when there is none. */
  async peek(): Promise<Micros | undefined> {
    this.#peeked ??= { end: await this.#fill() };
    return this.first;
  }

  /** The capture whose drops `stats` tells, which may have written other files before; absent where unknown. */
  get session(): string | undefined {
    const { countedSince, interfaces } = this.#parts.reader;
    return countedSince === undefined ? undefined : JSON.stringify([countedSince, interfaces[0]?.name]);
  }

  /** Fills the batch with the next frames, at least one; or says why there are none. */
  async next(): Promise<EndReason | undefined> {
    const peeked = this.#peeked;
    if (peeked === undefined || this.#closed) return this.#fill();
    this.#peeked = undefined;
    return peeked.end;
  }

  async #fill(): Promise<EndReason | undefined> {
    while (!this.#closed) {
      if (this.#scanEnd === 'full') {
        const refusal = this.#scan();
        if (refusal !== undefined) return refusal;
        if (this.batch.count > 0) return undefined;
      } else {
        if (this.#scanEnd === 'corrupt') this.#ended ??= this.#corrupt();
        this.#ended ??= await this.#readChunk();
        if (this.#ended !== undefined) return this.#ended;
      }
    }
    return { reason: 'closed' };
  }

  /** Of the file as it is on disk; where it is wanted and can be known. After the last `next`, once. */
  async sha256(): Promise<string | undefined> {
    return this.#parts.hashing?.digest();
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed = true;
    this.#released ??= this.#parts.bytes
      .close()
      // Nothing is written through it: a failing close loses nothing.
      .catch(() => {})
      .then(() => this.#parts.filter?.close());
    return this.#released;
  }

  #scan(): EndReason | undefined {
    const { reader, range, filter } = this.#parts;
    const { batch } = this;
    batch.count = 0;
    this.#scanEnd = reader.scan(batch.data, this.#start, this.#end, batch);
    this.#start = reader.position;
    this.#scanned += batch.count;
    if (range !== undefined) keepWithin(batch, range);
    if (filter !== undefined) {
      const refusal = prepared(filter, reader.interfaces);
      if (refusal !== undefined) return refusal;
      filter.apply(batch);
    }
    if (batch.count > 0) {
      this.received += batch.count;
      this.first ??= timeOfFrame(batch, 0);
      this.last = timeOfFrame(batch, batch.count - 1);
    }
    return undefined;
  }

  /** Moves the part of a record that is left to the front of the next chunk. */
  async #readChunk(): Promise<EndReason | undefined> {
    this.#progress();
    const { reader, bytes, slab } = this.#parts;
    const { chunkAt } = slab;
    const carried = this.#end - reader.position;
    slab.bytes.copyWithin(chunkAt - carried, reader.position, this.#end);
    let count: number;
    try {
      count = await bytes.read(slab.bytes, chunkAt);
    } catch (error) {
      if (error instanceof ByteReadError) return this.#unreadable(error, carried);
      throw error;
    }
    if (this.#closed) return { reason: 'closed' };
    if (count === 0) return this.#atEnd(carried);
    this.#start = chunkAt - carried;
    this.#end = chunkAt + count;
    this.#chunkEndOffset += count;
    this.#scanEnd = 'full';
    return undefined;
  }

  #corrupt(): EndReason {
    this.#progress();
    const { reader, name } = this.#parts;
    return {
      reason: 'failed',
      detail: `${name} is corrupt at ${this.#place(this.#end - reader.position)}: ${reader.problem}`,
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
