/**
 * A server that speaks as much of InfluxDB 1.x as the sink needs and misbehaves as told: what a real one cannot be
 * made to do on command (429 with Retry-After, 413, hanging). The real one is in test/integration.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';

export interface WriteRequest {
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly lines: readonly string[];
}

export type Behaviour = (
  request: WriteRequest,
  reply: ServerResponse,
) => { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> } | 'hang';

export interface HttpPeer {
  readonly url: string;
  /** Lines that were answered with 204, each once. */
  readonly stored: Set<string>;
  readonly requests: WriteRequest[];
  behave(behaviour: Behaviour): void;
  /** Takes questions and never answers them. */
  hangQueries(): void;
  close(): Promise<void>;
}

export const STORE: Behaviour = () => ({ status: 204 });

/** `ping`: headers of the answer to that; what a server calls itself. */
export async function startHttpPeer({
  ping = { 'x-influxdb-version': '1.8.10' },
}: {
  readonly ping?: Record<string, string>;
} = {}): Promise<HttpPeer> {
  let behaviour = STORE;
  let areQueriesHanging = false;
  const stored = new Set<string>();
  const requests: WriteRequest[] = [];
  const server = createServer((incoming, reply) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => {});
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => answer(incoming, reply, Buffer.concat(chunks)));
  });

  function answer(incoming: IncomingMessage, reply: ServerResponse, body: Buffer): void {
    const url = new URL(incoming.url ?? '/', 'http://peer');
    if (url.pathname === '/ping') {
      reply.writeHead(204, ping).end();
      return;
    }
    if (url.pathname === '/query') {
      if (areQueriesHanging) return;
      reply.writeHead(200, { 'content-type': 'application/json' }).end(queryAnswer(url));
      return;
    }
    const text = (incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
    const request = { url, headers: incoming.headers, lines: text === '' ? [] : text.split('\n') };
    requests.push(request);
    const verdict = behaviour(request, reply);
    if (verdict === 'hang') return;
    if (verdict.status === 204) for (const line of request.lines) stored.add(line);
    reply.writeHead(verdict.status, verdict.headers).end(verdict.body ?? '');
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    stored,
    requests,
    behave: (next) => {
      behaviour = next;
    },
    hangQueries: () => {
      areQueriesHanging = true;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function queryAnswer(url: URL): string {
  const series = url.searchParams.get('q')?.startsWith('show databases')
    ? { name: 'databases', columns: ['name'], values: [['bridgewatch']] }
    : { columns: ['name', 'duration'], values: [['bridgewatch', '720h0m0s']] };
  return JSON.stringify({ results: [{ statement_id: 0, series: [series] }] });
}
