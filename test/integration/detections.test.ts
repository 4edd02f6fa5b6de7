/**
 * Real attacks beside ordinary work, against the live agent: each attack is told in time with the right name, and
 * nobody who only works is accused above low. The tables become docs/detection-results.md.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { table } from '../../docs/markdown.ts';
import { SEVERITIES, type Severity } from '../../src/model/finding.ts';
import type { PublicFinding } from '../../src/model/serialize.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox, importTools, TOOLS_IMAGE } from '../lab/images.ts';
import { startInternet } from '../lab/internet.ts';
import {
  BACK,
  FRONT,
  INTRUDER_FILES,
  INTRUDER_TOOLS,
  INTRUSIONS,
  type Intrusion,
  OTHER,
  type Targets,
} from '../lab/intrusions.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { WORKLOADS } from '../lab/workloads.ts';
import { ROUTER_ADDRESS } from '../lab/world.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const TOOLS = [...INTRUDER_TOOLS, 'wrk', 'socat'];
const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle(TOOLS) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: real attacks: ${obstacle}`);

/** From the start of an attack's container to its finding, on a machine that does much else. Mostly it is one second. */
const MOST_MS = 30_000;
/**
 * Who is broken into has run for a while. In the first moments of a container whose address was another's a second ago,
 * nobody can say whose packets these are, and the agent does not.
 */
const LIVED_A_WHILE = 'sleep 2; exec "$@"';
const RESULTS = '../../docs/detection-results.md';

