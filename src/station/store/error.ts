export type StoreErrorCode =
  /** The file or its directory cannot be opened or made. */
  | 'STORE_OPEN'
  /** Nothing has been recorded there yet. */
  | 'STORE_MISSING'
  /** Another agent writes to it. */
  | 'STORE_IN_USE'
  /** Written by a newer version of this program. */
  | 'STORE_NEWER'
  /** Written by an earlier version, which did not keep what is asked for. */
  | 'STORE_OLDER'
  /** A database, but not one of ours: never touched. */
  | 'STORE_FOREIGN'
  /** Not readable as a database any more. */
  | 'STORE_CORRUPT';

/** The message says what was tried, with what, and what to do. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}

export function sqliteCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined;
}

export function isCorruption(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB');
}

/** Faults of one record's values, not of the disk: waiting would not help, the others must not wait for it. */
export function isRecordFault(error: unknown): boolean {
  const code = sqliteCode(error);
  if (code === undefined) return true;
  return code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_TOOBIG' || code === 'SQLITE_MISMATCH';
}

/** What a person can do about a write that failed. */
export function adviceFor(error: unknown, path: string): string {
  const code = sqliteCode(error) ?? '';
  if (code === 'SQLITE_FULL')
    return `the disk that holds ${path} is full: free some space, or lower store.max_bytes`;
  if (code.startsWith('SQLITE_READONLY')) return `${path} cannot be written: check its owner and the mount`;
  if (code.startsWith('SQLITE_BUSY'))
    return `another program holds a write lock on ${path}: end its transaction`;
  if (code.startsWith('SQLITE_IOERR'))
    return `the disk that holds ${path} fails: look at the kernel log and the free space`;
  if (code === 'SQLITE_CANTOPEN') return `${path} cannot be opened: check that its directory still exists`;
  return `writing to ${path} failed`;
}
