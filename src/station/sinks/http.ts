/**
 * One request, one answer, both bounded: in time as a whole (an answer cut in its middle must not hang a sink) and in
 * size. Connections are kept. Knows nothing of what is sent.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SecureContextOptions } from 'node:tls';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'OPTIONS';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The first 4 KiB: enough for what a server has to say. */
  readonly body: string;
}

const MAX_REPLY_BYTES = 4096;

/** No whole answer came: refused, reset, not found, timed out. `reason` is short and the same each time. */
export class NoReplyError extends Error {
  readonly reason: string;
  /** Where the head of an answer did come and its body did not. */
  readonly status: number | undefined;

  constructor(reason: string, status?: number) {
    super(reason);
    this.name = 'NoReplyError';
    this.reason = reason;
    this.status = status;
  }
}

export class HttpClient {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 2 });
  readonly #https: HttpsAgent;

  /** `tls`: what differs from Node's own; the peer's certificate is always checked. */
  constructor(tls: Pick<SecureContextOptions, 'ca'> = {}) {
    this.#https = new HttpsAgent({ keepAlive: true, maxSockets: 2, ...tls });
  }

  send(request: HttpRequest): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const isTls = request.url.protocol === 'https:';
      const timeout = AbortSignal.timeout(request.timeoutMs);
      const fail = (error: Error, status?: number) => {
        const reason = timeout.aborted ? `no answer within ${request.timeoutMs} ms` : reasonOf(error);
        reject(new NoReplyError(reason, status));
      };
      const outgoing = (isTls ? httpsRequest : httpRequest)(request.url, {
        method: request.method,
        agent: isTls ? this.#https : this.#http,
        headers: { ...request.headers, 'content-length': String(request.body?.length ?? 0) },
        signal: AbortSignal.any([request.signal, timeout]),
      });
      outgoing.on('error', (error) => fail(error));
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on('data', (chunk: Buffer) => {
          if (bytes < MAX_REPLY_BYTES) chunks.push(chunk);
          bytes += chunk.length;
        });
        incoming.on('error', (error) => fail(error, incoming.statusCode));
        incoming.on('end', () => {
          const body = Buffer.concat(chunks).subarray(0, MAX_REPLY_BYTES).toString('utf8');
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
        });
      });
      outgoing.end(request.body);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

function reasonOf(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== undefined && code !== '') return code;
  // A name with several addresses fails with one error for each of them.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return reasonOf(error.errors[0]);
  return error.message;
}
