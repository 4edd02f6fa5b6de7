/**
 * What the API says when it cannot do what was asked: problem details (RFC 9457). `detail` is for the reader and must
 * never hold a path, a stack, or words of another program.
 */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';

export const PROBLEM_TYPE = 'application/problem+json';

export const problemSchema = z.looseObject({
  status: z.int().min(400).max(599).describe('The HTTP status again.'),
  title: z.string().describe('The kind of problem, the words of the HTTP status.'),
  detail: z.string().describe('What is wrong with this request, and what to do.'),
  filter: z
    .object({
      text: z.string().describe('The filter as it came.'),
      from: z.int().min(0).describe('Where the fault begins, in UTF-16 units.'),
      to: z.int().min(0).describe('Where it ends; as `from` where something is missing.'),
    })
    .optional()
    .describe('The place in the filter; absent when the filter is not the problem.'),
});

export interface ProblemMore {
  /** More members of the answer. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by a room, answered by the application. The message is `detail`. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly more: ProblemMore;

  constructor(status: number, detail: string, more: ProblemMore = {}) {
    super(detail);
    this.name = 'ApiProblem';
    this.status = status;
    this.more = more;
  }
}

export function problemResponse({ status, message, more }: ApiProblem): Response {
  const body = { status, title: STATUS_CODES[status] ?? 'Error', detail: message, ...more.members };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { 'content-type': PROBLEM_TYPE, ...more.headers },
  });
}
