/**
 * The contract of a sink that the configuration names under `sinks`: its options, and how it is made of them. To add
 * one: its file with `defineSink`, a line in index.ts, `sinkCompliance` in its test, a section in docs/sinks.md.
 */
import { z } from 'zod';
import { SEVERITIES, type Severity } from '../../model/finding.ts';
import type { RecordKind } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import { KINDS } from '../../query/choices.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { FORMAT_NAMES, type FormatName } from '../formats/formats.ts';
import { queueOptions } from './queue-options.ts';
import type { Sink } from './sink.ts';

/** What can be on its way to a sink; the closing summary of `analyze` is not. */
export type DeliveredKind = Exclude<RecordKind, 'summary'>;

export const DELIVERED_KINDS = KINDS.filter((kind): kind is DeliveredKind => kind !== 'summary');

/** What every sink's options hold; `commonOptions` makes the schema. */
export interface CommonSinkConfig {
  readonly type: string;
  readonly name?: string | undefined;
  readonly kinds: readonly DeliveredKind[];
  readonly min_severity: Severity;
  readonly filter?: string | undefined;
  readonly include_muted: boolean;
  readonly backlog: boolean;
  /** Of those that offer a choice. */
  readonly format?: FormatName | undefined;
  readonly batch_max_records: number;
  readonly flush_interval_ms: number;
  readonly queue_max_records: number;
  readonly queue_max_bytes: number;
  readonly drain_timeout_ms: number;
}

export interface SinkDeps {
  readonly logger: Logger;
  /** Name of the Docker host. */
  readonly host: string;
  /** Of Bridgewatch. */
  readonly version: string;
  /** Wall clock. */
  readonly now: () => Micros;
  /** The findings that are open now, as public JSON texts, each as it was told last; undefined where there is no store. */
  readonly openFindings?: () => Iterable<string> | undefined;
}

export interface SinkDefinition<C extends CommonSinkConfig = CommonSinkConfig> {
  /** As the configuration calls it. */
  readonly type: string;
  /** One sentence, for docs/config.md. */
  readonly about: string;
  /**
   * A strict object: `type: z.literal(...)`, `...commonOptions(...)`, the sink's own. It is applied twice, in the sensor
   * and, to what came out of that with the secrets revealed, in the station: it must take what it gives.
   */
  readonly config: z.ZodType<C>;
  /** Opens nothing and never fails: that is `prepare`'s. `accepts` is `config.kinds`; the name is `sinkName(config)`. */
  create(config: C, deps: SinkDeps): Sink;
}

/** Only so that the type of `create`'s options comes from the schema. */
export function defineSink<C extends CommonSinkConfig>(definition: SinkDefinition<C>): SinkDefinition<C> {
  return definition;
}

/** Its place in the outbox, and what messages call it. */
export function sinkName({ name, type }: Pick<CommonSinkConfig, 'name' | 'type'>): string {
  return name ?? type;
}

export interface CommonDefaults {
  /** What it can be sent; default: everything. */
  readonly possibleKinds?: readonly DeliveredKind[];
  readonly kinds?: readonly DeliveredKind[];
  /** Default: true. A sink that wakes people says false. */
  readonly includeMuted?: boolean;
  readonly batchMaxRecords?: number;
  readonly flushIntervalMs?: number;
  readonly drainTimeoutMs?: number;
}

/** To be spread into the strict object of a sink. */
export function commonOptions({
  possibleKinds = DELIVERED_KINDS,
  kinds = ['finding'],
  includeMuted = true,
  batchMaxRecords = 500,
  flushIntervalMs = 1000,
  drainTimeoutMs = 5000,
}: CommonDefaults = {}) {
  return {
    name: z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{0,62}$/,
        'expected small letters, digits and hyphens, a letter first, at most 63',
      )
      .optional()
      .describe(
        'What messages call it, and its place in the outbox: a new name is a new sink. Default: its type.',
      ),
    kinds: z
      .array(z.enum(possibleKinds as [DeliveredKind, ...DeliveredKind[]]))
      .min(1)
      .default([...kinds])
      .describe('Kinds of records it is sent, as docs/records.md calls them.'),
    min_severity: z
      .enum(SEVERITIES)
      .default('informational')
      .describe('Findings below are not for it; other kinds have no severity.'),
    filter: z
      .string()
      .min(1)
      .optional()
      .describe(
        'What of these it is sent, in the language of docs/filters.md; a field that a record has not does not fit.',
      ),
    include_muted: z
      .boolean()
      .default(includeMuted)
      .describe(
        'Whether it is sent findings that are muted, and those of a storm that one finding tells of in their place.',
      ),
    backlog: z
      .boolean()
      .default(false)
      .describe('Whether a sink that is new is first sent the findings and events that are stored already.'),
    ...queueOptions({ bulk: 'Flows, DNS and traffic', batchMaxRecords, flushIntervalMs, drainTimeoutMs }),
  };
}

/** `format`, for a sink that can write several; the first is the default. Which kinds a format carries is checked. */
export function formatOption<const F extends readonly [FormatName, ...FormatName[]]>(
  formats: F = FORMAT_NAMES as unknown as F,
) {
  return z
    .enum(formats)
    .default(formats[0] as never)
    .describe('How a record is written; docs/formats.md shows each.');
}
