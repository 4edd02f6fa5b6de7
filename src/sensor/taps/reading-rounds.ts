/**
 * Up to when all taps have been read. Each turn of the event loop visits every tap that has something, and the kernel
 * holds a frame back for a read timeout or two; so what was captured before the last but one round, less that, has been
 * handed over, however late the rounds themselves come on a busy machine.
 */
import type { Micros } from '../../model/time.ts';

/** A timer may run twice in one turn of the loop, and a busy tap may need another one. */
const ROUNDS_BACK = 2;
/** The kernel retires a block at the first expiry of its timer that finds it unchanged: after one timeout, or two. */
const READ_TIMEOUTS = 2;

export class ReadingRounds {
  readonly #heldBack: Micros;
  readonly #begun: Micros[] = [];

  constructor(readTimeoutMs: number) {
    this.#heldBack = READ_TIMEOUTS * readTimeoutMs * 1000;
  }

  /** A round begins, from a timer; undefined until enough of them have passed. */
  begin(now: Micros): Micros | undefined {
    this.#begun.push(now);
    if (this.#begun.length <= ROUNDS_BACK) return undefined;
    return this.#begun.shift()! - this.#heldBack;
  }
}
