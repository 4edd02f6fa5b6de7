/**
 * The unprivileged wing: takes records from the channel, keeps them, hands them to the sinks. `receive` is
 * synchronous, never blocks and never throws; everything slow happens behind it, in bounded queues whose losses are
 * records themselves.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { RecordReceiver } from '../channel/ports.ts';
import { Fifo } from '../model/fifo.ts';
import { type DurableLane, type Lane, laneOf } from '../model/lane.ts';
import type { LearnedRecord } from '../model/learned.ts';
import type { LeaseHistory } from '../model/lease.ts';
import { LossTally } from '../model/loss-tally.ts';
import type { AgentRecord } from '../model/record.ts';
import { recordTime, serializeRecord } from '../model/serialize.ts';
import { MICROS_PER_SECOND, type Micros, wallMicros } from '../model/time.ts';
import type { Logger } from '../telemetry/logger.ts';
import { version } from '../version.ts';
import type { StationConfig } from './config.ts';
import { TieBreaker } from './entry.ts';
import type { CommonSinkConfig, SinkDeps } from './sinks/definition.ts';
import { createSink } from './sinks/index.ts';
import { InfluxdbSink } from './sinks/influxdb.ts';
import { OUTLET_DEFAULTS, Outlet, type OutletOptions, type OutletStatus } from './sinks/outlet.ts';
import type { Sink } from './sinks/sink.ts';
import { readLearned } from './store/learned-rows.ts';
import { leftOpenFindings } from './store/leftover-findings.ts';
import { closedAsUncertain, forgetPresence, readHistory } from './store/leftover-leases.ts';
import { openFindings } from './store/open-findings.ts';
import { recentTies } from './store/recent-ties.ts';
import { openStore, type Store, type StoreStatus } from './store/store.ts';

export interface StationDeps {
  readonly logger: Logger;
  /** Names this machine in what is sent; default: its host name. */
  readonly host?: string;
  /** Called with each record as it comes, before it is kept: the console's live view. */
  readonly onRecord?: (record: AgentRecord) => void;
  /** Wall clock. */
  readonly now?: () => Micros;
  /** Pauses after failures; shorter in tests. */
  readonly retry?: Pick<OutletOptions, 'retryFirstMs' | 'retryMaxMs' | 'refusedRetryMs'>;
}

export interface StationStatus {
  readonly store: StoreStatus;
  readonly sinks: readonly OutletStatus[];
  /** Records that the station had to give up, all places together. */
  readonly lost: number;
}

/** Losses are summed up over this and then said as records. */
const LOSS_INTERVAL_MS = 5000;
/** Leases that ended within this go to the sensor, for packets that come late; it keeps them no longer either. */
const HISTORY: Micros = 15 * 60 * MICROS_PER_SECOND;
/** Leftovers written at once; below the smallest buffer, so that none is shed. */
const LEFTOVERS_PER_FLUSH = 50;

/** Somebody waits for what was received until then to be on the disk. */
interface Awaiting {
  readonly seq: number;
  readonly hasLearned: boolean;
  readonly call: () => void;
}

interface WiredSink {
  readonly sink: Sink;
  readonly config: Pick<
    CommonSinkConfig,
    | 'backlog'
    | 'batch_max_records'
    | 'flush_interval_ms'
    | 'queue_max_records'
    | 'queue_max_bytes'
    | 'drain_timeout_ms'
  >;
}

export class Station implements RecordReceiver {
  readonly #config: StationConfig;
  readonly #deps: StationDeps;
  readonly #now: () => Micros;
  readonly #ties = new TieBreaker();
  readonly #losses = new LossTally();
  #outlets: readonly Outlet[] = [];
  #drains: readonly { readonly outlet: Outlet; readonly limitMs: number }[] = [];
  #store: Store | undefined;
  #lossTimer: NodeJS.Timeout | undefined;
  #lastStatus: StationStatus | undefined;
  #history: LeaseHistory = { leases: [] };
  readonly #awaiting = new Fifo<Awaiting>();
  #isStopping = false;
  #hasSaidListenerFault = false;

  constructor(config: StationConfig, deps: StationDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#now = deps.now ?? wallMicros;
  }

