/**
 * Where lines go, how one is let in, and what to tell a person who is not: one function of the same shape for each
 * flavor. Addresses hold no credentials (the configuration refuses them), so they may be named in messages.
 */
import type { InfluxdbConfig } from '../../config.ts';
import { readCredentials, readToken } from './credentials.ts';

export interface Endpoint {
  /** For messages: without credentials. */
  readonly name: string;
  readonly product: 'InfluxDB' | 'VictoriaMetrics';
  readonly writeUrl: URL;
  readonly pingUrl: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Who is sent as, for messages: `user "agent"`. */
  readonly who: string;
  /** What must not be repeated when the server says it. */
  readonly secrets: readonly string[];
  readonly advice: Advice;
}

/** What a person can do about an answer. */
export interface Advice {
  /** 401 */
  readonly unauthorized: string;
  /** 403 */
  readonly forbidden: string;
  /** 404 */
  readonly missing: string;
}

export function v1Endpoint(base: URL, config: InfluxdbConfig): Endpoint {
  const { database, retention_policy: rp, username } = config;
  return {
    ...common(base, 'InfluxDB'),
    // Version 1 reads a precision it does not know as nanoseconds, without a word; this one it knows.
    writeUrl: urlOf(base, '/write', { db: database, rp, precision: 'ns' }),
    ...basicAuthorization(config),
    advice: {
      unauthorized: 'check influxdb.username and influxdb.password_file',
      forbidden: `as an administrator: GRANT ALL ON "${database}" TO "${username ?? 'USER'}"`,
      missing: `check influxdb.url and influxdb.database, or create it: CREATE DATABASE "${database}"`,
    },
  };
}

export function v2Endpoint(base: URL, config: InfluxdbConfig): Endpoint {
  const { org = '', retention_days: days } = config;
  const bucket = bucketOf(config);
  const mayWrite = `give it the right to write to the bucket "${bucket}" (influx auth create --org "${org}" --write-bucket ID)`;
  return {
    ...common(base, 'InfluxDB'),
    writeUrl: urlOf(base, '/api/v2/write', { org, bucket, precision: 'ns' }),
    ...tokenAuthorization(config, 'Token'),
    advice: {
      // Open source version 2 says 401 also where a token is good and its rights are not enough.
      unauthorized: `check the token, and that it belongs to the organization; or ${mayWrite}`,
      forbidden: mayWrite,
      missing: `check influxdb.org and influxdb.bucket, and that the token may write there; or create it: influx bucket create --org "${org}" --name "${bucket}" --retention ${days}d`,
    },
  };
}

export function v3Endpoint(base: URL, config: InfluxdbConfig): Endpoint {
  const { database } = config;
  return {
    ...common(base, 'InfluxDB'),
    // Said although it is the default: with `false` a single bad line would keep all others out.
    writeUrl: urlOf(base, '/api/v3/write_lp', {
      db: database,
      precision: 'nanosecond',
      accept_partial: 'true',
    }),
    ...tokenAuthorization(config, 'Bearer'),
    advice: {
      unauthorized: 'check influxdb.token_file; a new token comes from: influxdb3 create token --admin',
      forbidden: `the token may not write to the database "${database}"; give it one that may, in influxdb.token_file`,
      missing: `check influxdb.url, that it is version 3, and influxdb.database, or create it: influxdb3 create database ${database}`,
    },
  };
}

export function victoriaMetricsEndpoint(base: URL, config: InfluxdbConfig): Endpoint {
  const authorization =
    config.token === undefined && config.token_file === undefined
      ? basicAuthorization(config)
      : tokenAuthorization(config, 'Bearer');
  const what = 'check influxdb.username and influxdb.password_file, or influxdb.token_file';
  return {
    ...common(base, 'VictoriaMetrics'),
    // It has no databases: this one becomes the label `db` of each series.
    writeUrl: urlOf(base, '/write', { db: config.database, precision: 'ns' }),
    ...authorization,
    advice: {
      unauthorized: what,
      forbidden: what,
      missing: 'check influxdb.url; a cluster takes lines at http://VMINSERT:8480/insert/0/influx',
    },
  };
}

/** Version 2 calls it a bucket. */
export function bucketOf(config: InfluxdbConfig): string {
  return config.bucket ?? config.database;
}

/** Below the address, which may have a path of its own behind a reverse proxy. */
export function urlOf(base: URL, path: string, query: Readonly<Record<string, string>> = {}): URL {
  const url = new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  return url;
}

function common<P extends Endpoint['product']>(base: URL, product: P) {
  return { name: base.href.replace(/\/$/, ''), product, pingUrl: urlOf(base, '/ping') };
}

type Authorization = Pick<Endpoint, 'headers' | 'who' | 'secrets'>;

function basicAuthorization(config: InfluxdbConfig): Authorization {
  const credentials = readCredentials(config);
  if (credentials === undefined) return { headers: {}, who: 'no user is configured', secrets: [] };
  const { username } = credentials;
  const password = credentials.password.reveal();
  const code = Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
  return {
    headers: { authorization: `Basic ${code}` },
    who: `user "${username}"`,
    secrets: [password, code].filter((text) => text !== ''),
  };
}

function tokenAuthorization(config: InfluxdbConfig, scheme: 'Token' | 'Bearer'): Authorization {
  const token = readToken(config)?.reveal();
  if (token === undefined) return { headers: {}, who: 'no token is configured', secrets: [] };
  const from = config.token_file === undefined ? 'influxdb.token' : config.token_file;
  return {
    headers: { authorization: `${scheme} ${token}` },
    who: `with the token of ${from}`,
    secrets: [token],
  };
}
