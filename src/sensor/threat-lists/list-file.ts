/**
 * One list from its file, piece by piece, so that packets go on being read meanwhile. The file is anybody's: it may be
 * a directory, a pipe, a bomb of gzip, or be written while it is read; each is an error that says so, none is a wait.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { type FileVersion, isSameVersion, versionOf } from '../file-version.ts';
import type { ThreatListConfig } from './config.ts';
import { detectFormat, type KnownFormat, PARSERS } from './formats/detect.ts';
import type { ListParser } from './formats/parser.ts';
import { IndicatorSet } from './indicator-set.ts';
import { ListError } from './list-error.ts';

export interface LoadedList {
  readonly set: IndicatorSet;
  readonly format: KnownFormat;
  readonly version: FileVersion;
}

export interface ListLimits {
  readonly maxFileBytes: number;
  readonly maxIndicators: number;
}

/** About a millisecond of parsing: nothing else happens in this process meanwhile. */
const PIECE_BYTES = 16_384;
/** Enough to see past the long comments that feeds begin with. */
const BEGIN_CHARS = 32_768;

/** Rejects with a ListError. */
export async function readListFile(
  config: Pick<ThreatListConfig, 'path' | 'format' | 'allow_private'>,
  limits: ListLimits,
): Promise<LoadedList> {
  const { path } = config;
  let handle: FileHandle | undefined;
  try {
    // Without NONBLOCK, opening a pipe waits for who writes to it.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const before = await handle.stat();
    if (!before.isFile())
      throw new ListError('LIST_UNREADABLE', `${path} is no file; threat_lists names files`);
    const set = new IndicatorSet({ maxIndicators: limits.maxIndicators, allowPrivate: config.allow_private });
    const format = await readInto(set, handle, config, limits);
    const version = versionOf(before);
    if (!isSameVersion(versionOf(await handle.stat()), version)) {
      throw new ListError('LIST_CHANGED', `${path} was written while it was read; it is read again`);
    }
    set.seal();
    if (set.size === 0) throw nothingIn(path, set);
    return { set, format, version };
  } catch (error) {
    throw asListError(path, error);
  } finally {
    await handle?.close();
  }
}

async function readInto(
  set: IndicatorSet,
  handle: FileHandle,
  { path, format }: Pick<ThreatListConfig, 'path' | 'format'>,
  limits: ListLimits,
): Promise<KnownFormat> {
  const decoder = new TextDecoder();
  let begin = '';
  let parser: ListParser | undefined;
  let known: KnownFormat = format === 'auto' ? 'plain' : format;
  const start = (): ListParser => {
    if (format === 'auto') known = detectFormat(begin);
    const made = PARSERS[known](set);
    made.push(begin);
    begin = '';
    return made;
  };
  let bytes = 0;
  for await (const piece of pieces(handle)) {
    bytes += piece.length;
    if (bytes > limits.maxFileBytes) {
      throw new ListError(
        'LIST_TOO_BIG',
        `${path} has more than ${limits.maxFileBytes} bytes, unpacked: raise threat_lists.max_file_bytes if that is right`,
      );
    }
    const text = decoder.decode(piece, { stream: true });
    if (parser !== undefined) parser.push(text);
    else {
      begin += text;
      if (begin.length >= BEGIN_CHARS) parser = start();
    }
    if (set.isFull) {
      throw new ListError(
        'LIST_TOO_BIG',
        `${path} holds more than ${limits.maxIndicators} indicators: raise threat_lists.max_indicators if there is memory for them`,
      );
    }
    await nextTurn();
  }
  const last = parser ?? start();
  last.push(decoder.decode());
  const problem = last.end();
  if (problem !== undefined)
    throw new ListError('LIST_DAMAGED', `${path} cannot be read as ${known}: ${problem}`);
  if (set.isFull) {
    throw new ListError(
      'LIST_TOO_BIG',
      `${path} holds more than ${limits.maxIndicators} indicators: raise threat_lists.max_indicators if there is memory for them`,
    );
  }
  return known;
}

async function* pieces(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const first = await readPiece(handle, 0);
  const isGzip = first.length > 2 && first[0] === 0x1f && first[1] === 0x8b;
  if (!isGzip) {
    yield* plainPieces(handle, first);
    return;
  }
  const packed = Readable.from(plainPieces(handle, first), { objectMode: false });
  const unpacked = createGunzip({ chunkSize: PIECE_BYTES });
  packed.once('error', (error) => unpacked.destroy(error));
  try {
    yield* packed.pipe(unpacked) as AsyncIterable<Uint8Array>;
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
}

async function* plainPieces(handle: FileHandle, first: Uint8Array): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let piece = first; piece.length > 0; piece = await readPiece(handle, at)) {
    at += piece.length;
    yield piece;
  }
}

async function readPiece(handle: FileHandle, position: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, position);
  return buffer.subarray(0, bytesRead);
}

/** What a failed download leaves: nothing, or a page that says so. */
function nothingIn(path: string, { report }: IndicatorSet): ListError {
  const { notUnderstood, refused, passedOver } = report;
  const why =
    report.lines === 0
      ? 'is empty'
      : `holds no indicator (lines: ${report.lines}, not understood: ${notUnderstood.count}, refused: ${refused.count}, passed over: ${passedOver})`;
  return new ListError('LIST_EMPTY', `${path} ${why}: see whether its download failed`);
}

export function asListError(path: string, error: unknown): ListError {
  if (error instanceof ListError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') {
    return new ListError(
      'LIST_MISSING',
      `there is no ${path}: put the list there, or correct threat_lists (in a container, mount its folder)`,
      { cause: error },
    );
  }
  if (code?.startsWith('Z_') === true) {
    return new ListError('LIST_DAMAGED', `${path} cannot be unpacked (${message}): download it again`, {
      cause: error,
    });
  }
  return new ListError(
    'LIST_UNREADABLE',
    `cannot read ${path} (${code ?? message}): the agent's user must be able to`,
    {
      cause: error,
    },
  );
}
