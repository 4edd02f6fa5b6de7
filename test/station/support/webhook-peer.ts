/** An HTTP server on loopback that keeps what it is sent and misbehaves as told: what a real service cannot be made to do. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';

export interface Posted {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Writes its own answer, or none. */
export type Answer = (posted: Posted, reply: ServerResponse) => void;

export interface WebhookPeer {
  readonly url: string;
  /** All that came, in order. */
  readonly posts: Posted[];
  /** Those that were answered with a 2xx, in order. */
  readonly taken: Posted[];
  answer(answer: Answer): void;
  close(): Promise<void>;
}

export const answerWith =
  (status: number, headers: Record<string, string> = {}, body = ''): Answer =>
  (_, reply) => {
    reply.writeHead(status, headers).end(body);
  };

export const TAKE = answerWith(200);
export const HANG: Answer = () => {};

export async function startWebhookPeer(tls?: ServerOptions): Promise<WebhookPeer> {
  let current: Answer = TAKE;
  const posts: Posted[] = [];
  const taken: Posted[] = [];
  const listener: RequestListener = (incoming, reply) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => {});
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url: path = '', headers } = incoming;
      const posted = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') };
      posts.push(posted);
      current(posted, reply);
      if (reply.headersSent && reply.statusCode < 300) taken.push(posted);
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`,
    posts,
    taken,
    answer: (answer) => {
      current = answer;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
