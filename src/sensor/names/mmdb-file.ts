/**
 * One .mmdb file (maxmind.github.io/MaxMind-DB), checked before it is used. mmdb-lib is the reader under the `maxmind`
 * package, without its file watcher and cache, which we do otherwise. It trusts its file: what can be checked is checked
 * here, and what a damaged file throws later is the caller's to catch.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { Reader, type Response } from 'mmdb-lib';
import { type FileVersion, versionOf } from '../file-version.ts';
import { GeoError } from './geo-error.ts';

export interface MmdbFile {
  readonly path: string;
  readonly version: FileVersion;
  /** As the file calls itself: `GeoLite2-ASN`, `DBIP-Country-Lite`. */
  readonly type: string;
  /** Wall clock, milliseconds. */
  readonly builtAt: number;
  /** Throws where the file is damaged inside. */
  get(ip: string): unknown;
}

const FORMAT_VERSION = 2;
/** Zero bytes between the search tree and the data section. */
const SEPARATOR_BYTES = 16;
/** Buffers can be larger, the format's pointers can not; city databases have about 100 MB. */
const MAX_BYTES = 1 << 30;
const GZIP_MAGIC = 0x1f8b;
const ZIP_MAGIC = 0x504b;

/** Reads it whole into memory, tens of milliseconds for the largest. Throws a GeoError. */
export function openMmdb(path: string): MmdbFile {
  const { bytes, version } = readWhole(path);
  let reader: Reader<Response>;
  try {
    reader = new Reader<Response>(bytes);
  } catch (error) {
    throw notMmdb(path, bytes, error);
  }
  const { metadata } = reader;
  const { binaryFormatMajorVersion: format, ipVersion, searchTreeSize, databaseType, buildEpoch } = metadata;
  if (format !== FORMAT_VERSION || (ipVersion !== 4 && ipVersion !== 6)) {
    throw new GeoError(
      'GEO_UNSUPPORTED',
      `${path} has format ${String(format)} for IPv${String(ipVersion)}; format ${FORMAT_VERSION} is supported: download a current .mmdb`,
    );
  }
  const separator = bytes.subarray(searchTreeSize, searchTreeSize + SEPARATOR_BYTES);
  if (separator.length < SEPARATOR_BYTES || separator.some((byte) => byte !== 0)) {
    throw damaged(path, 'its search tree does not end where it says');
  }
  const builtAt = buildEpoch.getTime();
  if (typeof databaseType !== 'string' || !Number.isFinite(builtAt))
    throw damaged(path, 'its description is incomplete');
  return { path, version, type: databaseType, builtAt, get: (ip) => reader.get(ip) };
}

export function damaged(path: string, why: string, cause?: unknown): GeoError {
  return new GeoError('GEO_DAMAGED', `${path} is damaged (${why}): download it again`, { cause });
}

function readWhole(path: string): { readonly bytes: Buffer; readonly version: FileVersion } {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const stats = fstatSync(file);
    if (!stats.isFile())
      throw new GeoError('GEO_UNREADABLE', `${path} is no file; geo.databases names files`);
    if (stats.size > MAX_BYTES)
      throw new GeoError('GEO_UNREADABLE', `${path} has ${stats.size} bytes; at most ${MAX_BYTES} are read`);
    return { bytes: readFileSync(file), version: versionOf(stats) };
  } catch (error) {
    if (error instanceof GeoError) throw error;
    throw unreadable(path, error as NodeJS.ErrnoException);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

export function unreadable(path: string, error: NodeJS.ErrnoException): GeoError {
  if (error.code === 'ENOENT') {
    return new GeoError(
      'GEO_MISSING',
      `there is no ${path}: put the database there, or correct geo.databases (in a container, mount its folder)`,
      { cause: error },
    );
  }
  return new GeoError(
    'GEO_UNREADABLE',
    `cannot read ${path} (${error.code ?? error.message}): the agent's user must be able to`,
    { cause: error },
  );
}

function notMmdb(path: string, bytes: Buffer, cause: unknown): GeoError {
  const magic = bytes.length < 2 ? 0 : bytes.readUInt16BE(0);
  const why =
    bytes.length === 0
      ? 'is empty: download it again'
      : magic === GZIP_MAGIC || magic === ZIP_MAGIC
        ? 'is packed: unpack it first'
        : 'is no .mmdb file, or was cut short: download it again (the old GeoIP .dat format is not read)';
  return new GeoError('GEO_NOT_MMDB', `${path} ${why}`, { cause });
}
