/**
 * All that differs between the servers that take line protocol: where it goes, how a server is asked and made ready,
 * what its answers mean. Points, encoding, batches and retries are the same for all.
 */
import type { Logger } from '../../../telemetry/logger.ts';
import type { InfluxdbConfig } from '../../config.ts';
import type { HttpReply } from '../http.ts';
import { SinkError } from '../sink.ts';
import type { Endpoint } from './endpoint.ts';

export interface Dialect {
  endpoint(base: URL, config: InfluxdbConfig): Endpoint;
  /** Whether fields may be text; where not, only numbers and truth values are written. */
  readonly takesText: boolean;
  /** Changes nothing; one line on what was found, or an error that says what to do. */
  check(session: Session): Promise<string>;
  /** Makes what is missing and may be made. */
  prepare(session: Session): Promise<void>;
  /** Undefined when the batch is stored. */
  failure(reply: HttpReply, endpoint: Endpoint, lines: number): SinkError | undefined;
}

/** One conversation with the server. */
export interface Session {
  readonly base: URL;
  readonly config: InfluxdbConfig;
  readonly endpoint: Endpoint;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  get(url: URL): Promise<HttpReply>;
  post(url: URL, json: unknown): Promise<HttpReply>;
  /** Asks for the right to write, without writing. */
  writeNothing(): Promise<HttpReply>;
}

/**
 * Asks whether a server is there and which one it is; returns the version that it names. A server of another kind
 * would refuse each record, or take it wrongly, so it is refused as a whole, with what to set instead.
 */
export async function ping(session: Session, expected: '1' | '2' | '3'): Promise<string> {
  const { endpoint } = session;
  const reply = await session.get(endpoint.pingUrl);
  const { status } = reply;
  if (status < 200 || status >= 300) {
    throw new SinkError(
      status >= 500 ? 'SINK_UNAVAILABLE' : status === 401 ? 'SINK_UNAUTHORIZED' : 'SINK_NO_TARGET',
      status >= 500 ? 'wait' : 'act',
      status === 401
        ? `${endpoint.name} answered 401 to /ping (${endpoint.who}); ${endpoint.advice.unauthorized}`
        : `${endpoint.name} answered ${status} to /ping; is influxdb.url the address of InfluxDB ${expected}.x?`,
    );
  }
  const version = versionOf(reply);
  const major = /^v?(\d)/.exec(version ?? '')?.[1];
  const isVictoriaMetrics = version === undefined && reply.headers['x-server-hostname'] !== undefined;
  // Version 2 and 3 also speak version 1, so that is the operator's choice.
  if (isVictoriaMetrics || (expected !== '1' && major !== undefined && major !== expected)) {
    const found = isVictoriaMetrics ? 'VictoriaMetrics' : `InfluxDB ${version}`;
    throw new SinkError(
      'SINK_MISCONFIGURED',
      'act',
      `${endpoint.name} answers as ${found} does, and influxdb.flavor is ${expected}; set it to ${isVictoriaMetrics ? 'victoriametrics' : major}`,
    );
  }
  return version ?? `${expected}.x`;
}

function versionOf({ headers, body }: HttpReply): string | undefined {
  const header = headers['x-influxdb-version'];
  if (typeof header === 'string' && header !== '') return header.slice(0, 50);
  try {
    const { version } = JSON.parse(body) as { version?: unknown };
    return typeof version === 'string' ? version.slice(0, 50) : undefined;
  } catch {
    return undefined;
  }
}
