/**
 * Strict stand-ins for InfluxDB 2.x and 3 Core, which no Debian package brings: written from their documentation and
 * source. They look at method, path, query, headers, compression and every line of each request; what is not as
 * documented is a fault, and `close` fails when there was one. They answer as documented, or as told.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { type ParsedLine, parseLine, splitLines } from '../sinks/influxdb/reference-parser.ts';

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** What to answer to a write; `undefined`: what the real one would. */
export type Mood = (lines: readonly string[]) => Answer | 'hang' | undefined;

export interface StandInOptions {
  readonly token: string;
  readonly org?: string;
  /** Buckets or databases that are there. */
  readonly names?: readonly string[];
  /** The right to read buckets, or list databases. */
  readonly mayRead?: boolean;
  readonly mayCreate?: boolean;
  readonly version?: string;
}

export interface StandIn {
  readonly url: string;
  /** Each line that was taken, once, in order. */
  readonly stored: Set<string>;
  /** The same by bucket or database, read back. */
  readonly points: Map<string, ParsedLine[]>;
  /** Of each write with lines. */
  readonly writes: { readonly headers: IncomingHttpHeaders; readonly lines: readonly string[] }[];
  readonly names: Set<string>;
  readonly created: unknown[];
  mood: Mood;
  /** Fails when a request was not as documented. */
  close(): Promise<void>;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Talk = (asked: Asked, server: Inside) => Answer | 'hang';

interface Inside extends StandIn {
  readonly options: StandInOptions;
  fault(what: string): void;
  take(asked: Asked, name: string): readonly string[];
}

export const startInflux2 = (options: StandInOptions) => start(talk2, options);
export const startInflux3 = (options: StandInOptions) => start(talk3, options);

function talk2(asked: Asked, server: Inside): Answer | 'hang' {
  const { options, names } = server;
  const { method, path, query, headers } = asked;
  const fail = (status: number, code: string, message: string) => ({ status, body: { code, message } });
  if (path === '/ping') {
    return {
      status: 204,
      headers: { 'x-influxdb-build': 'OSS', 'x-influxdb-version': options.version ?? 'v2.7.11' },
    };
  }
  if (headers.authorization !== `Token ${options.token}`) {
    if (!/^Token [!-~]+$/.test(headers.authorization ?? ''))
      server.fault(`authorization ${headers.authorization}`);
    return fail(401, 'unauthorized', 'unauthorized access');
  }
  const isOrg = query['org'] === options.org;
  const orgs = { orgs: [{ id: '0123456789abcdef', name: options.org }] };
  switch (`${method} ${path}`) {
    case 'POST /api/v2/write': {
      expectKeys(server, query, ['bucket', 'org', 'precision']);
      if (query['precision'] !== 'ns') server.fault(`precision ${query['precision']}`);
      if (!isOrg) return fail(404, 'not found', `organization name "${query['org']}" not found`);
      const bucket = query['bucket']!;
      if (!names.has(bucket)) return fail(404, 'not found', `bucket "${bucket}" not found`);
      const lines = server.take(asked, bucket);
      if (lines.length === 0) return fail(400, 'invalid', 'writing requires points');
      return server.mood(lines) ?? { status: 204 };
    }
    case 'GET /api/v2/buckets': {
      expectKeys(server, query, ['name', 'org']);
      const name = query['name']!;
      if (!options.mayRead || !names.has(name)) return fail(404, 'not found', `bucket "${name}" not found`);
      const retentionRules = [{ type: 'expire', everySeconds: 2_592_000, shardGroupDurationSeconds: 86_400 }];
      return {
        status: 200,
        body: { links: {}, buckets: [{ id: 'fedcba9876543210', name, retentionRules }] },
      };
    }
    case 'GET /api/v2/orgs':
      expectKeys(server, query, ['org']);
      return options.mayRead && isOrg
        ? { status: 200, body: orgs }
        : fail(404, 'not found', 'organization not found');
    case 'POST /api/v2/buckets': {
      expectKeys(server, query, []);
      if (headers['content-type'] !== 'application/json') server.fault(`type ${headers['content-type']}`);
      if (!options.mayCreate)
        return fail(401, 'unauthorized', 'write:orgs/0123456789abcdef/buckets is unauthorized');
      const wish = JSON.parse(asked.body.toString()) as { name: string };
      if (names.has(wish.name)) return fail(422, 'conflict', `bucket with name ${wish.name} already exists`);
      names.add(wish.name);
      server.created.push(wish);
      return { status: 201, body: wish };
    }
    default:
      server.fault(`${method} ${path}`);
      return fail(404, 'not found', 'path not found');
  }
}

function talk3(asked: Asked, server: Inside): Answer | 'hang' {
  const { options, names } = server;
  const { method, path, query, headers } = asked;
  if (headers.authorization !== `Bearer ${options.token}`)
    return { status: 401, body: { error: 'the request was not authenticated' } };
  switch (`${method} ${path}`) {
    case 'GET /ping':
      return { status: 200, body: { version: options.version ?? '3.2.1', revision: '1ca3168bee' } };
    case 'GET /api/v3/configure/database':
      expectKeys(server, query, ['format']);
      if (options.mayRead === false) return { status: 403, body: { error: 'forbidden' } };
      return { status: 200, body: [...names].map((name) => ({ 'iox::database': name })) };
    case 'POST /api/v3/configure/database': {
      expectKeys(server, query, []);
      if (headers['content-type'] !== 'application/json') server.fault(`type ${headers['content-type']}`);
      const { db } = JSON.parse(asked.body.toString()) as { db: string };
      if (names.has(db))
        return { status: 409, body: { error: 'attempted to create a resource that already exists' } };
      names.add(db);
      return { status: 200 };
    }
    case 'POST /api/v3/write_lp': {
      expectKeys(server, query, ['accept_partial', 'db', 'precision']);
      if (query['precision'] !== 'nanosecond') server.fault(`precision ${query['precision']}`);
      if (query['accept_partial'] !== 'true') server.fault(`accept_partial ${query['accept_partial']}`);
      const name = query['db']!;
      const lines = server.take(asked, name);
      if (lines.length === 0) server.fault('an empty write, which may make a database');
      const answer = server.mood(lines) ?? { status: 204 };
      if (answer !== 'hang' && answer.status === 204) names.add(name);
      return answer;
    }
    default:
      server.fault(`${method} ${path}`);
      return { status: 404, body: { error: 'not found' } };
  }
}

/** As version 3 says it. That it stores the other lines is left out: a sink may not rely on it. */
export function partialWrite(lines: readonly string[], isBad: (line: string) => boolean): Answer | undefined {
  const data = lines.flatMap((line, i) =>
    isBad(line)
      ? [
          {
            original_line: line.slice(0, 40),
            line_number: i + 1,
            error_message:
              "invalid column type for column 'count', expected iox::column_type::field::integer",
          },
        ]
      : [],
  );
  if (data.length === 0) return undefined;
  return { status: 400, body: { error: 'partial write of line protocol occurred', data } };
}

async function start(talk: Talk, options: StandInOptions): Promise<StandIn> {
  const faults: string[] = [];
  const server = createServer((incoming, reply) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => {});
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', 'http://peer');
      const asked = {
        method: incoming.method ?? '',
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: incoming.headers,
        body: Buffer.concat(chunks),
      };
      const answer = talk(asked, inside);
      if (answer === 'hang') return;
      if (answer.status === 204) settle();
      pending = [];
      const text = answer.body === undefined ? '' : JSON.stringify(answer.body);
      reply.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(text);
    });
  });

  /** Lines of the write that is being answered; requests are answered one after the other. */
  let pending: { name: string; line: string; point: ParsedLine }[] = [];

  function settle(): void {
    for (const { name, line, point } of pending) {
      if (inside.stored.has(line)) continue;
      inside.stored.add(line);
      inside.points.set(name, [...(inside.points.get(name) ?? []), point]);
    }
  }

  const inside: Inside = {
    url: '',
    options,
    stored: new Set(),
    points: new Map(),
    writes: [],
    names: new Set(options.names),
    created: [],
    mood: () => undefined,
    fault: (what) => faults.push(what),
    take({ headers, body }, name) {
      const text = textOf(headers, body, inside);
      const lines = text === '' ? [] : splitLines(text);
      if (lines.length > 0) inside.writes.push({ headers, lines });
      pending = lines.map((line) => ({ name, line, point: readPoint(line, inside) }));
      return lines;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      if (faults.length > 0) throw new Error(`not as documented: ${faults.join('; ')}`);
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return Object.assign(inside, { url: `http://127.0.0.1:${address.port}` });
}

function textOf(headers: IncomingHttpHeaders, body: Buffer, server: Inside): string {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'gzip') server.fault(`content-encoding ${encoding}`);
  const plain = encoding === 'gzip' ? gunzipSync(body) : body;
  const text = plain.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(plain)) server.fault('not UTF-8');
  return text;
}

function readPoint(line: string, server: Inside): ParsedLine {
  const point = parseLine(line);
  if (String(point.timestamp).length !== 19) server.fault(`not nanoseconds: ${point.timestamp}`);
  const tags = Object.keys(point.tags);
  if (tags.join() !== [...tags].sort().join()) server.fault(`tags not sorted: ${tags}`);
  // Version 3 makes a column of each tag and field, so none may be both.
  for (const tag of tags) if (tag in point.fields) server.fault(`"${tag}" is tag and field`);
  if ('time' in point.tags || 'time' in point.fields) server.fault('"time" is a name of theirs');
  return point;
}

function expectKeys(server: Inside, query: Asked['query'], keys: readonly string[]): void {
  const found = Object.keys(query).sort().join();
  if (found !== keys.join()) server.fault(`query ${found}, expected ${keys.join()}`);
}
