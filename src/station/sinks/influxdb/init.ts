/**
 * `bridgewatch influx init`: makes what is missing at the server, one step after the other, and never changes what is
 * there: it may be someone's decision. Doing it again does nothing.
 */
import { SinkError } from '../sink.ts';
import type { InfluxdbAdmin } from './admin.ts';
import type { Session } from './dialect.ts';
import { ping } from './dialect.ts';
import { bucketOf } from './endpoint.ts';
import {
  continuousQuery,
  fluxTask,
  isSameQuery,
  quoted,
  type Rollup,
  resampleOf,
  rollupsOf,
  selectInto,
} from './rollups.ts';
import { adminOf } from './v1.ts';
import { createBucket, findBucket } from './v2.ts';
import { createDatabase, hasDatabase } from './v3.ts';

export interface InitStep {
  /** What it is about. */
  readonly what: string;
  /**
   * `made`; `exists`: nothing was to be done; `missing`: would be made, but nothing was to be changed; `differs`: there is
   * another one by that name, which was left; `by-hand`: a person has to.
   */
  readonly outcome: 'made' | 'exists' | 'missing' | 'differs' | 'by-hand';
  /** What was asked of the server, or would be. */
  readonly statement?: string;
  readonly advice?: string;
}

export interface InitOptions {
  readonly changesNothing: boolean;
  readonly withRollups: boolean;
  /** Computes what the roll-ups would have been from there on; seconds since 1970. */
  readonly backfillFromSecs?: number | undefined;
  readonly nowSecs: number;
}

export async function* initInfluxdb(session: Session, options: InitOptions): AsyncGenerator<InitStep> {
  switch (session.config.flavor) {
    case 1:
      yield* initV1(session, options);
      return;
    case 2:
      yield* initV2(session, options);
      return;
    case 3:
      yield* initV3(session, options);
      return;
    case 'victoriametrics':
      yield { what: 'VictoriaMetrics has no databases; there is nothing to make', outcome: 'exists' };
  }
}

async function* initV1(session: Session, options: InitOptions): AsyncGenerator<InitStep> {
  await ping(session, '1');
  const { config } = session;
  const { database, retention_policy: policy, retention_days: days } = config;
  const admin = await adminOf(session);
  const state = await admin.state();
  const onDatabase = `ON ${quoted(database)}`;
  yield await step(
    options,
    { what: `database "${database}"`, statement: `CREATE DATABASE ${quoted(database)}` },
    state.hasDatabase,
    () => admin.createDatabase(),
  );
  const rollups = options.withRollups ? rollupsOf(config) : [];
  const policies = [
    ...(policy === 'autogen' ? [] : [{ name: policy, days, isDefault: true }]),
    ...rollups.map(({ target, keptDays }) => ({ name: target, days: keptDays, isDefault: false })),
  ];
  if (state.retentionPolicies === undefined) throw mayNotAsk(session);
  for (const { name, days: kept, isDefault } of policies) {
    const statement = `CREATE RETENTION POLICY ${quoted(name)} ${onDatabase} DURATION ${kept}d REPLICATION 1${isDefault ? ' DEFAULT' : ''}`;
    const exists = state.retentionPolicies.some((other) => other.name === name);
    yield await step(options, { what: `retention policy "${name}"`, statement }, exists, () =>
      admin.createPolicy(name, kept, isDefault),
    );
  }
  if (rollups.length === 0) return;
  const present = state.hasDatabase ? await admin.continuousQueries() : new Map<string, string>();
  for (const rollup of rollups)
    yield await queryStep(session, options, admin, rollup, present.get(rollup.name));
  if (options.backfillFromSecs === undefined) return;
  for (const rollup of rollups) yield* backfill(session, options, admin, rollup);
}

async function queryStep(
  { config }: Session,
  options: InitOptions,
  admin: InfluxdbAdmin,
  rollup: Rollup,
  present: string | undefined,
): Promise<InitStep> {
  const statement = continuousQuery(rollup, config);
  const what = `continuous query "${rollup.name}"`;
  if (present !== undefined && !isSameQuery(present, statement)) {
    const advice = `DROP CONTINUOUS QUERY ${quoted(rollup.name)} ON ${quoted(config.database)}, then this again; or leave it, if it is meant`;
    return { what, statement, outcome: 'differs', advice };
  }
  return await step(options, { what, statement }, present !== undefined, () =>
    admin.createContinuousQuery(rollup.name, selectInto(rollup, config), resampleOf(rollup)),
  );
}

const DAY_SECS = 86_400;

/** The text of the continuous query, once for each day, so that no answer takes long. Doing it again overwrites. */
async function* backfill(
  { config }: Session,
  { backfillFromSecs = 0, nowSecs, changesNothing }: InitOptions,
  admin: InfluxdbAdmin,
  rollup: Rollup,
): AsyncGenerator<InitStep> {
  const start = floor(backfillFromSecs, rollup.grainSecs);
  const end = floor(nowSecs, rollup.grainSecs);
  const from = new Date(start * 1000).toISOString().slice(0, 16);
  const what = `${rollup.grain} roll-ups since ${from}Z`;
  for (let at = start; at < end && !changesNothing; ) {
    const toSecs = Math.min(end, floor(at + DAY_SECS, DAY_SECS));
    await admin.query(selectInto(rollup, config, { fromSecs: at, toSecs }));
    at = toSecs;
  }
  const statement = selectInto(rollup, config, { fromSecs: start, toSecs: end });
  yield { what, statement, outcome: changesNothing ? 'missing' : 'made' };
}

function floor(secs: number, grain: number): number {
  return Math.floor(secs / grain) * grain;
}

async function* initV2(session: Session, options: InitOptions): AsyncGenerator<InitStep> {
  await ping(session, '2');
  const { config } = session;
  const name = bucketOf(config);
  const what = `bucket "${name}"`;
  const exists = (await findBucket(session)) !== undefined;
  const made = await step(options, { what }, exists, () => createBucket(session));
  if (made.outcome !== 'made' || (await findBucket(session)) !== undefined) yield made;
  else
    yield {
      what,
      outcome: 'by-hand',
      advice: `this token may not make or see it; ${session.endpoint.advice.missing}`,
    };
  if (!options.withRollups) return;
  for (const rollup of rollupsOf(config)) {
    const advice = `influx bucket create --org "${config.org}" --name "${rollup.target}" --retention ${rollup.keptDays}d; influx task create --org "${config.org}" -f FILE, with this in it`;
    yield { what: `task "${rollup.name}"`, statement: fluxTask(rollup, config), outcome: 'by-hand', advice };
  }
}

async function* initV3(session: Session, options: InitOptions): AsyncGenerator<InitStep> {
  await ping(session, '3');
  const { database } = session.config;
  const exists = (await hasDatabase(session)) === true;
  yield await step(options, { what: `database "${database}"` }, exists, () => createDatabase(session));
}

async function step(
  { changesNothing }: InitOptions,
  about: Pick<InitStep, 'what' | 'statement'>,
  exists: boolean,
  make: () => Promise<void>,
): Promise<InitStep> {
  if (exists) return { ...about, outcome: 'exists' };
  if (changesNothing) return { ...about, outcome: 'missing' };
  await make();
  return { ...about, outcome: 'made' };
}

function mayNotAsk({ config, endpoint }: Session): SinkError {
  return new SinkError(
    'SINK_UNAUTHORIZED',
    'act',
    `InfluxDB at ${endpoint.name}: ${endpoint.who} may not see the retention policies of "${config.database}"; take an administrator for this`,
  );
}
