/**
 * docs/investigation.md, from the alert to the bundle: an intruder in the shop's database, and every command of the page,
 * run in its order by somebody who has the page only. What they print has to be what stands there, but for ids, times and
 * numbers. `UPDATE_PAGE=1` writes the page anew with what this run printed.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import { SHOP, startShop } from '../lab/app.ts';
import { dnsTunnel } from '../lab/attacks.ts';
import { startHostResolver, startInternet } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { LOOPBACK_RESOLVER } from '../lab/world.ts';
import { PageRun, stepsOf } from '../support/console-page.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const PAGE = join(REPOSITORY, 'docs/investigation.md');
/** Where the agent keeps its files unless it is told otherwise. */
const USUAL = '/var/lib/bridgewatch';
const isUpdating = (process.env['UPDATE_PAGE'] ?? '') !== '';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle =
  labObstacle(['dnsmasq', 'iodine', 'iodined', 'tshark']) ??
  (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: the investigation of docs/investigation.md: ${obstacle}`);

describe.skipIf(obstacle !== undefined)('docs/investigation.md', () => {
  let lab: Lab;
  let agent: AgentProcess;
  let desk: string;

  beforeAll(async () => {
    lab = await createLab({ nameserver: LOOPBACK_RESOLVER });
    await startInternet(lab);
    await startHostResolver(lab);
    // A minute later all of this is in the database anyway; nobody is to wait for that here.
    const soon = { BRIDGEWATCH_FLOWS_UDP_IDLE_SECS: '2', BRIDGEWATCH_EVIDENCE_AFTER_SECS: '2' };
    agent = await startAgentProcess(lab, 'agent', { env: soon });
    const shop = await startShop(lab, { everySecs: 2 });
    await waitFor('the data network to be covered', () =>
      agent
        .stored('coverage')
        .some(({ network, state }) => network === SHOP.dataNetwork.name && state === 'covered'),
    );
    await dnsTunnel.run(lab);
    await waitFor('the alert', () => agent.findings().some(({ analyzer }) => analyzer === 'dns-tunnel'));
    await shop.customers.stop('SIGKILL');
    await waitFor('the tunnel among the flows', () =>
      agent
        .stored('flow')
        .some(({ orig, resp }) => orig.workload?.name === SHOP.database && resp.port === 53),
    );
    await waitFor('its packets to be put aside', () =>
      agent.stored('evidence').some(({ analyzer }) => analyzer === 'dns-tunnel'),
    );
    desk = join(lab.dir, 'desk');
    mkdirSync(join(desk, 'bin'), { recursive: true });
    const [node, program] = agentCommand();
    writeFileSync(join(desk, 'bin/bridgewatch'), `#!/bin/sh\nexec '${node}' '${program}' "$@"\n`);
    chmodSync(join(desk, 'bin/bridgewatch'), 0o755);
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  const state = () => dirname(agent.storePath);

  it('walks from the alert to the bundle as it says', async () => {
    const page = readFileSync(PAGE, 'utf8');
    const run = new PageRun();
    const said = new Map<number, string>();
    const wrong: string[] = [];
    for (const step of stepsOf(page)) {
      const command = run.command(step).replaceAll(USUAL, state());
      const { stdout, stderr } = await lab.exec('host', ['sh', '-c', command], {
        cwd: desk,
        accept: 'any',
        env: {
          PATH: `${desk}/bin:${lab.env['PATH']}`,
          BRIDGEWATCH_CONFIG: agent.configFile,
        },
      });
      const text = (stdout + stderr).replaceAll(state(), USUAL);
      said.set(step.line, text);
      const difference = run.difference(step, text);
      if (difference !== undefined) wrong.push(`line ${step.line}: $ ${command}: ${difference}\n${text}`);
    }
    if (isUpdating) writeFileSync(PAGE, run.rewritten(page, said));
    else expect(wrong.join('\n')).toBe('');
  });
});
