import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentRequest } from '../../../src/cli/lib/agent-client.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: another user at the socket of the agent, which needs root');

let folder: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-client-'));
});

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  rmSync(folder, { recursive: true });
});

const store = () => join(folder, 'bridgewatch.db');

async function listen(answer: RequestListener): Promise<void> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server!.listen(`${store()}.sock`, resolve));
}

describe('a request to the running agent', () => {
  it('brings back the status and the JSON, whatever the status', async () => {
    await listen((_, response) => {
      response.writeHead(503, { 'content-type': 'application/json' });
      response.end('{"ready":false}');
    });

    expect(await agentRequest(store(), 'GET', '/readyz')).toEqual({ status: 503, json: { ready: false } });
  });

  it('sends the body as JSON, with the method and the whole path', async () => {
    await listen(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { method, url, headers } = request;
      response.end(JSON.stringify({ method, url, type: headers['content-type'], host: headers.host, body }));
    });

    const { json } = await agentRequest(store(), 'POST', '/api/v1/x?a=1', { note: 'Grüße' });

    expect(json).toEqual({
      method: 'POST',
      url: '/api/v1/x?a=1',
      type: 'application/json',
      host: 'localhost',
      body: '{"note":"Grüße"}',
    });
  });

  it('has no JSON to give when there is no body', async () => {
    await listen((_, response) => response.writeHead(204).end());

    expect(await agentRequest(store(), 'DELETE', '/x')).toEqual({ status: 204, json: undefined });
  });
});

describe('without an answer', () => {
  it('an agent that does not run is away, and the path is said', async () => {
    await expect(agentRequest(store(), 'GET', '/')).rejects.toMatchObject({
      code: 'AGENT_AWAY',
      message: expect.stringContaining(`${store()}.sock`),
    });
  });

  it('so is one that was killed and left its socket', async () => {
    const socket = JSON.stringify(`${store()}.sock`);
    const { signal } = spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${socket}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);

    expect(signal).toBe('SIGKILL');
    expect(existsSync(`${store()}.sock`)).toBe(true);
    await expect(agentRequest(store(), 'GET', '/')).rejects.toMatchObject({ code: 'AGENT_AWAY' });
  });

  it.skipIf(!isRoot)('one of another user refuses, and says who may', async () => {
    await listen((_, response) => response.end('{}'));
    chmodSync(`${store()}.sock`, 0o600);
    chmodSync(folder, 0o755);
    process.seteuid!(65534);
    try {
      await expect(agentRequest(store(), 'GET', '/')).rejects.toMatchObject({
        code: 'AGENT_REFUSED',
        message: expect.stringContaining('as root'),
      });
    } finally {
      process.seteuid!(0);
    }
  });

  it('a path too long for a socket is said to be just that', async () => {
    const long = join(folder, 'x'.repeat(120));

    await expect(agentRequest(long, 'GET', '/')).rejects.toMatchObject({
      code: 'AGENT_AWAY',
      message: expect.stringContaining('107 bytes'),
    });
  });

  it('one that does not answer in time is silent', async () => {
    await listen(() => {});

    await expect(agentRequest(store(), 'GET', '/', undefined, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'AGENT_SILENT',
    });
  });

  it('one that hangs up in the middle is silent too', async () => {
    await listen((request) => request.socket.destroy());

    await expect(agentRequest(store(), 'GET', '/')).rejects.toMatchObject({ code: 'AGENT_SILENT' });
  });

  it('what answers no JSON is no agent', async () => {
    await listen((_, response) => response.end('<html>'));

    await expect(agentRequest(store(), 'GET', '/')).rejects.toMatchObject({ code: 'AGENT_NONSENSE' });
  });
});