  /**
   * `run`: names the sensor that tells; one that an earlier station listened to goes on, and nothing is settled.
   * Rejects with a StoreError when the database cannot be had. A sink that is away is no reason not to start. */
  async start(run: string = randomUUID()): Promise<void> {
    const { logger } = this.#deps;
    const store = await openStore(this.#config.store, {
      logger,
      losses: this.#losses,
      now: this.#now,
      onDurable: () => {
        for (const outlet of this.#outlets) outlet.onDurable();
      },
      onKept: () => this.#tellKept(),
      onShed: (lane, entry) => {
        for (const outlet of this.#outlets) outlet.onShed(lane, entry);
      },
      onSkipped: (sink, count) => {
        for (const outlet of this.#outlets) if (outlet.sink.name === sink) outlet.onLost(count);
      },
    });
    this.#store = store;
    const sinks = this.#sinks();
    store.forgetOtherSinks(sinks.map(({ sink }) => sink.name));
    this.#drains = sinks.map((wired) => ({
      outlet: this.#outlet(store, wired),
      limitMs: wired.config.drain_timeout_ms,
    }));
    this.#outlets = this.#drains.map(({ outlet }) => outlet);
    for (const outlet of this.#outlets) outlet.start();
    if (store.followRun(run)) this.#goOn(store);
    else this.#settleLeftovers(store);
    this.#lossTimer = setInterval(() => this.#recordLosses(), LOSS_INTERVAL_MS);
    this.#lossTimer.unref();
  }

  /** What the runs before this one knew of addresses; for the sensor, before it starts. Empty before `start`. */
  leaseHistory(): LeaseHistory {
    return this.#history;
  }

  /** What the runs before this one learned; for the sensor, before it starts. Empty before `start`. */
  learned(): readonly LearnedRecord[] {
    const db = this.#store?.db;
    if (db === undefined) return [];
    try {
      return readLearned(db);
    } catch (error) {
      this.#store?.reportFailure(error);
      return [];
    }
  }

