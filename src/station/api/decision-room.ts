/** Deciding about findings over HTTP: acknowledged, muted, and what was decided so far (docs/findings.md). */
import { z } from 'zod';
import type { Finding } from '../../model/finding.ts';
import { printableJson, serializeRecord } from '../../model/serialize.ts';
import { formatMicros } from '../../model/time.ts';
import type { Outcome } from '../decisions/decisions.ts';
import { DecisionError, type DecisionErrorCode } from '../decisions/error.ts';
import type { Mute } from '../decisions/mutes.ts';
import { whoOf } from './caller.ts';
import { type Answer, operation, recordRef, serve } from './operation.ts';
import { range } from './parameters.ts';
import { ApiProblem } from './problem.ts';
import { JSON_TYPE, jsonAnswer, pageOf } from './record-answer.ts';
import { answerPage } from './record-room.ts';
import type { ApiApp, RoomDeps } from './routes.ts';

const findingId = z.strictObject({
  id: z.string().min(4).max(64).describe('Of the finding, or its beginning where that is one finding only.'),
});
const muteId = z.strictObject({ id: z.string().min(1).max(64).describe('Of the mute.') });
const by = z.string().max(60).optional().describe('Who decides. It is recorded as said; nobody proves it.');
const note = z.string().max(400).optional().describe('A line for who reads it later.');
const mutedFor = {
  reason: z.string().max(400).describe('Why; it stands in each finding that is muted.'),
  for: z.string().max(40).optional().describe('How long, as `7d` or `12h`.'),
  until: z.string().max(40).optional().describe('Until when: a day, begun in UTC, or a moment of RFC 3339.'),
  forever: z.literal(true).optional().describe('It does not end by itself. One of the three must be said.'),
  by,
};

const mute = z.object({
  id: z.string(),
  at: z.string().describe('When it was said.'),
  by: z.string().describe('Who said so; nobody proved it.'),
  reason: z.string(),
  until: z.string().optional().describe('Absent: it does not end by itself.'),
  finding: z.string().optional().describe('Said of this finding: all of its analyzer and key are meant.'),
  analyzer: z.string().optional(),
  key: z.string().optional(),
  network: z.string().optional(),
  where: z.string().optional().describe('The filter, where it is about all that one describes.'),
});
const findingOutcome: Answer = {
  description: 'The finding as it is now.',
  content: {
    [JSON_TYPE]: {
      type: 'object',
      properties: {
        finding: recordRef('finding'),
        isNew: { type: 'boolean', description: 'False: it was so already, and nothing was recorded.' },
      },
      required: ['finding', 'isNew'],
      additionalProperties: false,
    },
  },
};
const muteOutcome: Answer = {
  description: 'The mute.',
  content: {
    [JSON_TYPE]: z.object({
      mute,
      isNew: z.boolean().describe('False: it was so already, and nothing was recorded.'),
      findings: z.int().describe('Open findings that were told again because of it.'),
    }),
  },
};
const unknownFinding: Answer = { description: 'No finding with this id is kept.' };
const pointless: Answer = { description: 'As things are that makes no sense; `detail` says why.' };

const acknowledge = operation({
  method: 'post',
  path: '/api/v1/findings/{id}/acknowledge',
  id: 'acknowledgeFinding',
  summary: 'Somebody is on it: its updates wake nobody, until it closes or grows graver.',
  params: findingId,
  body: z.strictObject({ note, by }).default({}),
  answers: { 200: findingOutcome, 404: unknownFinding, 409: pointless },
});
const unacknowledge = operation({
  method: 'post',
  path: '/api/v1/findings/{id}/unacknowledge',
  id: 'unacknowledgeFinding',
  summary: 'Nobody is on it after all.',
  params: findingId,
  body: z.strictObject({ note, by }).default({}),
  answers: { 200: findingOutcome, 404: unknownFinding, 409: pointless },
});
const muteFinding = operation({
  method: 'post',
  path: '/api/v1/findings/{id}/mute',
  id: 'muteFinding',
  summary: 'This finding, and every later one of its analyzer and key, is not to be told.',
  params: findingId,
  body: z.strictObject(mutedFor),
  answers: { 200: muteOutcome, 404: unknownFinding, 409: pointless },
});
const unmuteFinding = operation({
  method: 'post',
  path: '/api/v1/findings/{id}/unmute',
  id: 'unmuteFinding',
  summary: 'It is to be told again; where a filter mutes it, that one must be ended instead.',
  params: findingId,
  body: z.strictObject({ note, by }).default({}),
  answers: { 200: muteOutcome, 404: unknownFinding, 409: pointless },
});
const listMutes = operation({
  method: 'get',
  path: '/api/v1/mutes',
  id: 'listMutes',
  summary: 'The mutes that hold now.',
  answers: {
    200: {
      description: 'In the order in which they were said.',
      content: { [JSON_TYPE]: z.object({ items: z.array(mute) }) },
    },
  },
});
const addMute = operation({
  method: 'post',
  path: '/api/v1/mutes',
  id: 'addMute',
  summary: 'All findings that a filter describes are not to be told.',
  body: z.strictObject({
    where: z.string().max(4096).describe('Which, in the language of docs/filters.md; no field of time.'),
    ...mutedFor,
  }),
  answers: { 200: muteOutcome, 409: pointless },
});
const endMute = operation({
  method: 'delete',
  path: '/api/v1/mutes/{id}',
  id: 'endMute',
  summary: 'What it muted is to be told again.',
  params: muteId,
  query: z.strictObject({ by, note }),
  answers: { 200: muteOutcome, 404: { description: 'No mute with this id holds.' } },
});
const listDecisions = operation({
  method: 'get',
  path: '/api/v1/decisions',
  id: 'listDecisions',
  summary:
    'The audit trail: what was decided about findings, by whom, why, and how it ended. The newest first.',
  query: z.strictObject(range),
  answers: { 200: pageOf('A page of decisions.', 'decision') },
});

