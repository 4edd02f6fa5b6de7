/**
 * The token that requests carry. Made at the first start, for the station's user only, or read from the operator's file;
 * a file that others could have read or written is refused. The token itself never leaves this room: it is kept as a
 * hash, and compared in constant time.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export const TOKEN_FILE = 'api-token';

const TOKEN_BYTES = 32;
const MIN_CHARS = 16;
const MAX_CHARS = 1024;
/** RFC 6750, b64token. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
/** How soon a file that was changed is read again. */
const CHECK_INTERVAL_MS = 1000;

export interface TokenOptions {
  readonly storePath: string;
  /** The operator's own file; without it, one beside the database. */
  readonly file?: string | undefined;
  /** Milliseconds that only go forward. */
  readonly clock: () => number;
}

export class ApiToken {
  readonly path: string;
  readonly #isOurs: boolean;
  readonly #clock: () => number;
  #hash: Buffer | undefined;
  #problem: string | undefined;
  #seen = '';
  #checkedAt = Number.NEGATIVE_INFINITY;

  constructor({ storePath, file, clock }: TokenOptions) {
    this.#isOurs = file === undefined;
    this.path = file ?? join(dirname(storePath), TOKEN_FILE);
    this.#clock = clock;
  }

  /** Why there is none, for a person; undefined when all is well. */
  get problem(): string | undefined {
    this.#refresh();
    return this.#problem;
  }

  /** Undefined when there is no token to compare with. */
  matches(text: string): boolean | undefined {
    this.#refresh();
    return this.#hash && timingSafeEqual(this.#hash, hashOf(text));
  }

  /** A token that was put into the file is taken up without a restart. */
  #refresh(): void {
    if (this.#clock() - this.#checkedAt < CHECK_INTERVAL_MS) return;
    this.#checkedAt = this.#clock();
    try {
      if (this.#isOurs) makeIfMissing(this.path);
      const seen = markOf(statSync(this.path));
      if (seen === this.#seen && this.#problem === undefined) return;
      this.#hash = hashOf(readToken(this.path, this.#isOurs));
      this.#seen = seen;
      this.#problem = undefined;
    } catch (error) {
      this.#hash = undefined;
      this.#problem = `the API has no token: ${wordsOf(error, this.path)}`;
    }
  }
}

class TokenFault extends Error {}

/** Whole or not at all, and nobody's file is replaced. */
function makeIfMissing(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`);
    fsyncSync(file);
    linkSync(draft, path);
  } finally {
    closeSync(file);
    rmSync(draft, { force: true });
  }
}

function readToken(path: string, isOurs: boolean): string {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  // Beside the database nothing leads elsewhere; secrets that an orchestrator mounts are symbolic links.
  const file = openSync(path, O_RDONLY | O_NONBLOCK | (isOurs ? O_NOFOLLOW : 0));
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new TokenFault('is no file');
    const tooWide = isOurs ? 0o077 : 0o027;
    if ((stats.mode & tooWide) !== 0) {
      const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
      throw new TokenFault(
        `has the mode ${mode}, so that others may know the token: make a new one, with mode ${isOurs ? '0600' : '0640 or less'}`,
      );
    }
    if (stats.size > MAX_CHARS + 2)
      throw new TokenFault(`is too long: a token has at most ${MAX_CHARS} characters`);
    const token = readFileSync(file, 'utf8').trim();
    if (token === '')
      throw new TokenFault(`is empty: ${isOurs ? 'remove it, and one is made' : 'put the token in it'}`);
    if (token.length < MIN_CHARS || !TOKEN.test(token))
      throw new TokenFault(
        `holds no token: one line of at least ${MIN_CHARS} characters of A-Z a-z 0-9 - . _ ~ + /, as from: openssl rand -hex 32`,
      );
    return token;
  } finally {
    closeSync(file);
  }
}

/** Equal length, whatever was sent. */
function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function markOf({ ino, mtimeMs, ctimeMs, size }: Stats): string {
  return `${ino} ${mtimeMs} ${ctimeMs} ${size}`;
}

function wordsOf(error: unknown, path: string): string {
  if (error instanceof TokenFault) return `${path} ${error.message}`;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  if (code === 'ELOOP') return `${path} is a symbolic link: remove it, and a token is made`;
  return `${path} cannot be read or made (${code}): check api.token_file and who may read it`;
}
