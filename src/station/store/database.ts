/**
 * Opens the database file for writing: directory made, one writer at a time, foreign and newer files refused, a
 * corrupt file moved aside (never deleted: it may be evidence) and said so.
 */
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type BetterSqlite3 from 'better-sqlite3';
import type { Database } from 'better-sqlite3';
import { isCorruption, StoreError, sqliteCode } from './error.ts';
import { checkOwner, migrate } from './schema.ts';

export interface OpenedDatabase {
  readonly db: Database;
  /** Where an unreadable file was moved to, when there was one. */
  readonly movedAside?: string;
  readonly inode: number;
}

/** Loaded on first use: commands that need no database must not pay for a native module, nor fail without it. */
export async function loadSqlite(): Promise<typeof BetterSqlite3> {
  try {
    return (await import('better-sqlite3')).default;
  } catch (error) {
    throw new StoreError(
      'STORE_OPEN',
      'cannot load better-sqlite3, the SQLite module: run "npm rebuild better-sqlite3" where Bridgewatch is installed',
      { cause: error },
    );
  }
}

/** Holds `<path>.lock` until closed; the kernel lets go of it when the process dies, however it dies. */
export function lockForWriting(Sqlite: typeof BetterSqlite3, path: string): Database {
  makeDirectory(path);
  const lock = openFile(Sqlite, `${path}.lock`, 0);
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (sqliteCode(error) === 'SQLITE_BUSY') {
      throw new StoreError(
        'STORE_IN_USE',
        `another bridgewatch writes to ${path}; stop it, or give this one another store.path`,
        { cause: error },
      );
    }
    throw openError(`${path}.lock`, error);
  }
}

export interface OpenOptions {
  /** Ends the name of a corrupt file that is moved aside. */
  readonly asideSuffix: string;
  /** Corruption was met while writing; opening alone need not meet it again. */
  readonly isKnownCorrupt: boolean;
}

export function openDatabase(
  Sqlite: typeof BetterSqlite3,
  path: string,
  options: OpenOptions,
): OpenedDatabase {
  makeDirectory(path);
  if (!options.isKnownCorrupt) {
    try {
      return openOnce(Sqlite, path);
    } catch (error) {
      if (!isCorruption(error)) throw error instanceof StoreError ? error : openError(path, error);
    }
  }
  const movedAside = moveAside(path, options.asideSuffix);
  return { ...openOnce(Sqlite, path), movedAside };
}

function openOnce(Sqlite: typeof BetterSqlite3, path: string): OpenedDatabase {
  // Synchronous waiting stops the whole process, captures included; so wait little and try again later.
  const db = openFile(Sqlite, path, 50);
  try {
    checkOwner(db, path);
    // Both only take effect before the first table exists. A flow is 1.4 kB: of pages twice the usual size fewer are
    // touched, and checkpoints, counted in pages, are half as many (docs/benchmarks.md).
    db.pragma('page_size = 8192');
    // Lets deleted pages go back to the file system.
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma('journal_mode = WAL');
    // In WAL mode NORMAL never corrupts, but a power cut may take the last commits; see store.ts for findings.
    db.pragma('synchronous = NORMAL');
    // The WAL is cut back to this after a checkpoint; a long reader can make it grow meanwhile.
    db.pragma('journal_size_limit = 8388608');
    migrate(db);
    return { db, inode: statSync(path).ino };
  } catch (error) {
    db.close();
    throw error;
  }
}

function openFile(Sqlite: typeof BetterSqlite3, path: string, timeoutMs: number): Database {
  try {
    return new Sqlite(path, { timeout: timeoutMs });
  } catch (error) {
    throw openError(path, error);
  }
}

function openError(path: string, error: unknown): StoreError {
  const why = error instanceof Error ? error.message : String(error);
  const advice =
    sqliteCode(error) === 'SQLITE_FULL'
      ? 'free some space'
      : 'check that it is a file in a directory that may be written';
  return new StoreError(
    'STORE_OPEN',
    `cannot open the database ${path}: ${why}; ${advice}, or give another store.path`,
    { cause: error },
  );
}

function makeDirectory(path: string): void {
  const directory = dirname(path);
  try {
    // Findings name hosts and what they did: for the agent's user only.
    mkdirSync(directory, { recursive: true, mode: 0o750 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new StoreError(
      'STORE_OPEN',
      `cannot make the directory ${directory} for the database: ${code}; make it, or give another store.path`,
      { cause: error },
    );
  }
}

/** The WAL belongs to the file and goes with it. */
function moveAside(path: string, suffix: string): string {
  const target = `${path}.corrupt-${suffix}`;
  for (const part of ['', '-wal', '-shm']) {
    try {
      renameSync(path + part, target + part);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw openError(path, error);
    }
  }
  return target;
}
