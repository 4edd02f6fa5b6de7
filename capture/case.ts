/**
 * All captures of a case as one source: what paths name is found, recognised by its first bytes, and merged by the
 * times of its packets. What is no capture, cannot be read or is there twice is told, never passed over in silence.
 */
import type { CaseFile, CaseFileEnd, CaseInput } from '../src/model/case-input.ts';
import type { Micros } from '../src/model/time.ts';
import { captureError } from './capture-error.ts';
import { type Gathered, gather, readingOptions } from './case-gather.ts';
import { MergedSource } from './merged-source.ts';
import { type CaptureBackend, openCaptureFile } from './open.ts';
import type { PacketRange } from './packet-range.ts';
import { SlabPool } from './slab-pool.ts';
import type { EndReason, PacketSource } from './source.ts';

export interface CaseOptions {
  /** Files and folders; `-` is stdin. */
  readonly paths: readonly string[];
  /** pcap-filter(7) expression; needs the native binding. */
  readonly filter?: string;
  /** Only packets of this time. */
  readonly range?: PacketRange;
  /** Compute the SHA-256 of each file. */
  readonly hash?: boolean;
  readonly onProgress?: (progress: CaseProgress) => void;
}

/** How far the reading is. */
export interface CaseProgress {
  /** Of the files as they are on disk, so compressed where they are compressed. */
  readonly bytesRead: number;
  /** Absent where the end is not known beforehand. */
  readonly totalBytes?: number | undefined;
  readonly packets: number;
  readonly filesDone: number;
  readonly files: number;
}

/** All but the inventory, which is not known here. */
export type CaseFiles = Omit<CaseInput, 'inventory'>;

export interface OpenedCase {
  readonly source: PacketSource;
  /** The earliest packet of all, before the source runs; undefined when there is none, or nobody can know. */
  firstAt(): Promise<Micros | undefined>;
  /** Whether an interface of the source has no name but its file's. */
  isUnnamed(index: number): boolean;
  /** Complete once the source has ended. */
  files(): CaseFiles;
}

/** More are counted. */
const MAX_LISTED = 1000;

/** Rejects with a CaptureError when there is no capture to read, or the filter cannot be; the rest is in `files`. */
export async function openCase(options: CaseOptions, backend: CaptureBackend = 'auto'): Promise<OpenedCase> {
  if (backend === 'portable') return openPortable(options);
  const pool = new SlabPool();
  const gathered = await gather(options, pool);
  const { started, waiting, done, notCaptures } = gathered;
  if (started.length + waiting.length === 0) refuseNothing(gathered, options);
  const sizes = [...started, ...waiting].map(({ sizeBytes }) => sizeBytes ?? Number.NaN);
  const totalBytes = sizes.reduce((total, size) => total + size, 0);
  const files = sizes.length + done.length;
  const { onProgress } = options;
  const source = new MergedSource({
    pool,
    started,
    waiting,
    onProgress:
      onProgress &&
      (({ filesDone, ...at }) =>
        onProgress({
          ...at,
          totalBytes: Number.isNaN(totalBytes) ? undefined : totalBytes,
          filesDone: filesDone + done.length,
          files,
        })),
  });
  return {
    source,
    async firstAt() {
      const first = await Promise.all(started.map(({ reading }) => reading.peek()));
      const known = [...first, waiting[0]?.firstAt].filter((time) => time !== undefined);
      return known.length === 0 ? undefined : Math.min(...known);
    },
    isUnnamed: (index) => source.isUnnamed(index),
    files: () => ({
      ...listed([...done, ...source.done]),
      ...asked(options),
      notCaptures,
      duplicates: source.duplicates,
      alike: source.alike,
      openedLate: source.openedLate,
    }),
  };
}

/** How a case ended whose source ended so: of one file, why; of several, how many were not read to their end. */
export function endOfCase(end: EndReason, { ends, files, unlisted }: CaseFiles): EndReason {
  const broken = ends.cut + ends.corrupt + ends.unreadable;
  if (end.reason !== 'end-of-file' || broken === 0) return end;
  const reason = ends.corrupt + ends.unreadable > 0 ? 'failed' : 'truncated';
  const all = files.length + unlisted;
  return { reason, detail: all === 1 ? (files[0]?.detail ?? '') : `${broken} of ${all} files` };
}

/** Nothing but captures without a packet is a case, if an empty one. */
function refuseNothing({ done, notCaptures }: Gathered, { paths }: CaseOptions): void {
  if (done.some(({ end }) => end !== 'unreadable')) return;
  const why = done[0]?.detail;
  if (done.length === 1 && notCaptures === 0 && why !== undefined) throw captureError('CAPTURE_FILE', why);
  const where = paths.length === 1 ? paths[0] : `${paths.length} paths`;
  throw captureError(
    'CAPTURE_FILE',
    `there is no capture to read in ${where}: ${notCaptures} files are none` +
      (why === undefined ? '' : `, ${done.length} cannot be read (${why})`),
  );
}

function asked({ range, filter }: CaseOptions): Pick<CaseFiles, 'since' | 'until' | 'filter'> {
  return { ...range, ...(filter !== undefined && { filter }) };
}

function listed(all: readonly CaseFile[]): Pick<CaseFiles, 'files' | 'unlisted' | 'ends'> {
  const ends: Record<CaseFileEnd, number> = {
    whole: 0,
    cut: 0,
    corrupt: 0,
    unreadable: 0,
    copy: 0,
    outside: 0,
  };
  for (const { end } of all) ends[end]++;
  const kept = all.length <= MAX_LISTED ? [...all] : mostTelling(all);
  const never = Number.POSITIVE_INFINITY;
  const files = kept.sort((a, b) => {
    const [first, second] = [a.first ?? never, b.first ?? never];
    if (first !== second) return first - second;
    return a.path < b.path ? -1 : 1;
  });
  return { files, unlisted: all.length - files.length, ends };
}

/** Those that could not be read, up to half of the room, and the first of the others. */
function mostTelling(all: readonly CaseFile[]): CaseFile[] {
  const isBroken = ({ end }: CaseFile) => end === 'cut' || end === 'corrupt' || end === 'unreadable';
  const broken = all.filter(isBroken).slice(0, MAX_LISTED / 2);
  const others = all.filter((file) => !isBroken(file));
  return [...broken, ...others.slice(0, MAX_LISTED - broken.length)];
}

/** That backend reads one file, whole. */
async function openPortable(options: CaseOptions): Promise<OpenedCase> {
  const [path, ...others] = options.paths;
  if (path === undefined || others.length > 0 || options.range !== undefined || options.hash === true) {
    throw captureError(
      'CAPTURE_UNSUPPORTED',
      'the portable backend reads one file, without a range of time or a report; use --capture-backend auto',
    );
  }
  const { source } = await openCaptureFile(readingOptions(path, options), 'portable');
  return {
    source,
    firstAt: async () => undefined,
    isUnnamed: () => true,
    files: () => {
      const { received: packets, ...drops } = source.stats();
      return {
        ...asked(options),
        ...listed([{ path, end: 'whole', packets, ...drops }]),
        notCaptures: 0,
        duplicates: 0,
        alike: 0,
        openedLate: 0,
      };
    },
  };
}
