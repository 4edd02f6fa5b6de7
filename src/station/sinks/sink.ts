/**
 * The contract of a sink: encode and deliver, nothing else. Order, bounds, batches, retries, dead letters and
 * logging belong to the outlet (outlet.ts) that drives it, one write at a time.
 */
import type { RecordKind } from '../../model/record.ts';
import type { Delivery } from '../entry.ts';

export interface Sink {
  /** Names its place in the outbox, so it must not change between versions. */
  readonly name: string;
  readonly accepts: ReadonlySet<RecordKind>;
  /** Whether a record of these kinds is for it, the same each time it is asked; absent: all are. */
  wants?(delivery: Delivery): boolean;
  /** Asks the peer whether writing would work, changes nothing, and says in one line what it found. */
  check(signal: AbortSignal): Promise<string>;
  /** Makes what is missing at the peer; called before the first write and after the peer refused. */
  prepare(signal: AbortSignal): Promise<void>;
  /** All or an error. May be called again with the same records, so delivering twice must be harmless. */
  write(batch: readonly Delivery[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * What helps. `wait`: the peer is unwell, the same write may pass later. `act`: nothing will pass until a person
 * changes something. `split`: something in this batch is wrong, the others may pass without it.
 */
export type Remedy = 'wait' | 'act' | 'split';

export type SinkErrorCode =
  | 'SINK_UNREACHABLE'
  | 'SINK_UNAVAILABLE'
  | 'SINK_UNAUTHORIZED'
  | 'SINK_NO_TARGET'
  | 'SINK_REJECTED'
  | 'SINK_TOO_LARGE'
  | 'SINK_MISCONFIGURED';

export interface SinkErrorOptions {
  /** What the peer asked for (Retry-After). */
  readonly retryAfterMs?: number;
  /** The peer says that it took none of the batch: no use in looking for the bad one. */
  readonly isWholeBatch?: boolean;
}

/** The message says what was tried, with what, what the peer answered, and what to do; never a secret. */
export class SinkError extends Error {
  readonly code: SinkErrorCode;
  readonly remedy: Remedy;
  readonly retryAfterMs: number | undefined;
  readonly isWholeBatch: boolean;

  constructor(code: SinkErrorCode, remedy: Remedy, message: string, options: SinkErrorOptions = {}) {
    super(message);
    this.name = 'SinkError';
    this.code = code;
    this.remedy = remedy;
    this.retryAfterMs = options.retryAfterMs;
    this.isWholeBatch = options.isWholeBatch ?? false;
  }

  /** Waiting alone may help. */
  get retryable(): boolean {
    return this.remedy === 'wait';
  }
}
