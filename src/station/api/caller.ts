/** Who asks, in words for the audit trail. */
import type { Context } from 'hono';
import type { ApiVariables, Caller } from './routes.ts';

/** As they say, and how they came in. Over the socket it is its owner or root, and which of them is not to be known. */
export function whoOf(c: Context<ApiVariables>, said: string | undefined): string {
  const caller: Caller = c.get('caller');
  if (caller.by === 'unix') return said ?? 'somebody over the socket';
  const from = caller.address === undefined ? '' : ` from ${caller.address}`;
  return `${said === undefined ? '' : `${said}, `}by ${caller.by}${from}`;
}
