/**
 * Work that holds up the event loop, one piece in each of its turns: what waits beside it (batches of other taps,
 * timers) comes in between.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as `work` does, once everything that was taken before it has settled. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => nextTurn()).then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
