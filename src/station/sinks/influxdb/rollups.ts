/**
 * Traffic in coarser grains, kept for longer: InfluxQL for version 1, Flux for version 2. Only sums are made, and always of
 * the points themselves: a sum of sums is right, a mean of means is not, and who wants a rate divides by the interval.
 */
import type { InfluxdbConfig } from '../../config.ts';
import { bucketOf } from './endpoint.ts';
import { MEASUREMENTS } from './schema.ts';

export interface Rollup {
  readonly grain: '5m' | '1h';
  readonly grainSecs: number;
  /** Of the continuous query. */
  readonly name: string;
  /** Retention policy (version 1) or bucket (version 2) that holds it. */
  readonly target: string;
  readonly keptDays: number;
  /** How often it is computed, and how far back each time: traffic may come late, when the server was away. */
  readonly every: string;
  readonly reach: string;
  readonly tags: readonly string[];
}

const MEASUREMENT = 'bridgewatch_traffic';
const TAGS = Object.keys(MEASUREMENTS[MEASUREMENT].tags);
/** The port is a number to be read, not to be added up. */
const SUMMED = Object.keys(MEASUREMENTS[MEASUREMENT].fields).filter((field) => field !== 'port');

export function rollupsOf(config: InfluxdbConfig): readonly Rollup[] {
  const source = config.flavor === 2 ? bucketOf(config) : config.retention_policy;
  const rollup = { name: `${MEASUREMENT}_`, target: `${source}_` };
  return [
    {
      grain: '5m',
      grainSecs: 300,
      name: `${rollup.name}5m`,
      target: `${rollup.target}5m`,
      keptDays: 180,
      every: '5m',
      reach: '1h',
      tags: TAGS,
    },
    {
      grain: '1h',
      grainSecs: 3600,
      name: `${rollup.name}1h`,
      target: `${rollup.target}1h`,
      keptDays: 1825,
      every: '30m',
      reach: '3h',
      // Years of each port of each service would be an index larger than the data.
      tags: TAGS.filter((tag) => tag !== 'resp_port'),
    },
  ];
}

/** `within`: whole grains only, in seconds; a part of one would overwrite the sum of all of it. */
export function selectInto(
  rollup: Rollup,
  { database, retention_policy: policy }: InfluxdbConfig,
  within?: { readonly fromSecs: number; readonly toSecs: number },
): string {
  const sums = SUMMED.map((field) => `sum(${quoted(field)}) AS ${quoted(field)}`).join(', ');
  const into = [database, rollup.target, MEASUREMENT].map(quoted).join('.');
  const from = [database, policy, MEASUREMENT].map(quoted).join('.');
  const where = within === undefined ? '' : ` WHERE time >= ${within.fromSecs}s AND time < ${within.toSecs}s`;
  const by = [`time(${rollup.grain})`, ...rollup.tags.map(quoted)].join(', ');
  return `SELECT ${sums} INTO ${into} FROM ${from}${where} GROUP BY ${by}`;
}

export function resampleOf({ every, reach }: Rollup): string {
  return `RESAMPLE EVERY ${every} FOR ${reach}`;
}

export function continuousQuery(rollup: Rollup, config: InfluxdbConfig): string {
  const place = `${quoted(rollup.name)} ON ${quoted(config.database)}`;
  return `CREATE CONTINUOUS QUERY ${place} ${resampleOf(rollup)} BEGIN ${selectInto(rollup, config)} END`;
}

/** The server tells a query without the quotes that it does not need. */
export function isSameQuery(one: string, other: string): boolean {
  const plain = (text: string) => text.replaceAll('"', '').replace(/\s+/g, ' ').trim().toLowerCase();
  return plain(one) === plain(other);
}

/** A task of version 2 that does the same. Whole grains only, here too. */
export function fluxTask(rollup: Rollup, config: InfluxdbConfig): string {
  const dropped = TAGS.filter((tag) => !rollup.tags.includes(tag));
  const text = (value: string) => JSON.stringify(value);
  return [
    'import "date"',
    `option task = {name: ${text(rollup.name)}, every: ${rollup.every}, offset: 1m}`,
    `from(bucket: ${text(bucketOf(config))})`,
    `  |> range(start: date.truncate(t: -${rollup.reach}, unit: ${rollup.grain}), stop: date.truncate(t: now(), unit: ${rollup.grain}))`,
    `  |> filter(fn: (r) => r._measurement == ${text(MEASUREMENT)} and r._field != "port")`,
    ...(dropped.length > 0 ? [`  |> drop(columns: ${JSON.stringify(dropped)})`] : []),
    `  |> aggregateWindow(every: ${rollup.grain}, fn: sum, timeSrc: "_start", createEmpty: false)`,
    `  |> to(bucket: ${text(rollup.target)}, org: ${text(config.org ?? '')})`,
  ].join('\n');
}

export function quoted(name: string): string {
  return `"${name.replace(/[\\"]/g, '\\$&')}"`;
}
