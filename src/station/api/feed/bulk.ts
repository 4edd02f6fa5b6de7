/**
 * Flows, look-ups and roll-ups to whoever asked for them: as they come, as far as there is time, never again. What is
 * taken of the station is one push; all the rest is bounded, and what falls out of a bound is told as a `loss`.
 */
import { Fifo } from '../../../model/fifo.ts';
import { LossTally } from '../../../model/loss-tally.ts';
import type { LossRecord, RecordKind } from '../../../model/record.ts';
import { type SentRecord, sentKind, sentTime } from '../../../model/sent-record.ts';
import { serializeRecord } from '../../../model/serialize.ts';
import type { Micros } from '../../../model/time.ts';
import type { Follower } from './follower.ts';
import { eventFrame } from './frame.ts';
import type { FeedSource } from './source.ts';
import { Told } from './told.ts';

const FLUSH_MS = 10;
/** Told in one turn: 2 ms, at 10 us each. So more than 20,000 a second are not told. */
const FLUSH_RECORDS = 200;
/** Those of a burst wait here, shared by all. */
const MAX_RECORDS = 2000;
/** What a client that does not keep up can have waiting. */
const MAX_WAITING_BYTES = 128 * 1024;
const BATCH_BYTES = 32 * 1024;
const SOURCE = 'live-feed';

export interface BulkDeps {
  readonly onBulk: FeedSource['onBulk'];
  /** Wall clock. */
  readonly now: () => Micros;
}

interface Item {
  readonly record: SentRecord;
  readonly told: Told;
}

/** Shared by all that asked for the same. */
interface Batch {
  readonly bytes: Buffer;
  readonly counts: ReadonlyMap<RecordKind, number>;
  readonly first: Micros;
  readonly last: Micros;
}

/** What one client has waiting. */
interface Waiting {
  readonly batches: Fifo<Batch>;
  bytes: number;
  readonly losses: LossTally;
  isAsleep: boolean;
}

export class BulkFeed {
  readonly #deps: BulkDeps;
  readonly #followers = new Map<Follower, Waiting>();
  readonly #queue = new Fifo<SentRecord>();
  /** Of the queue, which all share. */
  readonly #losses = new LossTally();
  #kinds: ReadonlySet<RecordKind> = new Set();
  #stopListening: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: BulkDeps) {
    this.#deps = deps;
  }

  add(follower: Follower): void {
    this.#followers.set(follower, {
      batches: new Fifo(),
      bytes: 0,
      losses: new LossTally(),
      isAsleep: false,
    });
    this.#stopListening ??= this.#deps.onBulk((record) => this.#take(record));
    this.#gatherKinds();
  }

  remove(follower: Follower): void {
    if (!this.#followers.delete(follower)) return;
    this.#gatherKinds();
    if (this.#followers.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#queue.shift() !== undefined);
    this.#losses.drain(0);
  }

  #gatherKinds(): void {
    this.#kinds = new Set([...this.#followers.keys()].flatMap(({ selection }) => selection.bulk));
  }

  #take(record: SentRecord): void {
    if (!this.#kinds.has(sentKind(record))) return;
    this.#queue.push(record);
    if (this.#queue.length > MAX_RECORDS) {
      const oldest = this.#queue.shift()!;
      this.#losses.add(SOURCE, sentKind(oldest), 1, sentTime(oldest) ?? 0);
    }
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush(): void {
    this.#timer = undefined;
    const items: Item[] = [];
    while (items.length < FLUSH_RECORDS) {
      const record = this.#queue.shift();
      if (record === undefined) break;
      items.push({ record, told: Told.ofRecord(record) });
    }
    if (this.#queue.length > 0) this.#timer = setTimeout(() => this.#flush(), FLUSH_MS);
    const losses = this.#losses.drain(this.#deps.now());
    const made = new Map<string, readonly Batch[]>();
    for (const [follower, waiting] of this.#followers) {
      const { key, takes, bulk } = follower.selection;
      for (const { where, count, first, last } of losses)
        if (bulk.includes(where as RecordKind)) waiting.losses.add(SOURCE, where, count, first, last);
      if (!made.has(key)) made.set(key, batchesOf(items.filter(({ told }) => takes(told))));
      for (const batch of made.get(key)!) {
        enqueue(waiting, batch);
        this.#send(follower, waiting);
      }
    }
  }

  #send(follower: Follower, waiting: Waiting): void {
    const { wire } = follower;
    if (waiting.isAsleep) return;
    while (!wire.isFull) {
      const losses = waiting.losses.drain(this.#deps.now());
      if (losses.length > 0) wire.write(losses.map(lossFrame).join(''));
      const batch = waiting.batches.shift();
      if (batch === undefined) return;
      waiting.bytes -= batch.bytes.length;
      wire.write(batch.bytes);
    }
    waiting.isAsleep = true;
    wire.whenDrained(() => {
      waiting.isAsleep = false;
      if (this.#followers.has(follower)) this.#send(follower, waiting);
    });
  }
}

/** The oldest fall out. */
function enqueue(waiting: Waiting, batch: Batch): void {
  waiting.batches.push(batch);
  waiting.bytes += batch.bytes.length;
  while (waiting.bytes > MAX_WAITING_BYTES && waiting.batches.length > 1) {
    const { bytes, counts, first, last } = waiting.batches.shift()!;
    waiting.bytes -= bytes.length;
    for (const [kind, count] of counts) waiting.losses.add(SOURCE, kind, count, first, last);
  }
}

function batchesOf(items: readonly Item[]): Batch[] {
  const batches: Batch[] = [];
  let from = 0;
  let length = 0;
  for (const [i, { told }] of items.entries()) {
    length += told.frame.length;
    if (length < BATCH_BYTES && i < items.length - 1) continue;
    batches.push(batchOf(items.slice(from, i + 1)));
    from = i + 1;
    length = 0;
  }
  return batches;
}

function batchOf(items: readonly Item[]): Batch {
  const counts = new Map<RecordKind, number>();
  for (const { told } of items) counts.set(told.kind, (counts.get(told.kind) ?? 0) + 1);
  const times = items.map(({ record }) => sentTime(record) ?? 0);
  return {
    bytes: Buffer.from(items.map(({ told }) => told.frame).join('')),
    counts,
    first: Math.min(...times),
    last: Math.max(...times),
  };
}

function lossFrame(loss: LossRecord): string {
  return eventFrame('loss', serializeRecord(loss));
}
