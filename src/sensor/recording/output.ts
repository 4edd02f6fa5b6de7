/**
 * Where a recording's bytes go: a stream that others read while it is written, or files, one after the other. Writing
 * is synchronous: whoever reads too slowly fills the kernel's ring, where what is lost is counted.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

export interface WrittenFile {
  readonly name: string;
  readonly bytes: number;
  /** Of the whole file, hex. */
  readonly sha256: string;
}

export interface RecordingOutput {
  write(bytes: Uint8Array): void;
  /** Ends the file and begins the next; absent where there is one only. */
  next?(): void;
  /** All that is left of it: nothing for a stream. Idempotent. */
  close(): readonly WrittenFile[];
}

/** The reader of a stream went away: an end as good as any. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

export class RecordingFileError extends Error {
  override readonly name = 'RecordingFileError';
  readonly code = 'RECORDING_FILE';
}

/** A pipe that is not ready: its reader gets so much time before it is asked again. */
const BUSY_PIPE_MS = 5;

export function streamOutput(fd: number): RecordingOutput {
  return {
    write: (bytes) => writeAll(fd, bytes),
    close: () => [],
  };
}

export interface FileOptions {
  readonly path: string;
  /** Begin another at each `next`, and keep so many of the newest; absent: one file. */
  readonly keep?: number;
  /** Of the file that begins now; for its name. */
  readonly now?: () => Date;
}

/** A file that is there already is not overwritten: it may be evidence. */
export function fileOutput({ path, keep, now = () => new Date() }: FileOptions): RecordingOutput {
  const kept: WrittenFile[] = [];
  let current: OpenFile | undefined;
  let count = 0;
  const begin = () => {
    count += 1;
    current = new OpenFile(keep === undefined ? path : numbered(path, count, now()));
  };
  const end = () => {
    if (current === undefined) return;
    kept.push(current.close());
    current = undefined;
    while (keep !== undefined && kept.length > keep) rmSync(kept.shift()!.name, { force: true });
  };
  begin();
  return {
    write: (bytes) => current?.write(bytes),
    ...(keep === undefined
      ? {}
      : {
          next: () => {
            end();
            begin();
          },
        }),
    close() {
      end();
      return [...kept];
    },
  };
}

/** As dumpcap's ring: `out.pcapng` becomes `out_00001_20261123140207.pcapng`. */
function numbered(path: string, count: number, time: Date): string {
  const extension = extname(path);
  const stamp = time.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  return join(
    dirname(path),
    `${basename(path, extension)}_${String(count).padStart(5, '0')}_${stamp}${extension}`,
  );
}

class OpenFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
    try {
      // What was said on the network is for nobody else to read.
      this.#fd = openSync(path, 'wx', 0o600);
    } catch (error) {
      throw new RecordingFileError(`cannot write ${path}: ${whyNot(error)}`, { cause: error });
    }
  }

  write(bytes: Uint8Array): void {
    try {
      writeAll(this.#fd, bytes);
    } catch (error) {
      throw new RecordingFileError(`cannot write on ${this.#path}: ${whyNot(error)}`, { cause: error });
    }
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  close(): WrittenFile {
    closeSync(this.#fd);
    return { name: this.#path, bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}

function whyNot(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EEXIST':
      return 'it exists already, and is not overwritten; give another name, or remove it';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full; what is in the file until here can be read';
    case 'ENOENT':
      return 'its folder does not exist';
    default:
      return message;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at, bytes.length - at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new ReaderGone('nobody reads any more', { cause: error });
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_PIPE_MS);
    }
  }
}
