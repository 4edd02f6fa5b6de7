/** The live feed over HTTP: what may be asked for, and from where on. What is told then is in feed/. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { SEVERITIES } from '../../model/finding.ts';
import { metric } from '../../model/metric-catalogue.ts';
import type { Micros } from '../../model/time.ts';
import { QueryError } from '../../query/error.ts';
import { compileFilter, type Filter } from '../../query/filter.ts';
import { parseTime } from '../../query/time-text.ts';
import { DELIVERED_KINDS, type DeliveredKind } from '../sinks/definition.ts';
import { FEED_DEFAULTS, Feed, type Start } from './feed/feed.ts';
import { selectionOf } from './feed/selection.ts';
import { operation, serve } from './operation.ts';
import { ApiProblem } from './problem.ts';
import type { Room } from './routes.ts';

const MAX_TEXT = 4096;
const PLACE = /^\d{1,15}$/;
/** What node-server knows by this is that the response is written by somebody else. */
const ALREADY_SENT = { 'x-hono-already-sent': 'true' };

export const streamOperation = operation({
  method: 'get',
  path: '/api/v1/stream',
  id: 'stream',
  summary: 'What happens, as it happens: Server-Sent Events',
  description:
    'Each record is an event: `event` is its kind, `data` the record as one line of JSON, `id` its place in the log. A client that comes back with `Last-Event-ID` is told what it missed, in order, none left out, none twice. An event `gap` says that of what it missed some has expired. Flows, look-ups and roll-ups have no place: they are told as they come or not at all, and an event `loss` counts those that were not. docs/api-stream.md has the whole of it.',
  query: z.strictObject({
    kinds: z
      .string()
      .max(MAX_TEXT)
      .default('finding')
      .describe('Kinds of records, separated by commas; default: `finding`.'),
    min_severity: z
      .enum(SEVERITIES)
      .default('informational')
      .describe('Findings below are left out; other kinds have no severity.'),
    filter: z.string().min(1).max(MAX_TEXT).optional().describe('In the language of docs/filters.md.'),
    network: z.string().min(1).max(MAX_TEXT).optional().describe('Of this Docker network.'),
    container: z
      .string()
      .min(1)
      .max(MAX_TEXT)
      .optional()
      .describe('Label (`shop/db`), container name, Compose service, or the beginning of a container id.'),
    after: z
      .string()
      .regex(PLACE, 'expected the id of an event')
      .optional()
      .describe('What `Last-Event-ID` says, for clients that cannot send a header; the header has the say.'),
    since: z
      .string()
      .max(64)
      .optional()
      .describe('Begin with what is not older than this: a time, or an age as `15m`.'),
  }),
  answers: {
    200: {
      description: 'A stream without an end.',
      content: { 'text/event-stream': { type: 'string' } },
    },
  },
});

export const feedRoom: Room = (app, deps, metrics) => {
  const { config, logger, now, onDurable } = deps;
  const feed = new Feed(
    { source: deps.feed, onDurable, logger, now },
    { ...FEED_DEFAULTS, maxClients: config.max_streams },
  );
  metrics.add(() => [metric('bridgewatch_api_open_streams', feed.clients)]);
  serve(app, streamOperation, ({ c, query }) => {
    const kinds = kindsOf(query.kinds);
    const selection = selectionOf({
      kinds,
      minSeverity: SEVERITIES.indexOf(query.min_severity),
      filter: query.filter === undefined ? undefined : filterOf(query.filter, kinds, now()),
      network: query.network,
      container: query.container,
    });
    const start = startOf(c.req.header('last-event-id') ?? query.after, query.since, now());
    if (start.after !== undefined && !feed.isPlace(start.after))
      throw new ApiProblem(
        400,
        'no event has had this id yet: it is of another database; begin without Last-Event-ID',
      );
    if (feed.isFull)
      throw new ApiProblem(503, 'as many clients follow the live feed as may (api.max_streams)', {
        headers: { 'retry-after': '30' },
      });
    const { incoming, outgoing } = c.env as { incoming: IncomingMessage; outgoing: ServerResponse };
    outgoing.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      // Proxies of the kind of nginx gather what passes through them otherwise.
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    if (incoming.method === 'HEAD') outgoing.end();
    else feed.open(outgoing, selection, start);
    return new Response(null, { headers: ALREADY_SENT });
  });
};

function kindsOf(text: string): DeliveredKind[] {
  return text.split(',').map((word) => {
    const kind = DELIVERED_KINDS.find((known) => known === word.trim());
    if (kind !== undefined) return kind;
    throw new ApiProblem(
      400,
      `kinds: "${word.trim().slice(0, 40)}" is none of ${DELIVERED_KINDS.join(', ')}`,
    );
  });
}

function filterOf(text: string, kinds: readonly DeliveredKind[], now: Micros): Filter {
  try {
    const filter = compileFilter(text, { kinds, now });
    if (!filter.asksForTime) return filter;
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const { problem, from, to } = error;
    throw new ApiProblem(400, `filter: ${problem}`, { members: { filter: { text, from, to } } });
  }
  throw new ApiProblem(
    400,
    'a filter by time has no place in what is told as it comes; `since` is for the past',
  );
}

function startOf(after: string | undefined, since: string | undefined, now: Micros): Start {
  if (after !== undefined && after !== '') {
    if (!PLACE.test(after)) throw new ApiProblem(400, 'Last-Event-ID is no id of an event of this feed');
    return { after: Number(after) };
  }
  if (since === undefined) return {};
  const time = parseTime(since, now) ?? parseTime(`-${since}`, now);
  if (time === undefined)
    throw new ApiProblem(400, 'since: expected an age as 15m or 24h, or a time as 2026-11-23T14:02:00Z');
  return { since: time.at };
}
