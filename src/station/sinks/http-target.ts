/**
 * An HTTP server that the operator named: its address, headers and secrets, and what its answers mean. An address may
 * itself be the secret (the webhooks of chat services), so messages name the server, never the path, and what a server
 * says is searched for secrets before it is repeated. Redirects are not followed: they would carry findings, and what
 * signs them, to where the operator did not send them.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { Secret } from '../secret.ts';
import { HttpClient, type HttpReply, type HttpRequest, NoReplyError } from './http.ts';
import { retryAfterMs } from './retry-after.ts';
import { serverWords } from './server-words.ts';
import { SinkError } from './sink.ts';

const MAX_HEADERS = 32;

/** Set by what sends, or by HTTP itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'idempotency-key',
  'transfer-encoding',
  'x-bridgewatch-signature',
]);

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

export function secretText() {
  return z
    .string()
    .min(1)
    .transform((text) => new Secret(text));
}

/** To be spread into the strict object of a sink; `httpTargetProblems` says what of it does not go together. */
export function httpTargetOptions(address: string) {
  return {
    url: z
      .string()
      .refine(isHttpUrl, 'give an http:// or https:// address')
      .transform((text) => new Secret(text))
      .optional()
      .describe(`${address} It is kept as a secret: many services take whoever knows it for you.`),
    url_file: z
      .string()
      .min(1)
      .optional()
      .describe('File that holds the address; read again whenever the sink (re)connects.'),
    headers: z
      .record(
        z
          .string()
          .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'expected the name of a header')
          .refine((name) => !OWN_HEADERS.has(name.toLowerCase()), 'this header is set by Bridgewatch'),
        z
          .string()
          .regex(/^[\t -~]{1,4096}$/, 'expected printable ASCII, at most 4096 characters')
          .transform((text) => new Secret(text)),
      )
      .refine((headers) => Object.keys(headers).length <= MAX_HEADERS, `at most ${MAX_HEADERS} headers`)
      .default({})
      .describe('Headers sent with each request; values are kept as secrets.'),
    bearer_token_file: z
      .string()
      .min(1)
      .optional()
      .describe('File that holds a token, sent as `Authorization: Bearer`.'),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe(
        "PEM file of the authority that signed the server's certificate, when no public one did. Certificates are always checked.",
      ),
    timeout_ms: z
      .number()
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe('How long one request may take.'),
  };
}

export interface HttpTargetConfig {
  readonly url?: Secret | undefined;
  readonly url_file?: string | undefined;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly bearer_token_file?: string | undefined;
  readonly ca_file?: string | undefined;
  readonly timeout_ms: number;
}

export interface OptionProblem {
  readonly option: string;
  readonly problem: string;
}

export function httpTargetProblems(config: HttpTargetConfig): OptionProblem[] {
  const problems: OptionProblem[] = [];
  if (config.url === undefined && config.url_file === undefined)
    problems.push({ option: 'url', problem: 'give the address, here or in url_file' });
  if (config.url !== undefined && config.url_file !== undefined)
    problems.push({ option: 'url', problem: 'url and url_file exclude each other' });
  const names = Object.keys(config.headers).map((name) => name.toLowerCase());
  if (config.bearer_token_file !== undefined && names.includes('authorization'))
    problems.push({
      option: 'bearer_token_file',
      problem: 'there is an Authorization among headers already',
    });
  return problems;
}

/** What was read of the files, until the next `open`. */
interface Opened {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly http: HttpClient;
}

