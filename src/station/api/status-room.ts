/** How the agent is, for people and programs that look after it. Counts and problems, no secrets. */
import { z } from 'zod';
import { formatMicros } from '../../model/time.ts';
import { operation, serve } from './operation.ts';
import { ApiProblem } from './problem.ts';
import { JSON_TYPE, jsonAnswer } from './record-answer.ts';
import type { ApiApp, RoomDeps } from './routes.ts';

const count = z.int().min(0);
const problem = z.string().optional().describe('What a person should know; absent when all is well.');

const status = z.strictObject({
  version: z.string().describe('Of this agent.'),
  host: z.string().describe('The machine that it watches.'),
  time: z.string().describe('Now, by its clock.'),
  store: z.strictObject({
    state: z.enum(['ok', 'failing']),
    problem,
    bytes: count.optional().describe('What the database holds; absent while that is not known.'),
    written: count.describe('Records since the start.'),
    buffered: count.describe('Accepted, not yet written.'),
    shed: count.describe('Given up.'),
  }),
  sinks: z.array(
    z.strictObject({
      sink: z.string(),
      state: z
        .enum(['ok', 'retrying', 'refused'])
        .describe('`retrying`: the peer is unwell. `refused`: it needs a person.'),
      problem,
      accepted: count,
      sent: count,
      passed: count.describe('Not for this sink, by its severity or filter.'),
      dropped: count,
      deadLetters: count.describe('Refused by the peer for good.'),
      queued: count,
      waiting: z.strictObject({ finding: count, event: count, bulk: count }).describe('The same, by lane.'),
      oldestWaiting: z
        .string()
        .optional()
        .describe('Time of the oldest record that waits; absent when none does.'),
      failures: count.describe('Attempts that failed and are made again.'),
      lastSent: z.string().optional().describe('Absent when nothing was sent since the start.'),
    }),
  ),
  lost: count.describe('Records that had to be given up since the start, all places together.'),
  sensor: z
    .strictObject({
      silentSecs: z.number().min(0).describe('For how long it has told nothing; it tells every two seconds.'),
      problems: z.array(z.string()),
    })
    .optional()
    .describe('The other process; absent before it told anything.'),
  api: z.strictObject({ problems: z.array(z.string()) }),
});

const getStatus = operation({
  method: 'get',
  path: '/api/v1/status',
  id: 'getStatus',
  summary: 'How the agent is: version, host, database, sinks, sensor.',
  answers: {
    200: { description: 'As it is now.', content: { [JSON_TYPE]: status } },
  },
});

export const statusOperations = [getStatus];

export function statusRoom(app: ApiApp, { host, version, now, status: statusNow, sensor }: RoomDeps): void {
  serve(app, getStatus, () => {
    const station = statusNow();
    if (station === undefined) throw new ApiProblem(503, 'the station is starting');
    const { path: _, ...store } = station.store;
    const report = sensor();
    const answer: z.input<typeof status> = {
      version,
      host,
      time: formatMicros(now()),
      store,
      sinks: station.sinks.map(({ lastSent, oldestWaiting, ...sink }) => ({
        ...sink,
        lastSent: lastSent === undefined ? undefined : formatMicros(lastSent),
        oldestWaiting: oldestWaiting === undefined ? undefined : formatMicros(Math.floor(oldestWaiting)),
      })),
      lost: station.lost,
      sensor: report && {
        silentSecs: Math.round(report.silentMs) / 1000,
        problems: [...report.state.problems],
      },
      api: { problems: [...station.apiProblems] },
    };
    return jsonAnswer(JSON.stringify(answer));
  });
}
