/**
 * The first look at the files of a case: what each is, and when its first packet came, from its first kilobytes. A file
 * that can be opened again is closed again, so that thousands of them take no descriptor.
 */
import type { CaseFile } from '../src/model/case-input.ts';
import type { CaseOptions } from './case.ts';
import { type FileOptions, openReading } from './file.ts';
import { FileFilter } from './file-filter.ts';
import { allocateSlab, type Slab } from './file-reading.ts';
import { type FoundFile, findFiles } from './find-files.ts';
import { type MergeFile, mergeTime, type StartedFile } from './merged-source.ts';
import { haveSameBytes } from './same-bytes.ts';
import type { SlabPool } from './slab-pool.ts';
import { CaptureError, type CaptureInterface, type LinkType } from './source.ts';

export interface Gathered {
  readonly started: readonly StartedFile[];
  /** The earliest first. */
  readonly waiting: readonly MergeFile[];
  /** Those of which nothing is to be read. */
  readonly done: readonly CaseFile[];
  readonly notCaptures: number;
}

/** Of a file's beginning, to find its first packet. */
const PROBE_BYTES = 16 * 1024;
/** Packets in a file are a little out of order: one behind the end of the range may stand before others. */
const DISORDER_MICROS = 10_000_000;

/** With how many others a file is compared, where all begin at the same time. */
const MAX_COMPARED = 16;

/** Errors that concern all files. */
const OF_ALL: ReadonlySet<string> = new Set(['CAPTURE_BAD_FILTER', 'CAPTURE_NO_BINDING']);
/** A packed file that says that it is a capture. */
const CAPTURE_NAME = /\.(pcap|pcapng|cap|dmp|dump)\b/i;

export async function gather(options: CaseOptions, pool: SlabPool): Promise<Gathered> {
  const found = findFiles(options.paths);
  const [only, ...others] = found.files;
  if (only?.isNamed === true && others.length + found.unreadable.length === 0) {
    // It need not be opened twice to know its place.
    return { started: [await start(only, options, pool)], waiting: [], done: [], notCaptures: 0 };
  }
  const gathering = new Gathering(options, pool);
  for (const { path, detail } of found.unreadable) gathering.unreadable(path, detail);
  for (const file of found.files) await gathering.take(file);
  return gathering.inOrder();
}

export function readingOptions(path: string, { filter, range, hash }: CaseOptions): FileOptions {
  return {
    path,
    ...(filter !== undefined && { filter }),
    ...(range !== undefined && { range }),
    ...(hash !== undefined && { hash }),
  };
}

/** What can be opened only once. */
async function start(file: FoundFile, options: CaseOptions, pool: SlabPool): Promise<StartedFile> {
  const slab = pool.take();
  const reading = await openReading(readingOptions(file.path, options), slab);
  const { sizeBytes } = file;
  return { path: reading.name, reading, slab, ...(sizeBytes !== undefined && { sizeBytes }) };
}

interface Candidate extends MergeFile {
  readonly sizeBytes: number;
}

class Gathering {
  readonly #options: CaseOptions;
  readonly #pool: SlabPool;
  readonly #slab: Slab;
  readonly #filters: FilterCheck;
  readonly #started: StartedFile[] = [];
  readonly #candidates: Candidate[] = [];
  readonly #done: CaseFile[] = [];
  #notCaptures = 0;

  constructor(options: CaseOptions, pool: SlabPool) {
    this.#options = options;
    this.#pool = pool;
    this.#filters = new FilterCheck(options.filter);
    const slab = allocateSlab();
    this.#slab = { ...slab, bytes: slab.bytes.subarray(0, slab.chunkAt + PROBE_BYTES) };
  }

  unreadable(path: string, detail: string): void {
    this.#done.push({ path, end: 'unreadable', detail, packets: 0 });
  }

  async take(file: FoundFile): Promise<void> {
    const { path, sizeBytes, isNamed } = file;
    try {
      if (sizeBytes === undefined) this.#started.push(await start(file, this.#options, this.#pool));
      else await this.#probe(path, sizeBytes);
    } catch (error) {
      if (!(error instanceof CaptureError) || OF_ALL.has(error.code)) throw error;
      // A folder holds many things; what was named was meant to be one.
      if (!isNamed && isNoCapture(error, path)) this.#notCaptures++;
      else this.unreadable(path, error.message);
    }
  }

  inOrder(): Gathered {
    const until = this.#options.range?.until ?? Number.POSITIVE_INFINITY;
    const sorted = this.#candidates.sort((a, b) => a.firstAt - b.firstAt || (a.path < b.path ? -1 : 1));
    const waiting: Candidate[] = [];
    for (const file of sorted) {
      const { path, sizeBytes } = file;
      const original = copyAmong(waiting, file);
      if (file.firstAt >= until + DISORDER_MICROS) {
        this.#done.push({ path, end: 'outside', sizeBytes, packets: 0 });
      } else if (original !== undefined) {
        this.#done.push({
          path,
          end: 'copy',
          detail: `${path} is the same as ${original}`,
          sizeBytes,
          packets: 0,
        });
      } else {
        waiting.push(file);
      }
    }
    return { started: this.#started, waiting, done: this.#done, notCaptures: this.#notCaptures };
  }

  async #probe(path: string, sizeBytes: number): Promise<void> {
    const options = this.#options;
    const reading = await openReading({ path, hash: options.hash === true }, this.#slab);
    try {
      const end = await reading.next();
      this.#filters.look(reading.interfaces);
      if (end === undefined) {
        const open = (slab: Slab) => openReading(readingOptions(path, options), slab);
        this.#candidates.push({ path, sizeBytes, firstAt: mergeTime(reading.batch, 0), open });
        return;
      }
      const sha256 = await reading.sha256();
      this.#done.push({
        path,
        end: end.reason === 'end-of-file' ? 'whole' : end.reason === 'truncated' ? 'cut' : 'corrupt',
        ...('detail' in end && { detail: end.detail }),
        sizeBytes,
        ...(sha256 !== undefined && { sha256 }),
        packets: 0,
      });
    } finally {
      await reading.close();
    }
  }
}

function isNoCapture({ code }: CaptureError, path: string): boolean {
  return code === 'CAPTURE_NOT_A_CAPTURE' || (code === 'CAPTURE_PACKED' && !CAPTURE_NAME.test(path));
}

/** The path of the file that it is a copy of. `before` is sorted: those of its time stand last. */
function copyAmong(before: readonly Candidate[], file: Candidate): string | undefined {
  for (const other of before.slice(-MAX_COMPARED).reverse()) {
    if (other.firstAt !== file.firstAt) return undefined;
    if (other.sizeBytes === file.sizeBytes && haveSameBytes(other.path, file.path)) return other.path;
  }
  return undefined;
}

/** A filter that cannot be is told before anything is read; it depends on the link type. */
class FilterCheck {
  readonly #expression: string | undefined;
  readonly #seen = new Set<LinkType>();

  constructor(expression: string | undefined) {
    this.#expression = expression || undefined;
  }

  look(interfaces: readonly CaptureInterface[]): void {
    if (this.#expression === undefined) return;
    for (const each of interfaces) {
      if (this.#seen.has(each.linkType)) continue;
      this.#seen.add(each.linkType);
      const filter = new FileFilter(this.#expression);
      try {
        filter.prepare([each]);
      } finally {
        filter.close();
      }
    }
  }
}