  remember(learned: LearnedRecord): void {
    if (!this.#isStopping) this.#store?.remember(learned);
  }

  /** `told`: its number, where the sensor may tell it again because it does not know whether it was heard. */
  receive(record: AgentRecord, told?: number): void {
    const store = this.#store;
    const lane = laneOf(record.kind);
    const isDurable = lane === 'finding' || lane === 'event';
    if (store !== undefined && isDurable && told !== undefined && !store.hear(lane, told)) return;
    this.#show(record);
    if (store === undefined || this.#isStopping || lane === 'none') return;
    this.#keep(store, record, lane, told);
  }

  /** Calls once all that was received so far is on the disk; in the order of asking. */
  whenKept(call: () => void): void {
    const store = this.#store;
    if (store === undefined) return;
    this.#awaiting.push({ seq: store.lastSeq, hasLearned: store.hasUnkeptLearned, call });
    this.#tellKept();
  }

  /** Sends and writes what is left, within the sinks' limits, and closes the database. Idempotent. */
  async stop({ drain = true } = {}): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    clearInterval(this.#lossTimer);
    this.#store?.flush();
    await Promise.all(this.#drains.map(({ outlet, limitMs }) => outlet.stop(drain ? limitMs : 0)));
    this.#recordLosses();
    this.#store?.flush();
    this.#lastStatus = this.status();
    this.#store?.close();
  }

  /** Undefined before `start`; after `stop` as it was at the end. */
  status(): StationStatus | undefined {
    if (this.#lastStatus !== undefined) return this.#lastStatus;
    if (this.#store === undefined) return undefined;
    return {
      store: this.#store.status(),
      sinks: this.#outlets.map((outlet) => outlet.status()),
      lost: this.#losses.total,
    };
  }

  #tellKept(): void {
    const store = this.#store;
    if (store === undefined) return;
    for (let first = this.#awaiting.at(0); first !== undefined; first = this.#awaiting.at(0)) {
      if (first.seq > store.keptSeq || (first.hasLearned && store.hasUnkeptLearned)) return;
      this.#awaiting.shift();
      first.call();
    }
  }

  #keep(store: Store, record: AgentRecord, lane: DurableLane | 'bulk', told?: number): void {
    const time = recordTime(record) ?? this.#now();
    const isStored = lane !== 'bulk' || record.kind !== 'traffic';
    const isSent = this.#outlets.some((outlet) => outlet.sink.accepts.has(record.kind));
    const isRefused = lane === 'bulk' && isStored && store.refusesBulk;
    if (isRefused) store.countRefused(record.kind, time);
    if (!isSent && (isRefused || !isStored)) return;
    const entry = {
      kind: record.kind,
      time,
      tie: this.#ties.next(time),
      text: serializeRecord(record),
      record,
    };
    // Counted before it is stored: storing it may shed it at once.
    for (const outlet of this.#outlets) outlet.offer(entry);
    if (isStored && !isRefused) store.append(entry, lane, told);
  }

  /** The same sensor goes on: nothing ended. Records of this moment must not take the numbers of those before. */
  #goOn(store: Store): void {
    for (const { time, freeTie } of recentTies(store.db!)) this.#ties.atLeast(time, freeTie);
  }

  /** Ends what an earlier run left open, because nobody else will. */
  #settleLeftovers(store: Store): void {
    const { db } = store;
    if (db === undefined) return;
    let waiting = 0;
    const tell = (record: AgentRecord, lane: DurableLane) => {
      this.#show(record);
      this.#keep(store, record, lane);
      waiting += 1;
      if (waiting % LEFTOVERS_PER_FLUSH === 0) store.flush();
    };
    try {
      const now = this.#now();
      this.#history = readHistory(db, now - HISTORY);
      for (const lease of closedAsUncertain(this.#history, now)) tell(lease, 'event');
      for (const { finding, freeTie } of leftOpenFindings(db)) {
        this.#ties.atLeast(finding.lastSeen, freeTie);
        tell(finding, 'finding');
      }
      store.flush();
      forgetPresence(db, this.#history.knownUntil ?? now);
    } catch (error) {
      store.reportFailure(error);
    }
  }

  #recordLosses(): void {
    const store = this.#store;
    // While the disk refuses, loss records would only add to what waits; the sums are kept.
    if (store === undefined || store.isFailing) return;
    for (const loss of this.#losses.drain(this.#now())) {
      this.#show(loss);
      this.#keep(store, loss, 'event');
    }
  }

  #show(record: AgentRecord): void {
    try {
      this.#deps.onRecord?.(record);
    } catch (error) {
      if (this.#hasSaidListenerFault) return;
      this.#hasSaidListenerFault = true;
      this.#deps.logger.error({ err: error }, 'the live view failed; records are kept all the same');
    }
  }

  #sinks(): readonly WiredSink[] {
    const { influxdb, sinks } = this.#config;
    const { host = hostname(), logger } = this.#deps;
    const deps: SinkDeps = {
      logger,
      host,
      version: version(),
      now: this.#now,
      openFindings: () => this.#store?.db && openFindings(this.#store.db),
    };
    const configured = sinks.map((config) => ({ sink: createSink(config, deps), config }));
    if (influxdb.url === undefined) return configured;
    const sink = new InfluxdbSink(influxdb.url, influxdb, deps);
    return [{ sink, config: { ...influxdb, backlog: true } }, ...configured];
  }

  #outlet(store: Store, { sink, config }: WiredSink): Outlet {
    const { backlog } = config;
    const kindsOf = (wanted: Lane) => new Set([...sink.accepts].filter((kind) => laneOf(kind) === wanted));
    return new Outlet(
      sink,
      {
        ...OUTLET_DEFAULTS,
        ...this.#deps.retry,
        batchMaxRecords: config.batch_max_records,
        flushIntervalMs: config.flush_interval_ms,
        queueMaxRecords: config.queue_max_records,
        queueMaxBytes: config.queue_max_bytes,
      },
      {
        logger: this.#deps.logger,
        losses: this.#losses,
        finding: store.openOutbox(sink.name, 'finding', kindsOf('finding'), { backlog }),
        event: store.openOutbox(sink.name, 'event', kindsOf('event'), { backlog }),
        deadLetter: (delivery, reason) => store.addDeadLetter(sink.name, delivery, reason),
      },
    );
  }
}
