/**
 * Which options go together, flavor by flavor: an option that a server does not have is an error that says what to
 * give instead, since passing over it would be a setting that the operator believes in. A value equal to its default
 * cannot be told from none, and is harmless.
 */
import type { InfluxdbConfig } from '../../config.ts';

export const FLAVORS = [1, 2, 3, 'victoriametrics'] as const;
export type Flavor = (typeof FLAVORS)[number];

export const DEFAULTS = {
  database: 'bridgewatch',
  retention_policy: 'bridgewatch',
  retention_days: 30,
} as const;

export interface OptionProblem {
  readonly option: keyof InfluxdbConfig;
  readonly problem: string;
}

type Instead = Partial<Record<keyof InfluxdbConfig, string>>;

const TAKES_TOKEN = 'takes a token; give token_file';

/** What to say where an option is given that this flavor does not have. */
const FOREIGN: Readonly<Record<Flavor, Instead>> = {
  1: {
    org: 'InfluxDB 1.x has no organizations; leave it out, or set flavor: 2',
    bucket: 'InfluxDB 1.x has databases; give database, or set flavor: 2',
    token: 'InfluxDB 1.x takes a user; give username and password_file, or set flavor: 2 or 3',
    token_file: 'InfluxDB 1.x takes a user; give username and password_file, or set flavor: 2 or 3',
  },
  2: {
    username: `InfluxDB 2.x ${TAKES_TOKEN}`,
    password: `InfluxDB 2.x ${TAKES_TOKEN}`,
    password_file: `InfluxDB 2.x ${TAKES_TOKEN}`,
    retention_policy:
      'InfluxDB 2.x has no retention policies; a bucket keeps for retention_days when it is created here',
  },
  3: {
    username: `InfluxDB 3 ${TAKES_TOKEN}`,
    password: `InfluxDB 3 ${TAKES_TOKEN}`,
    password_file: `InfluxDB 3 ${TAKES_TOKEN}`,
    org: 'InfluxDB 3 has no organizations; leave it out',
    bucket: 'InfluxDB 3 has databases; give database',
    retention_policy:
      'InfluxDB 3 has no retention policies; create the database with a retention period: influxdb3 create database --retention-period 30d NAME',
    retention_days:
      'InfluxDB 3 keeps for ever what a first write makes; create the database with a retention period: influxdb3 create database --retention-period 30d NAME',
  },
  victoriametrics: {
    org: 'VictoriaMetrics has no organizations; leave it out',
    bucket: 'VictoriaMetrics has no buckets; give database, which becomes the label db',
    retention_policy: 'VictoriaMetrics has one retention for all; give it -retentionPeriod instead',
    retention_days: 'VictoriaMetrics has one retention for all; give it -retentionPeriod instead',
  },
};

/** Version 3 refuses other names with each write. */
const V3_NAME = /^[A-Za-z0-9][A-Za-z0-9_/-]{0,63}$/;

export function flavorProblems(config: InfluxdbConfig): OptionProblem[] {
  const problems: OptionProblem[] = [];
  for (const [option, problem] of Object.entries(FOREIGN[config.flavor]) as [
    keyof InfluxdbConfig,
    string,
  ][]) {
    if (isGiven(config, option)) problems.push({ option, problem });
  }
  // Anything more about the same mistake would only be noise.
  if (problems.length > 0) return problems;
  const say = (option: keyof InfluxdbConfig, problem: string) => problems.push({ option, problem });
  const hasPassword = config.password !== undefined || config.password_file !== undefined;
  const hasToken = config.token !== undefined || config.token_file !== undefined;
  if (config.password !== undefined && config.password_file !== undefined)
    say('password', 'password and password_file exclude each other');
  if (config.token !== undefined && config.token_file !== undefined)
    say('token', 'token and token_file exclude each other');
  if (hasPassword && config.username === undefined) say('username', 'a password needs a username');
  if (hasToken && config.username !== undefined)
    say('username', 'a user and a token exclude each other; give one of them');
  if (config.flavor === 2) {
    if (isGiven(config, 'bucket') && isGiven(config, 'database'))
      say('bucket', 'database names the bucket where no bucket is given; give only one of them');
    if (config.url !== undefined && config.org === undefined)
      say('org', 'InfluxDB 2.x needs the name of the organization; `influx org list` shows it');
    if (config.url !== undefined && !hasToken)
      say('token_file', 'InfluxDB 2.x lets nobody in without a token; give token_file');
  }
  if (config.flavor === 3 && !V3_NAME.test(config.database))
    say(
      'database',
      'InfluxDB 3 takes names of at most 64 letters, digits, "_", "-" and "/", a letter or digit first',
    );
  return problems;
}

function isGiven(config: InfluxdbConfig, option: keyof InfluxdbConfig): boolean {
  const value = config[option];
  return (
    value !== undefined && value !== (DEFAULTS as Partial<Record<keyof InfluxdbConfig, unknown>>)[option]
  );
}
