/**
 * Where lines go and how one is let in: all that differs between the versions of InfluxDB. This is version 1
 * (`/write`, Basic authentication); version 2 (`/api/v2/write`, `Token`) and 3 (`/api/v3/write_lp`, `Bearer`) are
 * another function of this shape each. Line protocol, answers and retries are the same for all.
 */
import { readFileSync } from 'node:fs';
import type { InfluxdbConfig } from '../../config.ts';
import { Secret } from '../../secret.ts';
import { SinkError } from '../sink.ts';

export interface Endpoint {
  /** For messages: without credentials, which the configuration refuses in an address. */
  readonly name: string;
  readonly writeUrl: URL;
  readonly pingUrl: URL;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Credentials {
  readonly username: string;
  readonly password: Secret;
}

export function v1Endpoint(base: URL, config: InfluxdbConfig, credentials?: Credentials): Endpoint {
  const writeUrl = new URL(`${base.pathname.replace(/\/$/, '')}/write`, base);
  writeUrl.searchParams.set('db', config.database);
  writeUrl.searchParams.set('rp', config.retention_policy);
  // Version 1 reads a precision it does not know as nanoseconds, without a word; this one it knows.
  writeUrl.searchParams.set('precision', 'ns');
  const pingUrl = new URL(`${base.pathname.replace(/\/$/, '')}/ping`, base);
  return { name: base.href.replace(/\/$/, ''), writeUrl, pingUrl, headers: basicAuthorization(credentials) };
}

/** Reads the password file each time, so that a changed password needs no restart. */
export function readCredentials(config: InfluxdbConfig): Credentials | undefined {
  if (config.username === undefined) return undefined;
  return { username: config.username, password: readPassword(config) };
}

function readPassword(config: InfluxdbConfig): Secret {
  if (config.password_file === undefined) return config.password ?? new Secret('');
  try {
    return new Secret(readFileSync(config.password_file, 'utf8').replace(/\r?\n$/, ''));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new SinkError(
      'SINK_MISCONFIGURED',
      'act',
      `cannot read influxdb.password_file ${config.password_file}: ${code}; check that it exists and the agent's user may read it`,
    );
  }
}

function basicAuthorization(credentials: Credentials | undefined): Record<string, string> {
  if (credentials === undefined) return {};
  const { username, password } = credentials;
  const token = Buffer.from(`${username}:${password.reveal()}`, 'utf8').toString('base64');
  return { authorization: `Basic ${token}` };
}
