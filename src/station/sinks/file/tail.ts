/**
 * What a file ended with before we wrote to it. After a kill the last batch may be in the file, wholly or in part,
 * though nobody remembers that it was delivered; it comes again, byte for byte, and is recognised here.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { DurableLane } from '../../../model/lane.ts';

/** Twice a batch (OUTLET_DEFAULTS.batchMaxBytes), for formats that say more than the native one. */
const TAIL_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

export class Tail {
  /** The last line, when it has no end: bytes, and where they begin. */
  readonly fragment: Buffer;
  readonly fragmentAt: number;
  readonly #lines = new Set<string>();
  /** What comes again is the beginning of what a lane sends: after the first new record there is none. */
  readonly #passed = new Set<DurableLane>();

  private constructor(bytes: Buffer, from: number) {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    // A copy: the rest need not be kept.
    this.fragment = Buffer.from(bytes.subarray(end));
    this.fragmentAt = from + end;
    let begin = from === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
    for (let at = bytes.indexOf(NEWLINE, begin); at >= 0; at = bytes.indexOf(NEWLINE, begin)) {
      this.#lines.add(digest(bytes.subarray(begin, at)));
      begin = at + 1;
    }
  }

  static async read(handle: FileHandle, size: number): Promise<Tail> {
    const from = Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - from);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, from + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return new Tail(bytes.subarray(0, length), from);
  }

  /** What of these is not in the file yet. */
  without(lines: readonly Buffer[], lane: DurableLane): readonly Buffer[] {
    if (this.#passed.has(lane)) return lines;
    const firstNew = lines.findIndex((line) => !this.#lines.has(digest(line)));
    if (firstNew < 0) return [];
    this.#passed.add(lane);
    return lines.slice(firstNew);
  }

  /** Whether the line without an end is the beginning of one of these, and so was begun by us. */
  isBegunBy(lines: readonly Buffer[]): boolean {
    const { fragment } = this;
    return lines.some(
      (line) => line.length >= fragment.length && line.subarray(0, fragment.length).equals(fragment),
    );
  }
}

function digest(line: Buffer): string {
  return createHash('sha256').update(line).digest('base64');
}
