/**
 * Reads the files of one project, within bounds: regular files only, so many and so large. What a label named may be a
 * device or anybody's secret: there, only files in the project's own folders are opened, and only those named as such
 * files are.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, sep } from 'node:path';
import { MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES } from './limits.ts';
import { ComposeError, type Place } from './problem.ts';

export interface ProjectFilesOptions {
  /** Folders that no file may lead out of, symbolic links followed; absent: who names the files is trusted with them. */
  readonly within?: readonly string[];
}

export class ProjectFiles {
  readonly #within: readonly string[] | undefined;
  readonly #read = new Map<string, string>();
  #bytes = 0;

  constructor({ within }: ProjectFilesOptions = {}) {
    this.#within = within?.map((folder) => real(folder) ?? folder);
  }

  /** `askedAt`: where a file names it. */
  read(path: string, askedAt?: Place): string {
    const known = this.#read.get(path);
    if (known !== undefined) return known;
    const problem = this.#problemWith(path);
    if (problem !== undefined) throw refusal(path, problem, askedAt);
    if (this.#read.size >= MAX_FILES) {
      throw new ComposeError('COMPOSE_TOO_LARGE', `more than ${MAX_FILES} files`, askedAt);
    }
    try {
      const text = readBounded(path);
      this.#bytes += text.length;
      if (this.#bytes > MAX_TOTAL_BYTES) {
        throw new ComposeError(
          'COMPOSE_TOO_LARGE',
          `files of more than ${MAX_TOTAL_BYTES / 1024} KiB together`,
          askedAt,
        );
      }
      this.#read.set(path, text);
      return text;
    } catch (error) {
      if (error instanceof ComposeError) throw error;
      throw refusal(path, whyText(error), askedAt, error);
    }
  }

  isThere(path: string): boolean {
    try {
      return statSync(path).isFile();
    } catch {
      return false;
    }
  }

  #problemWith(path: string): string | undefined {
    if (this.#within === undefined) return undefined;
    if (!/\.(?:ya?ml|json|env)$|^\.env/i.test(basename(path))) return 'it is not named as a Compose file is';
    const target = real(path);
    if (target === undefined) return undefined;
    const isInside = this.#within.some((folder) =>
      target.startsWith(folder.endsWith(sep) ? folder : folder + sep),
    );
    return isInside ? undefined : "it leads out of the project's folder";
  }
}

function readBounded(path: string): string {
  // Opening alone does things to some devices, so it is looked at first; and again, once nobody can change it.
  requireFile(path, statSync(path));
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    requireFile(path, fstatSync(fd));
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < buffer.length; length += got) {
      got = readSync(fd, buffer, length, buffer.length - length, null);
    }
    if (length > MAX_FILE_BYTES) throw tooLong(path);
    return buffer.toString('utf8', 0, length).replace(/^\uFEFF/, '');
  } finally {
    closeSync(fd);
  }
}

function requireFile(path: string, { size, ...stat }: Stats): void {
  const isFile = (stat.mode & constants.S_IFMT) === constants.S_IFREG;
  if (!isFile) throw refusal(path, 'it is no regular file');
  if (size > MAX_FILE_BYTES) throw tooLong(path);
}

function tooLong(path: string): ComposeError {
  return new ComposeError('COMPOSE_TOO_LARGE', `${path} is larger than ${MAX_FILE_BYTES / 1024} KiB`);
}

function refusal(path: string, why: string, askedAt?: Place, cause?: unknown): ComposeError {
  return new ComposeError('COMPOSE_UNREADABLE', `cannot read ${path}: ${why}`, askedAt, { cause });
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function whyText(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'ELOOP') return 'its symbolic links go in a circle';
  return code;
}
