/**
 * Packets that the sensor puts aside, kept as files: takes the pieces of a collection as they come, within the bounds of
 * the disk, and says in one record what became of it. `receive` never throws, and nothing here keeps a finding waiting:
 * where the disk refuses, the collection ends, and that is said.
 */
import { rmSync, statfsSync } from 'node:fs';
import type { EvidenceCause, EvidencePiece, EvidenceRecord, EvidenceRequest } from '../../model/evidence.ts';
import { SEVERITIES, type Severity } from '../../model/finding.ts';
import { serializeRecord } from '../../model/serialize.ts';
import type { Micros } from '../../model/time.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { reserveBytes } from '../store/disk-space.ts';
import type { EvidenceRow } from '../store/evidence-rows.ts';
import { readFacts } from './facts.ts';
import { EvidencePaths, isEvidenceId, makeFolder } from './folder.ts';
import { settleLeftovers } from './leftovers.ts';
import { goesBefore } from './order.ts';
import { PartFile, type Written } from './part-file.ts';
import { EvidenceRequests, type Wish } from './requests.ts';

export interface EvidenceDeps {
  /** Where the files are. */
  readonly folder: string;
  readonly maxBytes: number;
  /** Files older than this go. */
  readonly retention: Micros;
  readonly logger: Logger;
  /** Wall clock. */
  readonly now: () => Micros;
  /** Files that the log tells of. */
  readonly rows: () => readonly EvidenceRow[];
  /** Of a finding as it was told last; undefined where it is not kept. Throws what SQLite throws. */
  readonly severityOf: (finding: string) => Severity | undefined;
  /** What it tells of one. */
  readonly recordOf: (id: string) => EvidenceRecord | undefined;
  /** Keeps a record. */
  readonly tell: (record: EvidenceRecord) => void;
  /** Absent where there is no sensor to ask. */
  readonly collect?: ((request: EvidenceRequest) => void) | undefined;
  readonly answerMs?: number;
}

export interface EvidenceStatus {
  readonly files: number;
  readonly bytes: number;
  /** What a person can do; absent while all is well. */
  readonly problem?: string;
}

/** Each has a file open. The sensor has fewer at once; this is for one that is mad. */
const MAX_OPEN = 64;
/** No single collection may take more of all that may be kept. */
const MAX_SHARE = 0.25;
/** Room is made for more than is needed now, so that it is not made for each piece. */
const SIZE_TARGET = 0.95;
const CHECK_MS = 60_000;
/** Files removed in one go: each is a look at the disk, in which nothing else in the process runs. */
const MAX_REMOVED_AT_ONCE = 200;
/** How often a growing file asks whether the disk is nearly full. */
const SPACE_EVERY_BYTES = 256 * 1024;

interface Collection {
  readonly paths: EvidencePaths;
  readonly cause: EvidenceCause;
  readonly base: EvidenceRecord;
  readonly file: PartFile;
  askedSpaceAt: number;
}

type Closing = Pick<EvidenceRecord, 'end' | 'missing' | 'first' | 'last'>;

