/**
 * Writes a bundle, one file after the other, in bounded memory: each header is written again once the size of its file is
 * known, hashes are made on the way, the manifest comes last. Nothing is overwritten, and nothing has the bundle's name
 * before it is whole. Synchronous: nothing else goes on in a command.
 */
import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { BundleError } from './error.ts';
import {
  type BundledFile,
  MANIFEST,
  MAX_FILES,
  type Manifest,
  type Missing,
  manifestText,
  parseManifest,
  SIGNATURE,
  SUMS,
  sumsText,
} from './manifest.ts';
import type { Signer } from './signature.ts';
import { BLOCK_BYTES, END_BYTES, MAX_FILE_BYTES, paddingBytes, tarHeader } from './tar.ts';

export interface BundleOptions {
  /** Of the archive. */
  readonly path: string;
  /** Name of the folder in it. */
  readonly root: string;
  /** Unix time; all files have it. */
  readonly createdSecs: number;
  /** Of the archive, manifest included. */
  readonly maxBytes: number;
}

export interface WrittenBundle {
  readonly bytes: number;
  /** Of the whole archive, hex. */
  readonly sha256: string;
  readonly manifest: Manifest;
}

/** What is known only where the case is. */
export type CaseFacts = Omit<
  Manifest,
  'format' | 'version' | 'root' | 'created' | 'files' | 'missing' | 'signedBy'
>;

const CHUNK_BYTES = 256 * 1024;
/** A line of the manifest and one of the sums, for each file; and what they begin with. */
const MANIFEST_BYTES_PER_FILE = 600;
const MANIFEST_BYTES = 8192;
const MANIFEST_BYTES_PER_MISSING = 60;
/** Nobody reads more. */
const MAX_MISSING = 5000;
/** Of copies: other files must have room in the manifest too. */
const MAX_COPIES = MAX_FILES - 1000;

export class BundleWriter {
  readonly #options: BundleOptions;
  readonly #part: string;
  readonly #fd: number;
  readonly #files: BundledFile[] = [];
  readonly #missing: Missing[] = [];
  #missingBytes = 0;
  #furtherMissing = 0;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Where the next byte goes. */
  #at = 0;
  #isOpen = true;

