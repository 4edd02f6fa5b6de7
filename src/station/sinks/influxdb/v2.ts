/**
 * InfluxDB 2.x: `/api/v2/write`, `Authorization: Token`, buckets. The right to write is enough: a token that may not
 * read buckets gets "not found" also for one that is there, so only a write can tell whether it is.
 */
import { SinkError } from '../sink.ts';
import { type Dialect, ping, type Session } from './dialect.ts';
import { bucketOf, urlOf, v2Endpoint } from './endpoint.ts';
import { writeFailure } from './reply.ts';

const SECONDS_PER_DAY = 86_400;

export const v2: Dialect = {
  endpoint: v2Endpoint,
  takesText: true,
  failure: writeFailure,

  async check(session) {
    const { config, endpoint } = session;
    const target = `InfluxDB ${await ping(session, '2')}: bucket "${bucketOf(config)}" of the organization "${config.org}"`;
    const reply = await session.writeNothing();
    // The target was found and the token let in before it said that there was nothing in it.
    if (reply.status !== 400) {
      const refusal = writeFailure(reply, endpoint, 0);
      const isMissing = reply.status === 404 && /bucket/.test(reply.body);
      if (isMissing && config.create_database)
        return `${target} is not there, or the token may not see it; it will be created on start if the token may`;
      if (refusal !== undefined) throw refusal;
    }
    const kept = (await findBucket(session))?.everySeconds;
    if (kept === undefined) return target;
    return `${target}, kept ${kept === 0 ? 'for ever' : `${kept / SECONDS_PER_DAY} days`}`;
  },

  async prepare(session) {
    await ping(session, '2');
    if (!session.config.create_database) return;
    if ((await findBucket(session)) === undefined) await createBucket(session);
  },
};

interface Bucket {
  readonly everySeconds: number;
}

/** Undefined when there is none that this token may see. */
export async function findBucket(session: Session): Promise<Bucket | undefined> {
  const name = bucketOf(session.config);
  const body = await ask(session, '/api/v2/buckets', { org: session.config.org ?? '', name });
  const { buckets } = (body ?? {}) as { buckets?: readonly Record<string, unknown>[] };
  const bucket = Array.isArray(buckets) ? buckets.find((each) => each['name'] === name) : undefined;
  if (bucket === undefined) return undefined;
  const rules = bucket['retentionRules'];
  const seconds: unknown = Array.isArray(rules) ? rules[0]?.everySeconds : undefined;
  return { everySeconds: typeof seconds === 'number' ? seconds : 0 };
}

/** A token that may not create leaves it as it is: the write that follows says what to do. */
export async function createBucket(session: Session): Promise<void> {
  const { config, base, logger } = session;
  const org = config.org ?? '';
  const body = await ask(session, '/api/v2/orgs', { org });
  const { orgs } = (body ?? {}) as { orgs?: readonly Record<string, unknown>[] };
  const orgID = Array.isArray(orgs) ? orgs.find((each) => each['name'] === org)?.['id'] : undefined;
  if (typeof orgID !== 'string') return;
  const name = bucketOf(config);
  const days = config.retention_days;
  const reply = await session.post(urlOf(base, '/api/v2/buckets'), {
    name,
    orgID,
    retentionRules: [{ type: 'expire', everySeconds: days * SECONDS_PER_DAY }],
  });
  if (reply.status === 201) logger.info({ bucket: name, org, days }, 'created the InfluxDB bucket');
  else refuseUnlessForbidden(session, reply);
}

/** The answer as JSON; undefined when this token may not ask, or there is nothing. */
async function ask(
  session: Session,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<unknown> {
  const reply = await session.get(urlOf(session.base, path, query));
  if (reply.status !== 200) {
    refuseUnlessForbidden(session, reply);
    return undefined;
  }
  try {
    return JSON.parse(reply.body);
  } catch {
    throw new SinkError(
      'SINK_NO_TARGET',
      'act',
      `${session.endpoint.name} answered ${path} with something else than JSON; is influxdb.url the address of InfluxDB 2.x itself?`,
    );
  }
}

/** 422: made by somebody else since we asked, or hidden from this token. */
function refuseUnlessForbidden(session: Session, reply: Parameters<typeof writeFailure>[0]): void {
  if ([401, 403, 404, 422].includes(reply.status)) return;
  const failure = writeFailure(reply, session.endpoint, 0);
  if (failure === undefined) return;
  // There is no batch here that splitting could help.
  throw failure.remedy === 'split' ? new SinkError('SINK_NO_TARGET', 'act', failure.message) : failure;
}
