/**
 * How long to wait before trying again: exponential with full jitter, so that many agents do not come back to a
 * recovering server at the same moment ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export interface BackoffBounds {
  readonly firstMs: number;
  readonly maxMs: number;
}

export class Backoff {
  readonly #bounds: BackoffBounds;
  readonly #random: () => number;
  #attempts = 0;

  constructor(bounds: BackoffBounds, random: () => number) {
    this.#bounds = bounds;
    this.#random = random;
  }

  /** The peer's own wish is honoured as a lower bound, up to five minutes. */
  next(retryAfterMs = 0): number {
    const ceiling = Math.min(this.#bounds.maxMs, this.#bounds.firstMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return Math.max(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS), Math.ceil(this.#random() * ceiling));
  }

  reset(): void {
    this.#attempts = 0;
  }
}

/** A server that asks for a week is mistaken; findings must not wait that long for it. */
const MAX_RETRY_AFTER_MS = 300_000;
