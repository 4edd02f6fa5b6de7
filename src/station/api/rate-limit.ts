/**
 * Token buckets, one for each key. The table is bounded: the one that was used longest ago goes, and begins full when
 * it comes again.
 */
export interface RateLimitOptions {
  /** Tokens of a bucket that is full. */
  readonly burst: number;
  readonly perSecond: number;
  readonly maxKeys: number;
  /** Milliseconds that only go forward. */
  readonly clock: () => number;
}

interface Bucket {
  tokens: number;
  at: number;
}

export class RateLimit {
  readonly #options: RateLimitOptions;
  /** The one used last stands last. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one token; else tells for how many whole seconds to wait, at least one. */
  take(key: string): number | undefined {
    const bucket = this.#bucket(key);
    if (bucket.tokens < 1) return this.#waitSecs(bucket);
    bucket.tokens -= 1;
    return undefined;
  }

  /** The same without taking. */
  wait(key: string): number | undefined {
    const bucket = this.#bucket(key);
    return bucket.tokens < 1 ? this.#waitSecs(bucket) : undefined;
  }

  #bucket(key: string): Bucket {
    const { burst, perSecond, maxKeys, clock } = this.#options;
    const now = clock();
    const known = this.#buckets.get(key);
    const bucket = known ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    this.#buckets.delete(key);
    if (known === undefined && this.#buckets.size >= maxKeys)
      this.#buckets.delete(this.#buckets.keys().next().value!);
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #waitSecs({ tokens }: Bucket): number {
    return Math.max(1, Math.ceil((1 - tokens) / this.#options.perSecond));
  }
}
