/**
 * The unprivileged wing: takes records from the channel, keeps them, hands them to the sinks. `receive` is
 * synchronous, never blocks and never throws; everything slow happens behind it, in bounded queues whose losses are
 * records themselves.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { RecordReceiver, SensorState } from '../channel/ports.ts';
import type { EvidencePiece, EvidenceRequest } from '../model/evidence.ts';
import { Fifo } from '../model/fifo.ts';
import { type DurableLane, type Lane, laneOf } from '../model/lane.ts';
import type { LearnedRecord } from '../model/learned.ts';
import type { LeaseHistory } from '../model/lease.ts';
import { LossTally } from '../model/loss-tally.ts';
import type { PastFinding } from '../model/past-finding.ts';
import type { AgentRecord } from '../model/record.ts';
import { isFlowRow, type SentRecord, sentKind, sentText, sentTime } from '../model/sent-record.ts';
import { MICROS_PER_SECOND, type Micros, wallMicros } from '../model/time.ts';
import type { Logger } from '../telemetry/logger.ts';
import { version } from '../version.ts';
import { Api } from './api/api.ts';
import type { SensorReport } from './api/routes.ts';
import type { StationConfig } from './config.ts';
import { Decisions } from './decisions/decisions.ts';
import { TieBreaker } from './entry.ts';
import { Evidence, type EvidenceStatus } from './evidence/evidence.ts';
import { evidenceOf } from './evidence/facts.ts';
import { evidenceFolder } from './evidence/folder.ts';
import type { CommonSinkConfig, SinkDeps } from './sinks/definition.ts';
import { createSink } from './sinks/index.ts';
import { InfluxdbSink } from './sinks/influxdb.ts';
import { OUTLET_DEFAULTS, Outlet, type OutletOptions, type OutletStatus } from './sinks/outlet.ts';
import type { Sink } from './sinks/sink.ts';
import { evidenceText, readEvidence } from './store/evidence-rows.ts';
import { readLearned } from './store/learned-rows.ts';
import { leftOpenFindings } from './store/leftover-findings.ts';
import { closedAsUncertain, forgetPresence, readHistory } from './store/leftover-leases.ts';
import { openFindings } from './store/open-findings.ts';
import { pastFindings } from './store/past-findings.ts';
import { recentTies } from './store/recent-ties.ts';
import { openStore, type Store, type StoreStatus } from './store/store.ts';
import { severityNow } from './store/stored-findings.ts';

export interface StationDeps {
  readonly logger: Logger;
  /** Names this machine in what is sent; default: its host name. */
  readonly host?: string;
  /** Called with each record but flows as it comes, before it is kept: the console's live view. */
  readonly onRecord?: (record: AgentRecord) => void;
  /** Asks the sensor for packets of the last moments; the answer comes as evidence. */
  readonly collect?: (request: EvidenceRequest) => void;
  /** Wall clock. */
  readonly now?: () => Micros;
  /** Pauses after failures; shorter in tests. */
  readonly retry?: Pick<OutletOptions, 'retryFirstMs' | 'retryMaxMs' | 'refusedRetryMs'>;
}

export interface StationStatus {
  readonly store: StoreStatus;
  readonly sinks: readonly OutletStatus[];
  /** Packets that were put aside. */
  readonly evidence: EvidenceStatus;
  /** Records that the station had to give up, all places together. */
  readonly lost: number;
  /** What keeps the API from being reached; empty when nothing does. */
  readonly apiProblems: readonly string[];
}

