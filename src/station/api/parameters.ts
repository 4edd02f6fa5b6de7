/** What can be asked for, in the words of the command line; texts as they come, read here. */
import { z } from 'zod';
import { SEVERITIES } from '../../model/finding.ts';
import type { Micros } from '../../model/time.ts';
import { AGE_OR_TIME, parseAgeOrTime } from '../../query/time-text.ts';
import { ApiProblem } from './problem.ts';

const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 100;
/** Names and times; a filter may be longer. */
const word = z.string().min(1).max(256);
const FLAG = z.enum(['true', 'false']);

export const range = {
  filter: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('In the filter language of docs/filters.md; what it takes too.'),
  since: word.optional().describe('Not before: an age (`15m`, `24h`, `7d`) or a time (RFC 3339).'),
  until: word.optional().describe('Before: an age or a time.'),
  network: word.optional().describe('Name of the Docker network.'),
  container: word
    .optional()
    .describe('Label (`shop/db`), container name, Compose service, or the beginning of a container id.'),
  limit: z.coerce
    .number({ error: `expected a count from 1 to ${MAX_LIMIT}` })
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT)
    .describe('Records of one page, at most.'),
  cursor: z
    .string()
    .max(256)
    .optional()
    .describe('`next` of the page before, with all other parameters but `limit` as they were.'),
};

export const severity = z.enum(SEVERITIES).optional().describe('At least this severe.');
export const history = FLAG.optional().describe(
  '`true`: every status record of each finding, instead of its state.',
);
export const at = word.optional().describe('Then: an age or a time; now, where it is absent.');
export const subjectWord = word.optional();

/** Throws an ApiProblem that names the parameter. */
export function timeOf(text: string | undefined, name: string, now: Micros): Micros | undefined {
  if (text === undefined) return undefined;
  const time = parseAgeOrTime(text, now);
  if (time === undefined)
    throw new ApiProblem(400, `${name} is no time: give ${AGE_OR_TIME}; a plus sign in an address is %2B`);
  return time;
}
