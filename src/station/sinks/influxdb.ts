/**
 * The InfluxDB sink (version 1): records become lines, lines become one compressed POST. It is driven by an outlet,
 * which owns order, retries and bounds. Delivering twice is harmless: the same record always has the same timestamp.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { parseRecord } from '../../model/serialize.ts';
import { type Micros, wallMicros } from '../../model/time.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { InfluxdbConfig } from '../config.ts';
import type { Delivery } from '../entry.ts';
import { HttpClient, NoReplyError } from './http.ts';
import { InfluxdbAdmin } from './influxdb/admin.ts';
import { type Endpoint, readCredentials, v1Endpoint } from './influxdb/endpoint.ts';
import { encodeLine } from './influxdb/line-protocol.ts';
import { INFLUXDB_KINDS, pointShape } from './influxdb/points.ts';
import { writeFailure } from './influxdb/reply.ts';
import { TagGuard } from './influxdb/tag-guard.ts';
import { type Sink, SinkError } from './sink.ts';

export interface InfluxdbSinkDeps {
  readonly logger: Logger;
  /** Value of the `host` tag. */
  readonly host: string;
  readonly now?: () => Micros;
}

/** Smaller bodies do not get smaller. */
const GZIP_MIN_BYTES = 512;

const compress = promisify(gzip);

export class InfluxdbSink implements Sink {
  readonly name = 'influxdb';
  readonly accepts = INFLUXDB_KINDS;
  readonly #base: URL;
  readonly #config: InfluxdbConfig;
  readonly #deps: InfluxdbSinkDeps;
  readonly #guard: TagGuard;
  readonly #http = new HttpClient();
  #endpoint: Endpoint | undefined;

  constructor(url: string, config: InfluxdbConfig, deps: InfluxdbSinkDeps) {
    this.#base = new URL(url);
    this.#config = config;
    this.#deps = deps;
    this.#guard = new TagGuard(
      { maxTagValues: config.max_tag_values, maxSeries: config.max_series },
      deps.logger,
      deps.now ?? wallMicros,
    );
  }

  async check(signal: AbortSignal): Promise<string> {
    const { database, retention_policy: policy } = this.#config;
    const credentials = readCredentials(this.#config);
    const endpoint = v1Endpoint(this.#base, this.#config, credentials);
    const version = await this.#ping(endpoint, signal);
    const admin = await InfluxdbAdmin.open(this.#base, this.#config, credentials, signal);
    const state = await admin.state();
    const missing = admin.missing(state);
    const target = `InfluxDB ${version}: database "${database}", retention policy "${policy}"`;
    if (missing.database || missing.policy) return `${target}; what is missing will be created on start`;
    // An empty write asks for the right to write, without writing.
    await this.#post(endpoint, '', 0, signal);
    const duration = state.retentionPolicies?.find(({ name }) => name === policy)?.duration;
    if (duration === undefined) return target;
    return `${target}, kept ${duration === '0s' ? 'for ever' : duration}`;
  }

  async prepare(signal: AbortSignal): Promise<void> {
    const credentials = readCredentials(this.#config);
    const endpoint = v1Endpoint(this.#base, this.#config, credentials);
    await this.#ping(endpoint, signal);
    const admin = await InfluxdbAdmin.open(this.#base, this.#config, credentials, signal);
    await admin.ensureTarget(this.#deps.logger);
    this.#endpoint = endpoint;
  }

  async write(batch: readonly Delivery[], signal: AbortSignal): Promise<void> {
    this.#endpoint ??= v1Endpoint(this.#base, this.#config, readCredentials(this.#config));
    const lines = batch.map((delivery) => this.#line(delivery));
    await this.#post(this.#endpoint, lines.join('\n'), lines.length, signal);
  }

  async close(): Promise<void> {
    this.#http.close();
  }

  #line(delivery: Delivery): string {
    const shape = pointShape(parseRecord(delivery.text), this.#deps.host);
    const line =
      shape &&
      encodeLine({ ...shape, tags: this.#guard.fold(shape), time: delivery.time, tie: delivery.tie });
    if (line !== undefined) return line;
    throw new SinkError(
      'SINK_REJECTED',
      'split',
      `a ${delivery.kind} record with time ${delivery.time} us has no form in line protocol`,
    );
  }

  async #post(endpoint: Endpoint, text: string, lines: number, signal: AbortSignal): Promise<void> {
    const plain = Buffer.from(text, 'utf8');
    const isCompressed = this.#config.gzip && plain.length >= GZIP_MIN_BYTES;
    const reply = await this.#send({
      method: 'POST',
      url: endpoint.writeUrl,
      headers: { ...endpoint.headers, ...(isCompressed && { 'content-encoding': 'gzip' }) },
      body: isCompressed ? await compress(plain) : plain,
      timeoutMs: this.#config.timeout_ms,
      signal,
    });
    const { database, retention_policy: retentionPolicy, username } = this.#config;
    const target = { endpoint: endpoint.name, database, retentionPolicy, username };
    const failure = writeFailure(reply, target, lines);
    if (failure !== undefined) throw failure;
  }

  /** Returns the version that the server names. */
  async #ping(endpoint: Endpoint, signal: AbortSignal): Promise<string> {
    const reply = await this.#send({
      method: 'GET',
      url: endpoint.pingUrl,
      headers: endpoint.headers,
      timeoutMs: this.#config.timeout_ms,
      signal,
    });
    const version = reply.headers['x-influxdb-version'];
    if (reply.status >= 200 && reply.status < 300) return typeof version === 'string' ? version : '1.x';
    throw new SinkError(
      reply.status >= 500 ? 'SINK_UNAVAILABLE' : 'SINK_NO_TARGET',
      reply.status >= 500 ? 'wait' : 'act',
      `${endpoint.name} answered ${reply.status} to /ping; is influxdb.url the address of InfluxDB 1.x?`,
    );
  }

  async #send(request: Parameters<HttpClient['send']>[0]): ReturnType<HttpClient['send']> {
    try {
      return await this.#http.send(request);
    } catch (error) {
      if (!(error instanceof NoReplyError)) throw error;
      throw new SinkError(
        'SINK_UNREACHABLE',
        'wait',
        `cannot reach InfluxDB at ${this.#base.href.replace(/\/$/, '')}: ${error.reason}; is it running, and influxdb.url right?`,
      );
    }
  }
}