export interface TargetRequest {
  readonly method: HttpRequest['method'];
  /** Appended to the path of the address. */
  readonly path?: string;
  /** Instead of the address, on the same server. */
  readonly url?: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export class HttpTarget {
  /** Of the sink, for messages. */
  readonly #name: string;
  readonly #config: HttpTargetConfig;
  readonly #userAgent: string;
  #opened: Opened | undefined;

  constructor(name: string, config: HttpTargetConfig, version: string) {
    this.#name = name;
    this.#config = config;
    this.#userAgent = `bridgewatch/${version}`;
  }

  /** Reads the files again, so that a changed secret needs no restart. */
  open(): void {
    this.close();
    const { url_file, bearer_token_file, ca_file } = this.#config;
    const text = url_file === undefined ? this.#config.url?.reveal() : this.readSecret('url_file', url_file);
    if (text === undefined || !isHttpUrl(text)) {
      throw this.#misconfigured('url_file does not hold an http:// or https:// address; check it');
    }
    const url = new URL(text);
    const own = Object.entries(this.#config.headers).map(([name, value]) => [name, value.reveal()] as const);
    const token =
      bearer_token_file === undefined ? undefined : this.readSecret('bearer_token_file', bearer_token_file);
    if (token !== undefined && !/^[!-~]{1,4096}$/.test(token)) {
      throw this.#misconfigured('bearer_token_file does not hold a token of one line; check it');
    }
    this.#opened = {
      url,
      headers: {
        'user-agent': this.#userAgent,
        ...Object.fromEntries(own),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      secrets: [...secretsIn(url), ...own.map(([, value]) => value), ...(token === undefined ? [] : [token])],
      http: new HttpClient(ca_file === undefined ? {} : { ca: this.#readFile('ca_file', ca_file) }),
    };
  }

  get url(): URL {
    return this.#open.url;
  }

  /** Scheme, host and port: all that may be said of the address. */
  get server(): string {
    return this.#open.url.origin;
  }

  /** Rejects with a SinkError where no answer came. `complete`: the body of the answer came too. */
  async send(request: TargetRequest, signal: AbortSignal): Promise<HttpReply & { complete: boolean }> {
    const { url, headers, http } = this.#open;
    try {
      const reply = await http.send({
        method: request.method,
        url: request.url ?? (request.path === undefined ? url : appended(url, request.path)),
        headers: { ...headers, ...request.headers },
        ...(request.body !== undefined && { body: request.body }),
        timeoutMs: this.#config.timeout_ms,
        signal,
      });
      return { ...reply, complete: true };
    } catch (error) {
      if (!(error instanceof NoReplyError)) throw error;
      // What counts was said before the connection broke.
      if (error.status !== undefined && !signal.aborted)
        return { status: error.status, headers: {}, body: '', complete: false };
      throw this.#unreachable(error.reason);
    }
  }

  /** What an answer says about a request that carried records; undefined when they were taken. */
  failure(reply: HttpReply): SinkError | undefined {
    const { status } = reply;
    if (status >= 200 && status < 300) return undefined;
    const answer = `${this.#name}: ${this.server} answered ${status}: ${this.#wordsOf(reply.body)}`;
    if (status === 400 || status === 422) return new SinkError('SINK_REJECTED', 'split', answer);
    if (status === 413) return new SinkError('SINK_TOO_LARGE', 'split', answer);
    if (status === 408 || status === 425 || status === 429 || status >= 500) {
      const asked = retryAfterMs(reply.headers);
      return new SinkError('SINK_UNAVAILABLE', 'wait', answer, {
        ...(asked !== undefined && { retryAfterMs: asked }),
      });
    }
    if (status === 401 || status === 403 || status === 407) {
      const what = 'check its url, headers and bearer_token_file, and what the server allows';
      return new SinkError('SINK_UNAUTHORIZED', 'act', `${answer}; ${what}`);
    }
    if (status >= 300 && status < 400) {
      const what = 'redirects are not followed; check the url, and give the address that it leads to';
      return new SinkError('SINK_NO_TARGET', 'act', `${answer}; ${what}`);
    }
    return new SinkError('SINK_NO_TARGET', 'act', `${answer}; check the url`);
  }

  /** The text of a file without its last line end. */
  readSecret(option: string, path: string): string {
    return this.#readFile(option, path)
      .toString('utf8')
      .replace(/\r?\n$/, '');
  }

  close(): void {
    this.#opened?.http.close();
    this.#opened = undefined;
  }

  get #open(): Opened {
    if (this.#opened === undefined) this.open();
    return this.#opened!;
  }

  #readFile(option: string, path: string): Buffer {
    try {
      return readFileSync(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      throw this.#misconfigured(
        `cannot read ${option} ${path}: ${code}; check that it exists and the station's user may read it`,
      );
    }
  }

  #misconfigured(problem: string): SinkError {
    return new SinkError('SINK_MISCONFIGURED', 'act', `${this.#name}: ${problem}`);
  }

  #unreachable(reason: string): SinkError {
    const message = `${this.#name}: cannot reach ${this.server}: ${reason}`;
    if (IS_ABOUT_TLS.test(reason)) {
      return new SinkError(
        'SINK_MISCONFIGURED',
        'act',
        `${message}; check its certificate, and ca_file where the authority is one of your own`,
      );
    }
    return new SinkError('SINK_UNREACHABLE', 'wait', `${message}; is it running, and the url right?`);
  }

  #wordsOf(body: string): string {
    let words = body;
    for (const secret of this.#open.secrets) words = words.replaceAll(secret, '***');
    return serverWords(words);
  }
}

/** Codes of Node's and OpenSSL's: an untrusted or wrong certificate, or a server that speaks no TLS. */
const IS_ABOUT_TLS = /CERT|^ERR_TLS_|^ERR_SSL_|^UNABLE_TO_|^EPROTO$/;

/** Shorter ones stand in every second sentence. */
const MIN_SECRET_LENGTH = 6;

/** What of an address may let somebody in, whole and in its parts, as it was given and decoded; longest first. */
function secretsIn({ username, password, pathname, search, searchParams }: URL): string[] {
  const parts = [username, password, pathname, search, ...pathname.split('/'), ...searchParams.values()];
  const all = new Set(parts.flatMap((part) => [part, decoded(part)]));
  return [...all].filter(({ length }) => length >= MIN_SECRET_LENGTH).sort((a, b) => b.length - a.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function appended(base: URL, path: string): URL {
  const url = new URL(base);
  url.pathname = base.pathname.replace(/\/$/, '') + path;
  return url;
}
