/**
 * The InfluxDB sink, all versions: records become lines, lines become one compressed POST. It is driven by an outlet,
 * which owns order, retries and bounds. Delivering twice is harmless: the same record always has the same timestamp.
 * What differs between the servers is in influxdb/ (dialect.ts), never here.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { parseRecord } from '../../model/serialize.ts';
import { type Micros, wallMicros } from '../../model/time.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { InfluxdbConfig } from '../config.ts';
import type { Delivery } from '../entry.ts';
import { HttpClient, type HttpReply, type HttpRequest, NoReplyError } from './http.ts';
import type { Dialect, Session } from './influxdb/dialect.ts';
import { DIALECTS } from './influxdb/dialects.ts';
import type { Endpoint } from './influxdb/endpoint.ts';
import { encodeLine } from './influxdb/line-protocol.ts';
import { INFLUXDB_KINDS, numbersOf, pointShapes } from './influxdb/points.ts';
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
  readonly #dialect: Dialect;
  readonly #deps: InfluxdbSinkDeps;
  readonly #guard: TagGuard;
  readonly #http = new HttpClient();
  #endpoint: Endpoint | undefined;

  constructor(url: string, config: InfluxdbConfig, deps: InfluxdbSinkDeps) {
    this.#base = new URL(url);
    this.#config = config;
    this.#dialect = DIALECTS[config.flavor];
    this.#deps = deps;
    this.#guard = new TagGuard(
      { maxTagValues: config.max_tag_values, maxSeries: config.max_series },
      deps.logger,
      deps.now ?? wallMicros,
    );
  }

  async check(signal: AbortSignal): Promise<string> {
    return await this.#dialect.check(this.#session(this.#open(), signal));
  }

  async prepare(signal: AbortSignal): Promise<void> {
    const endpoint = this.#open();
    await this.#dialect.prepare(this.#session(endpoint, signal));
    this.#endpoint = endpoint;
  }

  async write(batch: readonly Delivery[], signal: AbortSignal): Promise<void> {
    this.#endpoint ??= this.#open();
    const lines = batch.flatMap((delivery) => this.#lines(delivery));
    const reply = await this.#post(this.#endpoint, lines.join('\n'), signal);
    const failure = this.#dialect.failure(reply, this.#endpoint, lines.length);
    if (failure !== undefined) throw failure;
  }

  /** For administration, beside writing. */
  converse(signal: AbortSignal): Session {
    return this.#session(this.#open(), signal);
  }

  async close(): Promise<void> {
    this.#http.close();
  }

  #lines(delivery: Delivery): string[] {
    const lines = pointShapes(parseRecord(delivery.text), this.#deps.host).flatMap((shape) => {
      const line = encodeLine({
        measurement: shape.measurement,
        tags: this.#guard.fold(shape),
        fields: this.#dialect.takesText ? shape.fields : numbersOf(shape.fields),
        time: delivery.time,
        tie: delivery.tie,
      });
      return line === undefined ? [] : [line];
    });
    if (lines.length > 0) return lines;
    throw new SinkError(
      'SINK_REJECTED',
      'split',
      `a ${delivery.kind} record with time ${delivery.time} us has no form in line protocol`,
    );
  }

  /** Reads the files of secrets again. */
  #open(): Endpoint {
    return this.#dialect.endpoint(this.#base, this.#config);
  }

  #session(endpoint: Endpoint, signal: AbortSignal): Session {
    const { headers } = endpoint;
    return {
      base: this.#base,
      config: this.#config,
      endpoint,
      logger: this.#deps.logger,
      signal,
      get: (url) => this.#send(endpoint, { method: 'GET', url, headers, signal }),
      post: (url, json) =>
        this.#send(endpoint, {
          method: 'POST',
          url,
          headers: { ...headers, 'content-type': 'application/json' },
          body: Buffer.from(JSON.stringify(json), 'utf8'),
          signal,
        }),
      writeNothing: () => this.#post(endpoint, '', signal),
    };
  }

  async #post(endpoint: Endpoint, text: string, signal: AbortSignal): Promise<HttpReply> {
    const plain = Buffer.from(text, 'utf8');
    const isCompressed = this.#config.gzip && plain.length >= GZIP_MIN_BYTES;
    return await this.#send(endpoint, {
      method: 'POST',
      url: endpoint.writeUrl,
      headers: { ...endpoint.headers, ...(isCompressed && { 'content-encoding': 'gzip' }) },
      body: isCompressed ? await compress(plain) : plain,
      signal,
    });
  }

  async #send(endpoint: Endpoint, request: Omit<HttpRequest, 'timeoutMs'>): Promise<HttpReply> {
    try {
      return await this.#http.send({ ...request, timeoutMs: this.#config.timeout_ms });
    } catch (error) {
      if (!(error instanceof NoReplyError)) throw error;
      throw new SinkError(
        'SINK_UNREACHABLE',
        'wait',
        `cannot reach ${endpoint.product} at ${endpoint.name}: ${error.reason}; is it running, and influxdb.url right?`,
      );
    }
  }
}