export const decisionOperations = [
  acknowledge,
  unacknowledge,
  muteFinding,
  unmuteFinding,
  listMutes,
  addMute,
  endMute,
  listDecisions,
];

export function decisionRoom(app: ApiApp, deps: RoomDeps): void {
  const { decisions } = deps;
  serve(app, acknowledge, ({ c, params, body }) =>
    findingAnswer(() => decisions.acknowledge(params.id, { note: body.note, by: whoOf(c, body.by) })),
  );
  serve(app, unacknowledge, ({ c, params, body }) =>
    findingAnswer(() => decisions.unacknowledge(params.id, { note: body.note, by: whoOf(c, body.by) })),
  );
  serve(app, muteFinding, ({ c, params, body }) =>
    muteAnswer(() => decisions.muteFinding(params.id, { ...body, by: whoOf(c, body.by) })),
  );
  serve(app, unmuteFinding, ({ c, params, body }) =>
    muteAnswer(() => decisions.unmute(params.id, { note: body.note, by: whoOf(c, body.by) })),
  );
  serve(app, listMutes, () => jsonAnswer(printableJson({ items: decisions.mutes().map(publicMute) })));
  serve(app, addMute, ({ c, body: { where, ...said } }) =>
    muteAnswer(() => decisions.muteWhere(where, { ...said, by: whoOf(c, said.by) })),
  );
  serve(app, endMute, ({ c, params, query }) => {
    if (!params.id.startsWith('m-')) throw new ApiProblem(404, 'no mute with this id holds');
    return muteAnswer(() => decisions.unmute(params.id, { note: query.note, by: whoOf(c, query.by) }));
  });
  serve(app, listDecisions, ({ c, query }) => {
    const filter = query.filter === undefined ? 'kind:decision' : `kind:decision (${query.filter})`;
    return answerPage(deps, c, 'events', ['decision'], { ...query, filter });
  });
}

async function findingAnswer(decide: () => Outcome<Finding>): Promise<Response> {
  const { value, isNew } = await decided(decide);
  return jsonAnswer(`{"finding":${serializeRecord(value)},"isNew":${isNew}}`);
}

async function muteAnswer(decide: () => Promise<Outcome<Mute>>): Promise<Response> {
  const { value, isNew, findings } = await decided(decide);
  return jsonAnswer(printableJson({ mute: publicMute(value), isNew, findings }));
}

const STATUS: Readonly<Record<DecisionErrorCode, number>> = {
  UNKNOWN: 404,
  AMBIGUOUS: 409,
  POINTLESS: 409,
  FULL: 409,
  INVALID: 400,
  UNKEPT: 503,
};

async function decided<T>(decide: () => T | Promise<T>): Promise<T> {
  try {
    return await decide();
  } catch (error) {
    if (error instanceof DecisionError) throw new ApiProblem(STATUS[error.code], error.message);
    throw error;
  }
}

function publicMute({ id, at, by: who, reason, until, ...about }: Mute) {
  const { finding, analyzer, key, network, where } = about;
  return {
    ...{ id, at: formatMicros(at), by: who, reason },
    until: until === undefined ? undefined : formatMicros(until),
    ...{ finding, analyzer, key, network, where },
  };
}