export class Evidence {
  readonly #deps: EvidenceDeps;
  readonly #requests: EvidenceRequests;
  readonly #kept = new Map<string, EvidenceRow>();
  readonly #open = new Map<string, Collection>();
  readonly #completing = new Set<Promise<void>>();
  #bytes = 0;
  #problem: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(deps: EvidenceDeps) {
    this.#deps = deps;
    this.#requests = new EvidenceRequests(deps.collect, deps.answerMs);
  }

  /** Makes the log and the folder say the same. Never throws: without a folder the station does all else. */
  start(): void {
    const { folder, rows, now, logger } = this.#deps;
    try {
      for (const row of rows()) this.#add(row);
      makeFolder(folder);
      const { found, gone } = settleLeftovers(folder, new Set(this.#kept.keys()), now());
      for (const record of found) {
        this.#keep(record);
        if (record.end === 'cut')
          logger.warn(
            { id: record.id, packets: record.packets },
            'evidence of before a kill is kept, cut off',
          );
      }
      for (const id of gone) this.#remove(id, 'its file is gone, and the agent did not remove it');
    } catch (error) {
      this.#fail(error, 'the folder of evidence cannot be used');
    }
    this.#check();
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
    this.#timer.unref();
  }

  receive(piece: EvidencePiece): void {
    if (this.#isStopped) return;
    switch (piece.type) {
      case 'begin':
        this.#begin(piece);
        break;
      case 'bytes':
        this.#append(piece);
        break;
      case 'end': {
        const { id, end, missing, first, last } = piece;
        const collection = this.#open.get(id);
        if (collection !== undefined) this.#end(collection, { end, missing, first, last });
        break;
      }
      case 'refused':
        this.#requests.refuse(piece.request, piece.reason);
        break;
    }
  }

  /** Resolves once the packets are a file; rejects with an EvidenceError. */
  ask(wish: Wish): Promise<EvidenceRecord> {
    return this.#requests.ask(wish);
  }

  /** Whether there is a file of it. */
  has(id: string): boolean {
    return this.#kept.has(id);
  }

  /** Somebody captured beside the agent; there is no file to keep. */
  tellCapture(record: EvidenceRecord): void {
    this.#deps.tell(record);
  }

  /** Ends what is being collected as it is. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const closing = { end: 'cut', missing: ['what came after the agent was stopped'] } as const;
    for (const collection of [...this.#open.values()]) this.#end(collection, closing);
    this.#isStopped = true;
    await Promise.all(this.#completing);
    this.#requests.stop();
  }

  status(): EvidenceStatus {
    return {
      files: this.#kept.size,
      bytes: this.#bytes,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  #begin({ id, cause, time, networks }: Extract<EvidencePiece, { type: 'begin' }>): void {
    if (!isEvidenceId(id)) {
      this.#deps.logger.error('the sensor named evidence in a way that no file may have; it is not kept');
      return;
    }
    // The collector begins anew: what was heard of it before is in what comes now.
    this.#forget(id);
    const base = this.#baseOf(id, cause, time, networks);
    if (this.#open.size >= MAX_OPEN) {
      this.#tellWithout(base, cause, `${MAX_OPEN} others were being collected at the same time`);
      return;
    }
    const paths = new EvidencePaths(this.#deps.folder, id);
    try {
      makeFolder(this.#deps.folder);
      if (this.#isNearlyFull()) throw nearlyFull();
      const file = new PartFile(paths, serializeRecord(base));
      this.#open.set(id, { paths, cause, base, file, askedSpaceAt: 0 });
    } catch (error) {
      this.#fail(error, 'packets cannot be put aside');
      this.#tellWithout(base, cause, whyNot(error));
    }
  }

  #forget(id: string): void {
    const collection = this.#open.get(id);
    if (collection === undefined) return;
    this.#open.delete(id);
    this.#bytes -= collection.file.bytes;
    collection.file.abandon();
  }

  #append({ id, bytes }: Extract<EvidencePiece, { type: 'bytes' }>): void {
    const collection = this.#open.get(id);
    // Ended before its time: what still comes of it has no place.
    if (collection === undefined) return;
    const { file } = collection;
    if (file.bytes + bytes.length > this.#deps.maxBytes * MAX_SHARE) {
      const missing = [`what came after a quarter of store.evidence_max_bytes (${this.#deps.maxBytes})`];
      this.#end(collection, { end: 'limit', missing });
      return;
    }
    if (!this.#makeRoom(bytes.length)) {
      const missing = ['what came when store.evidence_max_bytes was taken up by others being collected'];
      this.#end(collection, { end: 'limit', missing });
      return;
    }
    try {
      if (file.bytes - collection.askedSpaceAt >= SPACE_EVERY_BYTES) {
        collection.askedSpaceAt = file.bytes;
        if (this.#isNearlyFull()) throw nearlyFull();
      }
      file.append(bytes);
      this.#bytes += bytes.length;
    } catch (error) {
      this.#fail(error, 'packets cannot be put aside any more');
      this.#end(collection, { end: 'cut', missing: [`what came later: ${whyNot(error)}`] });
    }
  }

  #end(collection: Collection, closing: Closing): void {
    const { file, base, cause, paths } = collection;
    this.#open.delete(base.id);
    // Counted again as soon as it is whole.
    this.#bytes -= file.bytes;
    if (file.packets === 0) {
      file.abandon();
      this.#tellAnswered({ ...base, ...closing, time: this.#deps.now(), packets: 0 }, cause);
      return;
    }
    const severity = this.#gravest(cause);
    const recordOf = (written: Written): EvidenceRecord => ({
      ...base,
      ...(severity === undefined ? {} : { severity }),
      ...closing,
      ...written,
      file: paths.name,
      time: this.#deps.now(),
    });
    let record: EvidenceRecord | undefined;
    const completed = file
      .complete((written) => {
        record = recordOf(written);
        return serializeRecord(record);
      })
      .then(() => {
        this.#problem = undefined;
        this.#keep(record!, cause);
      })
      .catch((error: unknown) => {
        this.#fail(error, 'packets that were put aside are lost');
        this.#tellWithout(base, cause, whyNot(error));
      })
      .finally(() => this.#completing.delete(completed));
    this.#completing.add(completed);
  }

  /** Most findings begin less grave than they turn out within seconds, and by severity their packets are kept. */
  #gravest(cause: EvidenceCause): Severity | undefined {
    if (cause.kind !== 'finding') return undefined;
    let severity: Severity | undefined;
    try {
      severity = this.#deps.severityOf(cause.findingId);
    } catch (error) {
      this.#deps.logger.warn({ err: error }, 'how grave a finding is now cannot be read');
    }
    if (severity === undefined) return cause.severity;
    return SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(cause.severity) ? severity : cause.severity;
  }

  #baseOf(id: string, cause: EvidenceCause, trigger: Micros, networks: readonly string[]): EvidenceRecord {
    const wish = cause.kind === 'request' ? this.#requests.wishOf(cause.request) : undefined;
    return {
      kind: 'evidence',
      time: this.#deps.now(),
      id,
      change: 'kept',
      cause: cause.kind,
      ...(cause.kind === 'finding'
        ? { finding: cause.findingId, analyzer: cause.analyzer, severity: cause.severity }
        : { by: wish?.by, targets: wish?.targets }),
      networks: [...networks],
      trigger,
      packets: 0,
      bytes: 0,
      end: 'cut',
      missing: [],
    };
  }

  /** Nothing of it could be kept. */
  #tellWithout(base: EvidenceRecord, cause: EvidenceCause, why: string): void {
    this.#tellAnswered(
      { ...base, time: this.#deps.now(), end: 'cut', missing: [`all of it: ${why}`] },
      cause,
    );
  }

  #keep(record: EvidenceRecord, cause?: EvidenceCause): void {
    const { id, time, severity, bytes } = record;
    this.#drop(id);
    this.#add({ id, time, severity: severity === undefined ? null : SEVERITIES.indexOf(severity), bytes });
    if (cause === undefined) this.#deps.tell(record);
    else this.#tellAnswered(record, cause);
  }

  #tellAnswered(record: EvidenceRecord, cause: EvidenceCause): void {
    this.#deps.tell(record);
    if (cause.kind === 'request') this.#requests.complete(cause.request, record);
  }

  #check(): void {
    const { now, retention } = this.#deps;
    const limit = now() - retention;
    const days = retention / 86_400_000_000;
    const old = [...this.#kept.values()].filter(({ time }) => time < limit).sort((a, b) => a.time - b.time);
    for (const { id } of old.slice(0, MAX_REMOVED_AT_ONCE))
      this.#remove(id, `older than ${days} days (store.evidence_retention_days)`);
    this.#makeRoom(0);
  }

  /** False when all that may go has gone, and it is not enough. */
  #makeRoom(bytes: number): boolean {
    const { maxBytes } = this.#deps;
    if (this.#bytes + bytes <= maxBytes) return true;
    const target = Math.max(0, maxBytes * SIZE_TARGET - bytes);
    const order = [...this.#kept.values()].sort(goesBefore);
    for (const [i, { id }] of order.entries()) {
      const isEnough = this.#bytes + bytes <= maxBytes && i >= MAX_REMOVED_AT_ONCE;
      if (isEnough || this.#bytes <= target) break;
      this.#remove(id, `to make room within ${maxBytes} bytes (store.evidence_max_bytes)`);
    }
    return this.#bytes + bytes <= maxBytes;
  }

  #remove(id: string, reason: string): void {
    const { folder, now, recordOf, tell } = this.#deps;
    const paths = new EvidencePaths(folder, id);
    const record = readFacts(paths.facts) ?? recordOf(id);
    try {
      rmSync(paths.packets, { force: true });
      rmSync(paths.facts, { force: true });
    } catch (error) {
      this.#fail(error, 'evidence cannot be removed');
      return;
    }
    const row = this.#drop(id);
    const known = record ?? unknownRecord(id, row?.bytes ?? 0);
    tell({ ...known, time: now(), change: 'removed', file: undefined, reason });
  }

  #add(row: EvidenceRow): void {
    this.#kept.set(row.id, row);
    this.#bytes += row.bytes;
  }

  #drop(id: string): EvidenceRow | undefined {
    const row = this.#kept.get(id);
    if (row === undefined) return undefined;
    this.#kept.delete(id);
    this.#bytes -= row.bytes;
    return row;
  }

  /** As flows do, it leaves the last of the disk to findings. */
  #isNearlyFull(): boolean {
    const space = statfsSync(this.#deps.folder);
    return space.bavail * space.bsize < reserveBytes(space);
  }

  #fail(error: unknown, what: string): void {
    const problem = `${what}: ${whyNot(error)}`;
    if (problem !== this.#problem) this.#deps.logger.warn({ err: error }, problem);
    this.#problem = problem;
  }
}

class NearlyFull extends Error {}

function nearlyFull(): NearlyFull {
  return new NearlyFull('the disk is nearly full; free some space');
}

function whyNot(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
      return 'the disk is full; free some space';
    case 'EDQUOT':
      return 'the disk quota of its user is used up; raise it or free some space';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'its folder may not be written by the user of the station';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function unknownRecord(id: string, bytes: number): EvidenceRecord {
  return {
    kind: 'evidence',
    time: 0,
    id,
    change: 'kept',
    cause: 'request',
    networks: [],
    bytes,
    end: 'cut',
    missing: [],
  };
}
