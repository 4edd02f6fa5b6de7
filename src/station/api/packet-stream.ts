/**
 * A file of packets as the body of an answer. Few at a time, read only as fast as the client takes them; one that takes
 * nothing for long makes room for others.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ApiProblem } from './problem.ts';

const MAX_STREAMS = 4;
const CHUNK_BYTES = 64 * 1024;
const IDLE_MS = 60_000;

export interface PacketFile {
  readonly bytes: number;
  /** Absent where only its length is asked for. */
  readonly body?: ReadableStream<Uint8Array>;
}

export class PacketStreams {
  readonly #idleMs: number;
  #open = 0;

  constructor(idleMs = IDLE_MS) {
    this.#idleMs = idleMs;
  }

  /** Rejects with an ApiProblem where there is no such file, or no room. */
  async open(path: string, { isHead }: { readonly isHead: boolean }): Promise<PacketFile> {
    if (this.#open >= MAX_STREAMS)
      throw new ApiProblem(503, `${MAX_STREAMS} others fetch packets just now; ask again in a moment`, {
        headers: { 'retry-after': '5' },
      });
    this.#open += 1;
    let file: FileHandle | undefined;
    try {
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      const bytes = (await file.stat()).size;
      if (!isHead) return { bytes, body: this.#stream(file, bytes) };
      await this.#close(file);
      return { bytes };
    } catch {
      if (file === undefined) this.#open -= 1;
      else await this.#close(file);
      throw new ApiProblem(404, 'there are no packets of this; its facts say why');
    }
  }

  /** No more than was there when it began: what is promised as its length. */
  #stream(file: FileHandle, bytes: number): ReadableStream<Uint8Array> {
    let at = 0;
    let timer: NodeJS.Timeout;
    let isClosed = false;
    const end = async () => {
      clearTimeout(timer);
      if (isClosed) return;
      isClosed = true;
      await this.#close(file);
    };
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          timer = setTimeout(() => {
            controller.error(new Error('nobody takes it'));
            void end();
          }, this.#idleMs).unref();
        },
        pull: async (controller) => {
          timer.refresh();
          const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes - at));
          const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
          at += bytesRead;
          if (bytesRead > 0) controller.enqueue(chunk.subarray(0, bytesRead));
          if (bytesRead > 0 && at < bytes) return;
          await end();
          controller.close();
        },
        cancel: end,
      },
      { highWaterMark: 1 },
    );
  }

  async #close(file: FileHandle): Promise<void> {
    this.#open -= 1;
    await file.close();
  }
}
