/**
 * What lets the sink in: a user with a password (InfluxDB 1.x, VictoriaMetrics) or a token (2, 3, VictoriaMetrics
 * behind vmauth). Files are read each time they are asked for, so that a changed secret needs no restart.
 */
import { readFileSync } from 'node:fs';
import type { InfluxdbConfig } from '../../config.ts';
import { Secret } from '../../secret.ts';
import { SinkError } from '../sink.ts';

export interface Credentials {
  readonly username: string;
  readonly password: Secret;
}

export function readCredentials(config: InfluxdbConfig): Credentials | undefined {
  if (config.username === undefined) return undefined;
  const password =
    config.password_file === undefined
      ? config.password
      : readSecret('influxdb.password_file', config.password_file);
  return { username: config.username, password: password ?? new Secret('') };
}

export function readToken(config: InfluxdbConfig): Secret | undefined {
  if (config.token_file === undefined) return config.token;
  const token = readSecret('influxdb.token_file', config.token_file);
  if (IS_TOKEN.test(token.reveal())) return token;
  throw new SinkError(
    'SINK_MISCONFIGURED',
    'act',
    `influxdb.token_file ${config.token_file} does not hold a token: one line of printable characters; check it`,
  );
}

/** Fits one HTTP header; the tokens of all versions do. */
export const IS_TOKEN = /^[!-~]{1,4096}$/;

function readSecret(option: string, path: string): Secret {
  try {
    return new Secret(readFileSync(path, 'utf8').replace(/\r?\n$/, ''));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new SinkError(
      'SINK_MISCONFIGURED',
      'act',
      `cannot read ${option} ${path}: ${code}; check that it exists and the agent's user may read it`,
    );
  }
}
