/** The thread of the agent's audits, real, over an engine that is a server of the test's. */
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditThread } from '../../../../src/sensor/audit/watch/audit-thread.ts';
import { type FakeEngine, fakeEngine } from '../../../support/fake-engine.ts';

const ID = 'a'.repeat(64);
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/version': { Version: '28.5.0', ApiVersion: '1.41', Components: [] },
  '/info': {},
  '/networks': [],
  '/containers/json': [{ Id: ID, Names: ['/vpn'] }],
  [`/containers/${ID}/json`]: {
    Id: ID,
    Name: '/vpn',
    State: { Running: true, Status: 'running', Pid: 1 },
    Config: { Image: 'busybox', Labels: {} },
    HostConfig: { Privileged: true, NetworkMode: 'none' },
    NetworkSettings: { Networks: {} },
  },
};

let engine: FakeEngine;
let thread: AuditThread;

beforeEach(async () => {
  engine = fakeEngine((request, response) => {
    const path = (request.url ?? '').replace(/^\/v[\d.]+/, '').split('?')[0]!;
    response.writeHead(path in ANSWERS ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(ANSWERS[path] ?? { message: 'no such thing' }));
  });
  await engine.listen();
  thread = new AuditThread();
});
afterEach(async () => {
  thread.stop();
  await engine.remove();
});

const ask = (socket: string, more: { readonly baseline?: string } = {}) =>
  thread.run({
    docker: { socket_path: socket, request_timeout_ms: 2000 },
    checks: ['privileged', 'baseline-drift'],
    ...more,
  });

describe('the thread of an audit', () => {
  it('answers with what the chosen checks say, and leaves this thread as urgent as it was', async () => {
    const before = getPriority();
    const { audit, bugs } = await ask(engine.socket);

    expect(audit.results.map(({ check, outcome, objects }) => [check, outcome, objects[0]?.name])).toEqual([
      ['privileged', 'fail', 'vpn'],
      ['baseline-drift', 'not-applicable', undefined],
    ]);
    expect(audit).toMatchObject({ engineVersion: '28.5.0', containers: 1 });
    expect(bugs).toEqual([]);
    expect(getPriority()).toBe(before);
  });

  it('says why there is no audit, in words that name the engine', async () => {
    await expect(ask('/nowhere/docker.sock')).rejects.toThrow('/nowhere/docker.sock');
  });

  it('says of a saved state that is none what to do, and answers the other checks', async () => {
    const { audit } = await ask(engine.socket, { baseline: join(import.meta.dirname, 'no-such-state.json') });
    const told = audit.results.find(({ check }) => check === 'baseline-drift');

    expect(told).toMatchObject({
      outcome: 'unknown',
      remedy: { what: expect.stringContaining('audit.baseline') },
    });
    expect(told?.explanation).toContain('no-such-state.json');
    expect(audit.results.find(({ check }) => check === 'privileged')?.outcome).toBe('fail');
  });

  it('is given up when the agent stops', async () => {
    engine.setAnswer(() => {});
    const running = ask(engine.socket);
    await expect.poll(() => engine.requests.length, { timeout: 10_000 }).toBeGreaterThan(0);
    thread.stop();

    await expect(running).rejects.toThrow('the thread of the audit ended');
  });

  it('is an entry of the build, since a thread is loaded by its path', () => {
    const config = readFileSync(new URL('../../../../rolldown.config.ts', import.meta.url), 'utf8');

    expect(config).toContain("'src/sensor/audit/watch/audit-worker'");
  });
});
