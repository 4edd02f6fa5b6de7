/**
 * `make lab` as a user sees it: the whole story with the built agent, and the end by Ctrl-C in the middle of it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from '../lab/agent.ts';
import { SHOP } from '../lab/app.ts';
import { ATTACKS, CLOSED } from '../lab/attacks.ts';
import { WEB_NAME } from '../lab/internet.ts';
import { createLab, labObstacle } from '../lab/lab.ts';
import { labNames, labProcesses } from '../lab/remains.ts';
import { type RunningProcess, start, waitFor } from '../lab/run.ts';
import { HOST_ADDRESS, INTERNET, ROUTER_ADDRESS } from '../lab/world.ts';

const obstacle =
  labObstacle(['dnsmasq', 'iodine', 'iodined', 'influxd']) ??
  (existsSync(join(REPOSITORY, 'dist/src/cli/main.js'))
    ? undefined
    : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: make lab: ${obstacle}`);

/**
 * A client behind a published port, the outside by the name that was resolved, the question for that name, the holder of an
 * address, the breakout.
 */
const NAMED = [
  new RegExp(
    `internet ${ROUTER_ADDRESS} via published-port ${HOST_ADDRESS}:${SHOP.port} -> shop/proxy@public:80 `,
  ),
  new RegExp(`shop/api@public -> internet ${WEB_NAME} ${INTERNET.web.v4}:80 `),
  new RegExp(`shop/api +A +${WEB_NAME} +${INTERNET.web.v4} .* engine$`, 'm'),
  /shop\/database@data {2}172\.30\.20\.\d+ .* \(still\)/,
  new RegExp(`shop/database -> internet ${INTERNET.web.v4}:80 `),
];

function startStory(...args: readonly string[]): RunningProcess {
  return start([join(REPOSITORY, 'node_modules/.bin/tsx'), join(REPOSITORY, 'test/lab/main.ts'), ...args], {
    env: process.env,
    cwd: REPOSITORY,
  });
}

describe.skipIf(obstacle !== undefined)('make run', () => {
  it('watches the engine that answers', { timeout: 60_000 }, async () => {
    const lab = await createLab();
    try {
      await lab.docker(['network', 'create', 'watched']);
      const database = join(lab.dir, 'agent.db');
      const make = ['make', '--no-print-directory', 'run', `ARGS=--db ${database}`];
      const agent = lab.spawn('host', make, { cwd: REPOSITORY });

      const isCovered = () => /"network":"watched".*"network covered"/.test(agent.output());
      await waitFor('the network to be covered', isCovered, { timeoutMs: 40_000, explain: agent.output });

      expect(agent.output()).toContain('The Docker engine at /var/run/docker.sock answers: watching it.');
    } finally {
      await lab.stop();
    }
  });
});

describe.skipIf(obstacle !== undefined)('make lab', () => {
  it('shows who is who and that the agent sees every attack, and ends well', {
    timeout: 180_000,
  }, async () => {
    const story = startStory('--once');

    const code = await story.exited;

    expect(story.output()).toMatch(/^Both ends of all \d+ flows are named\.$/m);
    for (const line of NAMED) expect(story.output()).toMatch(line);
    // The one that needs an old engine may be closed.
    const tried = ATTACKS.length - (story.output().includes(CLOSED) ? 1 : 0);
    expect(story.output()).toContain(`\n${tried} of ${tried} attacks were seen.`);
    expect(story.output()).toMatch(
      /\$ bridgewatch audit\n.*MEDIUM {2}net-admin [^\n]*\n +shop\/database has NET_ADMIN/s,
    );
    expect(code, story.output()).toBe(0);
  });

  it('leaves nothing behind when interrupted in the middle', { timeout: 60_000 }, async () => {
    const story = startStory();
    await waitFor('the first attack', () => story.output().includes('intruder |'), {
      timeoutMs: 45_000,
      explain: story.output,
    });
    const names = labNames(/bwlab-(\w+)-host/.exec(story.output())?.[1] ?? '');
    expect(existsSync(names.dir)).toBe(true);

    story.child.kill('SIGINT');

    expect(await story.exited).toBe(130);
    expect(story.output()).toContain('Nothing of it is left.');
    expect(existsSync(names.dir)).toBe(false);
    expect(labProcesses(names)).toEqual([]);
  });
});
