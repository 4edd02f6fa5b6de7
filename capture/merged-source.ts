/**
 * Many capture files as one source, in the order of their packets' times. A file is opened when its first packet is
 * due and closed after its last, so that files written in turns are open one at a time. Each file's own order is kept,
 * as a clock that was set while it was written made it. It must never hold more open than MAX_OPEN, nor copy a frame.
 */
import type { CaseFile, CaseFileEnd } from '../src/model/case-input.ts';
import type { Micros } from '../src/model/time.ts';
import { DropTally } from './drop-tally.ts';
import type { FileReading, Slab } from './file-reading.ts';
import { MergeOrder, type Ordered } from './merge-order.ts';
import { MergedBatch } from './merged-batch.ts';
import { MergedTaps, type TapUser } from './merged-taps.ts';
import { timeOfFrame } from './packet-range.ts';
import type { SlabPool } from './slab-pool.ts';
import {
  CaptureError,
  type CaptureInterface,
  type CaptureStats,
  type EndReason,
  type FrameBatch,
  type PacketSource,
} from './source.ts';
import { isSameFrame } from './twin-frames.ts';

/** A file that is to be read. */
export interface MergeFile {
  readonly path: string;
  readonly sizeBytes?: number;
  /** Of its first packet. */
  readonly firstAt: Micros;
  open(slab: Slab): Promise<FileReading>;
}

/** A file that had to be opened to know what it is, and cannot be opened twice. */
export interface StartedFile {
  readonly path: string;
  readonly sizeBytes?: number;
  readonly reading: FileReading;
  readonly slab: Slab;
}

export interface MergeProgress {
  readonly bytesRead: number;
  readonly packets: number;
  readonly filesDone: number;
}

export interface MergeOptions {
  readonly pool: SlabPool;
  readonly started: readonly StartedFile[];
  /** The earliest first. */
  readonly waiting: readonly MergeFile[];
  readonly onProgress?: ((progress: MergeProgress) => void) | undefined;
  /** More than these at once are opened late. */
  readonly maxOpen?: number;
}

interface OpenFile extends Ordered, TapUser {
  readonly sizeBytes: number | undefined;
  readonly slab: Slab;
  time: Micros;
  isOpen: boolean;
  /** The packet at hand, in the batch of the reading. */
  at: number;
}

/** 256 slabs of some 300 KiB that are used. */
const MAX_OPEN = 256;
/** The pipeline takes a greater fall of packet time for a clock that was set, and so do we within a file. */
const MAX_LATE_MICROS = 10_000_000;

export class MergedSource implements PacketSource {
  readonly backend = 'file';
  /** As far as they have been read, in the order in which they ended. */
  readonly done: CaseFile[] = [];
  duplicates = 0;
  alike = 0;
  openedLate = 0;
  readonly #options: MergeOptions;
  readonly #maxOpen: number;
  readonly #order = new MergeOrder<OpenFile>();
  readonly #taps = new MergedTaps((a, b) => areTwins(a as OpenFile, b as OpenFile));
  /** Their batch has been handed out whole. */
  readonly #spent: OpenFile[] = [];
  #out: MergedBatch | undefined;
  #nextWaiting = 0;
  #doneBytes = 0;
  readonly #drops = new DropTally();
  /** How far the merge came while no file more could be opened. */
  #fullUntil: Micros = 0;
  #closed = false;

  constructor(options: MergeOptions) {
    this.#options = options;
    this.#maxOpen = options.maxOpen ?? MAX_OPEN;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#taps.interfaces;
  }

  /** Whether an interface has no name but its file's. */
  isUnnamed(index: number): boolean {
    return this.#taps.unnamed.has(index);
  }

