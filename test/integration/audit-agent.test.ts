/**
 * The audits of a running agent on a real engine: containers that are started wrong, joined by hand and replaced while it
 * runs, as findings in the database, for `events`, and in the API.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentRequest } from '../../src/cli/lib/agent-client.ts';
import type { PublicAuditRun, PublicFinding } from '../../src/model/serialize.ts';
import { NOT_BUILT } from '../cli/support/bridgewatch.ts';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import { importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { type AgentProcess, complaints, startAgentProcess } from './agent-process.ts';

const obstacle = labObstacle() ?? NOT_BUILT;
if (obstacle !== undefined) console.warn(`SKIPPED: the audits of a running agent: ${obstacle}`);

const SETTLE_SECS = 1;
const SOCKET_MOUNT = ['-v', '/var/run/docker.sock:/var/run/docker.sock'];

describe.skipIf(obstacle !== undefined)('the audits of a running agent', () => {
  let lab: Lab;
  let agent: AgentProcess;
  let image: string;

  beforeAll(async () => {
    lab = await createLab({});
    image = await importBusybox(lab);
    await lab.docker(['network', 'create', '--internal', 'vault']);
    await start('front', ['--network', 'bridge']);
    const baseline = join(lab.dir, 'state.json');
    await lab.exec('host', agentCommand('audit', '--save', baseline), { cwd: REPOSITORY });
    agent = await startAgentProcess(lab, 'agent', {
      config: `audit:\n  settle_secs: ${SETTLE_SECS}\n  pause_secs: 1\n  baseline: ${baseline}\n`,
    });
    await waitFor('the first audit', () => agent.stored('audit-run').length > 0, {
      explain: agent.process.output,
    });
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  const start = (name: string, options: readonly string[]) =>
    lab.docker(['run', '-d', '--name', name, ...options, image, 'sleep', '3600']);
  const found = (message: string, container: string): PublicFinding | undefined =>
    agent
      .findings()
      .find((finding) => finding.message === message && finding.subject.workload?.name === container);
  const finding = (message: string, container: string, status: string) =>
    waitFor(
      `${message} of ${container} to be ${status}`,
      () => {
        const now = found(message, container);
        return now?.status === status ? now : undefined;
      },
      { timeoutMs: 60_000 },
    );

  it('see at the start all that there is to see from here, and accuse nobody who is as saved', () => {
    const [first] = agent.stored('audit-run');

    expect(first).toMatchObject({ trigger: 'start', containers: 1, unknown: [] });
    expect(found('baseline-drift', 'front')).toBeUndefined();
  });

  it('open findings for what is started wrong and joined by hand, within seconds', async () => {
    const began = performance.now();
    await Promise.all([
      start('tool', ['--privileged', ...SOCKET_MOUNT, '--network', 'none']),
      lab.docker(['network', 'connect', 'vault', 'front']),
    ]);
    const [privileged, mounted, drift] = await Promise.all([
      finding('privileged', 'tool', 'open'),
      finding('engine-socket-mounted', 'tool', 'open'),
      finding('baseline-drift', 'front', 'open'),
    ]);
    const tookMs = performance.now() - began;

    expect(privileged).toMatchObject({ analyzer: 'audit', severity: 'high', confidence: 'certain' });
    expect(mounted.explanation).toContain('commands the engine');
    expect(drift.explanation).toContain('front is on vault');
    // Five times what the first audit took may stand between the two.
    const [first] = agent.stored('audit-run');
    expect(tookMs).toBeLessThan((SETTLE_SECS + 5 * first!.tookSecs + 10) * 1000);
  });

  it('close them when the container is replaced, and taken off again', async () => {
    const before = found('privileged', 'tool');
    await Promise.all([
      lab.docker(['rm', '-f', 'tool']).then(() => start('tool', ['--network', 'none'])),
      lab.docker(['network', 'disconnect', 'vault', 'front']),
    ]);
    const [privileged, drift] = await Promise.all([
      finding('privileged', 'tool', 'closed'),
      finding('baseline-drift', 'front', 'closed'),
    ]);

    expect(privileged).toMatchObject({ id: before?.id, reason: 'mended: the audit passes it now' });
    expect(drift.reason).toMatch(/^mended/);
  });

  it('stand in what `events` prints, and in the API, with the last of them', async () => {
    const { stdout } = await agent.command('events', '--all', 'kind:audit-run or analyzer:audit');
    const newest = agent.stored('audit-run').at(-1)!;
    const [one, listed] = await Promise.all([
      agentRequest(agent.storePath, 'GET', '/api/v1/audit'),
      agentRequest(agent.storePath, 'GET', '/api/v1/findings?filter=analyzer:audit%20message:privileged'),
    ]);
    const { stdout: doctor } = await agent.command('doctor');

    expect(stdout).toMatch(/HIGH {2}closed {2}\S+ {2}audit: tool is privileged.* What helps: /);
    expect(stdout).toMatch(/audit {2}after a change: \d+ checks over 2 containers: /);
    expect((one.json as PublicAuditRun).time >= newest.time).toBe(true);
    expect((listed.json as { readonly items: readonly PublicFinding[] }).items).toHaveLength(1);
    expect(doctor).toMatch(/^ok +last audit +\d+ s ago: /m);
  });

  it('wake nobody in the log', () => {
    expect(complaints(agent.log)).toEqual([]);
  });
});
