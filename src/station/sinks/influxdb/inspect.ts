/** `bridgewatch influx check`: asks the server what it is, has and holds, and changes nothing. */
import type { Diagnosis } from '../../../model/diagnosis.ts';
import { formatMicros } from '../../../model/time.ts';
import type { InfluxdbSink } from '../influxdb.ts';
import { SinkError } from '../sink.ts';
import type { InfluxdbAdmin } from './admin.ts';
import type { Session } from './dialect.ts';
import { continuousQuery, isSameQuery, quoted, rollupsOf } from './rollups.ts';
import { MEASUREMENTS } from './schema.ts';
import { adminOf } from './v1.ts';

/** Beyond it what is new seems old in a dashboard, or does not show yet. */
const MAX_CLOCK_SECS = 10;
/** Of traffic, which comes with each roll-up while anything talks. */
const MAX_QUIET_SECS = 900;
const MAKES_IT = 'bridgewatch influx init --continuous-queries';

export async function inspectInfluxdb(
  sink: InfluxdbSink,
  signal: AbortSignal,
  nowMs = Date.now(),
): Promise<Diagnosis[]> {
  let session: Session;
  let detail: string;
  try {
    session = sink.converse(signal);
    detail = await sink.check(signal);
  } catch (error) {
    // Nothing more can be known.
    return [failed('server', error)];
  }
  const found: Diagnosis[] = [
    { check: 'server', outcome: 'ok', detail },
    await told('clock', () => clock(session)),
  ];
  if (session.config.flavor !== 1) return found;
  const admin = await adminOf(session);
  const state = await admin.state().catch(() => undefined);
  if (state?.hasDatabase !== true) return found;
  found.push(retention(session, state.retentionPolicies));
  found.push(await told('roll-ups', () => rollups(session, admin)));
  for (const measurement of Object.keys(MEASUREMENTS))
    found.push(await told(`series of ${measurement}`, () => series(session, admin, measurement)));
  found.push(await told('newest finding', () => newest(admin, 'bridgewatch_finding', nowMs, undefined)));
  found.push(await told('newest traffic', () => newest(admin, 'bridgewatch_traffic', nowMs, MAX_QUIET_SECS)));
  return found;
}

type Told = Omit<Diagnosis, 'check'>;

async function told(check: string, ask: () => Promise<Told>): Promise<Diagnosis> {
  try {
    return { check, ...(await ask()) };
  } catch (error) {
    // A user who may only write is the better choice for the agent; for these questions it is too little.
    if (error instanceof SinkError && error.code === 'SINK_UNAUTHORIZED')
      return { check, outcome: 'ok', detail: 'this user may not ask' };
    return failed(check, error);
  }
}

function failed(check: string, error: unknown): Diagnosis {
  return { check, outcome: 'fail', detail: error instanceof Error ? error.message : String(error) };
}

/** By the `Date` of an answer, which has whole seconds. */
async function clock(session: Session): Promise<Told> {
  const before = Date.now();
  const { headers } = await session.get(session.endpoint.pingUrl);
  const there = Date.parse(String(headers['date']));
  if (Number.isNaN(there)) return { outcome: 'ok', detail: 'the server does not say its time' };
  const secs = Math.round((there + 500 - (before + Date.now()) / 2) / 1000);
  const detail =
    secs === 0
      ? 'the same here and there'
      : `the server is ${Math.abs(secs)} s ${secs > 0 ? 'ahead' : 'behind'}`;
  if (Math.abs(secs) <= MAX_CLOCK_SECS) return { outcome: 'ok', detail };
  return {
    outcome: 'warn',
    detail,
    advice: 'set both clocks by NTP: what is new seems old, or is not shown yet',
  };
}

