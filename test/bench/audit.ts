/**
 * An audit of 200 running containers on a real engine, in a lab of its own: the whole command as a person waits for it, and
 * where its time goes, against a bare loop of `GET /containers/ID/json` over the same containers in the same rounds. Needs
 * root, Docker, and some 4 GiB of memory; `npm run build:ts` before.
 */

import { Agent, request } from 'node:http';
import { freemem } from 'node:os';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import { importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { type Cost, measure, median } from './measure.ts';
import type { Target } from './report.ts';

const CONTAINERS = 200;
const NETWORKS = 10;
/** Two cores start no more at once, and an engine that is asked for all of them answers late. */
const STARTS_AT_ONCE = 4;
const ROUNDS = 5;
/** A shim takes some 12 MiB. */
const NEEDED_BYTES = 4 * 2 ** 30;
const MAX_SECONDS = 3;

interface Phases {
  readonly [phase: string]: number;
}

export async function measureAudit(): Promise<readonly Target[]> {
  const obstacle =
    labObstacle() ?? (freemem() < NEEDED_BYTES ? 'less than 4 GiB of memory are free' : undefined);
  if (obstacle !== undefined) {
    console.log(`\nSKIPPED: an audit of ${CONTAINERS} containers: ${obstacle}`);
    return [];
  }
  const lab = await createLab();
  try {
    const startedMs = performance.now();
    const ids = await startContainers(lab);
    console.log(
      `\nan audit of ${ids.length} running containers on ${NETWORKS} networks (started in ${((performance.now() - startedMs) / 1000).toFixed(0)} s)\n`,
    );
    return await measured(lab, ids);
  } finally {
    await lab.stop();
  }
}

async function measured(lab: Lab, ids: readonly string[]): Promise<readonly Target[]> {
  const inHost = (...args: readonly string[]) =>
    measure(lab.enter('host', agentCommand(...args), REPOSITORY));
  const bare: number[] = [];
  const started: Cost[] = [];
  const whole: Cost[] = [];
  const phases: Phases[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await seconds(() => inspectEach(lab.socket, ids)));
    started.push(inHost('version'));
    whole.push(inHost('audit', '--json'));
    const { stdout } = await lab.exec(
      'host',
      [process.execPath, '--import', 'tsx', 'test/bench/audit/phases.ts'],
      { cwd: REPOSITORY },
    );
    phases.push(JSON.parse(stdout) as Phases);
  }
  const bareSeconds = median(bare);
  const line = (what: string, value: number) =>
    console.log(
      `  ${what.padEnd(52)} ${(value * 1000).toFixed(0).padStart(6)} ms ${(value / bareSeconds).toFixed(2).padStart(6)}`,
    );
  console.log(`  ${'median of rounds in turn'.padEnd(52)} ${'time'.padStart(9)} x bare`);
  line(`bare: ${ids.length} inspects, one after the other`, bareSeconds);
  const wall = (costs: readonly Cost[]) => median(costs.map(({ wallSeconds }) => wallSeconds));
  const cpu = (costs: readonly Cost[]) => median(costs.map(({ cpuSeconds }) => cpuSeconds));
  line('`bridgewatch version`, a process that only starts', wall(started));
  line('`bridgewatch audit --json`, the whole process', wall(whole));
  line('of it CPU, which neighbours add less to', cpu(whole));
  for (const phase of Object.keys(phases[0]!))
    line(`of it, warm: ${phase}`, median(phases.map((one) => one[phase]!)));
  return [
    {
      what: `seconds for an audit of ${CONTAINERS} containers`,
      value: wall(whole),
      atMost: MAX_SECONDS,
    },
  ];
}

/** Twenty on each network, two networks each, every third network internal; some of all that checks look at. */
async function startContainers(lab: Lab): Promise<readonly string[]> {
  const image = await importBusybox(lab);
  const networks = Array.from({ length: NETWORKS }, (_, i) => `shop${i}_net`);
  for (const [i, name] of networks.entries()) {
    const Labels = { 'com.docker.compose.project': `shop${i}`, 'com.docker.compose.network': 'net' };
    await call(lab.socket, 'POST', '/networks/create', { Name: name, Internal: i % 3 === 0, Labels });
  }
  const ids: string[] = [];
  const waiting = Array.from({ length: CONTAINERS }, (_, i) => i).values();
  const worker = async (): Promise<void> => {
    for (const i of waiting) {
      const [home, second] = [i % NETWORKS, (i + 1) % NETWORKS];
      const made = (await call(lab.socket, 'POST', `/containers/create?name=shop${home}-s${i}-1`, {
        Image: image,
        Cmd: ['sleep', '3600'],
        Labels: { 'com.docker.compose.project': `shop${home}`, 'com.docker.compose.service': `s${i}` },
        ...(i % 10 === 0 ? { ExposedPorts: { '80/tcp': {} } } : {}),
        HostConfig: {
          NetworkMode: networks[home],
          ...(i % 10 === 0 ? { PortBindings: { '80/tcp': [{ HostPort: String(20_000 + i) }] } } : {}),
          ...(i % 7 === 0 ? { CapDrop: ['ALL'] } : {}),
        },
      })) as { Id: string };
      if (i % 5 === 0)
        await call(lab.socket, 'POST', `/networks/${networks[second]}/connect`, { Container: made.Id });
      await call(lab.socket, 'POST', `/containers/${made.Id}/start`);
      ids.push(made.Id);
    }
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, worker));
  return ids;
}

const kept = new Agent({ keepAlive: true, maxSockets: 1 });

async function inspectEach(socket: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) await call(socket, 'GET', `/containers/${id}/json`, undefined, kept);
}

function call(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  agent?: Agent,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const options = { socketPath, method, path, headers, ...(agent === undefined ? {} : { agent }) };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) >= 300) reject(new Error(`${method} ${path}: ${text}`));
        else resolve(text === '' ? undefined : JSON.parse(text));
      });
    });
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

if (process.argv[1]?.endsWith('bench/audit.ts') === true) await measureAudit();
