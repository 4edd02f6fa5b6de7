/** What the file system refused, in words that say whether waiting helps. */
import { SinkError } from '../sink.ts';

/** A person must change something; all else may pass by itself. */
const NEEDS_A_PERSON: Readonly<Record<string, string>> = {
  EACCES: "check that the station's user may write there (option station.user)",
  EPERM: 'check its attributes (lsattr) and the rules of the security module',
  EISDIR: 'it is a directory; give the path of a file',
  ENOTDIR: 'a part of the path is a file; check sinks[].path',
  ELOOP: 'check its symbolic links',
  ENAMETOOLONG: 'check sinks[].path',
};

const MAY_PASS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space, what waits is written then',
  EDQUOT: 'the quota is used up; free some space, what waits is written then',
  EROFS: 'the file system is read-only; what waits is written once it can be',
  EIO: 'the disk fails to read or write; check it (dmesg)',
  EMFILE: 'too many files are open in this process',
  ENFILE: 'too many files are open on this machine',
  ESTALE: 'the network file system lost the file',
};

export function fileFailure(error: unknown, what: string): SinkError {
  if (error instanceof SinkError) return error;
  const code =
    (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
  const act = NEEDS_A_PERSON[code];
  if (act !== undefined)
    return new SinkError('SINK_NO_TARGET', 'act', `cannot write ${what}: ${code}; ${act}`);
  const hope = MAY_PASS[code] ?? 'it is tried again';
  return new SinkError('SINK_UNAVAILABLE', 'wait', `cannot write ${what}: ${code}; ${hope}`);
}
