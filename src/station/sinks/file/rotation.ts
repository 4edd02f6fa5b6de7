/**
 * `x.ndjson` becomes `x.ndjson.1`, `.1` becomes `.2`, the oldest goes; as logrotate names them. What was rotated may be
 * compressed: beside the writing, into a temporary file, so that a kill leaves the one or the other whole.
 */
import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Micros } from '../../../model/time.ts';

export interface RotationOptions {
  /** 0: never. */
  readonly maxBytes: number;
  /** 0: never. */
  readonly maxAgeSecs: number;
  readonly keep: number;
  readonly gzip: boolean;
}

const MODE = 0o640;

export class Rotation {
  readonly #path: string;
  readonly #options: RotationOptions;
  readonly #abort = new AbortController();
  #compressing: Promise<void> = Promise.resolve();

  constructor(path: string, options: RotationOptions) {
    this.#path = path;
    this.#options = options;
  }

  get isWanted(): boolean {
    return this.#options.maxBytes > 0 || this.#options.maxAgeSecs > 0;
  }

  /** An empty file is never due; one that alone is larger than the bound is not either. */
  isDue({ size, birthtimeMs }: Stats, moreBytes: number, now: Micros): boolean {
    const { maxBytes, maxAgeSecs } = this.#options;
    if (size === 0) return false;
    if (maxBytes > 0 && size + moreBytes > maxBytes) return true;
    // Where the file system knows no birth, Node says 0, or the last change of the inode.
    return maxAgeSecs > 0 && birthtimeMs > 0 && now / 1000 - birthtimeMs >= maxAgeSecs * 1000;
  }

  async rotate(): Promise<void> {
    await this.#compressing;
    const { keep } = this.#options;
    for (const ending of ['', '.gz']) await rm(`${this.#path}.${keep}${ending}`, { force: true });
    for (let n = keep - 1; n >= 1; n--) {
      for (const ending of ['', '.gz'])
        await move(`${this.#path}.${n}${ending}`, `${this.#path}.${n + 1}${ending}`);
    }
    if (keep === 0) await rm(this.#path, { force: true });
    else await rename(this.#path, `${this.#path}.1`);
    this.compress();
  }

  /** The last that was rotated, where it is not compressed yet. Never fails: it is whole as it is. */
  compress(): void {
    if (!this.#options.gzip || this.#options.keep === 0) return;
    this.#compressing = this.#compressLast().catch(() => {});
  }

  /** Compressing goes on at the next start. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#compressing;
  }

  async #compressLast(): Promise<void> {
    const from = `${this.#path}.1`;
    const temporary = `${from}.gz.tmp`;
    if ((await stat(from).catch(() => undefined)) === undefined) return;
    try {
      await pipeline(createReadStream(from), createGzip(), createWriteStream(temporary, { mode: MODE }), {
        signal: this.#abort.signal,
      });
      await rename(temporary, `${from}.gz`);
      await rm(from);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
