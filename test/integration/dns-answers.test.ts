/**
 * What detectors make of answers and connections, on a real engine: a name of the internet that turns inside, and a
 * connection to an address that no answer gave. Beside each, what looks alike and is nobody's fault.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublicFinding } from '../../src/model/serialize.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { startInternet, startNameServer } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { type RunningProcess, waitFor } from '../lab/run.ts';
import { INTERNET } from '../lab/world.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle(['dnsmasq']) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: detectors of DNS answers on a real engine: ${obstacle}`);

/** Under public suffixes, as the rules ask. */
const TURNING_ZONE = 'debian.org';
const STEADY_ZONE = 'python.org';
const SUBNET = '172.30.40.0/24';
const GATEWAY = '172.30.40.1';
const CONFIG = 'analyzers:\n  direct-ip:\n    learn_secs: 0\n';

describe.skipIf(obstacle !== undefined)('answers on a real engine', () => {
  let lab: Lab;
  let agent: AgentProcess;
  let nameServer: RunningProcess;

  beforeAll(async () => {
    lab = await createLab();
    await startInternet(lab, { zones: { [TURNING_ZONE]: INTERNET.attacker.v4 }, domains: [STEADY_ZONE] });
    nameServer = await startNameServer(lab, TURNING_ZONE, INTERNET.web.v4);
    await importBusybox(lab);
    await lab.docker(['network', 'create', '--subnet', SUBNET, '--gateway', GATEWAY, 'apps']);
    // Before the agent: who was there may have asked before, and is learned for `learn_secs`.
    for (const name of ['fooled', 'lured', 'steady', 'direct'])
      await lab.docker([
        'run',
        '--detach',
        '--name',
        name,
        '--network',
        'apps',
        BUSYBOX_IMAGE,
        'sleep',
        '600',
      ]);
    agent = await startAgentProcess(lab, 'agent', { config: CONFIG });
    for (const name of ['fooled', 'lured', 'steady', 'direct']) await covered(name);
  }, 60_000);

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  const covered = (container: string) =>
    waitFor(`the DNS of ${container} to be covered`, () =>
      agent.stored('coverage').some((record) => record.container === container && record.state === 'covered'),
    );
  const told = (analyzer: string, container: string): PublicFinding[] =>
    agent
      .findings()
      .filter((finding) => finding.analyzer === analyzer && finding.subject.workload?.name === container);
  const runsIn = (container: string, command: string): Promise<string> =>
    lab.docker(['exec', container, 'sh', '-c', `${command} || true`]);

  /** Asks, and waits for the record with this answer to be stored: findings are stored before. */
  async function asks(container: string, name: string, answer: string): Promise<void> {
    await runsIn(container, `nslookup ${name}`);
    await waitFor(`${container} to be answered ${answer} for ${name}`, () =>
      agent
        .stored('dns')
        .some(
          ({ client, query, answers }) =>
            client.workload?.name === container &&
            query === name &&
            answers.some(({ data }) => data === answer),
        ),
    );
  }

  async function turnsTo(answer: string): Promise<void> {
    await nameServer.stop();
    nameServer = await startNameServer(lab, TURNING_ZONE, answer);
  }

  it('that turn from outside to the gateway are told, and a connection there makes it graver', async () => {
    await asks('fooled', `www.${TURNING_ZONE}`, INTERNET.web.v4);
    await turnsTo(GATEWAY);
    await asks('fooled', `www.${TURNING_ZONE}`, GATEWAY);

    await waitFor('the finding', () => told('dns-rebinding', 'fooled').length > 0);
    expect(told('dns-rebinding', 'fooled')).toMatchObject([
      {
        message: 'turned',
        severity: 'high',
        network: 'apps',
        evidence: {
          zone: TURNING_ZONE,
          outsideAddress: INTERNET.web.v4,
          insideAddress: GATEWAY,
          insideKind: 'gateway',
          doubts: [],
        },
      },
    ]);

    await runsIn('fooled', `nc -w 1 ${GATEWAY} 2375 </dev/null`);

    await waitFor('the connection to be told', () =>
      told('dns-rebinding', 'fooled').some(({ message }) => message === 'connected'),
    );
    expect(told('dns-rebinding', 'fooled')).toMatchObject([{ severity: 'critical', confidence: 'high' }]);
  });

  it('that turn to loopback are told too', async () => {
    await turnsTo(INTERNET.web.v4);
    await asks('lured', `api.${TURNING_ZONE}`, INTERNET.web.v4);
    await turnsTo('127.0.0.1');
    await asks('lured', `api.${TURNING_ZONE}`, '127.0.0.1');

    await waitFor('the finding', () => told('dns-rebinding', 'lured').length > 0);
    expect(told('dns-rebinding', 'lured')).toMatchObject([
      { message: 'turned', evidence: { insideAddress: '127.0.0.1', insideKind: 'loopback' } },
    ]);
  });

  it('that lead inside from the first are nobody’s business', async () => {
    await asks('steady', `intranet.${TURNING_ZONE}`, '127.0.0.1');
    await asks('steady', `www.${STEADY_ZONE}`, INTERNET.web.v4);

    expect(told('dns-rebinding', 'steady')).toEqual([]);
  });

  it('give the addresses that are used: a connection to another is told, to the one given is not', async () => {
    const connects = (address: string) => runsIn('direct', `nc -w 1 ${address} 80 </dev/null`);
    await asks('direct', `www.${STEADY_ZONE}`, INTERNET.web.v4);
    await connects(INTERNET.web.v4);
    await connects(INTERNET.attacker.v4);

    await waitFor('the finding', () => told('direct-ip', 'direct').length > 0);
    expect(told('direct-ip', 'direct')).toMatchObject([
      {
        message: 'unresolved',
        severity: 'low',
        evidence: { destinations: [`${INTERNET.attacker.v4}:80/tcp`], destinationCount: 1 },
      },
    ]);
  });
});
