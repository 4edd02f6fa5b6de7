/**
 * CVE-2024-29018 on a real engine that has it, with the host's resolver on loopback: a container that has only an
 * internal network gets outside names answered, and is told. What the engine answers by itself is not.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublicDns, PublicFinding } from '../../src/model/serialize.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { startHostResolver, startInternet } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { INTERNET, LOOPBACK_RESOLVER } from '../lab/world.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle(['dnsmasq']) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: DNS out of internal networks: ${obstacle}`);

/** Under a public suffix, as the rule asks; every name of it is the web server's. */
const DOMAIN = 'debian.org';
const ALIAS = `api.${DOMAIN}`;

describe.skipIf(obstacle !== undefined)('outside names on an internal network', () => {
  let lab: Lab;
  let agent: AgentProcess;

  beforeAll(async () => {
    lab = await createLab({ nameserver: LOOPBACK_RESOLVER });
    await startInternet(lab, { domains: [DOMAIN] });
    await startHostResolver(lab);
    await importBusybox(lab);
    await lab.docker(['network', 'create', '--internal', 'inside']);
    await lab.docker(['network', 'create', 'outside']);
    agent = await startAgentProcess(lab, 'agent');
    await runs('neighbour', '--network', 'inside', '--network-alias', ALIAS);
    for (const name of ['cut-off', 'curious', 'content']) await runs(name, '--network', 'inside');
    await runs('on-both', '--network', 'inside');
    await lab.docker(['network', 'connect', 'outside', 'on-both']);
    for (const name of ['cut-off', 'curious', 'content', 'on-both']) await covered(name);
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  const runs = (name: string, ...options: string[]): Promise<string> =>
    lab.docker(['run', '--detach', '--name', name, ...options, BUSYBOX_IMAGE, 'sleep', '600']);
  const covered = (container: string) =>
    waitFor(`the DNS of ${container} to be covered`, () =>
      agent.stored('coverage').some((record) => record.container === container && record.state === 'covered'),
    );
  const leaks = (container: string): PublicFinding[] =>
    agent
      .findings()
      .filter(
        ({ analyzer, subject }) => analyzer === 'dns-internal-leak' && subject.workload?.name === container,
      );

  /** Asks, and waits for the record of each question to be stored: findings are stored before. */
  async function asks(container: string, name: string): Promise<PublicDns[]> {
    await lab.docker(['exec', container, 'sh', '-c', `nslookup ${name} || true`]);
    const told = (): PublicDns[] =>
      agent
        .stored('dns')
        .filter(
          ({ client, query, rcode }) =>
            client.workload?.name === container && query === name && rcode !== undefined,
        );
    await waitFor(`the question of ${container} for ${name}`, () => told().length > 0);
    return told();
  }

  it('that are answered are told, with the container, the way and the networks', async () => {
    await asks('cut-off', `www.${DOMAIN}`);

    await waitFor('the finding', () => leaks('cut-off').some(({ message }) => message === 'engine'));
    const [finding, ...others] = leaks('cut-off');
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'medium',
      confidence: 'certain',
      network: 'inside',
      evidence: { path: 'engine', networks: ['inside'], networksKnown: true, zones: [DOMAIN], dataTypes: [] },
    });
    // Both families are asked for; which answer comes first is the resolver's affair.
    const [first] = finding!.evidence['answers'] as string[];
    expect([`A ${INTERNET.web.v4}`, `AAAA ${INTERNET.web.v6}`]).toContain(first);
  });

  it('that do not exist are told as questions that left', async () => {
    await asks('curious', 'no-such-host.example.org');

    await waitFor('the finding', () => leaks('curious').length > 0);
    expect(leaks('curious')).toMatchObject([{ message: 'question-left', severity: 'low' }]);
  });

  it('are an alias of a neighbour: the engine answers it alone, and nothing is told', async () => {
    const [record] = await asks('content', ALIAS);
    expect(record).toMatchObject({ rcode: 'NOERROR' });
    await asks('content', 'neighbour');
    // Another container's finding is told after: what these questions led to is stored by then.
    await asks('cut-off', `after.${DOMAIN}`);

    await waitFor('the later question to be told', () =>
      leaks('cut-off').some(({ evidence }) => (evidence['names'] as string[]).includes(`after.${DOMAIN}`)),
    );
    expect(leaks('content')).toEqual([]);
  });

  it('are nobody else’s business where the container has an ordinary network too', async () => {
    await asks('on-both', `www.${DOMAIN}`);
    await asks('cut-off', `later.${DOMAIN}`);

    await waitFor('the later question to be told', () =>
      leaks('cut-off').some(({ evidence }) => (evidence['names'] as string[]).includes(`later.${DOMAIN}`)),
    );
    expect(leaks('on-both')).toEqual([]);
  });
});
