import { chmodSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openDocker } from '../../../src/sensor/docker/client.ts';
import { type FakeEngine, fakeEngine } from '../../support/fake-engine.ts';

const notRoot = process.getuid?.() !== 0 || process.seteuid === undefined;
if (notRoot) console.warn('SKIPPED: a socket without permission: needs root');

const engines: FakeEngine[] = [];

async function engineThat(answer: RequestListener): Promise<FakeEngine> {
  const engine = fakeEngine(answer);
  engines.push(engine);
  await engine.listen();
  return engine;
}

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.remove();
});

describe('openDocker: get', () => {
  it('returns the parsed answer, and sends filters as JSON', async () => {
    const engine = await engineThat((_request, response) => response.end('[{"Id":"x"}]'));
    const client = await openDocker({ socket: engine.socket });

    const answer = await client.get('/containers/json', { all: true, filters: { status: ['running'] } });

    expect(answer).toEqual([{ Id: 'x' }]);
    const url = new URL(engine.requests[0]!, 'http://engine');
    expect(url.pathname).toBe('/containers/json');
    expect(url.searchParams.get('all')).toBe('true');
    expect(JSON.parse(url.searchParams.get('filters')!)).toEqual({ status: ['running'] });
  });

  it('keeps the whole path when there is no query', async () => {
    const engine = await engineThat((_request, response) => response.end('{}'));
    const client = await openDocker({ socket: engine.socket });

    await client.get('/networks/abc');

    expect(engine.requests).toEqual(['/networks/abc']);
  });

  it('goes by the option even when DOCKER_HOST names another engine', async () => {
    const engine = await engineThat((_request, response) => response.end('{}'));
    const before = process.env['DOCKER_HOST'];
    process.env['DOCKER_HOST'] = 'tcp://198.51.100.1:2375';
    try {
      const client = await openDocker({ socket: engine.socket });
      await expect(client.get('/version')).resolves.toEqual({});
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST'];
      else process.env['DOCKER_HOST'] = before;
    }
  });

  it('says which socket is missing', async () => {
    const client = await openDocker({ socket: '/nonexistent/docker.sock' });

    await expect(client.get('/version')).rejects.toMatchObject({
      code: 'DOCKER_NO_SOCKET',
      message: expect.stringContaining('no Docker socket at /nonexistent/docker.sock; start the engine'),
    });
  });

  it.skipIf(notRoot)('says that it may not, and what to be instead', async () => {
    const engine = await engineThat((_request, response) => response.end('{}'));
    chmodSync(dirname(engine.socket), 0o755);
    chmodSync(engine.socket, 0o600);
    const client = await openDocker({ socket: engine.socket });
    // The file system's own identity of this thread; root would be let in.
    process.seteuid!(65_534);
    try {
      await expect(client.get('/version')).rejects.toMatchObject({
        code: 'DOCKER_PERMISSION',
        message: expect.stringContaining('run as root or as a member of its group'),
      });
    } finally {
      process.seteuid!(0);
    }
  });

  it('says that nobody answers at a file that is no socket', async () => {
    const engine = await engineThat(() => {});
    const path = join(engine.socket, '..', 'plain');
    writeFileSync(path, '');
    const client = await openDocker({ socket: path });

    await expect(client.get('/version')).rejects.toMatchObject({ code: 'DOCKER_NOT_ANSWERING' });
  });

  it('fails at once when the answer is cut in mid-body', async () => {
    const engine = await engineThat((_request, response) => {
      response.writeHead(200, { 'Content-Length': '1000' });
      response.write('{"Id":');
      setImmediate(() => response.destroy());
    });
    const client = await openDocker({ socket: engine.socket, timeoutMs: 60_000 });

    await expect(client.get('/version')).rejects.toMatchObject({ code: 'DOCKER_NOT_ANSWERING' });
  });

  it.each([
    ['never answers', () => {}],
    [
      'stops in mid-body',
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': '1000' });
        response.write('{');
      },
    ],
  ] satisfies [string, RequestListener][])('gives up on an engine that %s', async (_name, answer) => {
    const engine = await engineThat(answer);
    const client = await openDocker({ socket: engine.socket, timeoutMs: 100 });

    await expect(client.get('/version')).rejects.toMatchObject({
      code: 'DOCKER_NOT_ANSWERING',
      message: expect.stringContaining('did not answer GET /version within 100 ms'),
    });
  });

  it('can be given up on request', async () => {
    const engine = await engineThat(() => {});
    const client = await openDocker({ socket: engine.socket, timeoutMs: 60_000 });
    const controller = new AbortController();

    const pending = client.get('/version', undefined, controller.signal);
    controller.abort();

    await expect(pending).rejects.toMatchObject({ code: 'DOCKER_ABORTED' });
    await expect(client.get('/version', undefined, controller.signal)).rejects.toMatchObject({
      code: 'DOCKER_ABORTED',
    });
  });

  it('passes on what the engine refused, with the status', async () => {
    const engine = await engineThat((_request, response) => {
      response.writeHead(404, { 'Content-Type': 'application/json' });
      response.end('{"message":"No such container: x"}');
    });
    const client = await openDocker({ socket: engine.socket });

    await expect(client.get('/containers/x/json')).rejects.toMatchObject({
      code: 'DOCKER_API',
      status: 404,
      message: expect.stringContaining('No such container: x'),
    });
  });

  it('does not take a web server for an engine', async () => {
    const engine = await engineThat((_request, response) => response.end('<html>'));
    const client = await openDocker({ socket: engine.socket });

    await expect(client.get('/version')).rejects.toMatchObject({ code: 'DOCKER_BAD_ANSWER' });
  });
});

