/**
 * The embedded store: takes records without waiting, writes them in batches, keeps the file within its bounds and
 * goes on when the disk does not. `append` never blocks on the disk and never throws.
 *
 * Durability: SQLite in WAL mode with synchronous=NORMAL survives any crash of the process, but a power cut may take
 * the last commits. That is fine for flows. A transaction that holds a finding or a decision is committed with FULL:
 * one fsync, after which the finding is on the disk. Findings are rare, so the fsync is too.
 */
import { statSync } from 'node:fs';
import type BetterSqlite3 from 'better-sqlite3';
import type { Database } from 'better-sqlite3';
import type { Fifo } from '../../model/fifo.ts';
import type { DurableLane } from '../../model/lane.ts';
import type { LearnedRecord } from '../../model/learned.ts';
import type { LossTally } from '../../model/loss-tally.ts';
import type { AgentRecord, RecordKind } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { StoreConfig } from '../config.ts';
import type { Delivery, Entry } from '../entry.ts';
import { FailureLog } from '../failure-log.ts';
import { loadSqlite, lockForWriting, openDatabase } from './database.ts';
import { DeadLetters } from './dead-letters.ts';
import { DiskSpace } from './disk-space.ts';
import { adviceFor, isCorruption, isRecordFault, sqliteCode } from './error.ts';
import { LearnedRows } from './learned-rows.ts';
import { type LogPage, type LogRequest, placeBefore, readLogPage } from './log-page.ts';
import { type DurableLog, forgetCursors, Outbox, savedCursor } from './outbox.ts';
import { Progress } from './progress.ts';
import { type Delivered, keepWithinBounds, usedBytes } from './retention.ts';
import { type DurableEntry, RowWriter } from './rows.ts';
import { WatchLog } from './watch-log.ts';
import { WriteBuffer } from './write-buffer.ts';

export interface StoreDeps {
  readonly logger: Logger;
  readonly losses: LossTally;
  /** Wall clock; ages are measured against it. */
  readonly now: () => Micros;
  /** Durable records became readable for the sinks. */
  readonly onDurable: () => void;
  /** Something was written, so that `keptSeq` may have moved. */
  readonly onKept?: () => void;
  /** A durable record was given up before it was written. */
  readonly onShed: (lane: DurableLane, entry: DurableEntry) => void;
  /** The oldest of a sink's outbox were given up, because it was away for too long. */
  readonly onSkipped: (sink: string, count: number) => void;
}

export interface StoreStatus {
  readonly state: 'ok' | 'failing';
  /** What a person can do, while failing or short of space. */
  readonly problem?: string;
  readonly path: string;
  readonly bytes?: number;
  readonly written: number;
  /** Accepted, not yet written. */
  readonly buffered: number;
  readonly shed: number;
}

/** Findings are committed within this; one fsync for all that come together. */
const FINDING_FLUSH_MS = 20;
const EVENT_FLUSH_MS = 100;
const BULK_FLUSH_MS = 250;
/** A transaction of that many rows takes about 20 ms, in which nothing else in the process runs. */
const ROWS_PER_TRANSACTION = 1000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;
const MAINTENANCE_MS = 1000;
/** How long deleting may take, once a second. */
const DELETING_MS = 50;
/** And after each transaction of flows while that is not enough, or twice its rows: some 4 us each, less than writing one. */
const DELETING_BEHIND_MS = 15;
export async function openStore(config: StoreConfig, deps: StoreDeps): Promise<Store> {
  return new Store(await loadSqlite(), config, deps);
}

export class Store implements DurableLog {
  readonly #sqlite: typeof BetterSqlite3;
  readonly #config: StoreConfig;
  readonly #deps: StoreDeps;
  readonly #lock: Database;
  readonly #buffer: WriteBuffer;
  readonly #outboxes: Outbox[] = [];
  readonly #learned = new LearnedRows();
  readonly #deadLetters = new DeadLetters();
  readonly #failures: FailureLog;
  readonly #disk: DiskSpace;
  readonly #maintenance: NodeJS.Timeout;
  #db: Database | undefined;
  #rows!: RowWriter;
  #watches: WatchLog | undefined;
  #progress: Progress | undefined;
  #inode = 0;
  #lastSeq = 0;
  /** The newest place whose record is in the database. */
  #writtenSeq = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #problem: string | undefined;
  #retryMs = RETRY_FIRST_MS;
  #isOverHardLimit = false;
  /** More must be deleted than the maintenance has time for: whoever writes then deletes too, at the pace of the writing. */
  #isBehind = false;
  #isCorrupt = false;
  #isClosed = false;
  #written = 0;
  #shed = 0;

