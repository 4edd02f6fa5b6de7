/**
 * The live feed: every client, the two ends of the log that they follow, and when there is time for them. Findings have
 * an end of their own, so that no number of other events stands in their way.
 */
import type { ServerResponse } from 'node:http';
import type { Micros } from '../../../model/time.ts';
import type { Logger } from '../../../telemetry/logger.ts';
import { BulkFeed } from './bulk.ts';
import type { Follower } from './follower.ts';
import { comment, greeting } from './frame.ts';
import type { Selection } from './selection.ts';
import type { FeedSource } from './source.ts';
import { Tail } from './tail.ts';
import { Wire } from './wire.ts';

export interface FeedOptions {
  /** Clients at once. */
  readonly maxClients: number;
  /** What came within this is read at once. */
  readonly gatherMs: number;
  readonly keepAliveMs: number;
  /** Whoever takes nothing for that long is cut off. */
  readonly stallMs: number;
}

export const FEED_DEFAULTS = { gatherMs: 50, keepAliveMs: 15_000, stallMs: 60_000 } as const;

export interface FeedDeps {
  readonly source: FeedSource;
  readonly onDurable: (call: () => void) => () => void;
  readonly logger: Logger;
  /** Wall clock. */
  readonly now: () => Micros;
}

/** Where a client begins: the end, unless it says. */
export interface Start {
  readonly after?: number | undefined;
  readonly since?: Micros | undefined;
}

const WAITING = 'the database cannot be written: what comes now is told when it can';

export class Feed {
  readonly #deps: FeedDeps;
  readonly #options: FeedOptions;
  readonly #findings: Tail;
  readonly #everything: Tail;
  readonly #bulk: BulkFeed;
  readonly #followers = new Set<Follower>();
  readonly #stopListening: () => void;
  #sweeper: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #lastNewsAt = Number.NEGATIVE_INFINITY;
  #isWaiting = false;

  constructor(deps: FeedDeps, options: FeedOptions) {
    this.#deps = deps;
    this.#options = options;
    const { log, onBulk, stopping } = deps.source;
    const wake = () => this.#turnSoon();
    this.#findings = new Tail(log, ['finding'], wake);
    this.#everything = new Tail(log, ['finding', 'event'], wake);
    this.#bulk = new BulkFeed({ onBulk, now: deps.now });
    this.#stopListening = deps.onDurable(() => this.#news());
    stopping.addEventListener('abort', () => this.#stop(), { once: true });
  }

  get clients(): number {
    return this.#followers.size;
  }

  get isFull(): boolean {
    return this.#followers.size >= this.#options.maxClients;
  }

  /** What was given to a record already. */
  isPlace(place: number): boolean {
    return place <= this.#deps.source.log.lastSeq;
  }

  /** `out` has its headers; it is the feed's from now on. */
  open(out: ServerResponse, selection: Selection, start: Start): void {
    const wire = new Wire(out, {
      stallMs: this.#options.stallMs,
      onGone: () => this.#remove(follower),
    });
    const tail = this.#tailOf(selection);
    const place = tail === undefined ? 0 : (this.#placeOf(selection, start) ?? tail.end());
    // Who asks by time knows that there may have been more: only who was here before is told of a gap.
    const toldExpired = start.after === undefined ? place : 0;
    const follower: Follower = { wire, selection, place, since: start.since, toldExpired };
    this.#followers.add(follower);
    this.#sweeper ??= setInterval(() => this.#sweep(), this.#options.keepAliveMs);
    wire.write(greeting(tail && place));
    if (this.#isWaiting) wire.write(comment(WAITING));
    tail?.add(follower);
    if (selection.bulk.length > 0) this.#bulk.add(follower);
  }

  #placeOf({ durable }: Selection, { after, since }: Start): number | undefined {
    if (after !== undefined || since === undefined) return after;
    return this.#deps.source.log.placeBefore(since, durable);
  }

  #tailOf({ durable }: Selection): Tail | undefined {
    if (durable.length === 0) return undefined;
    return durable.some((kind) => kind !== 'finding') ? this.#everything : this.#findings;
  }

  #remove(follower: Follower): void {
    this.#followers.delete(follower);
    this.#tailOf(follower.selection)?.remove(follower);
    this.#bulk.remove(follower);
    if (this.#followers.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** Called amid the store's work: what is to do comes later, and once for all that comes at the same time. */
  #news(): void {
    if (this.#followers.size === 0) return;
    const waitMs = this.#lastNewsAt + this.#options.gatherMs - performance.now();
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#lastNewsAt = performance.now();
        this.#tellState();
        this.#turnSoon();
      },
      Math.max(0, waitMs),
    );
  }

  #turnSoon(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#turn();
    });
  }

  #turn(): void {
    const isMore = [this.#findings.turn(), this.#everything.turn()];
    if (isMore.includes(true)) this.#turnSoon();
  }

  #tellState(): void {
    const { isFailing } = this.#deps.source.log;
    if (isFailing === this.#isWaiting) return;
    this.#isWaiting = isFailing;
    const words = comment(isFailing ? WAITING : 'the database is written again');
    for (const { wire } of this.#followers) if (!wire.isFull) wire.write(words);
  }

  #sweep(): void {
    const now = performance.now();
    this.#tellState();
    for (const follower of [...this.#followers]) {
      const { wire, selection } = follower;
      switch (wire.sweep(now)) {
        case 'quiet':
          wire.write(
            comment(this.#isWaiting ? WAITING : 'keep-alive', this.#tailOf(selection)?.placeOf(follower)),
          );
          break;
        case 'cut':
          this.#deps.logger.info(
            { waitingBytes: wire.waitingBytes, stallMs: this.#options.stallMs },
            'a client of the live feed took nothing for too long; its stream is ended',
          );
          break;
        case 'busy':
          break;
      }
    }
  }

  #stop(): void {
    this.#stopListening();
    clearInterval(this.#sweeper);
    clearTimeout(this.#timer);
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    for (const { wire } of this.#followers) wire.end();
  }
}
