/**
 * The latest that one container said outside, and the search for the counterpart of what was said inside. A ring: what
 * is overwritten is known to be missing, so that nothing is called without counterpart that may have had one.
 */
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import { chanceOf, isAlike, type Slack, shareAlike } from './coincidence.ts';
import type { Exchange } from './exchange.ts';

const KEPT = 512;
/** What is usual is what was usual in this time. */
const USUAL: Micros = 60 * MICROS_PER_SECOND;
/** Longer than anything inside waits for its counterpart: a burst is told each second, and compared two seconds later. */
const OVERDUE: Micros = 10 * MICROS_PER_SECOND;

export interface Limits {
  readonly maxLag: Micros;
  readonly byteTolerance: number;
}

export interface Match {
  readonly outer: Exchange;
  readonly lag: Micros;
  /** That it is one by chance. */
  readonly chance: number;
}

/** TLS adds 22 to 29 bytes to a record, SSH 28 to 60 to a packet. */
const SLACK_BYTES = 64;
/** A CONNECT with a long name and a few headers, or two messages of SOCKS. */
const PREAMBLE_BYTES = 256;

export class OuterLog {
  readonly #kept: (Exchange | undefined)[] = [];
  readonly #isTaken = new Uint8Array(KEPT);
  #next = 0;
  /** Of what was overwritten, the latest. */
  #goneUpTo: Micros = Number.NEGATIVE_INFINITY;

  add(exchange: Exchange): void {
    const gone = this.#kept[this.#next];
    if (gone !== undefined) this.#goneUpTo = Math.max(this.#goneUpTo, gone.time);
    this.#kept[this.#next] = exchange;
    this.#isTaken[this.#next] = 0;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** Lets go of what is too old to be a counterpart, or to say what is usual. */
  expire(now: Micros, { maxLag }: Limits): void {
    const before = now - USUAL - maxLag - OVERDUE;
    for (let i = 0; i < this.#kept.length; i++) {
      const time = this.#kept[i]?.time;
      if (time === undefined || time >= before) continue;
      this.#goneUpTo = Math.max(this.#goneUpTo, time);
      this.#kept[i] = undefined;
    }
  }

  /** False where the counterpart may have been overwritten. */
  reaches(inner: Exchange): boolean {
    return this.#goneUpTo < inner.time;
  }

  /** The nearest counterpart that nothing else has. `since`: nothing is known of what was before. */
  find(inner: Exchange, limits: Limits, since: Micros, now: Micros): Match | undefined {
    const from = Math.max(inner.time - USUAL, since, this.#goneUpTo);
    const slack = slackOf(limits, inner.openedAt !== undefined);
    let [best, bestLag, alike, others] = [-1, Number.POSITIVE_INFINITY, 0, 0];
    for (let i = 0; i < this.#kept.length; i++) {
      const outer = this.#kept[i];
      if (
        outer === undefined ||
        outer.isFromInside !== inner.isFromInside ||
        outer.time < from - limits.maxLag
      )
        continue;
      const isCounterpart =
        isAlike(inner.outBytes, outer.outBytes, slack) && isAlike(inner.inBytes, outer.inBytes, slack);
      if (!isCounterpart) {
        others++;
        continue;
      }
      alike++;
      const lag = lagOf(inner, outer);
      if (this.#isTaken[i] !== 0 || lag >= bestLag || lag > limits.maxLag) continue;
      [best, bestLag] = [i, lag];
    }
    if (best < 0) return undefined;
    this.#isTaken[best] = 1;
    // What stands for all that was not seen is one more burst, of any size.
    const share = Math.min(shareAlike(inner.outBytes, slack), shareAlike(inner.inBytes, slack));
    const outer = this.#kept[best]!;
    if (inner.isLater) return { outer, lag: bestLag, chance: share };
    const perMicro = (alike - 1 + share * (others + 1)) / Math.max(now - from, MICROS_PER_SECOND);
    return { outer, lag: bestLag, chance: chanceOf(bestLag, perMicro, waysOf(inner)) };
  }

  clockSet({ from, to }: ClockStep): void {
    this.#goneUpTo += to - from;
    for (const exchange of this.#kept) if (exchange !== undefined) shift(exchange, to - from);
  }
}

export function shift(exchange: Exchange, by: number): void {
  exchange.time += by;
  if (exchange.openedAt !== undefined) exchange.openedAt += by;
}

/**
 * From what was said first to what was said because of it. A relay that opens a connection for each one that it gets does
 * so before it has anything to say there, so that the openings count as well; the internet may be far.
 */
function lagOf(inner: Exchange, outer: Exchange): Micros {
  if (!inner.isFromInside) return notNegative(inner.time - outer.time);
  const lag = notNegative(outer.time - inner.time);
  if (outer.openedAt === undefined) return lag;
  const toOpening = Math.min(lag, notNegative(outer.openedAt - inner.time));
  return inner.openedAt === undefined
    ? toOpening
    : Math.min(toOpening, notNegative(outer.openedAt - inner.openedAt));
}

/** How many lags `lagOf` chooses from. */
function waysOf(inner: Exchange): number {
  if (!inner.isFromInside) return 1;
  return inner.openedAt === undefined ? 2 : 3;
}

function notNegative(lag: Micros): Micros {
  return lag < 0 ? Number.POSITIVE_INFINITY : lag;
}

function slackOf({ byteTolerance }: Limits, isOpening: boolean): Slack {
  return { share: byteTolerance, bytes: SLACK_BYTES, preambleBytes: isOpening ? PREAMBLE_BYTES : 0 };
}