/** Losses are summed up over this and then said as records. */
const LOSS_INTERVAL_MS = 5000;
/** Leases that ended within this go to the sensor, for packets that come late; it keeps them no longer either. */
const HISTORY: Micros = 15 * 60 * MICROS_PER_SECOND;
/** As long as findings.reopen_within_secs may be; the sensor goes by what it is. */
const PAST: Micros = 30 * 86_400 * MICROS_PER_SECOND;
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
  /** Of each lane its own: flows are not told again, and must not move the numbers of what is. */
  readonly #ties = { finding: new TieBreaker(), event: new TieBreaker(), bulk: new TieBreaker() };
  readonly #losses = new LossTally();
  #outlets: readonly Outlet[] = [];
  #drains: readonly { readonly outlet: Outlet; readonly limitMs: number }[] = [];
  #store: Store | undefined;
  #lossTimer: NodeJS.Timeout | undefined;
  #lastStatus: StationStatus | undefined;
  #history: LeaseHistory = { leases: [] };
  #past: readonly PastFinding[] = [];
  #decisions: Decisions | undefined;
  #evidence: Evidence | undefined;
  readonly #awaiting = new Fifo<Awaiting>();
  #isStopping = false;
  #api: Api | undefined;
  #sensorState: SensorState | undefined;
  #sensorHeardAt = performance.now();
  readonly #durableListeners = new Set<() => void>();
  /** Absent while nobody listens, so that a record costs one look. */
  #onBulk: ((record: SentRecord) => void) | undefined;
  readonly #stopping = new AbortController();
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
        for (const call of this.#durableListeners) call();
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
    this.#keepTies(store);
    const decisions = this.#createDecisions(store);
    this.#decisions = decisions;
    if (!store.followRun(run)) this.#settleLeftovers(store);
    decisions.start();
    this.#lossTimer = setInterval(() => this.#recordLosses(), LOSS_INTERVAL_MS);
    this.#lossTimer.unref();
    const evidence = this.#createEvidence(store);
    this.#evidence = evidence;
    evidence.start();
    this.#api = this.#createApi(store, decisions, evidence);
    await this.#api.start();
  }

  /** How the sensor is. To be told often: silence is a sign too. */
  hearState(state: SensorState): void {
    this.#sensorState = state;
    this.#sensorHeardAt = performance.now();
  }

  /** Undefined before it told how it is. */
  sensor(): SensorReport | undefined {
    const state = this.#sensorState;
    return state && { state, silentMs: performance.now() - this.#sensorHeardAt };
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

  /** Findings that the runs before this one told; for the sensor, before it starts. Empty when it goes on. */
  pastFindings(): readonly PastFinding[] {
    return this.#past;
  }

  /** What people decide about findings. Undefined before `start`. */
  get decisions(): Decisions | undefined {
    return this.#decisions;
  }

  remember(learned: LearnedRecord): void {
    if (!this.#isStopping) this.#store?.remember(learned);
  }

  /** `told`: its number, where the sensor may tell it again because it does not know whether it was heard. */
  receive(heard: SentRecord, told?: number): void {
    const store = this.#store;
    const lane = laneOf(sentKind(heard));
    const isDurable = lane === 'finding' || lane === 'event';
    if (store !== undefined && isDurable && told !== undefined && !store.hear(lane, told)) return;
    const isFinding = !isFlowRow(heard) && heard.kind === 'finding';
    const record = isFinding ? (this.#decisions?.mark(heard) ?? heard) : heard;
    this.#show(record);
    if (lane === 'bulk') this.#onBulk?.(record);
    if (store === undefined || this.#isStopping || lane === 'none') return;
    this.#keep(store, record, lane, told);
  }

  receiveEvidence(piece: EvidencePiece): void {
    if (!this.#isStopping) this.#evidence?.receive(piece);
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
    this.#stopping.abort();
    await this.#api?.stop();
    await this.#decisions?.stop();
    await this.#evidence?.stop();
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
      evidence: this.#evidence?.status() ?? { files: 0, bytes: 0 },
      lost: this.#losses.total,
      apiProblems: this.#api?.problems ?? [],
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

  #keep(store: Store, record: SentRecord, lane: DurableLane | 'bulk', told?: number): void {
    const kind = sentKind(record);
    const time = sentTime(record) ?? this.#now();
    const isStored = lane !== 'bulk' || kind !== 'traffic';
    const isSent = this.#outlets.some((outlet) => outlet.sink.accepts.has(kind));
    const isRefused = lane === 'bulk' && isStored && store.refusesBulk;
    if (isRefused) store.countRefused(kind, time);
    if (!isSent && (isRefused || !isStored)) return;
    const entry = {
      kind,
      time,
      tie: this.#ties[lane].next(time),
      text: sentText(record),
      record,
    };
    // Counted before it is stored: storing it may shed it at once.
    for (const outlet of this.#outlets) outlet.offer(entry);
    if (isStored && !isRefused) store.append(entry, lane, told);
  }

  /** Records of this moment must not take the numbers of those before, also where the clock was set back. */
  #keepTies(store: Store): void {
    for (const { lane, time, freeTie } of recentTies(store.db!)) this.#ties[lane].atLeast(time, freeTie);
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
        this.#ties.finding.atLeast(finding.lastSeen, freeTie);
        tell(this.#decisions?.mark(finding, { isAbandoned: true }) ?? finding, 'finding');
      }
      store.flush();
      this.#past = pastFindings(db, now - PAST);
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

  #show(record: SentRecord): void {
    if (isFlowRow(record)) return;
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

  #createApi(store: Store, decisions: Decisions, evidence: Evidence): Api {
    const { host = hostname(), logger } = this.#deps;
    return new Api({
      config: this.#config.api,
      logger,
      storePath: this.#config.store.path,
      host,
      version: version(),
      now: this.#now,
      status: () => this.status(),
      sensor: () => this.sensor(),
      decisions,
      evidence,
      onDurable: (call) => {
        this.#durableListeners.add(call);
        return () => void this.#durableListeners.delete(call);
      },
      feed: {
        log: store,
        onBulk: (call) => {
          this.#onBulk = call;
          return () => {
            if (this.#onBulk === call) this.#onBulk = undefined;
          };
        },
        stopping: this.#stopping.signal,
      },
    });
  }

  #createEvidence(store: Store): Evidence {
    const { path, evidence_max_bytes: maxBytes, evidence_retention_days: days } = this.#config.store;
    return new Evidence({
      folder: evidenceFolder(path),
      maxBytes,
      retention: days * 86_400 * MICROS_PER_SECOND,
      logger: this.#deps.logger,
      now: this.#now,
      rows: () => (store.db === undefined ? [] : readEvidence(store.db)),
      severityOf: (finding) => store.db && severityNow(store.db, finding),
      recordOf: (id) => {
        const text = store.db && evidenceText(store.db, id);
        return text === undefined ? undefined : evidenceOf(text);
      },
      tell: (record) => {
        this.#show(record);
        this.#keep(store, record, 'event');
      },
      collect: this.#deps.collect,
    });
  }

  #createDecisions(store: Store): Decisions {
    const decisions = new Decisions({
      logger: this.#deps.logger,
      now: this.#now,
      db: () => store.db,
      tell: (record, freeTie) => {
        const lane = record.kind === 'finding' ? 'finding' : 'event';
        if (record.kind === 'finding' && freeTie !== undefined)
          this.#ties[lane].atLeast(record.lastSeen, freeTie);
        this.#show(record);
        this.#keep(store, record, lane);
      },
      flush: () => {
        store.flush();
        return store.keptSeq >= store.lastSeq;
      },
      lastSeq: () => store.lastSeq,
    });
    decisions.load(store.db!);
    return decisions;
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
