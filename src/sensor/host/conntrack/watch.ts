/**
 * Keeps the table of tracked connections true: listens to the kernel's events, lists everything at the start and after
 * each loss, opens the socket again when it fails. What was lost becomes a record. Bytes in, table out; it must never
 * decide what a connection means.
 */
import type { LossRecord } from '../../../model/record.ts';
import { MICROS_PER_SECOND, type Micros, wallMicros } from '../../../model/time.ts';
import type { Span } from './connection.ts';
import { CONNTRACK_GROUPS, type ConntrackMessage, dumpRequest, readDatagram } from './message.ts';
import type { ConnectionTable } from './table.ts';

/** Messages of one wakeup; lent for the call. */
export interface EventBatch {
  readonly data: DataView;
  readonly count: number;
  readonly offset: Uint32Array;
  readonly length: Uint32Array;
  readonly drained: boolean;
  readonly overruns: number;
}

/** A netfilter socket, as capture/netfilter.ts opens it; handed in, so that this wing does not load the binding. */
export interface EventSocket {
  run(onBatch: (batch: EventBatch) => void): Promise<string | undefined>;
  send(message: Uint8Array): void;
  drops(): number | undefined;
  close(): void;
}

export interface ConntrackWatchOptions {
  readonly table: ConnectionTable;
  /** Throws where the kernel or our rights do not allow it. */
  readonly open: (groups: readonly number[]) => EventSocket;
  readonly emit: (record: LossRecord) => void;
  /** Said when it begins to listen, and when it cannot; once each time it changes. */
  readonly onState?: ((problem: string | undefined) => void) | undefined;
  readonly now?: (() => Micros) | undefined;
}

const TICK_MS = 1000;
const REOPEN_MICROS = 10 * MICROS_PER_SECOND;
/** After a loss: what a storm of events needs least is a list of everything, again and again. */
const LIST_AGAIN_MICROS = 5 * MICROS_PER_SECOND;
const LIST_TIMEOUT_MICROS = 60 * MICROS_PER_SECOND;
/** The kernel tells no end of what was there before we listened (nf_conntrack_events=2): look again sometimes. */
const SWEEP_MICROS = 600 * MICROS_PER_SECOND;
const ALL_GROUPS = Object.values(CONNTRACK_GROUPS);

export class ConntrackWatch {
  readonly #options: ConntrackWatchOptions;
  readonly #now: () => Micros;
  #timer: NodeJS.Timeout | undefined;
  #socket: EventSocket | undefined;
  #problem: string | undefined = 'it has not begun yet';
  #triedAt = Number.NEGATIVE_INFINITY;
  /** The queue was empty then: what is read later happened later. */
  #emptyAt: Micros = Number.NEGATIVE_INFINITY;
  #sequence = 0;
  #listing: { readonly sequence: number; readonly since: Micros } | undefined;
  #listedAt = Number.NEGATIVE_INFINITY;
  #mustList = false;
  #drops = 0;
  #evicted = 0;
  /** Lost since the last record of it. */
  #loss: { readonly first: Micros; last: Micros; overruns: number } | undefined;
  #evictedSince: Micros | undefined;
  /** Messages that were not what the kernel's headers promise. */
  malformed = 0;

  constructor(options: ConntrackWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? wallMicros;
  }

