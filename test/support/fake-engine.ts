/** A real HTTP server on a unix socket that behaves as badly as an engine can. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeEngine {
  readonly socket: string;
  readonly requests: readonly string[];
  /** How it answers from now on. */
  setAnswer(answer: RequestListener): void;
  listen(): Promise<void>;
  /** Cuts all connections and stops listening; the socket file goes. */
  close(): Promise<void>;
  remove(): Promise<void>;
}

export function fakeEngine(firstAnswer: RequestListener): FakeEngine {
  const dir = mkdtempSync(join(tmpdir(), 'bw-engine-'));
  const socket = join(dir, 'docker.sock');
  const requests: string[] = [];
  let answer = firstAnswer;
  let server: Server | undefined;
  const close = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    closing.closeAllConnections();
    await new Promise((resolve) => closing.close(resolve));
  };
  return {
    socket,
    requests,
    setAnswer(next) {
      answer = next;
    },
    async listen() {
      server = createServer((request, response) => {
        requests.push(request.url ?? '');
        answer(request, response);
      });
      await new Promise<void>((resolve) => server!.listen(socket, resolve));
    },
    close,
    async remove() {
      await close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
