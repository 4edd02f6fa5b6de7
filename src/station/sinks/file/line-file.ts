/**
 * Lines at the end of a file, each once. The file is opened for each write and closed after it: whoever moves it away
 * needs to tell nobody. Nothing of another writer is ever cut: only a line without an end that is the beginning of what
 * is to be written now.
 */
import { constants } from 'node:fs';
import { access, type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Lane } from '../../../model/lane.ts';
import type { Micros } from '../../../model/time.ts';
import { SinkError } from '../sink.ts';
import { fileFailure } from './failure.ts';
import { Rotation, type RotationOptions } from './rotation.ts';
import { Tail } from './tail.ts';
import type { LineTarget } from './target.ts';

export interface LineFileOptions extends RotationOptions {
  readonly fsync: 'write' | 'never';
}

/** The group may read: collectors run in it. */
const MODE = 0o640;
const END = Buffer.from('\n');

export class LineFile implements LineTarget {
  readonly name: string;
  readonly #path: string;
  readonly #options: LineFileOptions;
  readonly #rotation: Rotation;
  readonly #now: () => Micros;
  /** Of the file as it was before our first write, or the first after a failure. */
  #tail: Tail | undefined;
  /** How far the file is known to end in a whole line of ours. */
  #knownSize = 0;

  constructor(path: string, options: LineFileOptions, now: () => Micros) {
    this.#path = resolve(path);
    this.name = this.#path;
    this.#options = options;
    this.#now = now;
    this.#rotation = new Rotation(this.#path, options);
  }

  async check(): Promise<string> {
    const found = await this.#stat();
    if (found !== undefined) {
      await this.#try(() => access(this.#path, constants.W_OK));
      // Rotating is writing to the directory.
      if (this.#rotation.isWanted) await this.#try(() => access(dirname(this.#path), constants.W_OK));
      return `${this.#path}, ${found.size} bytes so far`;
    }
    let folder = dirname(this.#path);
    while ((await stat(folder).catch(() => undefined)) === undefined) folder = dirname(folder);
    await this.#try(() => access(folder, constants.W_OK));
    return `${this.#path} will be made`;
  }

  async prepare(): Promise<void> {
    await this.#try(() => mkdir(dirname(this.#path), { recursive: true, mode: 0o750 }));
    await this.#stat();
    this.#rotation.compress();
  }

  async append(lines: readonly string[], lane: Lane): Promise<void> {
    try {
      await this.#append(
        lines.map((line) => Buffer.from(line, 'utf8')),
        lane,
      );
    } catch (error) {
      // How much of it arrived is not known: the file itself is asked next time.
      this.#tail = undefined;
      throw fileFailure(error, this.#path);
    }
  }

  async close(): Promise<void> {
    await this.#rotation.close();
  }

  async #append(lines: readonly Buffer[], lane: Lane): Promise<void> {
    await this.#stat();
    let handle = await this.#open();
    try {
      let { size } = await handle.stat();
      if (this.#tail === undefined) {
        this.#tail = await Tail.read(handle, size);
        this.#knownSize = this.#tail.fragmentAt;
        if (this.#tail.fragment.length > 0 && this.#tail.isBegunBy(lines)) {
          await handle.truncate(this.#tail.fragmentAt);
          size = this.#tail.fragmentAt;
        }
      }
      const fresh = lane === 'finding' || lane === 'event' ? this.#tail.without(lines, lane) : lines;
      if (fresh.length === 0) return;
      const text = Buffer.concat(fresh.flatMap((line) => [line, END]));
      // What comes again stays in the file that is looked at for it: not before it is settled may the file be moved.
      const isRepeated = fresh.length < lines.length;
      if (!isRepeated && this.#rotation.isDue(await handle.stat(), text.length, this.#now())) {
        await handle.close();
        await this.#rotation.rotate();
        handle = await this.#open();
        ({ size } = await handle.stat());
        this.#knownSize = 0;
      }
      // Another's line, or one of traffic that nobody will send again: it is ended, so that ours are whole.
      const isOpen = size !== this.#knownSize && !(await endsInNewline(handle, size));
      await handle.appendFile(isOpen ? Buffer.concat([END, text]) : text);
      if (this.#options.fsync === 'write') await handle.datasync();
      this.#knownSize = size + text.length + (isOpen ? 1 : 0);
    } finally {
      await handle.close();
    }
  }

  /** For reading too: what it ends with. */
  async #open(): Promise<FileHandle> {
    return await open(this.#path, 'a+', MODE);
  }

  async #stat() {
    const found = await this.#try(() =>
      stat(this.#path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }),
    );
    if (found === undefined || found.isFile()) return found;
    const what = found.isDirectory() ? 'a directory' : 'no regular file';
    const message = `${this.#path} is ${what}; check sinks[].path: give the path of a file, or "-" for stdout`;
    throw new SinkError('SINK_NO_TARGET', 'act', message);
  }

  async #try<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw fileFailure(error, this.#path);
    }
  }
}

async function endsInNewline(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true;
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] === END[0];
}