  stats(): CaptureStats {
    return { received: this.#out?.delivered ?? 0, ...this.#drops.total };
  }

  async run(onBatch: (batch: FrameBatch) => void): Promise<EndReason> {
    if (this.#closed) return { reason: 'closed' };
    if (this.#out !== undefined) throw new Error('run() was called twice');
    const out = new MergedBatch(onBatch);
    this.#out = out;
    try {
      for (const [i, started] of this.#options.started.entries()) await this.#join(started, i);
      while (!this.#closed) {
        if (this.#isDue()) await this.#openDue();
        const file = this.#order.first;
        if (file === undefined) break;
        this.#take(file, out);
        if (this.#spent.length === 0) continue;
        // What was taken of them lies in memory that is used again.
        out.flush();
        for (const spent of this.#spent.splice(0)) await this.#goOn(spent);
        this.#progress();
      }
      out.flush();
      return this.#closed ? { reason: 'closed' } : { reason: 'end-of-file' };
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#closed = true;
    for (const { reading } of this.#options.started) void reading.close();
    for (const { reading } of this.#order.items) void reading.close();
  }

  #isDue(): boolean {
    const head = this.#order.first;
    return head === undefined || this.#dueAt() <= head.time;
  }

  /** Opens the files of which a packet may be the next. */
  async #openDue(): Promise<void> {
    const { waiting, pool } = this.#options;
    for (let file = waiting[this.#nextWaiting]; file !== undefined; file = waiting[this.#nextWaiting]) {
      if (!this.#isDue() || this.#closed) return;
      const rank = this.#options.started.length + this.#nextWaiting++;
      const { path, sizeBytes } = file;
      const fields = { path, ...(sizeBytes !== undefined && { sizeBytes }) };
      if (file.firstAt < this.#fullUntil - MAX_LATE_MICROS) {
        const detail = `cannot read ${path}: more than ${this.#maxOpen} captures overlap where it begins; analyze fewer at once`;
        this.done.push({ ...fields, end: 'unreadable', detail, packets: 0 });
        continue;
      }
      if (file.firstAt < this.#fullUntil) this.openedLate++;
      const slab = pool.take();
      try {
        await this.#join({ ...fields, slab, reading: await file.open(slab) }, rank);
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
        pool.giveBack(slab);
        this.done.push({ ...fields, end: 'unreadable', detail: error.message, packets: 0 });
      }
    }
  }

  async #join({ path, sizeBytes, reading, slab }: StartedFile, rank: number): Promise<void> {
    const file: OpenFile = { path, sizeBytes, reading, slab, rank, taps: [], time: 0, at: 0, isOpen: true };
    this.#order.add(file);
    await this.#goOn(file);
  }

  /** The next batch of a file, or its end. */
  async #goOn(file: OpenFile): Promise<void> {
    const { reading } = file;
    const end = await reading.next();
    if (end !== undefined) return this.#end(file, end);
    file.at = 0;
    file.time = mergeTime(reading.batch, 0);
    if (!this.#taps.take(file)) {
      return this.#end(file, {
        reason: 'failed',
        detail: `cannot read ${file.path} any further: too many interfaces in all files`,
      });
    }
    this.#order.moved(file);
  }

  async #end(file: OpenFile, end: EndReason): Promise<void> {
    const { path, reading, slab, sizeBytes } = file;
    const sha256 = await reading.sha256();
    await reading.close();
    file.isOpen = false;
    this.#order.remove(file);
    this.#options.pool.giveBack(slab);
    this.#doneBytes += reading.bytesRead;
    const { first, last } = reading;
    this.done.push({
      path,
      end: FILE_END[end.reason],
      ...('detail' in end && { detail: end.detail }),
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(sha256 !== undefined && { sha256 }),
      packets: reading.received,
      ...(first !== undefined && { first }),
      ...(last !== undefined && { last }),
      ...this.#drops.add(reading),
    });
  }

  /** The file's packets that come before those of all others; at least one. */
  #take(file: OpenFile, out: MergedBatch): void {
    const { batch } = file.reading;
    const { count } = batch;
    const second = this.#order.secondTime;
    const limit = Math.min(second, this.#dueAt());
    const start = file.at;
    let time = file.time;
    if (time === second && this.#isInAnother(file)) {
      this.#skip(file);
      return;
    }
    if (this.#isFull) this.#fullUntil = time;
    let at = limit === Number.POSITIVE_INFINITY ? count : start + 1;
    while (at < count) {
      time = mergeTime(batch, at);
      if (time >= limit) break;
      at++;
    }
    out.add(batch, start, at, file.taps);
    file.at = at;
    if (at === count) {
      this.#spent.push(file);
    } else {
      file.time = time;
      this.#order.moved(file);
    }
  }

  get #isFull(): boolean {
    return this.#order.items.length >= this.#maxOpen;
  }

  /** When the next file is to be opened. */
  #dueAt(): Micros {
    if (this.#isFull) return Number.POSITIVE_INFINITY;
    return this.#options.waiting[this.#nextWaiting]?.firstAt ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Two recordings of one tap have the same packet: the longer part of it stays, the other is skipped. True when the
   * other one stays.
   */
  #isInAnother(file: OpenFile): boolean {
    for (const other of [...this.#order.items]) {
      if (other === file || other.time !== file.time || !areTwins(file, other)) continue;
      if (tapAt(file) !== tapAt(other)) {
        if (this.isUnnamed(tapAt(file)) && this.isUnnamed(tapAt(other))) this.alike++;
        continue;
      }
      this.duplicates++;
      if (capLenAt(other) > capLenAt(file)) return true;
      this.#skip(other);
    }
    return false;
  }

  #skip(file: OpenFile): void {
    file.at++;
    if (file.at === file.reading.batch.count) {
      this.#spent.push(file);
      // It has no packet at hand; it is asked for the next before anything else is taken.
      return;
    }
    file.time = mergeTime(file.reading.batch, file.at);
    this.#order.moved(file);
  }

  #progress(): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    const bytesRead = this.#order.items.reduce(
      (total, { reading }) => total + reading.bytesRead,
      this.#doneBytes,
    );
    onProgress({ bytesRead, packets: this.#out?.delivered ?? 0, filesDone: this.done.length });
  }
}

const FILE_END: Readonly<Record<EndReason['reason'], CaseFileEnd>> = {
  'end-of-file': 'whole',
  truncated: 'cut',
  failed: 'corrupt',
  'interface-down': 'corrupt',
  'interface-gone': 'corrupt',
  closed: 'cut',
};

/**
 * By what a packet is ordered: its time; but that of the next where that one is far before it. One packet with a time
 * from the future would else hold up its file until all others are done.
 */
export function mergeTime(batch: FrameBatch, i: number): Micros {
  const time = timeOfFrame(batch, i);
  if (i + 1 >= batch.count) return time;
  const next = timeOfFrame(batch, i + 1);
  return next < time - MAX_LATE_MICROS ? next : time;
}

function areTwins(a: OpenFile, b: OpenFile): boolean {
  return a.time === b.time && isSameFrame(a.reading.batch, a.at, b.reading.batch, b.at);
}

function tapAt({ reading, taps, at }: OpenFile): number {
  return taps[reading.batch.ifIndex[at]!]!;
}

function capLenAt({ reading, at }: OpenFile): number {
  return reading.batch.capLen[at]!;
}
