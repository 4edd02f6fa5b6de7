/**
 * The only importer of dockerode. Every call has a deadline and can be aborted; every answer is read by us, because
 * dockerode never settles when an answer is cut in mid-body. It only ever reads (GET): the agent must never change
 * anything in the engine.
 */
import type { IncomingMessage } from 'node:http';
import type Docker from 'dockerode';
import { DockerError } from './docker-error.ts';
import { type DockerHost, type DockerHostOptions, dockerHost } from './docker-host.ts';
import { LineSplitter } from './ndjson.ts';

export interface DockerClient {
  /** What is tried, for messages: a path or tcp://host:port. */
  readonly label: string;
  /** The parsed JSON of an answer. `query` values that are objects are sent as JSON, as the API wants its filters. */
  get(path: string, query?: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<unknown>;
  /** Resolves once the engine has accepted the subscription; the iterator ends when the engine closes the stream. */
  events(filters: unknown, signal: AbortSignal): Promise<AsyncIterable<unknown>>;
}

export interface DockerClientOptions extends DockerHostOptions {
  /** For a whole answer, or for the subscription to be accepted. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** An inspect of a container with thousands of labels is some 100 KiB; a list of 10,000 containers some 20 MiB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_EVENT_BYTES = 1024 * 1024;

export async function openDocker(options: DockerClientOptions = {}): Promise<DockerClient> {
  const host = dockerHost(options);
  // Loading dockerode takes about 190 ms, which commands that need no engine should not pay.
  const { default: Dockerode } = await import('dockerode');
  const modem = newModem(Dockerode, host);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;

  return {
    label: host.label,

    async get(path, query, signal) {
      const deadline = new Deadline(timeoutMs, signal);
      try {
        const response = await deadline.race(dial(modem, path, query, deadline.signal));
        const body = await deadline.race(readBody(response));
        return parseAnswer(body, path, host);
      } catch (error) {
        throw toDockerError(error, host, path, deadline);
      } finally {
        deadline.clear();
      }
    },

    async events(filters, signal) {
      const deadline = new Deadline(timeoutMs, signal);
      try {
        const response = await deadline.race(dial(modem, '/events', { filters }, deadline.signal));
        return readEvents(response, host, deadline);
      } catch (error) {
        throw toDockerError(error, host, '/events', deadline);
      } finally {
        deadline.stopTimer();
      }
    },
  };
}

/** One signal out of a time-out and the caller's own; says afterwards which of them fired. */
class Deadline {
  readonly timeoutMs: number;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = (): void => this.#controller.abort();
  timedOut = false;

  constructor(timeoutMs: number, caller: AbortSignal | undefined) {
    this.timeoutMs = timeoutMs;
    this.#caller = caller;
    this.#timer = setTimeout(() => {
      this.timedOut = true;
      this.#controller.abort();
    }, timeoutMs);
    if (caller?.aborted) this.#controller.abort();
    caller?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get abortedByCaller(): boolean {
    return this.#caller?.aborted === true;
  }

  /** Rejects on abort even if the work never settles. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(new Error('aborted'));
      if (this.signal.aborted) onAbort();
      this.signal.addEventListener('abort', onAbort, { once: true });
      work.then(resolve, reject).finally(() => this.signal.removeEventListener('abort', onAbort));
    });
  }

  /** The answer may now take as long as it wants; the caller's signal still counts. */
  stopTimer(): void {
    clearTimeout(this.#timer);
  }

  clear(): void {
    this.stopTimer();
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }
}

function newModem(Dockerode: typeof Docker, host: DockerHost): Docker['modem'] {
  // `host` must be set even when undefined: docker-modem fills what is left out from DOCKER_HOST, against our option.
  const target =
    host.kind === 'unix'
      ? { socketPath: host.path, host: undefined, port: undefined, protocol: 'http' }
      : { socketPath: undefined, host: host.host, port: host.port, protocol: 'http' };
  try {
    return new Dockerode(target as unknown as Docker.DockerOptions).modem;
  } catch (cause) {
    throw new DockerError('DOCKER_BAD_HOST', `cannot use ${host.label}: ${text(cause)}`, { cause });
  }
}

function dial(
  modem: Docker['modem'],
  path: string,
  query: Readonly<Record<string, unknown>> | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = {
      // docker-modem appends the query only after a `?`, and cuts the last character off when there is none.
      path: query === undefined ? path : `${path}?`,
      method: 'GET',
      options: query === undefined ? undefined : { ...query },
      isStream: true,
      abortSignal: signal,
      statusCodes: { 200: true },
    };
    modem.dial(request as never, (error: unknown, response: unknown) => {
      if (error) reject(error);
      else resolve(response as IncomingMessage);
    });
  });
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new RangeError(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseAnswer(body: Buffer, path: string, host: DockerHost): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new DockerError(
      'DOCKER_BAD_ANSWER',
      `${host.label} answered GET ${path} with ${body.length} bytes that are not JSON; is it a Docker engine?`,
      { cause },
    );
  }
}

async function* readEvents(
  response: IncomingMessage,
  host: DockerHost,
  deadline: Deadline,
): AsyncGenerator<unknown> {
  const lines = new LineSplitter(MAX_EVENT_BYTES);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      for (const line of lines.push(chunk)) yield parseAnswer(Buffer.from(line), '/events', host);
    }
  } catch (error) {
    throw toDockerError(error, host, '/events', deadline);
  } finally {
    response.destroy();
    deadline.clear();
  }
}

function toDockerError(error: unknown, host: DockerHost, path: string, deadline: Deadline): DockerError {
  if (error instanceof DockerError) return error;
  const options = { cause: error };
  if (deadline.timedOut) {
    return new DockerError(
      'DOCKER_NOT_ANSWERING',
      `the engine at ${host.label} did not answer GET ${path} within ${deadline.timeoutMs} ms; is dockerd hanging? see its log`,
      options,
    );
  }
  if (deadline.abortedByCaller) {
    return new DockerError('DOCKER_ABORTED', `GET ${path} at ${host.label} was given up on request`, options);
  }
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  if (typeof statusCode === 'number') {
    return new DockerError('DOCKER_API', `the engine at ${host.label} refused GET ${path}: ${text(error)}`, {
      ...options,
      status: statusCode,
    });
  }
  switch (code) {
    case 'ENOENT':
      return new DockerError(
        'DOCKER_NO_SOCKET',
        `no Docker socket at ${host.label}; start the engine, or name its socket with DOCKER_HOST or the socket option (in a container: mount the socket's directory)`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
      return new DockerError(
        'DOCKER_PERMISSION',
        `no permission for the Docker socket ${host.label}; run as root or as a member of its group`,
        options,
      );
    default:
      return new DockerError(
        'DOCKER_NOT_ANSWERING',
        `the engine at ${host.label} cannot be reached: ${text(error)}; is dockerd running?`,
        options,
      );
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message.trim() : String(error);
}
