/**
 * What two ends have said to each other in echo messages: since the first sign, and in the minute up to the latest. No
 * policy in here.
 */
import type { EchoTally } from '../../../src/model/echo.ts';
import { MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

const BUCKET: Micros = 5 * MICROS_PER_SECOND;
/** A minute. */
const BUCKETS = 12;

/** Of one flow, so far: what was counted of it is not counted again. */
export interface EchoCounts {
  requests: number;
  replies: number;
  alteredReplies: number;
  unaskedReplies: number;
  oddPayloads: number;
  oddBytes: number;
  repeatedSequences: number;
}

const COUNTS = [
  'requests',
  'replies',
  'alteredReplies',
  'unaskedReplies',
  'oddPayloads',
  'oddBytes',
  'repeatedSequences',
] as const satisfies readonly (keyof EchoCounts)[];

export function noCounts(): EchoCounts {
  return {
    requests: 0,
    replies: 0,
    alteredReplies: 0,
    unaskedReplies: 0,
    oddPayloads: 0,
    oddBytes: 0,
    repeatedSequences: 0,
  };
}

interface Bucket {
  index: number;
  counts: EchoCounts;
}

export class EchoPair {
  first: Micros;
  readonly total = noCounts();
  /** The most of any of its flows, counted to 16. */
  payloadSizes = 0;
  tool: EchoTally['tool'];
  /** A finding of it was opened: when it is closed, this is over. */
  isTold = false;
  readonly #buckets: Bucket[] = [];
  /** Of times, so that the buckets move with a clock that is set. */
  #shift: Micros = 0;

  constructor(first: Micros) {
    this.first = first;
  }

  /** `known`: what of this flow was counted before; brought up to date. */
  add(tally: EchoTally, known: EchoCounts): void {
    const bucket = this.#bucketAt(tally.time);
    for (const name of COUNTS) {
      const more = tally[name] - known[name];
      known[name] = tally[name];
      this.total[name] += more;
      bucket.counts[name] += more;
    }
    this.payloadSizes = Math.max(this.payloadSizes, tally.payloadSizes);
    this.tool ??= tally.tool;
  }

  /** In the minute up to the latest message. */
  inMinute(name: keyof EchoCounts): number {
    return this.#buckets.reduce((sum, { counts }) => sum + counts[name], 0);
  }

  clockSet(step: Micros): void {
    this.first += step;
    this.#shift += step;
  }

  #bucketAt(time: Micros): Bucket {
    const index = Math.floor((time - this.#shift) / BUCKET);
    const last = this.#buckets.at(-1);
    // Flows of two taps may come a little out of order.
    if (last !== undefined && index <= last.index) return last;
    const bucket = { index, counts: noCounts() };
    this.#buckets.push(bucket);
    while (this.#buckets[0]!.index <= index - BUCKETS) this.#buckets.shift();
    return bucket;
  }
}
