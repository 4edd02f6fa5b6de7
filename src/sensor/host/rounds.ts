/** Work that is done again and again, one round after the other with a pause between, until it is told to stop. */
import { setTimeout as sleepFor } from 'node:timers/promises';

export class Rounds {
  readonly #work: () => Promise<void>;
  readonly #pauseMs: () => number;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  /** `work` never rejects: what goes wrong in a round is its own to report. The pause may depend on what it cost. */
  constructor(work: () => Promise<void>, pauseMs: number | (() => number)) {
    this.#work = work;
    this.#pauseMs = typeof pauseMs === 'number' ? () => pauseMs : pauseMs;
  }

  /** A long round looks at it between two steps. */
  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Idempotent. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Settles when no round is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#work();
      await sleepFor(this.#pauseMs(), undefined, { signal }).catch(() => {
        // Stopped: the loop's condition sees it.
      });
    }
  }
}
