/**
 * How a command speaks with the agent that runs on this store: one request over the Unix socket beside the database,
 * which only the agent's own user and root can open. No token, no port, no waiting for an agent that is not there.
 */
import { type IncomingMessage, request } from 'node:http';
import { MAX_SOCKET_PATH_BYTES, socketPath } from '../../station/api/socket-path.ts';

export type AgentClientErrorCode =
  /** No agent runs with this store.path. */
  | 'AGENT_AWAY'
  /** It runs as somebody else: its owner and root may ask, nobody else. */
  | 'AGENT_REFUSED'
  /** It is there, and gives no answer. */
  | 'AGENT_SILENT'
  /** What answers there is no agent of this version. */
  | 'AGENT_NONSENSE';

export class AgentClientError extends Error {
  override readonly name = 'AgentClientError';
  readonly code: AgentClientErrorCode;

  constructor(code: AgentClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface AgentAnswer {
  readonly status: number;
  /** Undefined when there is no body, as with 204. */
  readonly json: unknown;
}

/** A station answers in milliseconds, unless its disk stalls. */
const TIMEOUT_MS = 10_000;
/** A page of records is a few megabytes at most. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * `path` with its query, as `/readyz`; `body` is sent as JSON. Resolves with whatever status the agent answers; rejects with
 * an AgentClientError when there was no answer.
 */
export async function agentRequest(
  storePath: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  { timeoutMs = TIMEOUT_MS } = {},
): Promise<AgentAnswer> {
  const socket = socketPath(storePath);
  const response = await agentResponse(storePath, method, path, body, { timeoutMs });
  try {
    return await readAnswer(response, socket);
  } catch (error) {
    throw explained(error as Error, socket);
  }
}

/** The same, its body not read yet. The time that it may take ends with the last byte. */
export function agentResponse(
  storePath: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  { timeoutMs = TIMEOUT_MS } = {},
): Promise<IncomingMessage> {
  const socket = socketPath(storePath);
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES) {
    const error = `${socket} is longer than the name of a Unix socket may be (${MAX_SOCKET_PATH_BYTES} bytes), so no agent listens there; use a shorter store.path`;
    return Promise.reject(new AgentClientError('AGENT_AWAY', error));
  }
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    let response: IncomingMessage | undefined;
    const asked = request(
      {
        socketPath: socket,
        method,
        path,
        headers: {
          host: 'localhost',
          accept: 'application/json',
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      },
      (received) => {
        response = received;
        resolve(received);
      },
    );
    const timer = setTimeout(() => {
      (response ?? asked).destroy(
        new AgentClientError(
          'AGENT_SILENT',
          `the agent at ${socket} gave no answer to ${method} ${path} within ${timeoutMs / 1000} s; see \`bridgewatch doctor --health\``,
        ),
      );
    }, timeoutMs);
    const fail = (error: Error) => reject(explained(error, socket));
    asked.on('error', fail);
    asked.on('close', () => clearTimeout(timer));
    asked.end(text);
  });
}

async function readAnswer(response: IncomingMessage, socket: string): Promise<AgentAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      response.destroy();
      throw nonsense(socket, `more than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  const status = response.statusCode ?? 0;
  if (bytes === 0) return { status, json: undefined };
  try {
    return { status, json: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch (cause) {
    throw nonsense(socket, 'something that is no JSON', cause);
  }
}

function nonsense(socket: string, what: string, cause?: unknown): AgentClientError {
  return new AgentClientError(
    'AGENT_NONSENSE',
    `what listens at ${socket} answered ${what}; is it an agent of this version?`,
    { cause },
  );
}

function explained(error: Error, socket: string): AgentClientError {
  if (error instanceof AgentClientError) return error;
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTDIR':
      return new AgentClientError(
        'AGENT_AWAY',
        `no agent listens at ${socket}; is it running, with this store.path?`,
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
      return new AgentClientError(
        'AGENT_REFUSED',
        `${socket} may only be opened by the agent's own user and by root; run this as root`,
        { cause: error },
      );
    default:
      return new AgentClientError('AGENT_SILENT', `asking the agent at ${socket}: ${error.message}`, {
        cause: error,
      });
  }
}
