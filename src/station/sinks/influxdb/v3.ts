/**
 * InfluxDB 3 Core: `/api/v3/write_lp`, `Authorization: Bearer`, databases that the first write makes. It keeps the good
 * lines of a bad batch and lists the bad ones. Its limits on databases, tables and columns are no fault of a record, so
 * nothing is given up for them.
 */
import type { HttpReply } from '../http.ts';
import { SinkError } from '../sink.ts';
import { type Dialect, ping, type Session } from './dialect.ts';
import { type Endpoint, urlOf, v3Endpoint } from './endpoint.ts';
import { answerOf, writeFailure } from './reply.ts';

export const v3: Dialect = {
  endpoint: v3Endpoint,
  takesText: true,
  failure: v3Failure,

  async check(session) {
    const { database } = session.config;
    const target = `InfluxDB ${await ping(session, '3')}: database "${database}"`;
    const has = await hasDatabase(session);
    if (has === undefined)
      return `${target}; this token may not list databases, so the first write will tell`;
    refuseMissing(session, has);
    return has ? target : `${target}, which the first write makes`;
  },

  async prepare(session) {
    await ping(session, '3');
    // A write makes the database, so it must be asked for before where that is not wanted.
    if (!session.config.create_database) refuseMissing(session, await hasDatabase(session));
  },
};

/** 400 is also what a request gets whose fault is in no line, as a name of a database that is not allowed. */
const IS_ABOUT_LINES = /"data"|partial write|line protocol|parsing failed/i;

function v3Failure(reply: HttpReply, endpoint: Endpoint, lines: number): SinkError | undefined {
  if (reply.status === 422) {
    return new SinkError(
      'SINK_NO_TARGET',
      'act',
      `${answerOf(reply, endpoint)}; check its limits on databases, tables and columns, or set influxdb.database to one that exists`,
    );
  }
  if (reply.status === 400 && !IS_ABOUT_LINES.test(reply.body)) {
    return new SinkError(
      'SINK_NO_TARGET',
      'act',
      `${answerOf(reply, endpoint)}; check influxdb.database and influxdb.token_file`,
    );
  }
  return writeFailure(reply, endpoint, lines);
}

function refuseMissing({ config, endpoint }: Session, has: boolean | undefined): void {
  if (has !== false || config.create_database) return;
  throw new SinkError(
    'SINK_NO_TARGET',
    'act',
    `InfluxDB at ${endpoint.name} has no database "${config.database}" and influxdb.create_database is off; create it (influxdb3 create database ${config.database}), or switch that on`,
  );
}

/** Undefined when this token may not ask (Enterprise has tokens for one database). */
export async function hasDatabase(session: Session): Promise<boolean | undefined> {
  const { base, config, endpoint } = session;
  const reply = await session.get(urlOf(base, '/api/v3/configure/database', { format: 'json' }));
  if (reply.status === 429 || reply.status >= 500) throw writeFailure(reply, endpoint, 0);
  if (reply.status !== 200) return undefined;
  try {
    const rows = JSON.parse(reply.body) as readonly Record<string, unknown>[];
    return rows.some((row) => row['iox::database'] === config.database);
  } catch {
    // More databases than are read of an answer.
    return undefined;
  }
}

export async function createDatabase({ base, config, endpoint, post }: Session): Promise<void> {
  const reply = await post(urlOf(base, '/api/v3/configure/database'), { db: config.database });
  // 409: somebody else was faster.
  const failure = reply.status === 409 ? undefined : writeFailure(reply, endpoint, 0);
  if (failure === undefined) return;
  throw failure.remedy === 'split' ? new SinkError('SINK_NO_TARGET', 'act', failure.message) : failure;
}
