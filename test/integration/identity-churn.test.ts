/**
 * Containers come and go faster than addresses are forgotten: 300 of them over two networks with 13 addresses each.
 * Every packet carries its sender's label, tcpdump writes them down, and the agent's flows are held against that.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../lab/agent.ts';
import { type EngineApi, engineApi } from '../lab/engine-api.ts';
import { judge, verdictText } from '../lab/judge.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { readPackets } from '../lab/packets.ts';
import { type RunningProcess, waitFor } from '../lab/run.ts';
import { importSpeaker, SPEAKER_IMAGE, SPEAKER_PROGRAMS } from '../lab/speaker.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle =
  labObstacle(SPEAKER_PROGRAMS) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: 300 containers that come and go: ${obstacle}`);

const CONTAINERS = Number(process.env['BRIDGEWATCH_CHURN'] ?? 300);
const AT_ONCE = 4;

interface ChurnNetwork {
  readonly name: string;
  readonly bridge: string;
  readonly subnet: string;
  /** 13 addresses for containers: one that was given back is given out again within seconds. */
  readonly range: string;
  readonly peer: { readonly name: string; readonly ip: string };
}

const [BLUE, GREEN] = ['blue', 'green'].map(
  (name, i): ChurnNetwork => ({
    name,
    bridge: `br-${name}`,
    subnet: `172.30.${40 + i}.0/24`,
    range: `172.30.${40 + i}.0/28`,
    peer: { name: `${name}-peer`, ip: `172.30.${40 + i}.200` },
  }),
) as [ChurnNetwork, ChurnNetwork];

describe.skipIf(obstacle !== undefined)('300 containers that come and go', () => {
  let lab: Lab;
  let api: EngineApi;
  let agent: AgentProcess;
  const dumps: RunningProcess[] = [];

  beforeAll(async () => {
    lab = await createLab();
    api = engineApi(lab.socket);
    await importSpeaker(lab);
    for (const { name, bridge, subnet, range } of [BLUE, GREEN]) {
      const address = ['--subnet', subnet, '--ip-range', range];
      await lab.docker([
        'network',
        'create',
        ...address,
        '-o',
        `com.docker.network.bridge.name=${bridge}`,
        name,
      ]);
    }
    agent = await startAgentProcess(lab, 'agent');
    for (const { name, bridge, peer } of [BLUE, GREEN]) {
      await waitFor(`${name} to be covered`, () =>
        agent.stored('coverage').some(({ network, state }) => network === name && state === 'covered'),
      );
      const dump = lab.spawn('host', [
        'tcpdump',
        '-i',
        bridge,
        '-w',
        dumpFile(bridge),
        '-U',
        '-B',
        '16384',
        '--immediate-mode',
      ]);
      dumps.push(dump);
      await waitFor('tcpdump to listen', () => dump.output().includes('listening on'));
      await lab.docker([
        'run',
        '-d',
        '--name',
        peer.name,
        '--network',
        name,
        '--ip',
        peer.ip,
        SPEAKER_IMAGE,
        'listen',
      ]);
    }
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  const dumpFile = (bridge: string): string => join(lab.dir, `${bridge}.pcap`);

  it('each flow names the container that sent it, or says that it does not know which', {
    timeout: 400_000,
  }, async () => {
    const started = performance.now();
    await churn(api);
    const tookSecs = (performance.now() - started) / 1000;
    for (const dump of dumps) await dump.stop('SIGINT');
    await agent.process.stop('SIGTERM', 20_000);

    const packets = new Map([BLUE, GREEN].map(({ bridge }) => [bridge, readPackets(dumpFile(bridge))]));
    const peers = new Map([BLUE, GREEN].map(({ peer }) => [peer.ip, peer.name]));
    const verdict = judge(agent.stored('flow'), { packets, peers });
    const labels = new Set([...packets.values()].flat().flatMap(({ label }) => label ?? []));
    console.info(
      `${CONTAINERS} containers in ${tookSecs.toFixed(0)} s, ${labels.size} spoke:\n${verdictText(verdict)}`,
    );

    expect(labels.size).toBe(CONTAINERS);
    expect(verdict).toMatchObject({ wrong: [], unnamed: [], missing: [], peers: [] });
    // To call everything ambiguous would be no answer either.
    expect(verdict.right).toBeGreaterThan(4 * verdict.ambiguous);
    expect(agent.stored('loss')).toEqual([]);
  });
});

async function churn(api: EngineApi): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < CONTAINERS) await oneLife(api, next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** By its number: which network, whether its MAC is its own, how long it lives and how it ends. */
async function oneLife(api: EngineApi, i: number): Promise<void> {
  const [home, other] = i % 2 === 0 ? [BLUE, GREEN] : [GREEN, BLUE];
  const name = `churn-${i}`;
  const hasTwoNetworks = i % 7 === 3;
  const isHeld = i % 5 === 1;
  const speakTo = hasTwoNetworks ? other.peer.ip : home.peer.ip;
  const { Id: id } = await api<{ Id: string }>('POST', `/containers/create?name=${name}`, {
    Image: SPEAKER_IMAGE,
    Cmd: [name, speakTo, isHeld ? 'hold' : i % 5 === 2 ? 'burst' : 'once'],
    // Engines before 28 derive the MAC from the address, those after make a new one at each start: both are here.
    ...(i % 3 === 0 ? { MacAddress: macOf(i) } : {}),
    HostConfig: { NetworkMode: home.name, AutoRemove: true },
  });
  if (hasTwoNetworks) await api('POST', `/networks/${other.name}/connect`, { Container: id });
  await api('POST', `/containers/${id}/start`);
  if (isHeld) await endHeld(api, id, hasTwoNetworks ? other : home, i);
  await removed(api, id);
}

/** Not by the engine's `wait`: in 1 of 1500 lives it did not answer within a minute. */
async function removed(api: EngineApi, id: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ id: [id] }));
  let left: readonly { readonly Status: string }[] = [];
  await waitFor(
    `${id} to be removed`,
    async () => {
      left = await api('GET', `/containers/json?all=1&filters=${filters}`);
      return left.length === 0;
    },
    { timeoutMs: 60_000, explain: () => left.map(({ Status }) => Status).join() },
  );
}

/** It speaks, and stays until it is told: by a kill, a restart before that, or by losing its network first. */
async function endHeld(api: EngineApi, id: string, network: ChurnNetwork, i: number): Promise<void> {
  await waitFor('it to have spoken', async () =>
    (await api<string>('GET', `/containers/${id}/logs?stdout=1`))?.includes('spoken'),
  );
  const way = Math.floor(i / 5) % 4;
  if (way === 1) await api('POST', `/containers/${id}/restart?t=0`);
  if (way === 2) await api('POST', `/networks/${network.name}/disconnect`, { Container: id, Force: true });
  if (way === 3) await api('POST', `/containers/${id}/stop?t=1`);
  else await api('POST', `/containers/${id}/kill`);
}

/** Locally administered, and nobody else's. */
function macOf(i: number): string {
  return `06:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 0xff).toString(16).padStart(2, '0')}`;
}
