/**
 * One file of packets while it grows. It has another name until it is complete, its facts lie beside it from the first
 * moment on, and what could not be written whole is not in it.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fsync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { packetsIn } from './blocks.ts';
import { type EvidencePaths, FILE_MODE } from './folder.ts';

const flushed = promisify(fsync);

export interface Written {
  readonly bytes: number;
  readonly packets: number;
  readonly sha256: string;
}

export class PartFile {
  readonly #paths: EvidencePaths;
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #packets = 0;
  #isClosed = false;

  /** `facts`: what to say of it if nobody comes back to complete it. Throws what the file system says. */
  constructor(paths: EvidencePaths, facts: string) {
    this.#paths = paths;
    rmSync(paths.packetsPart, { force: true });
    writeFacts(paths.factsPart, facts);
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
    this.#fd = openSync(paths.packetsPart, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get packets(): number {
    return this.#packets;
  }

  /** Whole blocks. Throws what the file system says; then they are not in the file. */
  append(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length; )
        at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#bytes + at);
    } catch (error) {
      ftruncateSync(this.#fd, this.#bytes);
      throw error;
    }
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    this.#packets += packetsIn(bytes);
  }

  /** On the disk, under its last name, with its facts. Rejects with what the file system says; then nothing is left. */
  async complete(factsOf: (written: Written) => string): Promise<void> {
    let isRenamed = false;
    try {
      await flushed(this.#fd);
      this.#close();
      const written = { bytes: this.#bytes, packets: this.#packets, sha256: this.#hash.digest('hex') };
      writeFacts(this.#paths.factsPart, factsOf(written));
      renameSync(this.#paths.packetsPart, this.#paths.packets);
      isRenamed = true;
      renameSync(this.#paths.factsPart, this.#paths.facts);
    } catch (error) {
      if (isRenamed) rmSync(this.#paths.packets, { force: true });
      this.abandon();
      throw error;
    }
  }

  /** As if it had never begun. Idempotent. */
  abandon(): void {
    this.#close();
    rmSync(this.#paths.packetsPart, { force: true });
    rmSync(this.#paths.factsPart, { force: true });
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#fd);
  }
}

export function writeFacts(path: string, facts: string): void {
  writeFileSync(path, `${facts}\n`, { mode: FILE_MODE });
}
