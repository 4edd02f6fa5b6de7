/** Stored records, page by page: findings, flows, DNS, and everything else that is kept. */
import type { Context } from 'hono';
import { z } from 'zod';
import { laneOf } from '../../model/lane.ts';
import type { RecordKind } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import { KINDS } from '../../query/choices.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { operation, recordRef, serve } from './operation.ts';
import { history, range, severity, timeOf } from './parameters.ts';
import { ApiProblem } from './problem.ts';
import type { PageOf } from './question.ts';
import { JSON_TYPE, jsonAnswer, pageOf, recordPage } from './record-answer.ts';
import type { ApiApp, ApiVariables, RoomDeps } from './routes.ts';

const OTHER_KINDS = (KINDS as readonly RecordKind[]).filter((kind) => laneOf(kind) === 'event');

const listFindings = operation({
  method: 'get',
  path: '/api/v1/findings',
  id: 'listFindings',
  summary: 'Findings, the newest first: each once, as it is now.',
  description:
    'All pages tell the state of the moment in which the first one was asked for. With `history=true` they tell every status record instead.',
  query: z.strictObject({ ...range, severity, history }),
  answers: { 200: pageOf('A page of findings.', 'finding') },
});

const getFinding = operation({
  method: 'get',
  path: '/api/v1/findings/{id}',
  id: 'getFinding',
  summary: 'One finding, with every status record that is kept of it.',
  params: z.strictObject({ id: z.string().min(1).max(256).describe('Of the finding.') }),
  answers: {
    200: {
      description: 'The finding.',
      content: {
        [JSON_TYPE]: {
          type: 'object',
          properties: {
            finding: recordRef('finding'),
            history: { type: 'array', items: recordRef('finding'), description: 'The oldest first.' },
          },
          required: ['finding', 'history'],
          additionalProperties: false,
        },
      },
    },
    404: { description: 'No finding with this id is kept.' },
  },
});

const listFlows = operation({
  method: 'get',
  path: '/api/v1/flows',
  id: 'listFlows',
  summary: 'Flows, by their last packet, the newest first.',
  description:
    'A flow that goes on is stored anew now and then, and then stands at the front: it may be missing from pages that are older.',
  query: z.strictObject(range),
  answers: { 200: pageOf('A page of flows.', 'flow') },
});

const listDns = operation({
  method: 'get',
  path: '/api/v1/dns',
  id: 'listDns',
  summary: 'DNS look-ups, the newest first.',
  query: z.strictObject(range),
  answers: { 200: pageOf('A page of look-ups.', 'dns') },
});

const listEvents = operation({
  method: 'get',
  path: '/api/v1/events',
  id: 'listEvents',
  summary: 'Everything else that is kept: what was lost or not seen, changes of the inventory, and the like.',
  query: z.strictObject(range),
  answers: { 200: pageOf('A page of events.', ...OTHER_KINDS) },
});

export const recordOperations = [listFindings, getFinding, listFlows, listDns, listEvents];

interface RangeQuery extends Pick<z.output<z.ZodObject<typeof range>>, keyof typeof range> {
  readonly severity?: z.output<typeof severity>;
  readonly history?: 'true' | 'false' | undefined;
}

export function recordRoom(app: ApiApp, deps: RoomDeps): void {
  const page =
    (of: PageOf, kinds: readonly RecordKind[]) =>
    async ({ c, query }: { readonly c: Context<ApiVariables>; readonly query: RangeQuery }) =>
      answerPage(deps, c, of, kinds, query);
  serve(app, listFindings, page('findings', ['finding']));
  serve(app, listFlows, page('flows', ['flow']));
  serve(app, listDns, page('dns', ['dns']));
  serve(app, listEvents, page('events', OTHER_KINDS));
  serve(app, getFinding, async ({ params: { id } }) => {
    const records = await deps.questions.ask({ type: 'finding', id });
    const latest = records.at(-1);
    if (latest === undefined) throw new ApiProblem(404, 'no finding with this id is kept');
    return jsonAnswer(`{"finding":${latest},"history":[${records.join(',')}]}`);
  });
}

/** A page of what was asked for, in the form that the client accepts. */
export async function answerPage(
  deps: RoomDeps,
  c: Context<ApiVariables>,
  of: PageOf,
  kinds: readonly RecordKind[],
  { limit, cursor: given, ...asked }: RangeQuery,
): Promise<Response> {
  const question = [
    of,
    asked.filter,
    asked.since,
    asked.until,
    asked.network,
    asked.container,
    asked.severity,
    asked.history,
  ];
  const cursor = given === undefined ? undefined : readCursor(given, question);
  const now = cursor?.now ?? deps.now();
  const { items, next, asOf } = await deps.questions.ask({
    type: 'page',
    of,
    kinds,
    now,
    limit,
    ...timesOf(asked, now),
    filter: asked.filter,
    network: asked.network,
    container: asked.container,
    severity: asked.severity,
    history: asked.history === 'true',
    before: cursor?.before,
    asOf: cursor?.asOf,
  });
  return recordPage(c, items, next && writeCursor({ before: next, now, asOf }, question));
}

function timesOf({ since: from, until: to }: RangeQueryTimes, now: Micros) {
  const since = timeOf(from, 'since', now);
  const until = timeOf(to, 'until', now);
  if (since !== undefined && until !== undefined && until <= since)
    throw new ApiProblem(400, 'until is not after since: nothing lies between');
  return { since, until };
}

type RangeQueryTimes = Pick<RangeQuery, 'since' | 'until'>;
