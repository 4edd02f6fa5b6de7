/** How records wait for a sink and go to it, whichever it is: the options of its outlet. */
import { z } from 'zod';

const MEBIBYTE = 1_048_576;

export interface QueueDefaults {
  /** What of its records waits in memory and not on the disk, for the descriptions. */
  readonly bulk: string;
  readonly batchMaxRecords: number;
  readonly flushIntervalMs: number;
  readonly drainTimeoutMs: number;
}

/** To be spread into the options of a sink. */
export function queueOptions({ bulk, batchMaxRecords, flushIntervalMs, drainTimeoutMs }: QueueDefaults) {
  return {
    batch_max_records: z
      .number()
      .int()
      .min(1)
      .max(50_000)
      .default(batchMaxRecords)
      .describe('Records in one write at most.'),
    flush_interval_ms: z
      .number()
      .int()
      .min(10)
      .max(60_000)
      .default(flushIntervalMs)
      .describe(`${bulk} may wait this long for a fuller batch; findings and events never wait.`),
    queue_max_records: z
      .number()
      .int()
      .min(100)
      .max(10_000_000)
      .default(50_000)
      .describe(`${bulk} held in memory while the sink is away; then the oldest are dropped, counted.`),
    queue_max_bytes: z
      .number()
      .int()
      .min(65_536)
      .max(2 ** 34)
      .default(32 * MEBIBYTE)
      .describe('The same bound in bytes.'),
    drain_timeout_ms: z
      .number()
      .int()
      .min(0)
      .max(600_000)
      .default(drainTimeoutMs)
      .describe('How long shutting down waits for what is still queued.'),
  };
}
