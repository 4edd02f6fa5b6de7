/**
 * One operation of the API, declared once: the declaration checks what comes in and becomes docs/openapi.json. A room
 * lists its operations in rooms.ts and serves them with `serve`.
 */
import type { Context } from 'hono';
import { z } from 'zod';
import { readBody } from './body.ts';
import { ApiProblem } from './problem.ts';
import type { ApiApp, ApiVariables } from './routes.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;
/** Of an answer: a zod schema, or JSON Schema where records are referred to (`recordRef`). */
export type AnySchema = z.ZodType | JsonSchema;

export interface Answer {
  readonly description: string;
  /** By media type; absent for an answer without a body. */
  readonly content?: Readonly<Record<string, AnySchema>>;
}

export interface Operation<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
> {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** As OpenAPI writes it: `/api/v1/findings/{id}`. */
  readonly path: string;
  /** Its name in programs: `listFindings`. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Of the path. */
  readonly params?: P;
  /** Texts as they come; what is not named here is refused. */
  readonly query?: Q;
  /** JSON. */
  readonly body?: B;
  /** What it answers, problems that are its own included; 400, 401, 403, 429, 500 and 503 go without saying. */
  readonly answers: Readonly<Record<number, Answer>>;
}

export interface Asked<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> {
  readonly c: Context<ApiVariables>;
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
}

/** For the types alone. */
export function operation<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  declared: Operation<P, Q, B>,
): Operation<P, Q, B> {
  return declared;
}

/** A record as docs/records.md has it, by its kind; also `problem`, `endpoint`, `network`, `workload`. */
export function recordRef(kind: string): JsonSchema {
  return { $ref: `#/components/schemas/${kind}` };
}

const NOTHING = z.strictObject({});

/** Adds the route; what does not fit the declaration is answered 400 before `answer` is called. */
export function serve<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  app: ApiApp,
  declared: Operation<P, Q, B>,
  answer: (asked: Asked<P, Q, B>) => Response | Promise<Response>,
): void {
  const { method, path, params = NOTHING, query = NOTHING, body } = declared;
  app.on(method.toUpperCase(), honoPath(path), async (c) =>
    answer({
      c,
      params: checked(params, c.req.param(), 'the path') as z.output<P>,
      query: checked(query, queryOf(c), 'the query') as z.output<Q>,
      body: (body === undefined
        ? undefined
        : checked(body, await readBody(c.req.raw), 'the body')) as z.output<B>,
    }),
  );
}

/** `/findings/{id}` as `/findings/:id`. */
export function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** Each parameter once: of two, which was meant is anybody's guess. */
function queryOf(c: Context<ApiVariables>): Record<string, string> {
  const found: Record<string, string> = Object.create(null);
  for (const [name, values] of Object.entries(c.req.queries())) {
    if (values.length > 1) throw new ApiProblem(400, `the parameter ${quoted(name)} is given more than once`);
    found[name] = values[0]!;
  }
  return found;
}

function checked(schema: z.ZodType, value: unknown, what: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 5).map(({ path, message }) => {
    const at = path.map(String).join('.');
    return at === '' ? message : `${quoted(at)}: ${message}`;
  });
  throw new ApiProblem(400, `${what} is not as docs/api.md says: ${issues.join('; ')}`);
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
