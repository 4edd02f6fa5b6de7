/**
 * Drives one sink: findings before events before bulk, one write in flight, batches by size or age, retries with
 * backoff, bad records found by halving and kept as dead letters, a bounded drain at the end. `offer` is synchronous,
 * never blocks and never throws. Every record is accounted for: accepted = sent + passed + dropped + dead + queued.
 */

import { type DurableLane, laneOf } from '../../model/lane.ts';
import type { LossTally } from '../../model/loss-tally.ts';
import type { Micros } from '../../model/time.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Delivery, Entry } from '../entry.ts';
import { FailureLog } from '../failure-log.ts';
import type { DurableDelivery, Outbox } from '../store/outbox.ts';
import { Backoff } from './backoff.ts';
import { BulkLane } from './bulk-lane.ts';
import { type Sink, SinkError } from './sink.ts';
import { Sleeper } from './sleeper.ts';

export interface OutletOptions {
  readonly batchMaxRecords: number;
  readonly batchMaxBytes: number;
  /** Bulk waits this long for a fuller batch; durable records are sent at once. */
  readonly flushIntervalMs: number;
  readonly queueMaxRecords: number;
  readonly queueMaxBytes: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** After a refusal that needs a person the pauses grow to this; the peer may have been put right meanwhile. */
  readonly refusedRetryMs: number;
}

export const OUTLET_DEFAULTS = {
  batchMaxBytes: 4 * 1024 * 1024,
  retryFirstMs: 500,
  retryMaxMs: 30_000,
  refusedRetryMs: 60_000,
} as const;

export interface OutletDeps {
  readonly logger: Logger;
  readonly losses: LossTally;
  readonly finding: Outbox;
  readonly event: Outbox;
  /** Keeps a record that the peer refused for good. */
  readonly deadLetter: (delivery: Delivery, reason: string) => void;
  readonly random?: () => number;
}

export interface OutletStatus {
  readonly sink: string;
  /** `retrying`: the peer is unwell. `refused`: it needs a person. */
  readonly state: 'ok' | 'retrying' | 'refused';
  readonly problem?: string;
  /** Since the start, including what waited from before. */
  readonly accepted: number;
  readonly sent: number;
  /** Not for this sink, by its severity or filter. */
  readonly passed: number;
  readonly dropped: number;
  readonly deadLetters: number;
  readonly queued: number;
  /** The same, by lane. */
  readonly waiting: Readonly<Record<DurableLane | 'bulk', number>>;
  /** Time of the oldest record that waits; absent when none does. */
  readonly oldestWaiting?: Micros;
  /** Attempts that failed and are made again. */
  readonly failures: number;
  /** Wall clock. */
  readonly lastSent?: Micros;
}

/** One of the three queues, with what is known about a bad record in it. */
interface Lane {
  readonly queue: {
    read(maxRecords: number, maxBytes: number): readonly Delivery[];
    settle(deliveries: readonly Delivery[]): number;
  };
  /**
   * A bad record is known to be among that many at the front. Half of them are tried next: passed, it is in the
   * other half; refused, in this one. About 2 log2(n) writes find it.
   */
  suspects: number;
}

export class Outlet {
  readonly sink: Sink;
  readonly #options: OutletOptions;
  readonly #deps: OutletDeps;
  readonly #finding: Lane;
  readonly #event: Lane;
  readonly #bulk: Lane;
  readonly #bulkQueue: BulkLane;
  readonly #backoff: Backoff;
  readonly #refusals: Backoff;
  readonly #failures: FailureLog;
  readonly #deadLetterLog: FailureLog;
  readonly #abort = new AbortController();
  #hasDurable = true;
  #needsPrepare = true;
  /** Which step failed last, while the state is not `ok`. */
  #failedStep: 'prepare' | 'write' | undefined;
  readonly #sleeper = new Sleeper(this.#abort.signal);
  #isStopping = false;
  #running: Promise<void> | undefined;
  #state: OutletStatus['state'] = 'ok';
  #problem: string | undefined;
  #accepted = 0;
  #sent = 0;
  #passed = 0;
  #dropped = 0;
  #failureCount = 0;
  #deadLetters = 0;
  #lastSent: Micros | undefined;