function retention(
  { config }: Session,
  policies: readonly { readonly name: string; readonly duration: string }[] | undefined,
): Diagnosis {
  const check = 'retention policy';
  const { retention_policy: name, retention_days: days, database } = config;
  if (policies === undefined) return { check, outcome: 'ok', detail: 'this user may not ask' };
  const policy = policies.find((other) => other.name === name);
  if (policy === undefined)
    return {
      check,
      outcome: 'warn',
      detail: `"${name}" is not there yet`,
      advice: 'bridgewatch influx init',
    };
  const kept = policy.duration === '0s' ? 'for ever' : policy.duration;
  const wanted = `${days * 24}h0m0s`;
  const detail = `"${name}" keeps ${kept}`;
  if (name === 'autogen' || policy.duration === wanted) return { check, outcome: 'ok', detail };
  return {
    check,
    outcome: 'warn',
    detail: `${detail}; retention_days says ${wanted}, which holds for a policy that is made here`,
    advice: `ALTER RETENTION POLICY ${quoted(name)} ON ${quoted(database)} DURATION ${days}d, or set retention_days`,
  };
}

async function rollups({ config }: Session, admin: InfluxdbAdmin): Promise<Told> {
  const present = await admin.continuousQueries();
  const all = rollupsOf(config);
  const missing = all.filter(({ name }) => !present.has(name)).map(({ name }) => name);
  const other = all
    .filter((rollup) => {
      const query = present.get(rollup.name);
      return query !== undefined && !isSameQuery(query, continuousQuery(rollup, config));
    })
    .map(({ name }) => name);
  if (missing.length === all.length) return { outcome: 'ok', detail: `none; ${MAKES_IT} makes them` };
  if (other.length > 0) {
    const advice = `see what it should be: ${MAKES_IT} --dry-run`;
    return { outcome: 'warn', detail: `${other.join(', ')} is another query than ours`, advice };
  }
  if (missing.length > 0)
    return { outcome: 'warn', detail: `${missing.join(', ')} is missing`, advice: MAKES_IT };
  return { outcome: 'ok', detail: all.map(({ name }) => name).join(', ') };
}

/** What is kept is of many days and hosts, so it may be more than one agent writes in a day. */
async function series({ config }: Session, admin: InfluxdbAdmin, measurement: string): Promise<Told> {
  const rows = await admin
    .query(`SHOW SERIES EXACT CARDINALITY FROM ${quoted(measurement)}`)
    .catch((error: unknown) => {
      if (error instanceof Error && /error parsing query/.test(error.message)) return undefined;
      throw error;
    });
  if (rows === undefined)
    return { outcome: 'ok', detail: 'this server cannot count them; 1.4 and later can' };
  const count = Number(rows[0]?.['count'] ?? 0);
  const detail = `${count}, and an agent makes ${config.max_series} a day at most`;
  if (count <= config.max_series) return { outcome: 'ok', detail };
  const advice = 'lower max_series or max_tag_values, or keep for fewer days; InfluxDB holds them in memory';
  return { outcome: 'warn', detail, advice };
}

async function newest(
  admin: InfluxdbAdmin,
  measurement: 'bridgewatch_finding' | 'bridgewatch_traffic',
  nowMs: number,
  maxSecs: number | undefined,
): Promise<Told> {
  const field = measurement === 'bridgewatch_finding' ? 'id' : 'orig_bytes';
  const rows = await admin.query(
    `SELECT last(${quoted(field)}) AS "last", "host" FROM ${quoted(measurement)}`,
  );
  const time = rows[0]?.['time'];
  const host = rows[0]?.['host'];
  if (!(time instanceof Date)) {
    const detail = 'none';
    if (maxSecs === undefined) return { outcome: 'ok', detail };
    return {
      outcome: 'warn',
      detail,
      advice: 'is an agent running with this influxdb.url? bridgewatch doctor --health',
    };
  }
  const ageSecs = Math.round((nowMs - time.getTime()) / 1000);
  const detail = `${formatMicros(time.getTime() * 1000)} from ${String(host)}, ${ageSecs} s ago`;
  if (maxSecs === undefined || ageSecs <= maxSecs) return { outcome: 'ok', detail };
  return { outcome: 'warn', detail, advice: 'bridgewatch doctor --health says whether the agent is alive' };
}
