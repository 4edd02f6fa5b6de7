/** What flows tell an audit, on a real engine under a real agent: one port that is reached from outside, one that never is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../src/cli/lib/records.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { HOST_ADDRESS, ROUTER_ADDRESS } from '../lab/world.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle() ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: what flows tell an audit, on a real engine: ${obstacle}`);

const WATCHED_MS = 2000;
const CHECKS = ['published-unused', 'published-reached', 'published-sensitive-port', 'unused-membership'];

describe.skipIf(obstacle !== undefined)('an audit of what an agent watched', () => {
  let lab: Lab;
  let agent: AgentProcess;

  beforeAll(async () => {
    lab = await createLab();
    await importBusybox(lab);
    await Promise.all([
      lab.docker(['network', 'create', 'front']),
      lab.docker(['network', 'create', '--internal', 'spare']),
    ]);
    // Redis by its port, so that it matters that somebody was answered.
    await lab.docker([
      ...['create', '--name', 'web', '--network', 'front', '-p', '6379:6379', '-p', '9090:81'],
      ...[BUSYBOX_IMAGE, 'httpd', '-f', '-p', '6379'],
    ]);
    await lab.docker(['network', 'connect', 'spare', 'web']);
    await lab.docker(['start', 'web']);
    agent = await startAgentProcess(lab, 'agent');
    await waitFor('both networks to be covered', () => {
      const covered = agent.stored('coverage').map(({ network }) => network);
      return covered.includes('front') && covered.includes('spare');
    });
    // The path is nowhere: 404 is an answer.
    const get = ['timeout', '3', 'busybox', 'wget', '-qO-', `http://${HOST_ADDRESS}:6379/nowhere`];
    await lab.exec('wan', get, { accept: 'any' });
    const since = Date.now();
    await waitFor('some time to be watched', () => Date.now() - since > WATCHED_MS + 500);
    // At its end it says until when it watched.
    await agent.process.stop();
    await agent.process.exited;
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  async function audit(history: string): Promise<readonly AuditRecord[]> {
    const chosen = CHECKS.flatMap((id) => ['--check', id]);
    const { stdout, code } = await agent.command('audit', '--json', '--history', history, ...chosen);
    expect(code).toBe(0);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditRecord)
      .filter(({ kind }) => kind === 'audit');
  }

  it('tells the port that was reached, and by whom, from the one that never was', async () => {
    const results = await audit(`${WATCHED_MS / 1000}s`);
    const of = (check: string) => results.filter((result) => result.check === check);

    expect(of('published-unused')).toMatchObject([
      {
        outcome: 'fail',
        objects: [{ name: 'web' }],
        evidence: { ports: ['0.0.0.0:9090->81/tcp', '[::]:9090->81/tcp'] },
      },
    ]);
    expect(of('published-reached')).toMatchObject([{ outcome: 'pass' }]);
    expect(of('published-reached')[0]!.explanation).toContain(ROUTER_ADDRESS);
    expect(of('published-sensitive-port')[0]!.explanation).toContain(`by ${ROUTER_ADDRESS} (1 flow`);
    expect(of('unused-membership')).toMatchObject([
      { outcome: 'fail', objects: [{ name: 'web' }, { name: 'spare' }] },
    ]);
  });

  it('accuses nobody where less was watched than is asked for', async () => {
    const results = await audit('1h');

    expect(results.filter(({ outcome }) => outcome === 'fail').map(({ check }) => check)).toEqual([
      'published-sensitive-port',
    ]);
    expect(results.filter(({ outcome }) => outcome === 'unknown').map(({ check }) => check)).toEqual([
      'published-unused',
      'unused-membership',
    ]);
  });
});
