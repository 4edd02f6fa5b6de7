/** A kept file of packets: its hash as it is now, and a copy of it for somebody else. */
import { createHash } from 'node:crypto';
import { constants, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileOutput, ReaderGone, streamOutput } from '../../sensor/recording/output.ts';

const STDOUT = 1;

/** Undefined where it cannot be read. */
export async function hashOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of readOf(path)) hash.update(chunk);
    return hash.digest('hex');
  } catch {
    return undefined;
  }
}

export interface WrittenOut {
  readonly sha256: string;
  readonly bytes: number;
  /** The reader of stdout went away: an end as good as any. */
  readonly isReaderGone: boolean;
}

/** Rejects with what the file system says; a file that is there already is not overwritten. */
export function copyOut(path: string, to: string): Promise<WrittenOut> {
  return writeOut(readOf(path), to);
}

/** `to`: a new file, or `-` for stdout. A file that could not be written whole is not left behind. */
export async function writeOut(chunks: AsyncIterable<Uint8Array>, to: string): Promise<WrittenOut> {
  const output = to === '-' ? streamOutput(STDOUT) : fileOutput({ path: to });
  const hash = createHash('sha256');
  let bytes = 0;
  let isReaderGone = false;
  try {
    for await (const chunk of chunks) {
      output.write(chunk);
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    if (!(error instanceof ReaderGone)) {
      output.close();
      if (to !== '-') rmSync(to, { force: true });
      throw error;
    }
    isReaderGone = true;
  }
  output.close();
  return { sha256: hash.digest('hex'), bytes, isReaderGone };
}

async function* readOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  yield* file.createReadStream() as AsyncIterable<Buffer>;
}