  constructor(sink: Sink, options: OutletOptions, deps: OutletDeps) {
    this.sink = sink;
    this.#options = options;
    this.#deps = deps;
    this.#bulkQueue = new BulkLane(
      { maxRecords: options.queueMaxRecords, maxBytes: options.queueMaxBytes },
      (delivery) => this.#drop(delivery),
    );
    this.#finding = { queue: durableQueue(deps.finding), suspects: 0 };
    this.#event = { queue: durableQueue(deps.event), suspects: 0 };
    this.#bulk = { queue: this.#bulkQueue, suspects: 0 };
    const random = deps.random ?? Math.random;
    this.#backoff = new Backoff({ firstMs: options.retryFirstMs, maxMs: options.retryMaxMs }, random);
    this.#refusals = new Backoff(
      { firstMs: options.refusedRetryMs / 16, maxMs: options.refusedRetryMs },
      random,
    );
    this.#failures = new FailureLog(deps.logger, {
      failing: 'the sink does not take records; findings wait on disk',
      recovered: 'the sink takes records again',
    });
    this.#deadLetterLog = new FailureLog(deps.logger, {
      failing: 'a record was refused for good and kept as a dead letter',
    });
    // What an earlier run left undelivered.
    this.#accepted = deps.finding.count() + deps.event.count();
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => {
      this.#state = 'refused';
      this.#problem = `the outlet itself failed: ${error instanceof Error ? error.message : String(error)}`;
      this.#deps.logger.error({ err: error, sink: this.sink.name }, 'the sink stopped by a fault of our own');
    });
  }

  /** Bulk is queued here; a durable record is only counted, it comes by way of the store. */
  offer(entry: Entry): void {
    if (!this.sink.accepts.has(entry.kind)) return;
    this.#accepted += 1;
    if (laneOf(entry.kind) !== 'bulk') return;
    const { kind, time, tie, text } = entry;
    this.#bulkQueue.offer({ kind, time, tie, text }, performance.now());
    // The first one starts the clock of its batch, a full batch need not wait for it.
    if (this.#bulkQueue.length === 1 || this.#bulkQueue.length === this.#options.batchMaxRecords)
      this.#sleeper.wake();
  }

  /** The store has something durable to read. */
  onDurable(): void {
    this.#hasDurable = true;
    this.#sleeper.wake();
  }

  /** A durable record was given up before this sink had it. */
  onLost(count: number): void {
    this.#dropped += count;
  }

  onShed(lane: DurableLane, delivery: DurableDelivery): void {
    const outbox = lane === 'finding' ? this.#deps.finding : this.#deps.event;
    if (this.sink.accepts.has(delivery.kind) && delivery.seq > outbox.cursor) this.#dropped += 1;
  }

  /** Sends what is left, for at most that long. Durable records that did not go stay in the outbox. */
  async stop(timeoutMs: number): Promise<void> {
    this.#isStopping = true;
    this.#sleeper.wake();
    const timer = setTimeout(() => this.#abort.abort(), timeoutMs);
    await this.#running;
    clearTimeout(timer);
    const left = this.#bulkQueue.length;
    this.#bulkQueue.clear();
    const waiting = this.#deps.finding.count() + this.#deps.event.count();
    if (left + waiting > 0) {
      this.#deps.logger.warn(
        { sink: this.sink.name, dropped: left, waitingOnDisk: waiting, problem: this.#problem },
        'the sink stops before everything is delivered',
      );
    }
    await this.sink.close();
  }

  status(): OutletStatus {
    const finding = this.#deps.finding.waiting();
    const event = this.#deps.event.waiting();
    const waiting = { finding: finding.count, event: event.count, bulk: this.#bulkQueue.length };
    const oldest = [finding.oldest, event.oldest, this.#oldestBulk()].filter((time) => time !== undefined);
    return {
      sink: this.sink.name,
      state: this.#state,
      ...(this.#problem !== undefined && { problem: this.#problem }),
      accepted: this.#accepted,
      sent: this.#sent,
      passed: this.#passed,
      dropped: this.#dropped,
      deadLetters: this.#deadLetters,
      queued: waiting.finding + waiting.event + waiting.bulk,
      waiting,
      ...(oldest.length > 0 && { oldestWaiting: Math.min(...oldest) }),
      failures: this.#failureCount,
      ...(this.#lastSent !== undefined && { lastSent: this.#lastSent }),
    };
  }

  /** When it came, by the wall clock. */
  #oldestBulk(): Micros | undefined {
    const { oldestAt } = this.#bulkQueue;
    return oldestAt === undefined ? undefined : (Date.now() - (performance.now() - oldestAt)) * 1000;
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      if (this.#needsPrepare) {
        if (!(await this.#prepare())) continue;
        this.#needsPrepare = false;
      }
      const lane = this.#nextLane();
      if (lane !== undefined) await this.#deliver(lane);
      else if (this.#isStopping) return;
      else await this.#sleeper.sleep(this.#bulkDueInMs());
    }
  }

  async #prepare(): Promise<boolean> {
    try {
      await this.sink.prepare(this.#abort.signal);
      // A peer that is there and refuses what is written is not well again because it is there.
      if (this.#failedStep === 'prepare') this.#succeed();
      return true;
    } catch (error) {
      await this.#fail('prepare', asSinkError(error, 'act'));
      return false;
    }
  }

  #nextLane(): Lane | undefined {
    if (this.#hasDurable) {
      if (this.#finding.queue.read(1, 0).length > 0) return this.#finding;
      if (this.#event.queue.read(1, 0).length > 0) return this.#event;
      this.#hasDurable = false;
    }
    return this.#bulkDueInMs() === 0 ? this.#bulk : undefined;
  }

  /** Undefined when there is no bulk at all. */
  #bulkDueInMs(): number | undefined {
    const oldestAt = this.#bulkQueue.oldestAt;
    if (oldestAt === undefined) return undefined;
    if (this.#isStopping || this.#bulkQueue.length >= this.#options.batchMaxRecords) return 0;
    return Math.max(0, oldestAt + this.#options.flushIntervalMs - performance.now());
  }

  async #deliver(lane: Lane): Promise<void> {
    const { batchMaxRecords, batchMaxBytes } = this.#options;
    const size = lane.suspects > 0 ? Math.ceil(lane.suspects / 2) : batchMaxRecords;
    const batch = lane.queue.read(size, batchMaxBytes);
    const wanted = batch.filter((delivery) => this.#wants(delivery));
    if (wanted.length === 0) {
      // Nothing was asked of the peer, so nothing is known of it.
      this.#settle(lane, batch);
      return;
    }
    try {
      await this.sink.write(wanted, this.#abort.signal);
    } catch (error) {
      const failure = asSinkError(error, 'split');
      if (failure.remedy === 'split') this.#narrow(lane, batch, failure);
      else await this.#fail('write', failure);
      return;
    }
    this.#sent += this.#settle(lane, batch);
    this.#lastSent = Date.now() * 1000;
    this.#succeed();
  }

  /** Returns how many of them were for the sink and had not been skipped meanwhile. */
  #settle(lane: Lane, batch: readonly Delivery[]): number {
    const taken = lane.queue.settle(batch);
    lane.suspects = Math.max(0, lane.suspects - batch.length);
    if (this.sink.wants === undefined || taken === 0) return taken;
    // What is skipped is the oldest.
    const wanted = batch.slice(-taken).filter((delivery) => this.#wants(delivery)).length;
    this.#passed += taken - wanted;
    return wanted;
  }

  #wants(delivery: Delivery): boolean {
    return this.sink.wants === undefined || this.sink.wants(delivery);
  }

  /** The peer is well, but not with this batch. */
  #narrow(lane: Lane, batch: readonly Delivery[], failure: SinkError): void {
    this.#succeed();
    if (batch.length > 1 && !failure.isWholeBatch) {
      lane.suspects = batch.length;
      return;
    }
    for (const delivery of batch) if (this.#wants(delivery)) this.#deps.deadLetter(delivery, failure.message);
    this.#deadLetters += this.#settle(lane, batch);
    lane.suspects = 0;
    this.#deadLetterLog.failed(failure.code, {
      sink: this.sink.name,
      code: failure.code,
      reason: failure.message,
      kind: batch[0]?.kind,
      total: this.#deadLetters,
    });
  }

  #succeed(): void {
    if (this.#state !== 'ok') this.#failures.succeeded({ sink: this.sink.name });
    this.#state = 'ok';
    this.#failedStep = undefined;
    this.#problem = undefined;
    this.#backoff.reset();
    this.#refusals.reset();
  }

  async #fail(step: 'prepare' | 'write', failure: SinkError): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#failureCount += 1;
    const isRefusal = failure.remedy === 'act';
    this.#failedStep = step;
    this.#state = isRefusal ? 'refused' : 'retrying';
    this.#problem = failure.message;
    // What is missing may be made again: a database that somebody dropped, for one.
    if (isRefusal) this.#needsPrepare = true;
    this.#failures.failed(failure.message, {
      sink: this.sink.name,
      code: failure.code,
      problem: failure.message,
    });
    if (this.#isStopping) {
      // It was given its last chance; what is durable waits for the next start.
      this.#abort.abort();
      return;
    }
    const until = performance.now() + (isRefusal ? this.#refusals : this.#backoff).next(failure.retryAfterMs);
    // New records wake it up, but only stopping ends the pause.
    while (!this.#isStopping && !this.#abort.signal.aborted && performance.now() < until) {
      await this.#sleeper.sleep(until - performance.now());
    }
  }

  #drop(delivery: Delivery): void {
    this.#dropped += 1;
    this.#deps.losses.add('sink-queue', this.sink.name, 1, delivery.time);
  }
}

/** An outbox only ever hands out what it takes back. */
function durableQueue(outbox: Outbox): Lane['queue'] {
  return {
    read: (maxRecords, maxBytes) => outbox.read(maxRecords, maxBytes),
    settle: (deliveries) => outbox.settle(deliveries as readonly DurableDelivery[]),
  };
}

/**
 * What is not a SinkError is a bug of the sink. In a write it is treated as the fault of one record, so that the
 * record is found, kept as a dead letter with the error, and the others pass.
 */
function asSinkError(error: unknown, remedy: 'act' | 'split'): SinkError {
  if (error instanceof SinkError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new SinkError('SINK_REJECTED', remedy, `the sink itself failed: ${why}`);
}