  constructor(sqlite: typeof BetterSqlite3, config: StoreConfig, deps: StoreDeps) {
    this.#sqlite = sqlite;
    this.#config = config;
    this.#deps = deps;
    this.#disk = new DiskSpace(config.path, deps.logger);
    this.#failures = new FailureLog(deps.logger, {
      failing: 'the store cannot write; records wait in memory',
      recovered: 'the store writes again',
    });
    this.#buffer = new WriteBuffer(
      { maxRecords: config.buffer_max_records, maxBytes: config.buffer_max_bytes },
      (entry) => this.#countShed(entry),
    );
    this.#lock = lockForWriting(sqlite, config.path);
    try {
      this.#open();
    } catch (error) {
      this.#lock.close();
      throw error;
    }
    this.#maintenance = setInterval(() => this.#maintain(), MAINTENANCE_MS);
    this.#maintenance.unref();
  }

  get db(): Database | undefined {
    return this.#db;
  }

  get isFailing(): boolean {
    return this.#problem !== undefined;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Whether a flow or a DNS record would be shed: then its text need not be made. */
  get refusesBulk(): boolean {
    return this.#buffer.isFull || this.#isOverHardLimit || this.#disk.isLow;
  }

  unwritten(lane: DurableLane): Fifo<DurableEntry> {
    return lane === 'finding' ? this.#buffer.findings : this.#buffer.events;
  }

  /** Everything durable up to here is on the disk, or was given up and counted. */
  get keptSeq(): number {
    const { findings, events } = this.#buffer;
    const next = this.#lastSeq + 1;
    return Math.min(findings.at(0)?.seq ?? next, events.at(0)?.seq ?? next) - 1;
  }

  /** Everything of these lanes up to here is in the database or was given up; a restart gives it to no other record. */
  readableUpTo(lanes: readonly DurableLane[]): number {
    const waiting = lanes.map((lane) => this.unwritten(lane).at(0)?.seq ?? Number.POSITIVE_INFINITY);
    return Math.min(this.#writtenSeq, ...waiting.map((seq) => seq - 1));
  }

  /** What follows a place in the log; undefined while nothing can be read. */
  readLog(request: LogRequest): LogPage | undefined {
    return this.#reading((db) => readLogPage(db, request));
  }

  /** The place before the first record of that time or later; undefined when there is none, or nothing can be read. */
  placeBefore(since: Micros, kinds: readonly RecordKind[]): number | undefined {
    return this.#reading((db) => placeBefore(db, since, kinds));
  }

  get hasUnkeptLearned(): boolean {
    return this.#learned.waiting > 0;
  }

  /** Records of this run of the sensor follow. Returns whether an earlier station heard some of them. */
  followRun(run: string): boolean {
    const db = this.#db;
    if (db === undefined) return false;
    const progress = new Progress(db, run);
    progress.begin(db);
    this.#progress = progress;
    this.#watches?.follow(progress);
    return progress.goesOn;
  }

  /** Whether a record of the sensor is new; what it tells again is not. */
  hear(lane: DurableLane, told: number): boolean {
    return this.#progress?.hear(lane, told) ?? true;
  }

  append(entry: Entry, lane: DurableLane | 'bulk', told?: number): void {
    if (lane === 'bulk') {
      if (this.refusesBulk) {
        this.countRefused(entry.kind, entry.time);
        return;
      }
      this.#buffer.addBulk(entry);
      this.#schedule(this.#buffer.bulk.length >= ROWS_PER_TRANSACTION ? 0 : BULK_FLUSH_MS);
      return;
    }
    this.#lastSeq += 1;
    this.#buffer.addDurable({
      ...entry,
      record: entry.record as AgentRecord,
      seq: this.#lastSeq,
      ...(told === undefined ? {} : { told }),
    });
    this.#schedule(lane === 'finding' ? FINDING_FLUSH_MS : EVENT_FLUSH_MS);
  }

  /** Kept when there is time for it. */
  remember(learned: LearnedRecord): void {
    this.#learned.add(learned);
    this.#schedule(BULK_FLUSH_MS);
  }

  /** Counts a flow or DNS record that was refused before it was made into text. */
  countRefused(kind: RecordKind, time: Micros): void {
    this.#shed += 1;
    this.#deps.losses.add('store', kind, 1, time);
  }

  /** Writes all that waits, now; stops at the first failure. */
  flush(): void {
    let before = Number.POSITIVE_INFINITY;
    while (this.#unwritten > 0 && this.#unwritten < before) {
      before = this.#unwritten;
      if (!this.#writeSome()) return;
    }
  }

  /** A sink's place in the log; what was stored before the sink existed waits for it, unless it wants no backlog. */
  openOutbox(
    sink: string,
    lane: DurableLane,
    kinds: ReadonlySet<RecordKind>,
    { backlog = true } = {},
  ): Outbox {
    const cursor = this.#db === undefined ? 0 : savedCursor(this.#db, sink, lane);
    const outbox = new Outbox(this, sink, lane, kinds, cursor ?? 0);
    if (cursor === undefined && !backlog) outbox.skipBacklog();
    this.#outboxes.push(outbox);
    return outbox;
  }

  /** Forgets sinks that are configured no more: their place would keep findings from ever expiring. */
  forgetOtherSinks(names: readonly string[]): void {
    for (const sink of this.#db === undefined ? [] : forgetCursors(this.#db, names)) {
      this.#deps.logger.info({ sink }, 'a sink is configured no more; its place in the outbox is forgotten');
    }
  }

  /** Kept once the disk takes it; a record that a sink's peer refuses again is kept once. */
  addDeadLetter(sink: string, delivery: Delivery, reason: string): void {
    this.#deadLetters.add({ sink, at: this.#deps.now(), delivery, reason });
    if (this.#db === undefined || this.isFailing) return;
    try {
      this.#deadLetters.writeAll(this.#db);
    } catch (error) {
      this.reportFailure(error);
    }
  }

  status(): StoreStatus {
    const problem = this.#problem ?? this.#disk.problem;
    return {
      state: this.isFailing ? 'failing' : 'ok',
      ...(problem !== undefined && { problem }),
      path: this.#config.path,
      ...(this.#db !== undefined && !this.isFailing && { bytes: usedBytes(this.#db) }),
      written: this.#written,
      buffered: this.#buffer.records,
      shed: this.#shed,
    };
  }

  /** The disk refused; said once, tried again with growing pauses, records wait meanwhile. */
  reportFailure(error: unknown): void {
    const code = sqliteCode(error) ?? 'UNKNOWN';
    this.#problem = adviceFor(error, this.#config.path);
    this.#failures.failed(code, { code, problem: this.#problem, buffered: this.#buffer.records });
    if (isCorruption(error)) {
      this.#isCorrupt = true;
      this.#abandon();
    }
    this.#schedule(this.#retryMs);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#maintenance);
    clearTimeout(this.#timer);
    this.flush();
    this.#signOfLife();
    for (const outbox of this.#outboxes) outbox.save();
    if (this.#buffer.records > 0) {
      this.#deps.logger.error(
        { records: this.#buffer.records, problem: this.#problem },
        'the store closes with records that could not be written',
      );
    }
    this.#abandon();
    this.#lock.close();
  }

  get #unwritten(): number {
    return this.#buffer.records + this.#learned.waiting;
  }

  #open(): void {
    const suffix = new Date(Math.floor(this.#deps.now() / 1000)).toISOString().replaceAll(/[-:.]/g, '');
    const opened = openDatabase(this.#sqlite, this.#config.path, {
      asideSuffix: suffix,
      isKnownCorrupt: this.#isCorrupt,
    });
    this.#isCorrupt = false;
    this.#db = opened.db;
    this.#inode = opened.inode;
    if (this.#watches === undefined) this.#watches = new WatchLog(opened.db);
    else this.#watches.moveTo(opened.db);
    this.#rows = new RowWriter(opened.db, this.#watches);
    const inFile = opened.db
      .prepare(
        "SELECT max((SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'), (SELECT coalesce(max(seq), 0) FROM cursors))",
      )
      .pluck()
      .get() as number;
    this.#lastSeq = Math.max(this.#lastSeq, inFile);
    this.#writtenSeq = Math.max(this.#writtenSeq, inFile);
    if (opened.movedAside !== undefined) {
      this.#deps.logger.error(
        { path: this.#config.path, movedTo: opened.movedAside },
        'the database was corrupt; it was moved aside and a new one begun',
      );
      const now = this.#deps.now();
      this.#deps.losses.add('store', 'corrupt-database', 1, now);
    }
  }

  #reading<T>(question: (db: Database) => T): T | undefined {
    if (this.#db === undefined) return undefined;
    try {
      return question(this.#db);
    } catch (error) {
      this.reportFailure(error);
      return undefined;
    }
  }

  #signOfLife(): void {
    if (this.#db === undefined || this.isFailing) return;
    try {
      this.#watches?.signOfLife(this.#deps.now());
    } catch (error) {
      this.reportFailure(error);
    }
  }

  #abandon(): void {
    this.#db?.close();
    this.#db = undefined;
  }

  #countShed(entry: Entry): void {
    this.#shed += 1;
    this.#deps.losses.add('store', entry.kind, 1, entry.time);
    if ('seq' in entry) {
      this.#deps.onShed(entry.kind === 'finding' ? 'finding' : 'event', entry as DurableEntry);
    }
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed) return;
    const waitMs = this.isFailing ? Math.max(delayMs, this.#retryMs) : delayMs;
    const at = performance.now() + waitMs;
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#onTimer(), waitMs);
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (this.isFailing) this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
    const before = this.#unwritten;
    if (this.#writeSome() && this.#unwritten > 0) {
      // Nothing moves while flows are held back for want of space; the maintenance looks again.
      this.#schedule(this.#unwritten < before ? 0 : MAINTENANCE_MS);
    }
  }

  /** One transaction of durable records, one of the others; false when the disk refused. */
  #writeSome(): boolean {
    try {
      if (this.#db === undefined) this.#open();
      const wasFailing = this.isFailing;
      const durable = this.#writeDurable();
      this.#writeBulk();
      this.#learned.writeSome(this.#db!);
      this.#deadLetters.writeAll(this.#db!);
      this.#problem = undefined;
      this.#retryMs = RETRY_FIRST_MS;
      this.#failures.succeeded({ buffered: this.#buffer.records });
      if (durable > 0 || wasFailing) this.#deps.onDurable();
      this.#deps.onKept?.();
      return true;
    } catch (error) {
      this.reportFailure(error);
      // The sinks may read on from the buffer.
      this.#deps.onDurable();
      return false;
    }
  }

  #writeDurable(): number {
    const { findings, events } = this.#buffer;
    const findingCount = Math.min(findings.length, ROWS_PER_TRANSACTION);
    const eventCount = Math.min(events.length, ROWS_PER_TRANSACTION - findingCount);
    if (findingCount + eventCount === 0) return 0;
    const db = this.#db!;
    const faulty: Entry[] = [];
    const isPrecious = findingCount > 0 || holdsDecision(events, eventCount);
    if (isPrecious) db.pragma('synchronous = FULL');
    try {
      db.transaction(() => {
        const write = (entry: DurableEntry) => this.#rows.writeDurable(entry);
        faulty.push(...this.#writeRows(findings, findingCount, write));
        faulty.push(...this.#writeRows(events, eventCount, write));
        this.#writeProgress(findings, findingCount, 'finding');
        this.#writeProgress(events, eventCount, 'event');
      })();
    } finally {
      if (isPrecious && db.open) db.pragma('synchronous = NORMAL');
    }
    const last = [findings.at(findingCount - 1), events.at(eventCount - 1)].map((entry) => entry?.seq ?? 0);
    this.#writtenSeq = Math.max(this.#writtenSeq, ...last);
    this.#buffer.settle(findings, findingCount);
    this.#buffer.settle(events, eventCount);
    this.#countWritten(findingCount + eventCount, faulty);
    return findingCount + eventCount;
  }

  #writeProgress(lane: Fifo<DurableEntry>, count: number, name: DurableLane): void {
    for (let i = count - 1; i >= 0; i--) {
      const { told } = lane.at(i)!;
      if (told === undefined) continue;
      this.#progress?.write(this.#db!, name, told);
      return;
    }
  }

  #writeBulk(): void {
    const { bulk } = this.#buffer;
    const count = Math.min(bulk.length, ROWS_PER_TRANSACTION);
    if (count === 0 || this.#disk.check()) return;
    const faulty = this.#indexing(() => {
      const refused = this.#writeRows(bulk, count, (entry) => this.#rows.writeBulk(entry));
      this.#rows.settleBulk();
      return refused;
    });
    this.#buffer.settle(bulk, count);
    this.#countWritten(count, faulty);
    if (this.#isBehind || usedBytes(this.#db!) > this.#config.max_bytes)
      this.#keepWithinBounds(DELETING_BEHIND_MS, 2 * count);
  }

  /** One transaction; the index over flows forgets what is undone. */
  #indexing<T>(work: () => T): T {
    try {
      return this.#db!.transaction(work)();
    } catch (error) {
      if (this.#db?.open === true && !isCorruption(error)) this.#rows.forgetBulk();
      throw error;
    }
  }

  #keepWithinBounds(budgetMs: number, leastRows = 0): void {
    const room = keepWithinBounds(
      this.#db!,
      this.#config,
      this.#deps.now(),
      this.#delivered(),
      budgetMs,
      leastRows,
    );
    this.#isBehind = room.isBehind;
    this.#isOverHardLimit = room.isOverHardLimit;
  }

  /** Returns what cannot be a row whatever the disk does; the others must not wait for it. */
  #writeRows<T extends Entry>(lane: Fifo<T>, count: number, write: (entry: T) => void): Entry[] {
    const faulty: Entry[] = [];
    for (let i = 0; i < count; i++) {
      const entry = lane.at(i)!;
      try {
        write(entry);
      } catch (error) {
        if (!isRecordFault(error)) throw error;
        this.#deps.logger.error({ err: error, kind: entry.kind }, 'a record cannot be stored; it is skipped');
        faulty.push(entry);
      }
    }
    return faulty;
  }

  #countWritten(count: number, faulty: readonly Entry[]): void {
    this.#written += count - faulty.length;
    for (const entry of faulty) this.#countShed(entry);
  }

  #maintain(): void {
    const db = this.#db;
    if (db === undefined || this.isFailing) return;
    try {
      if (statSync(this.#config.path, { throwIfNoEntry: false })?.ino !== this.#inode) {
        this.#deps.logger.error({ path: this.#config.path }, 'the database file is gone; a new one is begun');
        this.#abandon();
        this.#open();
        return;
      }
      for (const outbox of this.#outboxes) {
        const skipped = outbox.skipBeyond(this.#config.max_undelivered);
        if (skipped === undefined) continue;
        this.#deps.losses.add('sink-outbox', outbox.sink, skipped.count, skipped.first, skipped.last);
        this.#deps.onSkipped(outbox.sink, skipped.count);
      }
      if (this.#disk.isLow && !this.#disk.check()) this.#schedule(0);
      this.#watches?.tick(this.#deps.now());
      if (this.#rows.isIndexBehind) this.#indexing(() => this.#rows.catchUpIndex());
      this.#keepWithinBounds(DELETING_MS);
    } catch (error) {
      this.reportFailure(error);
    }
  }

  #delivered(): Delivered {
    const lowest = (lane: DurableLane) =>
      Math.min(
        Number.MAX_SAFE_INTEGER,
        ...this.#outboxes.filter((outbox) => outbox.lane === lane).map((outbox) => outbox.cursor),
      );
    return { finding: lowest('finding'), event: lowest('event') };
  }
}

/** What a person decided is as precious as what it is about. */
function holdsDecision(events: Fifo<DurableEntry>, count: number): boolean {
  for (let i = 0; i < count; i++) if (events.at(i)!.kind === 'decision') return true;
  return false;
}
