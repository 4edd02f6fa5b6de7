/** Tells two versions of a file apart without reading it: what is polled is compared by this. */
import type { Stats } from 'node:fs';

/** An update in place changes it too. */
export interface FileVersion {
  readonly mtimeMs: number;
  readonly size: number;
  readonly ino: number;
}

export function versionOf({ mtimeMs, size, ino }: Stats): FileVersion {
  return { mtimeMs, size, ino };
}

export function isSameVersion(a: FileVersion, b: FileVersion | undefined): boolean {
  return a.mtimeMs === b?.mtimeMs && a.size === b.size && a.ino === b.ino;
}
