/** Whether the station could do its work with this configuration: the database and the sinks. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import type { Diagnosis } from '../model/diagnosis.ts';
import { wallMicros } from '../model/time.ts';
import type { Logger } from '../telemetry/logger.ts';
import { version } from '../version.ts';
import type { StationConfig } from './config.ts';
import { type CommonSinkConfig, sinkName } from './sinks/definition.ts';
import { createSink } from './sinks/index.ts';
import { InfluxdbSink } from './sinks/influxdb.ts';
import type { Sink } from './sinks/sink.ts';
import { StoreError } from './store/error.ts';
import { openStoreReadOnly } from './store/reader.ts';

const SINK_TIMEOUT_MS = 5000;
/** The smallest bound that store.max_bytes may have. */
const MIN_FREE_BYTES = 1_048_576;

export async function diagnoseStation(config: StationConfig, log: Logger): Promise<Diagnosis[]> {
  const sinks = await Promise.all(config.sinks.map((sink) => configuredSink(sink, log)));
  return [await database(config.store.path), await influxdb(config, log), ...sinks];
}

async function database(path: string): Promise<Diagnosis> {
  const check = 'database';
  try {
    // An empty file is what `touch` leaves; the agent begins its database in it.
    const exists = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
    if (exists) (await openStoreReadOnly(path)).close();
    const folder = nearestFolder(path);
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < MIN_FREE_BYTES) {
      const detail = `the disk that holds ${path} is full: ${bavail * bsize} bytes are free`;
      return { check, outcome: 'fail', detail, advice: 'free some space, or set store.path (or --db)' };
    }
    return { check, outcome: 'ok', detail: exists ? path : `${path} will be made at the first run` };
  } catch (error) {
    // It says what to do itself.
    if (error instanceof StoreError) return { check, outcome: 'fail', detail: error.message };
    const detail = error instanceof Error ? error.message : String(error);
    return {
      check,
      outcome: 'fail',
      detail: `${path}: ${detail}`,
      advice: 'set store.path (or --db) to a place that can be written',
    };
  }
}

function nearestFolder(path: string): string {
  const folder = dirname(path);
  return existsSync(folder) || folder === dirname(folder) ? folder : nearestFolder(folder);
}

async function influxdb({ influxdb: config }: StationConfig, log: Logger): Promise<Diagnosis> {
  const check = 'influxdb';
  if (config.url === undefined) return { check, outcome: 'ok', detail: 'off; set influxdb.url to feed it' };
  return await asked(check, new InfluxdbSink(config.url, config, { logger: log, host: 'doctor' }));
}

async function configuredSink(config: CommonSinkConfig, log: Logger): Promise<Diagnosis> {
  const deps = { logger: log, host: hostname(), version: version(), now: wallMicros };
  return await asked(`sink ${sinkName(config)}`, createSink(config, deps));
}

async function asked(check: string, sink: Sink): Promise<Diagnosis> {
  try {
    return { check, outcome: 'ok', detail: await sink.check(AbortSignal.timeout(SINK_TIMEOUT_MS)) };
  } catch (error) {
    return { check, outcome: 'fail', detail: error instanceof Error ? error.message : String(error) };
  } finally {
    await sink.close();
  }
}
