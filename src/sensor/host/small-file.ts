/** Reads a file that somebody else may have filled: never more than asked for, never waiting for a writer of a pipe. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Undefined when it cannot be read, is no regular file, or is larger: half a file is worse than none. */
export async function readSmallFile(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) return undefined;
      const chunks: Buffer[] = [];
      let bytes = 0;
      // Files of /proc have no size, and give a page at a time.
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(16 * 1024), 0, 16 * 1024, null);
        if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
        bytes += bytesRead;
        if (bytes > maxBytes) return undefined;
        chunks.push(buffer.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
