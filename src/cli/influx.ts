/** `bridgewatch influx`: what is written to InfluxDB, making the server ready for it, and asking it how it is. */
import type { Config } from '../config/schema.ts';
import { escapeText } from '../model/escape.ts';
import { printableJson } from '../model/serialize.ts';
import { wallMicros } from '../model/time.ts';
import { type InitStep, initInfluxdb } from '../station/sinks/influxdb/init.ts';
import { inspectInfluxdb } from '../station/sinks/influxdb/inspect.ts';
import { MEASUREMENTS, type MeasurementSchema, type TagBound } from '../station/sinks/influxdb/schema.ts';
import { InfluxdbSink } from '../station/sinks/influxdb.ts';
import { createLogger } from '../telemetry/logger.ts';
import { diagnosesText } from './lib/diagnoses-text.ts';
import { EXIT } from './lib/exit-codes.ts';
import { UsageError } from './lib/failure.ts';
import { printLine, renderTable } from './lib/output.ts';
import type { DiagnosisRecord, InfluxMeasurementRecord, InfluxStepRecord } from './lib/records.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { parseTime } from './lib/time-range.ts';

export type InfluxAction = 'schema' | 'init' | 'check';

interface InfluxOptions extends SettingsOptions {
  readonly continuousQueries?: boolean;
  readonly backfill?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** For all of `check`; each question has influxdb.timeout_ms. */
const CHECK_TIMEOUT_MS = 60_000;

export async function influxCommand(action: InfluxAction, options: InfluxOptions): Promise<void> {
  const initOnly = ['continuousQueries', 'backfill', 'dryRun'] as const;
  if (action !== 'init' && initOnly.some((option) => options[option] !== undefined))
    throw new UsageError(`--continuous-queries, --backfill and --dry-run belong to init, not to ${action}`);
  if (options.backfill !== undefined && options.continuousQueries !== true)
    throw new UsageError('--backfill computes what --continuous-queries makes; give both');
  switch (action) {
    case 'schema':
      return schema(options);
    case 'init':
      return await init(options);
    case 'check':
      return await check(options);
  }
}

function schema({ json }: InfluxOptions): void {
  const all = Object.entries<MeasurementSchema>(MEASUREMENTS).map(measurementRecord);
  if (json === true) for (const record of all) printLine(printableJson(record));
  else printLine(all.map(measurementText).join('\n\n'));
}

function measurementRecord([measurement, about]: [string, MeasurementSchema]): InfluxMeasurementRecord {
  const named = <T extends object>(all: Readonly<Record<string, T>>) =>
    Object.entries(all).map(([name, value]) => ({ name, ...value }));
  return {
    kind: 'influx-measurement',
    measurement,
    about: about.about,
    time: about.time,
    tags: named(about.tags),
    fields: named(about.fields),
  };
}

const BOUND_TEXT: Readonly<Record<TagBound, string>> = {
  fixed: 'fixed words',
  host: 'one an agent',
  values: 'max_tag_values a day',
  ports: '256 a day',
};

function measurementText({ measurement, about, time, tags, fields }: InfluxMeasurementRecord): string {
  const rows = [
    ...tags.map(({ name, bound, about: meaning }) => ['tag', name, BOUND_TEXT[bound], meaning]),
    ...fields.map(({ name, type, about: meaning }) => ['field', name, type, meaning]),
  ];
  const titles = ['IS', 'NAME', 'TYPE, BOUND', 'MEANING'];
  const columns = titles.map((title, i) => ({ title, cell: (row: readonly string[]) => row[i]! }));
  return `${measurement}: ${about} Time: ${time}\n${renderTable(rows, columns)}`;
}

async function init(options: InfluxOptions): Promise<void> {
  const config = loadSettings(options);
  const { flavor } = config.influxdb;
  const withRollups = options.continuousQueries === true;
  if (withRollups && flavor !== 1 && flavor !== 2)
    throw new UsageError('--continuous-queries is for InfluxDB 1.x; for 2.x it says which tasks to make');
  if (options.backfill !== undefined && flavor !== 1) throw new UsageError('--backfill is for InfluxDB 1.x');
  const now = wallMicros();
  const since =
    options.backfill === undefined ? undefined : parseTime(options.backfill, '--backfill', now) / 1e6;
  const sink = openSink(config);
  let isLeft = false;
  try {
    const session = sink.converse(new AbortController().signal);
    const steps = initInfluxdb(session, {
      changesNothing: options.dryRun === true,
      withRollups,
      backfillFromSecs: since,
      nowSecs: now / 1e6,
    });
    for await (const step of steps) {
      const record: InfluxStepRecord = { kind: 'influx-step', ...step };
      printLine(options.json === true ? printableJson(record) : stepText(step));
      if (step.outcome === 'differs' || step.outcome === 'by-hand') isLeft = true;
    }
  } finally {
    await sink.close();
  }
  if (isLeft) process.exitCode = EXIT.negative;
}

const OUTCOME_TEXT: Readonly<Record<InitStep['outcome'], string>> = {
  made: 'made',
  exists: 'there',
  missing: 'would make',
  differs: 'differs',
  'by-hand': 'by hand',
};

/** What would be done is shown as it would be; what is there needs no statement. */
function stepText({ what, outcome, statement, advice }: InitStep): string {
  const lines = [`${OUTCOME_TEXT[outcome].padEnd(10)}  ${escapeText(what, 500)}`];
  if (statement !== undefined && outcome !== 'exists')
    lines.push(...statement.split('\n').map((line) => `            ${escapeText(line, 4000)}`));
  if (advice !== undefined) lines.push(`            -> ${escapeText(advice, 2000)}`);
  return lines.join('\n');
}

async function check(options: InfluxOptions): Promise<void> {
  const sink = openSink(loadSettings(options));
  try {
    const found = await inspectInfluxdb(sink, AbortSignal.timeout(CHECK_TIMEOUT_MS));
    if (options.json === true) {
      for (const diagnosis of found) {
        const record: DiagnosisRecord = { kind: 'diagnosis', ...diagnosis };
        printLine(printableJson(record));
      }
    } else printLine(diagnosesText(found));
    if (found.some(({ outcome }) => outcome === 'fail')) process.exitCode = EXIT.negative;
  } finally {
    await sink.close();
  }
}

function openSink({ influxdb }: Config): InfluxdbSink {
  if (influxdb.url === undefined)
    throw new UsageError('no InfluxDB is configured; set influxdb.url (or BRIDGEWATCH_INFLUXDB_URL)');
  return new InfluxdbSink(influxdb.url, influxdb, { logger: createLogger('silent'), host: 'influx' });
}
