/**
 * Stands before a real HTTP server and makes it fail on command, in ways that a real one cannot be asked for. What is not
 * told to fail goes through, both ways, byte for byte. Everything that the server took is kept, in order.
 */
import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { gunzipSync } from 'node:zlib';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As it was before it was compressed. */
  readonly body: string;
}

export interface Answered {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `undefined`: the request goes through. */
export type Fault =
  /** Answered here; the server does not hear of it. */
  | { readonly kind: 'answer'; readonly answer: (asked: Asked) => Answered | undefined }
  /** The connection is reset while the request is being read. */
  | { readonly kind: 'reset-request' }
  /** The server took it, and the connection is reset before it can say so. */
  | { readonly kind: 'reset-answer' }
  /** The server took it, and says so only then. */
  | { readonly kind: 'late'; readonly lateMs: number };

export interface FaultProxy {
  readonly url: string;
  /** What the server took of POSTs, in order: of each what `keysOf` found in it. */
  readonly taken: readonly string[];
  /** How often each named fault was met; `unreachable`: the server was not there, `server error`: it said 5xx. */
  readonly met: ReadonlyMap<string, number>;
  /** From the first failure to the next request that was taken, the longest. */
  readonly longestOutageMs: () => number;
  /** For what is asked of this path, until it is ended; a later one stands before an earlier. */
  begin(name: string, fault: Fault, pathname?: string): void;
  end(name: string): void;
  /** Called while the server has taken a request, and nobody was told so yet. */
  onTaken(call: (() => void) | undefined): void;
  close(): Promise<void>;
}

/** What a server refuses for good: these lines, in these words (`LINE` is the first of them), while it takes the others. */
export interface RefusedLines {
  readonly pathname: string;
  readonly isRefused: (line: string) => boolean;
  readonly words: string;
}

export interface ProxyOptions {
  readonly refusal?: RefusedLines;
  readonly keysOf?: (asked: Asked) => readonly string[];
}

export async function startFaultProxy(
  targetPort: number,
  { refusal, keysOf = () => [] }: ProxyOptions = {},
): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const taken: string[] = [];
  const met = new Map<string, number>();
  const faults = new Map<string, { readonly fault: Fault; readonly pathname: string | undefined }>();
  let onTaken: (() => void) | undefined;
  let failingSince: number | undefined;
  let longestMs = 0;

  const meet = (name: string) => void met.set(name, (met.get(name) ?? 0) + 1);
  const failed = () => {
    failingSince ??= performance.now();
  };
  const succeeded = () => {
    if (failingSince !== undefined) longestMs = Math.max(longestMs, performance.now() - failingSince);
    failingSince = undefined;
  };

  const server = createServer((incoming, reply) => {
    incoming.on('error', () => {});
    reply.on('error', () => {});
    const pathname = new URL(incoming.url ?? '/', 'http://proxy').pathname;
    const [name, found] =
      [...faults].findLast(([, { pathname: only }]) => only === undefined || only === pathname) ?? [];
    if (name !== undefined && found?.fault.kind === 'reset-request') {
      incoming.once('readable', () => {
        meet(name);
        failed();
        incoming.socket.resetAndDestroy();
      });
      return;
    }
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      void pass(incoming, reply, Buffer.concat(chunks), name, found?.fault).catch(() => {
        failed();
        incoming.socket.destroy();
      });
    });
  });

  async function pass(
    incoming: IncomingMessage,
    reply: ServerResponse,
    raw: Buffer,
    name = '',
    fault: Fault | undefined,
  ): Promise<void> {
    const { method = '', url: path = '', headers } = incoming;
    const isZipped = headers['content-encoding'] === 'gzip';
    const asked = { method, path, headers, body: (isZipped ? gunzipSync(raw) : raw).toString('utf8') };
    if (fault?.kind === 'answer') {
      const answer = fault.answer(asked);
      if (answer !== undefined) {
        meet(name);
        failed();
        reply.writeHead(answer.status, answer.headers).end(answer.body);
        return;
      }
    }
    const lines = path.startsWith(`${refusal?.pathname}?`) ? asked.body.split('\n') : [];
    const refused = lines.filter((line) => refusal?.isRefused(line));
    const passed =
      refused.length === 0
        ? asked
        : {
            ...asked,
            body: asked.body
              .split('\n')
              .filter((line) => !refused.includes(line))
              .join('\n'),
          };
    const answer = await forwarded(passed, passed === asked ? raw : Buffer.from(passed.body));
    if (answer.status < 300) {
      if (method === 'POST' && !path.startsWith('/query')) {
        for (const key of keysOf(passed)) taken.push(key);
        succeeded();
        onTaken?.();
      }
    } else failed();
    if (answer.status >= 500) meet('server error');
    if (fault?.kind === 'reset-answer') {
      meet(name);
      failed();
      incoming.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'late') {
      meet(name);
      failed();
      await new Promise((resolve) => setTimeout(resolve, fault.lateMs).unref());
    }
    if (refusal !== undefined && refused.length > 0 && answer.status < 300) {
      meet('lines refused');
      const words = refusal.words.replace('LINE', refused[0]!.slice(0, 200));
      reply.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error: words }));
      return;
    }
    reply.writeHead(answer.status, answer.headers).end(answer.body);
  }

  function forwarded(
    { method, path, headers }: Asked,
    body: Buffer,
  ): Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const isPlain = body.length !== Number(headers['content-length']);
      const { 'content-encoding': encoding, ...rest } = headers;
      const outgoing = httpRequest(
        {
          host: '127.0.0.1',
          port: targetPort,
          method,
          path,
          agent,
          headers: {
            ...rest,
            ...(encoding === undefined || isPlain ? {} : { 'content-encoding': encoding }),
            'content-length': String(body.length),
          },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
          );
        },
      );
      outgoing.on('error', (error) => {
        meet('unreachable');
        reject(error);
      });
      outgoing.end(body);
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    taken,
    met,
    longestOutageMs: () => longestMs,
    begin: (name, fault, pathname) => void faults.set(name, { fault, pathname }),
    end: (name) => void faults.delete(name),
    onTaken: (call) => {
      onTaken = call;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close');
    },
  };
}
