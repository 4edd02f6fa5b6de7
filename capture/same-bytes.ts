/** Whether two files hold the same bytes; asked only of files of the same size whose first packets are of one time. */
import { closeSync, openSync, readSync } from 'node:fs';

const PIECE_BYTES = 256 * 1024;
const ours = Buffer.allocUnsafeSlow(PIECE_BYTES);
const theirs = Buffer.allocUnsafeSlow(PIECE_BYTES);

/** False where one of them cannot be read: reading it as a capture will tell why. */
export function haveSameBytes(a: string, b: string): boolean {
  const fds: number[] = [];
  try {
    for (const path of [a, b]) fds.push(openSync(path, 'r'));
    for (;;) {
      const count = readSync(fds[0]!, ours, 0, PIECE_BYTES, null);
      if (readSync(fds[1]!, theirs, 0, PIECE_BYTES, null) !== count) return false;
      if (count === 0) return true;
      if (ours.compare(theirs, 0, count, 0, count) !== 0) return false;
    }
  } catch {
    return false;
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}
