/**
 * One place where the API is listened for: the socket beside the database, or an address. It opens when it can: what
 * stands in its way is said, and tried again. Its limits hold against whoever connects, before anybody is known.
 */
import { lstatSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { Logger } from '../../telemetry/logger.ts';
import type { Knock } from './guard.ts';
import { ApiProblem, problemResponse } from './problem.ts';
import type { Caller } from './routes.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { MAX_SOCKET_PATH_BYTES } from './socket-path.ts';

const RETRY_MS = 5000;
/** For requests that run when the station stops. */
const GRACE_MS = 500;

export interface DoorLimits {
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
  /** How often the timeouts are looked after. */
  readonly checkMs: number;
}

export const DOOR_LIMITS: DoorLimits = {
  maxConnections: 512,
  maxHeaderBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  keepAliveMs: 5000,
  checkMs: 2000,
};

export type DoorPlace =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

export type DoorBindings = HttpBindings & { readonly door: DoorPlace['kind']; readonly caller: Caller };

export interface DoorOptions {
  readonly place: DoorPlace;
  /** Throws the ApiProblem that refuses a request. */
  readonly admit: (knock: Knock) => Caller;
  readonly fetch: (request: Request, bindings: DoorBindings) => Promise<Response> | Response;
  readonly logger: Logger;
  readonly limits?: DoorLimits;
}

/** Why it cannot be opened, where the kernel's word alone does not say what to do. */
class DoorFault extends Error {}

export class Door {
  readonly #options: DoorOptions;
  readonly #name: string;
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #isClosed = false;

  constructor(options: DoorOptions) {
    this.#options = options;
    const { place } = options;
    this.#name = place.kind === 'unix' ? place.path : `${place.host}:${place.port}`;
  }

  /** What keeps it shut, for a person; undefined while it is open. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Returns once it is open, or was refused for the first time. Never rejects. */
  open(): Promise<void> {
    return new Promise((resolve) => {
      const { place, logger } = this.#options;
      const server = this.#createServer();
      const refused = (error: Error) => {
        this.#refused(error);
        resolve();
      };
      server.once('error', refused);
      const opened = () => {
        if (this.#isClosed) {
          server.close();
          resolve();
          return;
        }
        this.#problem = undefined;
        this.#server = server;
        logger.info({ at: this.#openedAt(server) }, 'the API listens');
        server.off('error', refused);
        server.on('error', (error) => logger.error({ err: error, at: this.#name }, 'the API failed'));
        resolve();
      };
      try {
        if (place.kind === 'tcp') server.listen(place.port, place.host, opened);
        else listenPrivately(server, place.path, opened);
      } catch (error) {
        refused(error as Error);
      }
    });
  }

  /** Running requests have a moment to end; then their connections do. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const server = this.#server;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      server.closeIdleConnections();
    });
  }

  #createServer(): Server {
    const { place, admit, fetch, limits = DOOR_LIMITS } = this.#options;
    const door = place.kind;
    const callers = new WeakMap<IncomingMessage, Caller>();
    const answer = getRequestListener(
      (request, bindings) => {
        const http = bindings as HttpBindings;
        return fetch(request, { ...http, door, caller: callers.get(http.incoming)! });
      },
      {
        overrideGlobalObjects: false,
        errorHandler: () => problemResponse(new ApiProblem(400, 'this is no request that can be understood')),
      },
    );
    const server = createServer(
      {
        maxHeaderSize: limits.maxHeaderBytes,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveMs,
        connectionsCheckingInterval: limits.checkMs,
      },
      (incoming, outgoing) => {
        for (const [name, value] of SECURITY_HEADERS) outgoing.setHeader(name, value);
        try {
          callers.set(incoming, admit(knockOf(incoming, door)));
        } catch (error) {
          refuse(incoming, outgoing, error);
          return;
        }
        void answer(incoming, outgoing);
      },
    );
    server.maxConnections = limits.maxConnections;
    return server;
  }

  /** With the port that the kernel chose, where none was asked for. */
  #openedAt(server: Server): string {
    const address = server.address();
    const { place } = this.#options;
    return place.kind === 'unix' || typeof address !== 'object' || address === null
      ? this.#name
      : `${place.host}:${address.port}`;
  }

  #refused(error: Error): void {
    this.#problem = `the API cannot listen on ${this.#name}: ${reasonOf(error, this.#options.place.kind)}`;
    if (this.#isClosed) return;
    if (this.#timer === undefined)
      this.#options.logger.warn({ at: this.#name }, `${this.#problem}; tried again every 5 s`);
    this.#timer = setTimeout(() => void this.open(), RETRY_MS).unref();
  }
}

/** At no moment may more than its owner open it: bind(2) happens within `listen`, and takes the mask with it. */
function listenPrivately(server: Server, path: string, opened: () => void): void {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    throw new DoorFault(
      `the path is longer than the ${MAX_SOCKET_PATH_BYTES} bytes that a socket may have; give a shorter store.path`,
    );
  const old = lstatSync(path, { throwIfNoEntry: false });
  if (old !== undefined && !old.isSocket())
    throw new DoorFault('there is a file that is no socket; it was left untouched: move it away');
  // The station that left the socket there is gone: the database has one writer.
  if (old !== undefined) rmSync(path);
  const mask = process.umask(0o177);
  try {
    server.listen(path, opened);
  } finally {
    process.umask(mask);
  }
}

function knockOf(incoming: IncomingMessage, door: DoorPlace['kind']): Knock {
  const { method = '', url = '', headers, rawHeaders, socket } = incoming;
  return { door, method, url, headers, rawHeaders, peer: socket.remoteAddress, local: socket.localAddress };
}

/** What it still sends is not read: the connection ends with the answer. */
function refuse(incoming: IncomingMessage, outgoing: ServerResponse, error: unknown): void {
  const problem = error instanceof ApiProblem ? error : new ApiProblem(500, 'this could not be answered');
  const response = problemResponse(problem);
  response.headers.forEach((value, name) => void outgoing.setHeader(name, value));
  outgoing.setHeader('connection', 'close');
  outgoing.writeHead(problem.status);
  void response.text().then((text) => outgoing.end(incoming.method === 'HEAD' ? undefined : text));
}

function reasonOf(error: Error, kind: DoorPlace['kind']): string {
  if (error instanceof DoorFault) return error.message;
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'another program listens there; stop it, or give another api.listen';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address now';
    // libuv calls it so, too, when the folder of a socket is missing.
    case 'EACCES':
      return kind === 'unix'
        ? 'its folder is missing, or the station may not write there'
        : 'the station may not: ports below 1024 need privileges';
    default:
      return error.message;
  }
}
