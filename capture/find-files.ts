/**
 * The files that paths name: a file is itself, a folder is all that lies below it, sorted. A symbolic link to a file is
 * followed, one to a folder is not, so that nothing turns in circles or leaves what was named. Pipes and devices count
 * only where they are named: opening one that nobody writes to would wait for ever.
 */
import fs from 'node:fs';
import path from 'node:path';
import { captureError } from './capture-error.ts';

export interface FoundFile {
  readonly path: string;
  /** Named itself, and not found in a folder. */
  readonly isNamed: boolean;
  /** Absent for what is no regular file. */
  readonly sizeBytes?: number;
}

export interface Found {
  readonly files: readonly FoundFile[];
  /** Folders and links that could not be followed. */
  readonly unreadable: readonly { readonly path: string; readonly detail: string }[];
}

/** Paths are held in memory. */
const MAX_FILES = 100_000;

/** Throws a CaptureError where there are more files than anybody meant. */
export function findFiles(paths: readonly string[]): Found {
  const search = new Search();
  for (const named of paths) search.named(named);
  return search;
}

class Search implements Found {
  readonly files: FoundFile[] = [];
  readonly unreadable: { path: string; detail: string }[] = [];
  /** Each file once, under whatever names. */
  readonly #seen = new Set<string>();

  named(file: string): void {
    const stat = file === '-' ? undefined : this.#stat(file);
    // What cannot be looked at is told when it is opened, in the words for that.
    if (stat === undefined) this.#once(file, { path: file, isNamed: true });
    else if (stat.isDirectory()) this.#folder(file);
    else this.#file(file, stat, true);
  }

  #folder(top: string): void {
    const open = [top];
    for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
      const inner: string[] = [];
      for (const entry of this.#entries(folder)) {
        const file = path.join(folder, entry.name);
        if (entry.isDirectory()) inner.push(file);
        else if (entry.isFile() || entry.isSymbolicLink()) this.#inFolder(file, entry.isSymbolicLink());
      }
      // The last is taken next.
      open.push(...inner.reverse());
    }
  }

  #inFolder(file: string, isLink: boolean): void {
    const stat = this.#stat(file);
    if (stat === undefined) {
      const why = isLink ? 'the symbolic link leads nowhere' : 'it is gone, or may not be looked at';
      this.unreadable.push({ path: file, detail: `cannot open ${file}: ${why}` });
    } else if (stat.isFile()) {
      this.#file(file, stat, false);
    }
  }

  #entries(folder: string): fs.Dirent[] {
    try {
      return fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = code === 'EACCES' ? `no permission to list it as user ${process.geteuid?.()}` : message;
      this.unreadable.push({ path: folder, detail: `cannot list ${folder}: ${why}` });
      return [];
    }
  }

  #file(file: string, stat: fs.Stats, isNamed: boolean): void {
    const { dev, ino, size } = stat;
    this.#once(`${dev}:${ino}`, { path: file, isNamed, ...(stat.isFile() && { sizeBytes: size }) });
  }

  #once(identity: string, file: FoundFile): void {
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    if (this.files.length >= MAX_FILES) {
      throw captureError('CAPTURE_FILE', `more than ${MAX_FILES} files: name fewer of them`);
    }
    this.files.push(file);
  }

  #stat(file: string): fs.Stats | undefined {
    try {
      return fs.statSync(file);
    } catch {
      return undefined;
    }
  }
}
