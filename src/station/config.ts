/**
 * The options of the unprivileged wing, one schema a section. Types, validation, `docs/config.md` and the
 * editor schema all come from here. Units stand at the end of names.
 */
import { z } from 'zod';
import type { ApiConfig } from './api/config.ts';
import { Secret } from './secret.ts';
import type { SinksConfig } from './sinks/index.ts';
import { IS_TOKEN } from './sinks/influxdb/credentials.ts';
import { DEFAULTS, FLAVORS, flavorProblems } from './sinks/influxdb/options.ts';
import { queueOptions } from './sinks/queue-options.ts';

const MEBIBYTE = 1_048_576;

function retentionDays(fallback: number, what: string) {
  return z.number().min(0.01).max(36_500).default(fallback).describe(`${what} are deleted after this.`);
}

export const stationConfig = z.strictObject({
  user: z
    .string()
    .min(1)
    .default('bridgewatch')
    .describe(
      'System user of the process that stores and sends, when the agent is started by root; `nobody` where it does not exist.',
    ),
});

export const storeConfig = z.strictObject({
  path: z
    .string()
    .min(1)
    .default('/var/lib/bridgewatch/bridgewatch.db')
    .describe('SQLite file of findings, flows, DNS and events; its directory is made when missing.'),
  finding_retention_days: retentionDays(365, 'Findings that every sink has'),
  event_retention_days: retentionDays(90, 'Inventory changes, coverage, losses and anomalies'),
  lease_retention_days: retentionDays(
    90,
    'Leases (who held which address, when) that are over, about 1.2 kB each,',
  ),
  flow_retention_days: retentionDays(14, 'Flows'),
  dns_retention_days: retentionDays(14, 'DNS questions'),
  max_bytes: z
    .number()
    .int()
    .min(MEBIBYTE)
    .max(2 ** 50)
    .default(2048 * MEBIBYTE)
    .describe(
      'Size of the database; beyond it the oldest flows and DNS go first, then events, then leases, findings last.',
    ),
  evidence_max_bytes: z
    .number()
    .int()
    .min(MEBIBYTE)
    .max(2 ** 50)
    .default(1024 * MEBIBYTE)
    .describe(
      'Size of all packets that were put aside, in `evidence` beside the database; beyond it those of the least severe findings go first, the oldest of them.',
    ),
  evidence_retention_days: retentionDays(30, 'Packets that were put aside'),
  max_undelivered: z
    .number()
    .int()
    .min(100)
    .max(10_000_000)
    .default(100_000)
    .describe(
      'Findings, and as many other events, kept for a sink that is away; then its oldest are skipped.',
    ),
  buffer_max_records: z
    .number()
    .int()
    .min(100)
    .max(10_000_000)
    .default(50_000)
    .describe(
      'Records held in memory while the disk is slow or full; beyond it flows and DNS are shed first.',
    ),
  buffer_max_bytes: z
    .number()
    .int()
    .min(65_536)
    .max(2 ** 34)
    .default(64 * MEBIBYTE)
    .describe('The same bound in bytes of JSON; costs about twice that much memory when full.'),
});

export const influxdbConfig = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'give an http:// or https:// address, as http://127.0.0.1:8086' })
      .refine(hasNoCredentials, 'a password in an address ends up in logs; use username and password_file')
      .optional()
      .describe('Address of the server, as http://127.0.0.1:8086. Without it nothing is sent.'),
    flavor: z
      .literal(FLAVORS)
      .default(1)
      .describe(
        'Which server it is: InfluxDB `1` (1.x), `2` (2.x), `3` (3 Core), or `victoriametrics`, which keeps numbers only.',
      ),
    database: z
      .string()
      .min(1)
      .max(200)
      .default(DEFAULTS.database)
      .describe('Database to write to; of VictoriaMetrics the value of the label `db`.'),
    org: z.string().min(1).max(200).optional().describe('Organization of the bucket. Flavor 2 needs it.'),
    bucket: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('Bucket to write to (flavor 2); without it, the name in `database`.'),
    retention_policy: z
      .string()
      .min(1)
      .max(200)
      .default(DEFAULTS.retention_policy)
      .describe('Retention policy to write to (flavor 1); `autogen` is the one every database has.'),
    retention_days: z
      .number()
      .int()
      .min(1)
      .max(36_500)
      .default(DEFAULTS.retention_days)
      .describe(
        'Duration of the retention policy (flavor 1) or bucket (2) when it is created here; an existing one is left as it is.',
      ),
    create_database: z
      .boolean()
      .default(true)
      .describe(
        'Create what is missing: database and retention policy (flavor 1, needs an administrator), bucket (2, where the token may), database (3).',
      ),
    username: z
      .string()
      .min(1)
      .optional()
      .describe('User, where authentication is enabled (flavor 1, VictoriaMetrics).'),
    password: z
      .string()
      .min(1)
      .transform((text) => new Secret(text))
      .optional()
      .describe('Password of that user; better in a file.'),
    password_file: z
      .string()
      .min(1)
      .optional()
      .describe('File that holds the password; read again whenever the sink (re)connects.'),
    token: z
      .string()
      .regex(IS_TOKEN, 'expected a token: one line of printable characters without spaces')
      .transform((text) => new Secret(text))
      .optional()
      .describe('Token (flavor 2, 3, VictoriaMetrics behind vmauth); better in a file.'),
    token_file: z
      .string()
      .min(1)
      .optional()
      .describe('File that holds the token; read again whenever the sink (re)connects.'),
    gzip: z.boolean().default(true).describe('Compress what is written.'),
    timeout_ms: z
      .number()
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe('How long one request may take.'),
    ...queueOptions({
      bulk: 'Traffic',
      batchMaxRecords: 2000,
      flushIntervalMs: 1000,
      drainTimeoutMs: 5000,
    }),
    max_tag_values: z
      .number()
      .int()
      .min(10)
      .max(100_000)
      .default(1000)
      .describe('Distinct values of one tag in a day; further ones are written as "other".'),
    max_series: z
      .number()
      .int()
      .min(100)
      .max(10_000_000)
      .default(20_000)
      .describe('Distinct tag sets of one measurement in a day; further ones are folded into "other".'),
  })
  .superRefine((config, context) => {
    for (const { option, problem } of flavorProblems(config))
      context.addIssue({ code: 'custom', path: [option], message: problem });
  });

export type StoreConfig = z.infer<typeof storeConfig>;
export type InfluxdbConfig = z.infer<typeof influxdbConfig>;

export interface StationConfig {
  readonly store: StoreConfig;
  readonly influxdb: InfluxdbConfig;
  readonly sinks: SinksConfig;
  readonly api: ApiConfig;
}

function hasNoCredentials(text: string): boolean {
  // Whether it is an address at all is the previous rule's business.
  if (!URL.canParse(text)) return true;
  const url = new URL(text);
  return url.username === '' && url.password === '';
}