  constructor(options: BundleOptions) {
    this.#options = options;
    this.#part = `${options.path}.part`;
    if (statSync(options.path, { throwIfNoEntry: false }) !== undefined) throw existsAlready(options.path);
    try {
      this.#fd = openSync(this.#part, 'wx+', 0o600);
    } catch (error) {
      throw writeError(this.#part, error);
    }
  }

  /** What should be in it and is not. */
  lacks(what: string, why: string): void {
    if (this.#missing.length >= MAX_MISSING) {
      this.#furtherMissing += 1;
      return;
    }
    this.#missing.push({ what, why });
    this.#missingBytes += Buffer.byteLength(what) + Buffer.byteLength(why) + MANIFEST_BYTES_PER_MISSING;
  }

  /** Bytes that further files may have, headers included. */
  get roomBytes(): number {
    const files = (this.#files.length + 2) * MANIFEST_BYTES_PER_FILE;
    const manifest = MANIFEST_BYTES + files + this.#missingBytes;
    return this.#options.maxBytes - this.#at - manifest - END_BYTES;
  }

  /**
   * Text in pieces that are never cut: once one does not fit, it and the rest are left out. Returns whether all fitted.
   * `what` may depend on how many there were.
   */
  add(path: string, what: string | (() => string), pieces: Iterable<string>): boolean {
    const headerAt = this.#beginFile();
    const hash = createHash('sha256');
    let bytes = 0;
    let isWhole = true;
    for (const piece of pieces) {
      const encoded = Buffer.from(piece, 'utf8');
      if (bytes + encoded.length > MAX_FILE_BYTES || encoded.length + BLOCK_BYTES > this.roomBytes) {
        isWhole = false;
        break;
      }
      this.#write(encoded, hash);
      bytes += encoded.length;
    }
    this.#endFile(
      { path, bytes, sha256: hash.digest('hex'), what: typeof what === 'string' ? what : what() },
      headerAt,
    );
    return isWhole;
  }

  /** A file as it is; undefined when there is no room for all of it. Throws, with nothing begun, when it cannot be opened. */
  addCopy(path: string, what: string, from: string): BundledFile | undefined {
    const source = openPlain(from);
    try {
      const { size } = fstatSync(source);
      const isTooMuch = size > MAX_FILE_BYTES || size + 2 * BLOCK_BYTES > this.roomBytes;
      if (isTooMuch || this.#files.length >= MAX_COPIES) return undefined;
      const headerAt = this.#beginFile();
      const hash = createHash('sha256');
      const chunk = Buffer.alloc(CHUNK_BYTES);
      let bytes = 0;
      // A file that grows meanwhile is taken as large as it was.
      for (let read = 1; read > 0 && bytes < size; bytes += read) {
        read = readOf(source, chunk, Math.min(CHUNK_BYTES, size - bytes), from);
        this.#write(chunk.subarray(0, read), hash, true);
      }
      const file = { path, bytes, sha256: hash.digest('hex'), what };
      this.#endFile(file, headerAt);
      return file;
    } finally {
      closeSync(source);
    }
  }

  /** Manifest, sums and signature; then it gets its name. */
  finish(facts: CaseFacts, signer?: Signer): WrittenBundle {
    const { path, root, createdSecs } = this.#options;
    const manifest: Manifest = {
      format: 'bridgewatch-bundle',
      version: 1,
      root,
      ...facts,
      created: new Date(createdSecs * 1000).toISOString().replace('.000Z', 'Z'),
      files: [...this.#files],
      missing: [...this.#missing, ...this.#furtherMissingText()],
      ...(signer === undefined ? {} : { signedBy: signer.publicKey }),
    };
    const text = Buffer.from(manifestText(manifest), 'utf8');
    const read = parseManifest(text);
    if ('problem' in read) throw new Error(`a manifest that could not be read again: ${read.problem}`);
    const sums = Buffer.from(
      sumsText(manifest.files, createHash('sha256').update(text).digest('hex')),
      'utf8',
    );
    this.#addWhole(MANIFEST, text);
    this.#addWhole(SUMS, sums);
    if (signer !== undefined) this.#addWhole(SIGNATURE, signer.sign(sums));
    this.#write(Buffer.alloc(END_BYTES));
    this.#flush();
    const sha256 = this.#hashOfAll();
    try {
      fsyncSync(this.#fd);
      this.#close();
      giveName(this.#part, path);
    } catch (error) {
      throw error instanceof BundleError ? error : writeError(path, error);
    }
    return { bytes: this.#at, sha256, manifest };
  }

  #furtherMissingText(): Missing[] {
    if (this.#furtherMissing === 0) return [];
    return [{ what: 'more', why: `${this.#furtherMissing} further things are not in it, and not listed` }];
  }

  /** Leaves nothing behind. Idempotent, and harmless after `finish`. */
  discard(): void {
    if (!this.#isOpen) return;
    this.#close();
    rmSync(this.#part, { force: true });
  }

  #close(): void {
    this.#isOpen = false;
    closeSync(this.#fd);
  }

  /** Room for the header; returns its place. */
  #beginFile(): number {
    const at = this.#at;
    this.#write(Buffer.alloc(BLOCK_BYTES));
    return at;
  }

  #endFile(file: BundledFile, headerAt: number): void {
    this.#writeHeader(file.path, file.bytes, headerAt);
    this.#files.push(file);
  }

  #addWhole(path: string, content: Buffer): void {
    const headerAt = this.#beginFile();
    this.#write(content);
    this.#writeHeader(path, content.length, headerAt);
  }

  #writeHeader(path: string, bytes: number, at: number): void {
    const { root, createdSecs } = this.#options;
    this.#write(Buffer.alloc(paddingBytes(bytes)));
    this.#flush();
    this.#writeAt(tarHeader({ root, path, bytes, mtimeSecs: createdSecs }), at);
  }

  /** `isBorrowed`: the bytes are the caller's again after this. */
  #write(bytes: Buffer, hash?: Hash, isBorrowed = false): void {
    hash?.update(bytes);
    this.#at += bytes.length;
    if (bytes.length > 0) this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (isBorrowed || this.#waitingBytes >= CHUNK_BYTES) this.#flush();
  }

  #flush(): void {
    if (this.#waitingBytes === 0) return;
    const bytes = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting);
    this.#writeAt(bytes, this.#at - this.#waitingBytes);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  #writeAt(bytes: Buffer, position: number): void {
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
    } catch (error) {
      throw writeError(this.#part, error);
    }
  }

  /** Read back, because headers were written after what follows them. */
  #hashOfAll(): string {
    const hash = createHash('sha256');
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let at = 0; at < this.#at; ) {
      const read = readSync(this.#fd, chunk, 0, CHUNK_BYTES, at);
      if (read === 0) throw writeError(this.#part, new Error('it became shorter while it was written'));
      hash.update(chunk.subarray(0, read));
      at += read;
    }
    return hash.digest('hex');
  }
}

/** Whoever may write beside the database must not have root hand out what a link or a device leads to. */
function openPlain(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'it is not there, and nothing is recorded of why'
        : code === 'ELOOP'
          ? 'it is a symbolic link, which is not followed'
          : code === 'EACCES'
            ? "no permission; run it as root or as the agent's user"
            : message;
    throw new BundleError('BUNDLE_SOURCE', `cannot read ${path}: ${why}`, { cause: error });
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new BundleError('BUNDLE_SOURCE', `cannot read ${path}: it is no plain file`);
}

/** A link is refused where the name is taken meanwhile; file systems without links (vfat) get a rename. */
function giveName(part: string, path: string): void {
  try {
    linkSync(part, path);
    rmSync(part);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw existsAlready(path);
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    renameSync(part, path);
  }
}

function readOf(fd: number, into: Buffer, length: number, path: string): number {
  try {
    return readSync(fd, into, 0, length, null);
  } catch (error) {
    throw readError(path, error);
  }
}

function existsAlready(path: string): BundleError {
  return new BundleError(
    'BUNDLE_FILE',
    `cannot write ${path}: it exists already, and is not overwritten; give another name with -o, or remove it`,
  );
}

function readError(path: string, error: unknown): BundleError {
  const { message } = error as Error;
  return new BundleError('BUNDLE_FILE', `cannot read ${path}: ${message}`, { cause: error });
}

function writeError(path: string, error: unknown): BundleError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why =
    code === 'EEXIST'
      ? 'it exists already: another run writes it, or one was killed; remove it then'
      : code === 'ENOSPC' || code === 'EDQUOT'
        ? 'the disk is full; nothing of it is left; free some space, lower --max-bytes, or give another place with -o'
        : code === 'ENOENT'
          ? 'its folder does not exist; give another place with -o'
          : message;
  return new BundleError('BUNDLE_FILE', `cannot write ${path}: ${why}`, { cause: error });
}
