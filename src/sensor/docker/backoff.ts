/**
 * Full-jitter backoff: a random wait between zero and a ceiling that doubles with each failure, so that many agents
 * do not return to a recovering engine in step (Brooker, "Exponential Backoff And Jitter", AWS 2015).
 */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  nextMs(): number {
    const { baseMs, maxMs, random } = this.#options;
    // 2^30 is beyond any ceiling; the exponent must not grow for years.
    const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return Math.floor(random() * ceiling);
  }

  reset(): void {
    this.#failures = 0;
  }
}