describe('openDocker: events', () => {
  it('yields each event once, however the stream is chunked, and ends with the stream', async () => {
    const text = '{"n":1}\n{"n":2,"t":"häuschen"}\n{"n":3}\n';
    const engine = await engineThat((_request, response) => {
      response.flushHeaders();
      const bytes = Buffer.from(text);
      let at = 0;
      const next = (): void => {
        if (at >= bytes.length) response.end();
        else response.write(bytes.subarray(at, at + 3), () => setImmediate(next));
        at += 3;
      };
      next();
    });
    const client = await openDocker({ socket: engine.socket });

    const events: unknown[] = [];
    for await (const event of await client.events({}, new AbortController().signal)) events.push(event);

    expect(events).toEqual([{ n: 1 }, { n: 2, t: 'häuschen' }, { n: 3 }]);
  });

  it('stays open longer than the time-out of an answer', async () => {
    const engine = await engineThat((_request, response) => {
      response.flushHeaders();
      setTimeout(() => response.end('{"late":true}\n'), 400);
    });
    const client = await openDocker({ socket: engine.socket, timeoutMs: 100 });

    const events: unknown[] = [];
    for await (const event of await client.events({}, new AbortController().signal)) events.push(event);

    expect(events).toEqual([{ late: true }]);
  });

  it('throws a DockerError when the stream is cut, and ends on request', async () => {
    const engine = await engineThat((_request, response) => {
      response.flushHeaders();
      response.write('{"n":1}\n');
    });
    const client = await openDocker({ socket: engine.socket });
    const first = new AbortController();
    const drain = async (events: AsyncIterable<unknown>, onEvent: () => void): Promise<void> => {
      for await (const _ of events) onEvent();
    };

    const aborted = drain(await client.events({}, first.signal), () => first.abort());
    await expect(aborted).rejects.toMatchObject({ code: 'DOCKER_ABORTED' });

    const cut = drain(await client.events({}, new AbortController().signal), () => void engine.close());
    await expect(cut).rejects.toMatchObject({ code: 'DOCKER_NOT_ANSWERING' });
  });
});
