/**
 * Capture files as a source of packets: pcap and pcapng, also gzipped and from stdin, by our own reader (why:
 * docs/adr/0003). What a file claims about itself is never believed unchecked.
 */
import path from 'node:path';
import { ByteReadError, type ByteReader, GunzipByteReader } from './byte-reader.ts';
import { captureError } from './capture-error.ts';
import { FileFilter } from './file-filter.ts';
import { type FileKind, MAGIC_BYTES, recogniseFile } from './file-magic.ts';
import { type OpenedBytes, openBytes } from './file-open.ts';
import {
  allocateSlab,
  type FileProgress,
  FileReading,
  type FileReadingParts,
  type Slab,
} from './file-reading.ts';
import { FileSource } from './file-source.ts';
import { HashingByteReader } from './hashing-reader.ts';
import type { PacketRange } from './packet-range.ts';
import { PCAP_HEADER_BYTES, PcapReader, parsePcapHeader } from './pcap-format.ts';
import { PcapngReader } from './pcapng-format.ts';
import { allocateBatch, type CaptureError, type LinkType, type PacketSource } from './source.ts';

export type { FileProgress } from './file-reading.ts';

export interface FileOptions {
  /** `-` is stdin. */
  readonly path: string;
  /** pcap-filter(7) expression; needs the native binding. */
  readonly filter?: string;
  /** Takes the place of the link type that the file says, for files that lie. */
  readonly linkTypeOverride?: LinkType;
  /** Only packets of this time. */
  readonly range?: PacketRange;
  /** Compute the SHA-256 of the file while it is read. */
  readonly hash?: boolean;
  readonly onProgress?: (progress: FileProgress) => void;
}

/** Rejects with a CaptureError when there is no capture to read; what goes wrong later ends `run`. */
export async function openFile(options: FileOptions): Promise<PacketSource> {
  return new FileSource(await openReading(options, allocateSlab()));
}

/** As `openFile`, into memory of the caller. */
export async function openReading(options: FileOptions, slab: Slab): Promise<FileReading> {
  const filter = options.filter ? new FileFilter(options.filter) : undefined;
  const opened = await openBytes(options.path);
  const hashing = options.hash === true ? new HashingByteReader(opened.bytes) : undefined;
  let bytes: ByteReader = hashing ?? opened.bytes;
  try {
    let end = await readHead(bytes, slab, opened.name);
    let kind = recognise(slab, end);
    if (kind.kind === 'gzip') {
      bytes = new GunzipByteReader(bytes, slab.bytes.slice(slab.chunkAt, end));
      end = await readHead(bytes, slab, opened.name);
      kind = recognise(slab, end);
    }
    const parts = reading(kind, slab, end, opened, options);
    filter?.prepare(parts.reader.interfaces);
    return new FileReading({
      ...parts,
      bytes,
      ...(filter !== undefined && { filter }),
      ...(hashing !== undefined && { hashing }),
    });
  } catch (error) {
    filter?.close();
    await bytes.close();
    throw error;
  }
}

/** Reads the first chunk, at least as much of it as a header needs. */
async function readHead(bytes: ByteReader, slab: Slab, name: string): Promise<number> {
  let end = slab.chunkAt;
  try {
    while (end - slab.chunkAt < PCAP_HEADER_BYTES) {
      const count = await bytes.read(slab.bytes, end);
      if (count === 0) break;
      end += count;
    }
  } catch (error) {
    if (!(error instanceof ByteReadError)) throw error;
    throw captureError('CAPTURE_FILE', `cannot read ${name}: ${error.message}`, error);
  }
  return end;
}

function recognise(slab: Slab, end: number): FileKind {
  return recogniseFile(slab.bytes.subarray(slab.chunkAt, Math.min(end, slab.chunkAt + MAGIC_BYTES)));
}

function reading(
  kind: FileKind,
  slab: Slab,
  end: number,
  opened: OpenedBytes,
  options: FileOptions,
): Omit<FileReadingParts, 'bytes'> {
  const { name, totalBytes } = opened;
  const common = {
    name,
    slab,
    end,
    ...(totalBytes !== undefined && { totalBytes }),
    ...(options.range !== undefined && { range: options.range }),
    ...(options.onProgress !== undefined && { onProgress: options.onProgress }),
  };
  switch (kind.kind) {
    case 'pcap':
      return { ...common, ...pcapReading(slab, end, name, options) };
    case 'pcapng':
      return { ...common, ...pcapngReading(slab, end, name, options) };
    case 'unsupported':
    case 'packed': {
      const code = kind.kind === 'packed' ? 'CAPTURE_PACKED' : 'CAPTURE_UNSUPPORTED';
      throw captureError(code, `cannot read ${name}: it is ${kind.what}; ${kind.advice}`);
    }
    case 'gzip':
      throw notACapture(name, 'it is compressed twice');
    case 'unknown':
      throw notACapture(name, kind.what);
  }
}

function pcapReading(
  slab: Slab,
  end: number,
  name: string,
  options: FileOptions,
): Pick<FileReadingParts, 'reader' | 'start'> {
  const held = end - slab.chunkAt;
  if (held < PCAP_HEADER_BYTES) {
    throw notACapture(name, `its header is cut off: ${held} of ${PCAP_HEADER_BYTES} bytes`);
  }
  const header = parsePcapHeader(slab.batch.data, slab.chunkAt)!;
  const { versionMajor, versionMinor } = header;
  if (versionMajor !== 2 || versionMinor !== 4) {
    throw captureError(
      'CAPTURE_UNSUPPORTED',
      `cannot read ${name}: it is a pcap of version ${versionMajor}.${versionMinor}, and only 2.4 is read; convert it first: editcap -F pcapng FILE out.pcapng`,
    );
  }
  const linkType = options.linkTypeOverride ?? header.linkType;
  const reader = new PcapReader(header, { name: path.basename(name), linkType });
  return { reader, start: slab.chunkAt + PCAP_HEADER_BYTES };
}

function pcapngReading(
  slab: Slab,
  end: number,
  name: string,
  options: FileOptions,
): Pick<FileReadingParts, 'reader' | 'start'> {
  const reader = new PcapngReader({
    fileName: path.basename(name),
    ...(options.linkTypeOverride !== undefined && { linkTypeOverride: options.linkTypeOverride }),
  });
  // With no room for frames it stops at the first: the interfaces described before that are known from the start.
  reader.scan(slab.batch.data, slab.chunkAt, end, allocateBatch(0, 0));
  return { reader, start: reader.position };
}

function notACapture(name: string, what: string): CaptureError {
  return captureError('CAPTURE_NOT_A_CAPTURE', `cannot read ${name}: not a pcap or pcapng file; ${what}`);
}