describe.skipIf(obstacle !== undefined)('real attacks beside ordinary work', () => {
  let lab: Lab;
  let agent: AgentProcess;
  let targets: Targets;
  const told = new Map<string, PublicFinding>();

  beforeAll(async () => {
    lab = await createLab();
    await startInternet(lab);
    await importBusybox(lab);
    await importTools(lab, TOOLS, INTRUDER_FILES);
    await makeNetworks();
    agent = await startAgentProcess(lab, 'agent');
    targets = await startTargets();
    for (const { id, image, options, script } of WORKLOADS) {
      await lab.docker([
        'run',
        '--detach',
        '--init',
        '--name',
        id,
        ...options,
        image,
        'sh',
        '-c',
        script(targets),
      ]);
    }
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  async function makeNetworks(): Promise<void> {
    const { name, subnet, gateway, v6 } = FRONT;
    await lab.docker([
      'network',
      'create',
      '--ipv6',
      '--subnet',
      subnet,
      '--gateway',
      gateway,
      '--subnet',
      v6,
      name,
    ]);
    await lab.docker(['network', 'create', '--internal', '--subnet', BACK.subnet, BACK.name]);
    await lab.docker(['network', 'create', '--subnet', OTHER.subnet, OTHER.name]);
  }

  async function startTargets(): Promise<Targets> {
    const start = async (
      name: string,
      network: string,
      project: string,
      script: string,
      ...more: string[]
    ) => {
      const labels = { project, service: name };
      await lab.docker([
        ...['run', '--detach', '--init', '--name', name, '--network', network, ...more],
        ...Object.entries(labels).flatMap(([key, value]) => [
          '--label',
          `com.docker.compose.${key}=${value}`,
        ]),
        ...[BUSYBOX_IMAGE, 'sh', '-c', script],
      ]);
      const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
      return lab.docker(['inspect', '--format', format, name]);
    };
    const site = 'mkdir /www; echo hello > /www/index.html; httpd -f -p 80 -h /www';
    const listener = 'nc -ll -p 5432 -e cat';
    return {
      web: await start('web', FRONT.name, 'shop', site, '--publish', '8080:80'),
      api: await start('api', FRONT.name, 'shop', site),
      ledger: await start('ledger', FRONT.name, 'ledger', listener),
      database: await start('database', BACK.name, 'shop', listener),
    };
  }

  /** Who is named as the one who does it. */
  function isFrom(
    { id, from = 'container' }: Intrusion,
    { subject, peers }: Pick<PublicFinding, 'subject' | 'peers'>,
  ): boolean {
    switch (from) {
      case 'container':
        return subject.workload?.name === intruderOf(id);
      case 'wan':
        return [subject, ...peers].some(({ ip }) => ip === ROUTER_ADDRESS);
      case 'host':
        return [subject, ...peers].some(({ scope }) => scope === 'gateway' || scope === 'host');
    }
  }

  async function run(intrusion: Intrusion): Promise<void> {
    const { id, from = 'container', labels = {} } = intrusion;
    const command = intrusion.command(targets);
    if (from !== 'container') {
      await lab.exec(from, command, { accept: 'any' });
      return;
    }
    await lab.docker([
      ...['run', '--detach', '--name', intruderOf(id), '--network', FRONT.name, '--cap-add', 'NET_ADMIN'],
      ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
      ...[TOOLS_IMAGE, 'sh', '-c', LIVED_A_WHILE, 'sh', ...command],
    ]);
  }

  /** So that an attack that never happened is not taken for one that was missed. */
  async function saidBy({ id, from = 'container' }: Intrusion): Promise<string> {
    if (from !== 'container') return 'not known';
    const { stdout, stderr } = await lab.exec('host', ['docker', 'logs', intruderOf(id)], { accept: 'any' });
    return `${stdout}\n${stderr}`.trim();
  }

  function seenOf(intrusion: Intrusion): string {
    const flows = agent
      .stored('flow')
      .filter(({ orig, resp }) => isFrom(intrusion, { subject: orig, peers: [resp] }))
      .map(({ orig, resp, protocol, connState, service, network, reason }) =>
        [network?.name, orig.ip, resp.ip, resp.port, protocol, connState, service, reason].join(' '),
      );
    const spoofs = agent
      .stored('spoof')
      .map(({ ip, mac, mismatch, layer }) => `${mismatch} ${layer} ${ip} ${mac}`);
    return [...flows.slice(-10), ...spoofs.slice(-5)].join('\n');
  }

  it.each(INTRUSIONS.map((intrusion) => [intrusion.title, intrusion] as const))(
    '%s: is told',
    async (_, intrusion) => {
      const server = await intrusion.prepare?.(lab);
      const known = new Set(agent.findings().map(({ id }) => id));
      try {
        await run(intrusion);
        const finding = await waitFor(
          'the finding',
          () =>
            agent
              .findings()
              .find(
                (each) =>
                  !known.has(each.id) && intrusion.found.includes(each.analyzer) && isFrom(intrusion, each),
              ),
          {
            timeoutMs: MOST_MS,
            explain: () =>
              agent
                .findings()
                .filter(({ id }) => !known.has(id))
                .map(({ analyzer, explanation }) => `${analyzer}: ${explanation}`)
                .join('\n'),
          },
        );
        told.set(intrusion.id, finding);
      } catch (error) {
        throw new Error(
          `${String(error)}\nits tool said: ${await saidBy(intrusion)}\nthe agent saw:\n${seenOf(intrusion)}`,
        );
      } finally {
        await server?.stop('SIGKILL');
      }
    },
  );

  it('nobody who only works is accused above low', () => {
    expect([...WORKLOADS, ...TARGETS].flatMap(({ id }) => accusations(id))).toEqual([]);
  });

  it('no packet was lost meanwhile, and nothing is wrong with the agent', () => {
    // What a detector passes over in a load test is told as well, and is no lost packet.
    expect(agent.stored('loss').filter(({ source }) => source !== 'analyzer-window')).toEqual([]);
    expect(agent.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it('is what docs/detection-results.md says: else run this with `--update`', async () => {
    await expect(results()).toMatchFileSnapshot(RESULTS);
  });

  function results(): string {
    const attacks = INTRUSIONS.map(({ id, title, found }) => [
      title,
      found.map((analyzer) => `[${analyzer}](analyzers/${analyzer}.md)`).join(' or '),
      told.has(id) ? 'found' : 'NOT FOUND',
    ]);
    const workloads = [...WORKLOADS, ...TARGETS].map(({ id, title }) => [
      id,
      title,
      accusations(id).length === 0 ? 'nothing above low' : 'ACCUSED',
    ]);
    return [
      '<!-- Generated by `npx vitest run --project integration test/integration/detections.test.ts --update`. -->',
      '',
      '# What is found, and who is accused',
      '',
      'Real tools in real containers on a real engine, with the agent beside them as it is run on a host; each attack comes from a',
      'container of its own, while all the ordinary work below goes on. Found means: told with the right name.',
      '',
      '## Attacks',
      '',
      table([['attack', 'to be found by', 'result'], ...attacks]),
      '',
      '## Ordinary work',
      '',
      table([['container', 'what it does', 'accused of'], ...workloads]),
      '',
    ].join('\n');
  }

  function accusations(container: string): string[] {
    return agent
      .findings()
      .filter(
        ({ subject, severity }) => subject.workload?.name === container && isAboveLow(severity as Severity),
      )
      .map(({ analyzer, severity, explanation }) => `${container}: ${severity} ${analyzer}: ${explanation}`);
  }
});

const TARGETS = [
  { id: 'web', title: 'a web server with a published port' },
  { id: 'api', title: 'a web server for its neighbours' },
  { id: 'ledger', title: "another project's database" },
  { id: 'database', title: 'a database on an internal network' },
];

function intruderOf(id: string): string {
  return `intruder-${id}`;
}

function isAboveLow(severity: Severity): boolean {
  return SEVERITIES.indexOf(severity) > SEVERITIES.indexOf('low');
}
