/**
 * docs/openapi.json: the rooms' own declarations, with the records as docs/output.schema.json has them. The API serves the
 * same bytes, so nothing else may touch the file, the formatter included.
 */
import { z } from 'zod';
import type { Answer, AnySchema, Operation } from '../src/station/api/operation.ts';
import { PROBLEM_TYPE, problemSchema } from '../src/station/api/problem.ts';
import { OPERATIONS } from '../src/station/api/rooms.ts';
import { version } from '../src/version.ts';
import type { GeneratedFile } from './markdown.ts';
import { type RecordSchemas, recordSchemas } from './record-schema.ts';

const DOCUMENT = new URL('openapi.json', import.meta.url);
const PROBLEM = { $ref: '#/components/schemas/problem' };

export function openApiPages(schemas: RecordSchemas = recordSchemas()): GeneratedFile[] {
  return [{ path: DOCUMENT, text: `${JSON.stringify(openApiDocument(schemas), undefined, 2)}\n` }];
}

function openApiDocument({ records, shared }: RecordSchemas): unknown {
  const operations = OPERATIONS.map((declared) => [declared, operationObject(declared)] as const);
  const used = referredTo(
    operations.map(([, object]) => object),
    new Map([...shared, ...[...records].filter(([kind]) => !shared.has(kind))]),
  );
  return {
    openapi: '3.1.1',
    info: {
      title: 'Bridgewatch',
      version: version(),
      summary: 'What the containers on this Docker host do on their networks.',
      description:
        'Over the Unix socket beside the database, or over TCP: reading from this machine is free, all else needs the token. How, with examples: docs/api.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://127.0.0.1:9477' }],
    security: [{}, { token: [] }],
    paths: pathsOf(operations),
    components: {
      schemas: { problem: fromZod(problemSchema, 'output'), ...used },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'From `api-token` beside the database, or from `api.token_file`.',
        },
      },
    },
  };
}

function pathsOf(operations: readonly (readonly [Operation, object])[]): Record<string, object> {
  const paths: Record<string, Record<string, object>> = {};
  for (const [{ path, method }, object] of operations) {
    paths[path] ??= {};
    paths[path][method] = object;
  }
  return paths;
}

function operationObject(declared: Operation): object {
  const { id, summary, description, params, query, body, answers, method } = declared;
  const parameters = [...parametersOf(params, 'path'), ...parametersOf(query, 'query')];
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    // A change needs it over TCP from everybody.
    ...(method === 'get' ? {} : { security: [{ token: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !body.safeParse(undefined).success,
            content: { 'application/json': { schema: fromZod(body, 'input') } },
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [status, responseObject(answer, status)]),
      ),
      default: {
        description:
          'A problem: the request (400), the token (401), the host (421), its rate (429), or the agent (500, 503).',
        content: { [PROBLEM_TYPE]: { schema: PROBLEM } },
      },
    },
  };
}

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query'): object[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => {
    const { description, ...rest } = fromZod(field as z.ZodType, 'output');
    const isRequired = place === 'path' || !(field as z.ZodType).safeParse(undefined).success;
    return {
      name,
      in: place,
      required: isRequired,
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function responseObject({ description, content }: Answer, status: string): object {
  if (content === undefined)
    return Number(status) < 400
      ? { description }
      : { description, content: { [PROBLEM_TYPE]: { schema: PROBLEM } } };
  return {
    description,
    content: Object.fromEntries(
      Object.entries(content).map(([type, schema]) => [type, { schema: schemaObject(schema) }]),
    ),
  };
}

function schemaObject(schema: AnySchema): object {
  return schema instanceof z.ZodType ? fromZod(schema, 'output') : schema;
}

function fromZod(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

/** Those of the known that are referred to, and what they refer to. */
function referredTo(roots: unknown, known: ReadonlyMap<string, object>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const walk = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name === 'problem' || found[name!] !== undefined) continue;
      const schema = known.get(name!);
      if (schema === undefined) throw new Error(`no schema is called ${name}`);
      found[name!] = JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'));
      walk(found[name!]);
    }
  };
  walk(roots);
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}
