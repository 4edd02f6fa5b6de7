/**
 * dns-bypass and dns-nxdomain-burst on a real engine whose questions cross the bridge (20.10 passes them on from the
 * container's namespace): who asks past its resolvers is told, and the engine, which asks for everybody, never.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublicFinding } from '../../src/model/serialize.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { importTools, TOOLS_IMAGE } from '../lab/images.ts';
import { startInternet, WEB_NAME } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { INTERNET } from '../lab/world.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle(['dnsmasq']) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: questions past the resolvers: ${obstacle}`);

const { resolver, attacker } = INTERNET;
const RESOLVER_ADDRESS = '172.30.9.53';

describe.skipIf(obstacle !== undefined)('questions past the resolvers', () => {
  let lab: Lab;
  let agent: AgentProcess;

  beforeAll(async () => {
    lab = await createLab();
    await startInternet(lab);
    await importTools(lab, ['dnsmasq']);
    await lab.docker(['network', 'create', '--subnet', '172.30.9.0/24', 'shop']);
    agent = await startAgentProcess(lab, 'agent');
    for (const name of ['shop', 'bridge']) {
      await waitFor(`${name} to be covered`, () =>
        agent.stored('coverage').some(({ network, state }) => network === name && state === 'covered'),
      );
    }
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  const runs = (name: string, options: readonly string[], command: readonly string[] = ['sleep', '600']) =>
    lab.docker(['run', '--detach', '--name', name, ...options, TOOLS_IMAGE, ...command]);
  const found = (container: string, id = 'dns-bypass'): PublicFinding[] =>
    agent
      .findings()
      .filter(({ analyzer, subject }) => analyzer === id && subject.workload?.name === container);

  const covered = (container: string) =>
    waitFor(`the DNS of ${container} to be covered`, () =>
      agent.stored('coverage').some((record) => record.container === container && record.state === 'covered'),
    );

  /** Asks, and waits for the record of the question: findings of it are stored before. */
  async function asks(container: string, name: string, server = ''): Promise<void> {
    await lab.docker(['exec', container, 'sh', '-c', `timeout 3 nslookup ${name} ${server} || true`]);
    await waitFor(`the question of ${container} for ${name}`, () =>
      agent
        .stored('dns')
        .some(({ client, query }) => client.workload?.name === container && query.startsWith(name)),
    );
  }

  it('are told with the servers, and what the container was given', async () => {
    await runs('app', ['--network', 'shop']);
    await covered('app');
    await asks('app', WEB_NAME);
    expect(found('app')).toEqual([]);

    await asks('app', 'past.example.com', attacker.v4);
    await waitFor('the finding', () => found('app').length > 0);

    expect(found('app')).toMatchObject([
      {
        message: 'plain',
        severity: 'low',
        confidence: 'certain',
        evidence: { servers: [attacker.v4], configured: ['127.0.0.11', resolver.v4] },
      },
    ]);
  });

  it('are those of the default bridge too, where the container asks by itself', async () => {
    await runs('plain', []);
    await asks('plain', WEB_NAME);
    expect(found('plain')).toEqual([]);

    await asks('plain', 'past.example.com', attacker.v4);
    await waitFor('the finding', () => found('plain').length > 0);

    expect(found('plain')).toMatchObject([{ message: 'plain', evidence: { servers: [attacker.v4] } }]);
  });

  it('are not what a resolver in a container asks for its clients, nor their questions to it', async () => {
    const dnsmasq = ['dnsmasq', '--keep-in-foreground', '--user=root', '--no-resolv', '--no-hosts'];
    const upstream = [`--server=${resolver.v4}`, '--conf-file=/dev/null', '--pid-file='];
    await runs(
      'resolver',
      ['--network', 'shop', '--ip', RESOLVER_ADDRESS, '--dns', attacker.v4],
      [...dnsmasq, ...upstream],
    );
    await runs('client', ['--network', 'shop', '--dns', RESOLVER_ADDRESS]);
    await covered('client');
    await asks('client', WEB_NAME);
    await waitFor('the question of the resolver', () =>
      agent
        .stored('dns')
        .some(({ client, server }) => client.workload?.name === 'resolver' && server.ip === resolver.v4),
    );

    // A later finding of another container: what these questions led to is stored by then.
    await runs('later', ['--network', 'shop']);
    await asks('later', 'past.example.com', attacker.v4);
    await waitFor('the later finding', () => found('later').length > 0);
    expect(found('client')).toEqual([]);
    expect(found('resolver')).toEqual([]);
  });

  it('are one thing; names that a program makes up are another', async () => {
    await runs('infected', ['--network', 'shop']);
    await covered('infected');
    const guesses = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do nslookup "kq$i$i"xw"$i"z.com; done';
    await lab.docker(['exec', 'infected', 'sh', '-c', `${guesses} || true`]);
    await waitFor('the finding', () => found('infected', 'dns-nxdomain-burst').length > 0);

    expect(found('infected', 'dns-nxdomain-burst')).toMatchObject([
      { message: 'generated-names', severity: 'medium', evidence: { existingZones: 0 } },
    ]);
    expect(found('infected')).toEqual([]);
  });
});
