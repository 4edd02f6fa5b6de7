/**
 * `/healthz` and `/readyz`, for whoever restarts and routes: the one says that this process answers, the other that the agent
 * sees and keeps what it sees. No secrets in either.
 */
import { z } from 'zod';
import { silenceOf } from '../sensor-silence.ts';
import { operation, serve } from './operation.ts';
import { JSON_TYPE, jsonAnswer } from './record-answer.ts';
import type { ApiApp, ApiDeps } from './routes.ts';

const health = z.strictObject({ alive: z.literal(true) });

const readiness = z.strictObject({
  ready: z.boolean(),
  reasons: z.array(z.string()).describe('Why it is not ready, one line each; empty when it is.'),
});

const getHealth = operation({
  method: 'get',
  path: '/healthz',
  id: 'getHealth',
  summary: "Whether the station's process answers; nothing else.",
  answers: { 200: { description: 'It does.', content: { [JSON_TYPE]: health } } },
});

const getReadiness = operation({
  method: 'get',
  path: '/readyz',
  id: 'getReadiness',
  summary: 'Whether the database takes what is written, and the sensor was heard within ten seconds.',
  answers: {
    200: { description: 'Both.', content: { [JSON_TYPE]: readiness } },
    503: { description: 'Not both; the reasons say what.', content: { [JSON_TYPE]: readiness } },
  },
});

export const healthOperations = [getHealth, getReadiness];

export function healthRoom(app: ApiApp, deps: ApiDeps): void {
  serve(app, getHealth, () => jsonAnswer(JSON.stringify({ alive: true })));
  serve(app, getReadiness, () => {
    const reasons = reasonsNotReady(deps);
    const answer: z.input<typeof readiness> = { ready: reasons.length === 0, reasons };
    return new Response(JSON.stringify(answer), {
      status: answer.ready ? 200 : 503,
      headers: { 'content-type': JSON_TYPE, 'cache-control': 'no-store' },
    });
  });
}

function reasonsNotReady({ status, sensor }: Pick<ApiDeps, 'status' | 'sensor'>): string[] {
  const station = status();
  if (station === undefined) return ['the station is starting'];
  const report = sensor();
  const store =
    station.store.state === 'ok' ? [] : [`the store cannot write: ${station.store.problem ?? 'see the log'}`];
  const sensorProblem = report === undefined ? 'the sensor has told nothing yet' : silenceOf(report);
  return sensorProblem === undefined ? store : [...store, sensorProblem];
}
