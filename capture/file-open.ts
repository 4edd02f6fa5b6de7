/**
 * Opens the bytes of a capture file: a path or stdin, whatever kind of file that is. Refusals say what was tried
 * and what to do.
 */
import fs from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { type ByteReader, FileByteReader, StreamByteReader } from './byte-reader.ts';
import { captureError } from './capture-error.ts';
import type { CaptureError } from './source.ts';

// A pipe that nobody writes to makes whoever opens it wait.
const openFd = promisify(fs.open);

export interface OpenedBytes {
  readonly bytes: ByteReader;
  /** For messages. */
  readonly name: string;
  /** Absent where the end is not known beforehand. */
  readonly totalBytes?: number;
}

/** @param filePath `-` is stdin. */
export async function openBytes(filePath: string): Promise<OpenedBytes> {
  if (filePath === '-') return openStdin();
  let fd: number;
  try {
    fd = await openFd(filePath, 'r');
  } catch (error) {
    throw openError(filePath, error as NodeJS.ErrnoException);
  }
  try {
    const stat = fs.fstatSync(fd);
    if (stat.isDirectory()) {
      throw captureError('CAPTURE_FILE', `cannot read ${filePath}: it is a directory; name a capture file`);
    }
    if (stat.isFIFO()) {
      const socket = new Socket({ fd, readable: true, writable: false });
      return { bytes: new StreamByteReader(socket), name: filePath };
    }
    if (!stat.isFile())
      return { bytes: new StreamByteReader(fs.createReadStream('', { fd })), name: filePath };
    return { bytes: new FileByteReader(fd), name: filePath, totalBytes: stat.size };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function openStdin(): OpenedBytes {
  if (process.stdin.isTTY) {
    throw captureError(
      'CAPTURE_FILE',
      'cannot read a capture from stdin: it is a terminal; pipe one in, as in: tcpdump -w - | bridgewatch analyze -',
    );
  }
  return { bytes: new StreamByteReader(process.stdin), name: 'stdin' };
}

function lookedIn(filePath: string): string {
  if (path.isAbsolute(filePath)) return '';
  try {
    return ` (looked in ${process.cwd()})`;
  } catch {
    return ' (and the current directory has been removed)';
  }
}

function openError(filePath: string, error: NodeJS.ErrnoException): CaptureError {
  switch (error.code) {
    case 'ENOENT':
      return captureError(
        'CAPTURE_FILE',
        `cannot open ${filePath}: no such file${lookedIn(filePath)}`,
        error,
      );
    case 'EACCES':
    case 'EPERM': {
      const message = `cannot open ${filePath}: no permission to read it as user ${process.geteuid?.()}; change its mode or run as its owner`;
      return captureError('CAPTURE_PERMISSION', message, error);
    }
    default:
      return captureError('CAPTURE_FILE', `cannot open ${filePath}: ${error.message}`, error);
  }
}
