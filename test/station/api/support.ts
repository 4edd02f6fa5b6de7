/**
 * The API of a real station, asked over its socket or a loopback port as any client asks. Every answer is held against
 * docs/openapi.json: its status, its media type, its body.
 */
import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { dirname, join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { z } from 'zod';
import type { AgentRecord } from '../../../src/model/record.ts';
import type { Micros } from '../../../src/model/time.ts';
import { apiConfig } from '../../../src/station/api/config.ts';
import { Station } from '../../../src/station/station.ts';
import { type LogLine, memoryLogger, stationConfig, temporaryDirectory } from '../support/harness.ts';
import { T0 } from '../support/records.ts';

export interface AskOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | object;
  /** Default: the socket. */
  readonly via?: 'unix' | 'tcp';
}

// biome-ignore lint/suspicious/noExplicitAny: a client's view of JSON; it was held against the document before.
export type Json = any;

export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Of a JSON body. */
  readonly json: Json;
}

export interface TestApi {
  readonly station: Station;
  readonly storePath: string;
  readonly socketPath: string;
  readonly log: readonly LogLine[];
  /** Of the loopback door; throws when it is shut. */
  port(): number;
  token(): string;
  /** Resolves once they can be asked for. */
  receive(...records: readonly AgentRecord[]): Promise<void>;
  /** Fails when the answer is not as docs/openapi.json says. */
  ask(path: string, options?: AskOptions): Promise<ApiAnswer>;
  stop(): Promise<void>;
}

export interface TestApiOptions {
  readonly api?: z.input<typeof apiConfig>;
  readonly store?: object;
  readonly now?: () => Micros;
  /** Of the database; made and removed when absent. */
  readonly directory?: string;
}

/** Listens on the socket and on a port of 127.0.0.1 that the kernel chooses, unless `api` says otherwise. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const { api = {}, store = {}, now = () => T0 } = options;
  const made = options.directory === undefined ? temporaryDirectory() : undefined;
  const config = stationConfig(options.directory ?? made!.path, {}, store);
  const { logger, lines } = memoryLogger();
  const station = new Station(
    { ...config, api: apiConfig.parse({ listen: '127.0.0.1:0', ...api }) },
    { logger, now, host: 'host-of-the-test' },
  );
  await station.start('run-of-the-test');
  const storePath = config.store.path;
  const socketPath = `${storePath}.sock`;
  const port = () => {
    const at = lines.findLast(({ msg, at }) => msg === 'the API listens' && at !== socketPath)?.['at'];
    if (typeof at !== 'string') throw new Error('the API listens on no port');
    return Number(at.slice(at.lastIndexOf(':') + 1));
  };
  return {
    station,
    storePath,
    socketPath,
    log: lines,
    port,
    token: () => readFileSync(join(dirname(storePath), 'api-token'), 'utf8').trim(),
    async receive(...records) {
      for (const record of records) station.receive(record);
      // Whoever waits for what is durable waits for flows and look-ups too: they are written by a later timer.
      await new Promise<void>((resolve) => station.whenKept(resolve));
    },
    async ask(path, asked = {}) {
      const target = asked.via === 'tcp' ? { host: '127.0.0.1', port: port() } : { socketPath };
      const answer = await send({ ...target, path, agent: false }, asked);
      checkAnswer(asked.method ?? 'GET', path, answer);
      return answer;
    },
    async stop() {
      await station.stop();
      made?.remove();
    },
  };
}

function send(target: object, { method = 'GET', headers = {}, body }: AskOptions): Promise<ApiAnswer> {
  const text = typeof body === 'object' ? JSON.stringify(body) : body;
  const type = typeof body === 'object' ? { 'content-type': 'application/json' } : {};
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...target, method, headers: { ...type, ...headers } }, (incoming) => {
      let received = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (part: string) => {
        received += part;
      });
      incoming.on('error', reject);
      incoming.on('end', () => {
        const isJson = /[/+]json\b/.test(incoming.headers['content-type'] ?? '');
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text: received,
          json: isJson && received !== '' ? JSON.parse(received) : undefined,
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}

interface DeclaredAnswer {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

let known: ReturnType<typeof readDocument> | undefined;

/** Throws when an answer is not as docs/openapi.json says. */
export function checkAnswer(method: string, url: string, answer: ApiAnswer): void {
  known ??= readDocument();
  const { document, ajv } = known;
  const path = url.replace(/\?.*$/s, '');
  const template = Object.keys(document.paths).find((wanted) => pathPattern(wanted).test(path));
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  const responses = template === undefined ? undefined : document.paths[template]![verb]?.responses;
  const isDeclared = responses?.[answer.status] !== undefined;
  if (answer.status < 400 && !isDeclared && method !== 'OPTIONS')
    throw new Error(`docs/openapi.json declares no answer ${answer.status} of ${method} ${path}`);
  const type = (answer.headers['content-type'] ?? '').replace(/;.*$/, '');
  if (answer.text === '') return;
  const pointer = isDeclared
    ? ['paths', template!, verb, 'responses', String(answer.status)]
    : ['paths', '/api/v1/status', 'get', 'responses', 'default'];
  const declared = pointer.reduce<Json>((node, key) => node[key], document) as DeclaredAnswer;
  if (declared.content?.[type] === undefined)
    throw new Error(
      `${method} ${path} answered ${answer.status} with ${type || 'no media type'}: not declared`,
    );
  if (answer.json === undefined) return;
  const $ref = `openapi.json#/${[...pointer, 'content', type, 'schema'].map(pointerPart).join('/')}`;
  const validate = ajv.getSchema($ref) ?? ajv.compile({ $ref });
  if (validate(answer.json) === true) return;
  const where = (validate.errors ?? [])
    .slice(0, 5)
    .map(({ instancePath, message }) => `${instancePath}: ${message}`);
  throw new Error(`${method} ${path} answered ${answer.status} not as declared: ${where.join('; ')}`);
}

function readDocument() {
  const text = readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8');
  const document = JSON.parse(text) as {
    readonly paths: Readonly<
      Record<
        string,
        Readonly<Record<string, { readonly responses: Readonly<Record<string, DeclaredAnswer>> }>>
      >
    >;
  };
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(document, 'openapi.json');
  return { document, ajv };
}

function pathPattern(template: string): RegExp {
  const text = template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+');
  return new RegExp(`^${text}$`);
}

function pointerPart(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}
