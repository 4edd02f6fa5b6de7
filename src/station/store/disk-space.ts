/**
 * Leaves the last of the disk to findings: flows and DNS stop before it is full. Old ones are not deleted to make
 * room, or filling the disk from a container would be a way to erase what it did.
 */
import { type StatsFs, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from '../../telemetry/logger.ts';

/** Free space that flows and DNS leave untouched; on small file systems a share of them. */
const RESERVE_BYTES = 64 * 1_048_576;
const RESERVE_SHARE = 0.1;
/** What must stay free of a file system for findings. */
export function reserveBytes({ blocks, bsize }: Pick<StatsFs, 'blocks' | 'bsize'>): number {
  return Math.min(RESERVE_BYTES, blocks * bsize * RESERVE_SHARE);
}

/** So much more must be free before they are stored again, so that it does not flap. */
const RELEASE_FACTOR = 1.2;

export class DiskSpace {
  readonly #path: string;
  readonly #logger: Logger;
  #isLow = false;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** As of the last check. */
  get isLow(): boolean {
    return this.#isLow;
  }

  get problem(): string | undefined {
    if (!this.#isLow) return undefined;
    return `the disk that holds ${this.#path} is nearly full: flows and DNS are not stored; free some space`;
  }

  /** Asks the file system, a few microseconds. Says it when the answer changes. */
  check(): boolean {
    const space = statfsSync(dirname(this.#path));
    const freeBytes = space.bavail * space.bsize;
    const reserved = reserveBytes(space);
    const wasLow = this.#isLow;
    this.#isLow = freeBytes < reserved * (wasLow ? RELEASE_FACTOR : 1);
    if (this.#isLow && !wasLow) {
      this.#logger.warn(
        { path: this.#path, freeBytes, reserveBytes: reserved },
        'the disk is nearly full; flows and DNS are not stored, findings are',
      );
    }
    if (wasLow && !this.#isLow) {
      this.#logger.info({ freeBytes }, 'there is room on the disk again; flows and DNS are stored');
    }
    return this.#isLow;
  }
}