  /** Why no connections are known; undefined while it listens. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#open();
    this.#timer = setInterval(() => this.tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
    this.#tellLoss(this.#now());
  }

  /** Once a second. */
  tick(): void {
    const now = this.#now();
    if (this.#socket === undefined && now - this.#triedAt >= REOPEN_MICROS) this.#open();
    this.#options.table.expire(now);
    this.#tellLoss(now);
    this.#listIfDue(now);
  }

  #open(): void {
    const now = this.#now();
    this.#triedAt = now;
    try {
      const socket = this.#options.open(ALL_GROUPS);
      this.#socket = socket;
      this.#drops = 0;
      // Nothing was heard until now, this socket's first answer included.
      this.#options.table.lost({ from: Math.max(this.#emptyAt, 0), to: now });
      this.#emptyAt = now;
      socket
        .run((batch) => this.#onBatch(batch))
        .then(
          (why) => this.#ended(socket, why),
          (error: unknown) => this.#ended(socket, String(error)),
        );
      this.#say(undefined);
      this.#list(now);
    } catch (error) {
      this.#socket?.close();
      this.#socket = undefined;
      this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  #ended(socket: EventSocket, why: string | undefined): void {
    if (this.#socket !== socket) return;
    socket.close();
    this.#socket = undefined;
    this.#listing = undefined;
    this.#say(`the socket to the kernel's connection tracking failed: ${why ?? 'closed'}`);
  }

  #say(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.onState?.(problem);
  }

  #onBatch(batch: EventBatch): void {
    const now = this.#now();
    const when: Span = { from: Math.min(this.#emptyAt, now), to: now };
    if (batch.overruns > 0) this.#overrun(when, batch.overruns);
    const onMessage = (message: ConntrackMessage): void => this.#onMessage(message, when);
    for (let i = 0; i < batch.count; i++) {
      readDatagram(batch.data, batch.offset[i]!, batch.length[i]!, onMessage);
    }
    if (batch.drained) this.#emptyAt = now;
    const { table } = this.#options;
    if (table.evicted !== this.#evicted && this.#evictedSince === undefined) this.#evictedSince = now;
  }

  #onMessage(message: ConntrackMessage, when: Span): void {
    const { table } = this.#options;
    switch (message.type) {
      case 'connection':
        table.apply(message.news, when);
        return;
      case 'overrun':
        this.#overrun(when, 1);
        return;
      case 'malformed':
        this.malformed++;
        return;
      case 'done':
        if (this.#listing?.sequence !== message.sequence) return;
        this.#listing = undefined;
        table.endListing(when.to, !message.interrupted);
        return;
      case 'refused':
        if (this.#listing?.sequence !== message.sequence) return;
        this.#listing = undefined;
        this.#say(refusalText(message.errno));
        return;
    }
  }

  #overrun(when: Span, overruns: number): void {
    this.#options.table.lost(when);
    this.#loss ??= { first: when.from, last: when.to, overruns: 0 };
    this.#loss.last = when.to;
    this.#loss.overruns += overruns;
    this.#mustList = true;
  }

  #listIfDue(now: Micros): void {
    if (this.#socket === undefined) return;
    if (this.#listing !== undefined) {
      if (now - this.#listing.since < LIST_TIMEOUT_MICROS) return;
      this.#listing = undefined;
    }
    const age = now - this.#listedAt;
    const afterLoss = this.#mustList && age >= LIST_AGAIN_MICROS;
    if (afterLoss || (age >= SWEEP_MICROS && this.#options.table.listed > 0)) this.#list(now);
  }

  #list(now: Micros): void {
    this.#mustList = false;
    this.#listedAt = now;
    this.#listing = { sequence: ++this.#sequence, since: now };
    this.#options.table.beginListing(now);
    try {
      this.#socket?.send(dumpRequest(this.#sequence));
    } catch {
      // EBUSY, or no memory just now: the tick tries again.
      this.#listing = undefined;
      this.#mustList = true;
    }
  }

  #tellLoss(now: Micros): void {
    const { table, emit } = this.#options;
    if (this.#loss !== undefined) {
      const { first, last, overruns } = this.#loss;
      this.#loss = undefined;
      const drops = this.#socket?.drops();
      const since = drops === undefined ? 0 : (drops - this.#drops) >>> 0;
      if (drops !== undefined) this.#drops = drops;
      const count = Math.max(since, overruns);
      emit({ kind: 'loss', time: now, source: 'conntrack', where: 'netlink', count, first, last });
    }
    if (this.#evictedSince !== undefined) {
      const count = table.evicted - this.#evicted;
      this.#evicted = table.evicted;
      const first = this.#evictedSince;
      this.#evictedSince = undefined;
      emit({
        kind: 'loss',
        time: now,
        source: 'conntrack-table',
        where: 'conntrack',
        count,
        first,
        last: now,
      });
    }
  }
}

/** EPERM 1, EINVAL 22, EOPNOTSUPP 95: errno(3). */
export function refusalText(errno: number): string {
  if (errno === 1) {
    return "the kernel does not let us list its tracked connections (EPERM); run as root, or with CAP_NET_ADMIN in the host's user namespace";
  }
  if (errno === 22 || errno === 95) {
    return 'the kernel cannot list its tracked connections: load the module nf_conntrack_netlink (modprobe nf_conntrack_netlink)';
  }
  return `the kernel refused to list its tracked connections (errno ${errno})`;
}
