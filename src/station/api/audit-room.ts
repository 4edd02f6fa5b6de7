/** The audits of the running agent: when it looked at the host, what came of it, and what it could not see. */
import { z } from 'zod';
import { type Answer, operation, recordRef, serve } from './operation.ts';
import { range } from './parameters.ts';
import { ApiProblem } from './problem.ts';
import { JSON_TYPE, jsonAnswer, pageOf } from './record-answer.ts';
import { answerPage } from './record-room.ts';
import type { ApiApp, RoomDeps } from './routes.ts';

const newest: Answer = {
  description: 'What came of it.',
  content: { [JSON_TYPE]: recordRef('audit-run') },
};

const getAudit = operation({
  method: 'get',
  path: '/api/v1/audit',
  id: 'getAudit',
  summary: 'The latest audit: what failed by severity, scores, what could not be looked at.',
  description:
    'What fails is a finding each: `/api/v1/findings?filter=analyzer:audit not status:closed`, as far as it is at least `audit.min_severity`.',
  answers: { 200: newest, 404: { description: 'No audit is kept: the agent has made none yet.' } },
});
const listAudits = operation({
  method: 'get',
  path: '/api/v1/audits',
  id: 'listAudits',
  summary: 'The audits that are kept, the newest first.',
  query: z.strictObject(range),
  answers: { 200: pageOf('A page of audits.', 'audit-run') },
});

export const auditOperations = [getAudit, listAudits];

export function auditRoom(app: ApiApp, deps: RoomDeps): void {
  serve(app, getAudit, async () => {
    const { items } = await deps.questions.ask({
      type: 'page',
      of: 'events',
      kinds: ['audit-run'],
      now: deps.now(),
      limit: 1,
    });
    if (items[0] === undefined) throw new ApiProblem(404, 'no audit is kept: the agent has made none yet');
    return jsonAnswer(items[0]);
  });
  serve(app, listAudits, ({ c, query }) => answerPage(deps, c, 'events', ['audit-run'], query));
}
