/**
 * Where the bytes of a capture file come from: a regular file, a pipe (stdin), or either through gzip. Each fills
 * memory that the caller owns. At most one read is in flight; a reader must never hold more than a few MiB.
 */
import fs from 'node:fs';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, type Gunzip } from 'node:zlib';

const nextTurn = promisify(setImmediate);

export interface ByteReader {
  /** Bytes taken from the file or pipe so far; before decompression, so that it compares with its size. */
  readonly consumedBytes: number;
  /** Fills into[at..] as far as bytes are at hand; 0 at the end of the bytes. Rejects with a ByteReadError. */
  read(into: Uint8Array, at: number): Promise<number>;
  /** Ends a read in flight, where it can wait for long, and releases the descriptor. */
  close(): Promise<void>;
}

/** `cut`: the bytes stop before their own format says that they end. `bad`: they cannot be read at all. */
export class ByteReadError extends Error {
  readonly kind: 'cut' | 'bad';

  constructor(kind: 'cut' | 'bad', message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ByteReadError';
    this.kind = kind;
  }
}

/** Chunks between two turns of the event loop, for signals and progress: a few milliseconds of work. */
const READS_A_TURN = 8;

/**
 * Reads a regular file straight into the caller's memory. Synchronously: a thread of the pool would copy the bytes into
 * the caches of another core, and fetching each header from there costs more than the whole copy (docs/adr/0003). The
 * kernel reads ahead by itself. Owns the descriptor.
 */
export class FileByteReader implements ByteReader {
  consumedBytes = 0;
  readonly #fd: number;
  #reads = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    if (++this.#reads % READS_A_TURN === 0) await nextTurn();
    try {
      const bytesRead = fs.readSync(this.#fd, into, at, into.length - at, null);
      this.consumedBytes += bytesRead;
      return bytesRead;
    } catch (error) {
      throw new ByteReadError('bad', messageOf(error), { cause: error });
    }
  }

  /** At once, for the same reason: thousands of small files would wait for a thread each. */
  async close(): Promise<void> {
    fs.closeSync(this.#fd);
  }
}

/**
 * Reads a pipe, a socket, a terminal or a device. As a stream, because a blocking read of an idle pipe would hold a thread
 * of the pool, and with it the process, after the capture is closed.
 */
export class StreamByteReader implements ByteReader {
  consumedBytes = 0;
  readonly #stream: Readable;
  #failure: Error | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on('readable', () => this.#wake?.());
    stream.on('end', () => this.#end());
    stream.on('close', () => this.#end());
    stream.on('error', (error) => {
      this.#failure = error;
      this.#wake?.();
    });
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    for (;;) {
      const room = into.length - at;
      const chunk = this.#take(room);
      if (chunk !== undefined) {
        into.set(chunk, at);
        this.consumedBytes += chunk.length;
        return chunk.length;
      }
      if (this.#failure !== undefined) {
        throw new ByteReadError('bad', this.#failure.message, { cause: this.#failure });
      }
      if (this.#ended) return 0;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  #take(room: number): Uint8Array | undefined {
    const size = Math.min(room, this.#stream.readableLength);
    const chunk: unknown = size > 0 ? this.#stream.read(size) : this.#stream.read(0);
    return chunk instanceof Uint8Array ? chunk : undefined;
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async close(): Promise<void> {
    this.#end();
    this.#stream.destroy();
  }
}

// Compressed bytes given to zlib at a time. DEFLATE expands at most 1,032-fold, so one turn leaves 17 MB at worst.
const GZIP_INPUT_BYTES = 16 * 1024;
// One trip to a thread of the pool each; where corrupt data begins, up to so many good bytes before it are lost.
const GZIP_OUTPUT_BYTES = 64 * 1024;

/**
 * Decompresses gzip, also several members after each other. The input goes in by small pieces and all that one
 * piece gives is taken before the next: a failing stream would throw away what it still holds.
 */
export class GunzipByteReader implements ByteReader {
  readonly #input: ByteReader;
  readonly #gunzip: Gunzip;
  readonly #compressed = new Uint8Array(GZIP_INPUT_BYTES);
  /** The first bytes, which were read to recognise the format. */
  #head: Uint8Array | undefined;
  #output: Uint8Array[] = [];
  #outputAt = 0;
  #failure: ByteReadError | undefined;
  #inputEnded = false;

  constructor(input: ByteReader, head: Uint8Array) {
    this.#input = input;
    this.#head = head;
    this.#gunzip = createGunzip({ chunkSize: GZIP_OUTPUT_BYTES });
    this.#gunzip.on('data', (chunk: Buffer) => this.#output.push(chunk));
    this.#gunzip.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure ??= gzipFailure(error);
    });
  }

  get consumedBytes(): number {
    return this.#input.consumedBytes;
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    while (this.#output.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#inputEnded) return 0;
      await this.#inflateMore();
    }
    return this.#copyOutput(into, at);
  }

  async #inflateMore(): Promise<void> {
    const compressed = await this.#nextInput();
    const gunzip = this.#gunzip;
    await new Promise<void>((resolve) => {
      gunzip.once('close', resolve);
      const done = (): void => {
        gunzip.off('close', resolve);
        resolve();
      };
      if (compressed !== undefined) {
        gunzip.write(compressed, done);
        return;
      }
      this.#inputEnded = true;
      gunzip.once('end', done);
      gunzip.end();
    });
  }

  async #nextInput(): Promise<Uint8Array | undefined> {
    const head = this.#head;
    if (head !== undefined) {
      this.#head = head.length > GZIP_INPUT_BYTES ? head.subarray(GZIP_INPUT_BYTES) : undefined;
      return head.subarray(0, GZIP_INPUT_BYTES);
    }
    const bytes = await this.#input.read(this.#compressed, 0);
    return bytes === 0 ? undefined : this.#compressed.subarray(0, bytes);
  }

  #copyOutput(into: Uint8Array, start: number): number {
    let at = start;
    while (at < into.length) {
      const chunk = this.#output[0];
      if (chunk === undefined) break;
      const part = chunk.subarray(this.#outputAt, this.#outputAt + into.length - at);
      into.set(part, at);
      at += part.length;
      this.#outputAt += part.length;
      if (this.#outputAt < chunk.length) break;
      this.#output.shift();
      this.#outputAt = 0;
    }
    return at - start;
  }

  async close(): Promise<void> {
    this.#inputEnded = true;
    this.#gunzip.destroy();
    this.#output = [];
    await this.#input.close();
  }
}

function gzipFailure(error: NodeJS.ErrnoException): ByteReadError {
  return error.code === 'Z_BUF_ERROR'
    ? new ByteReadError('cut', 'the gzip data is cut off', { cause: error })
    : new ByteReadError('bad', `the gzip data is corrupt (${messageOf(error)})`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
