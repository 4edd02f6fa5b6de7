/** Records as they are stored: each is JSON already, escaped so that it may be printed, and is passed on as it is. */
import type { Context } from 'hono';
import type { Answer } from './operation.ts';
import { recordRef } from './operation.ts';
import type { ApiVariables } from './routes.ts';

export const JSON_TYPE = 'application/json';
export const NDJSON_TYPE = 'application/x-ndjson';

/** `{items, next?}`, or a line each when the client accepts NDJSON; then `next` is in the Link header (RFC 8288) alone. */
export function recordPage(
  c: Context<ApiVariables>,
  items: readonly string[],
  next: string | undefined,
): Response {
  const headers: Record<string, string> =
    next === undefined ? {} : { link: `<${nextUrl(c, next)}>; rel="next"` };
  if (wantsLines(c)) {
    const lines = items.map((item) => `${item}\n`).join('');
    return new Response(lines, { headers: { ...headers, 'content-type': NDJSON_TYPE } });
  }
  const after = next === undefined ? '' : `,"next":${JSON.stringify(next)}`;
  return jsonAnswer(`{"items":[${items.join(',')}]${after}}`, headers);
}

export function jsonAnswer(text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${text}\n`, { headers: { ...headers, 'content-type': JSON_TYPE } });
}

/** For the declaration of such an answer. */
export function pageOf(description: string, ...kinds: readonly string[]): Answer {
  const record = kinds.length === 1 ? recordRef(kinds[0]!) : { oneOf: kinds.map(recordRef) };
  return {
    description,
    content: {
      [JSON_TYPE]: {
        type: 'object',
        properties: {
          items: { type: 'array', items: record, description: 'The newest first.' },
          next: {
            type: 'string',
            description:
              '`cursor` of the next page; absent at the end. A page may hold fewer records than `limit`, even none, and have a next one.',
          },
        },
        required: ['items'],
        additionalProperties: false,
      },
      [NDJSON_TYPE]: {
        type: 'string',
        description: 'One record a line; the next page is in the `Link` header.',
      },
    },
  };
}

function wantsLines(c: Context<ApiVariables>): boolean {
  return /(?:^|[\s,])application\/x-ndjson(?:[\s,;]|$)/i.test(c.req.header('accept') ?? '');
}

/** Without the host: whoever asked knows by which name. */
function nextUrl(c: Context<ApiVariables>, next: string): string {
  const url = new URL(c.req.url);
  url.searchParams.set('cursor', next);
  return `${url.pathname}${url.search}`;
}
