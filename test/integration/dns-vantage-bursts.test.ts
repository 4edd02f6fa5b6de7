/**
 * Where much is asked at once, on a real engine: containers that ask one question and are gone, and containers that
 * burst, on networks that nobody saw before. Each question is told once, with its container, and none is missed. The
 * engine here is older than 26 and passes questions on over the bridge, so each of them is there to be seen twice.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { startInternet, WEB_NAME } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { type AgentProcess, complaints, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle(['dnsmasq']) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: bursts of DNS questions: ${obstacle}`);

const ANSWER_TIMEOUT_SECS = '2';
/** How much a ring holds is measured elsewhere (test/bench); here others may hold up the agent for longer than that. */
const RING_BYTES = String(8 << 20);
const BURST = fileURLToPath(new URL('dns-burst.ts', import.meta.url));
const SHORT_LIVED = Array.from({ length: 12 }, (_, i) => `short-${i}`);
const BURSTING = ['burst-0', 'burst-1', 'burst-2'];
const QUESTIONS = 500;
const WITHIN_MS = 250;

describe.skipIf(obstacle !== undefined)('questions that come all at once', () => {
  let lab: Lab;
  let agent: AgentProcess;

  beforeAll(async () => {
    lab = await createLab();
    await startInternet(lab);
    await importBusybox(lab);
    // The engine makes the directory of its namespaces with the first container after a boot (docs/dns.md).
    await lab.docker(['run', '--rm', BUSYBOX_IMAGE, 'true']);
    agent = await startAgentProcess(lab, 'agent', {
      env: {
        BRIDGEWATCH_DNS_ANSWER_TIMEOUT_SECS: ANSWER_TIMEOUT_SECS,
        BRIDGEWATCH_DNS_CONTAINER_BUFFER_BYTES: RING_BYTES,
      },
    });
    await waitFor('the agent to watch networks', () =>
      agent.stored('coverage').some(({ network, state }) => network === 'bridge' && state === 'covered'),
    );
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  it('of containers that ask as they start, and are gone', async () => {
    await lab.docker(['network', 'create', 'fresh']);
    await Promise.all(
      SHORT_LIVED.map((name) =>
        lab.docker([
          ...['run', '--rm', '--name', name, '--network', 'fresh', BUSYBOX_IMAGE],
          ...['sh', '-c', `nslookup ${name}.short.${WEB_NAME} || true`],
        ]),
      ),
    );

    await toBeTold(`short.${WEB_NAME}`, SHORT_LIVED.length);
  });

  it('of several containers in a burst', async () => {
    await lab.docker(['network', 'create', 'busy']);
    await Promise.all(
      BURSTING.map((name) =>
        lab.docker(['run', '--detach', '--name', name, '--network', 'busy', BUSYBOX_IMAGE, 'sleep', '600']),
      ),
    );
    await Promise.all(BURSTING.map((name) => burst(name)));

    await toBeTold(`burst.${WEB_NAME}`, BURSTING.length * QUESTIONS);
  });

  it('are told once each, with their container; nothing is lost, and nothing is wrong with the agent', async () => {
    await agent.process.stop();

    const short = SHORT_LIVED.map((name) => [`${name}.short.${WEB_NAME}`, [name]] as const);
    expect(askersOf(`short.${WEB_NAME}`)).toEqual(new Map(short));
    const bursts = BURSTING.flatMap((name) =>
      Array.from({ length: QUESTIONS }, (_, i) => [`q${i}.${name}.burst.${WEB_NAME}`, [name]] as const),
    );
    expect(askersOf(`burst.${WEB_NAME}`)).toEqual(new Map(bursts));
    expect(agent.stored('loss')).toEqual([]);
    expect(complaints(agent.log)).toEqual([]);
  });

  /** Of the questions for an A record below a domain: who is said to have asked, once for each time it was told. */
  function askersOf(domain: string): Map<string, (string | undefined)[]> {
    const askers = new Map<string, (string | undefined)[]>();
    for (const { query, qtype, client } of agent.stored('dns')) {
      if (qtype !== 'A' || !query.endsWith(`.${domain}`)) continue;
      askers.set(query, [...(askers.get(query) ?? []), client.workload?.name]);
    }
    return askers;
  }

  async function toBeTold(domain: string, count: number): Promise<void> {
    const told = (): number => askersOf(domain).size;
    await waitFor(`the ${count} questions of ${domain}`, () => told() >= count, {
      everyMs: 200,
      explain: () => `${told()} were told; lost: ${JSON.stringify(agent.stored('loss'))}`,
    });
  }

  async function burst(name: string): Promise<void> {
    const sandbox = await lab.docker(['inspect', '--format', '{{.NetworkSettings.SandboxKey}}', name]);
    const argv = ['nsenter', `--net=${sandbox}`, process.execPath, '--import', 'tsx', BURST];
    const args = [`${name}.burst.${WEB_NAME}`, String(QUESTIONS), String(WITHIN_MS)];
    await lab.exec('host', [...argv, ...args], { cwd: REPOSITORY });
  }
});
