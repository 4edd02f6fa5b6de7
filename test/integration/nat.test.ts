/**
 * Published ports on a real engine: whoever asks, wherever from, is named in the flow record of the container that
 * answered. With the userland proxy, as Docker comes, and without it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../src/model/diagnosis.ts';
import { parseIp } from '../../src/model/ip.ts';
import type { PublicFlow } from '../../src/model/serialize.ts';
import { communityId } from '../../src/sensor/flow/community-id.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { HOST_ADDRESS, HOST_ADDRESS_V6, INTERNET, ROUTER_ADDRESS, ROUTER_ADDRESS_V6 } from '../lab/world.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle(['setpriv']) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: published ports on a real engine: ${obstacle}`);

const PORT = 8080;
const OUTER = { name: 'outer', subnet: '172.30.41.0/24', gateway: '172.30.41.1' };
const INNER = { name: 'inner', subnet: '172.30.42.0/24', gateway: '172.30.42.1' };
const INNER_V6 = { subnet: 'fd30:0:0:42::/64', gateway: 'fd30:0:0:42::1' };
const WEB = { v4: '172.30.42.80', v6: 'fd30:0:0:42::80' };
/** What the agent calls certain needs that much of the past: the proxy may be that late (proxy-joins.ts). */
const HEARD_ENOUGH_MS = 6000;

type Place = 'wan' | 'host' | 'outsider' | 'neighbour';
type Nat = NonNullable<PublicFlow['nat']>;

describe.skipIf(obstacle !== undefined).each([
  { proxy: 'with docker-proxy', dockerd: [] },
  { proxy: 'without docker-proxy', dockerd: ['--userland-proxy=false'] },
])('a published port, $proxy', ({ dockerd }) => {
  const proxied = dockerd.length === 0;
  let lab: Lab;
  let agent: AgentProcess;
  let blind: AgentProcess;
  /** When each question was asked. */
  const asked = new Map<string, { readonly from: number; readonly to: number; readonly said: string }>();

  beforeAll(async () => {
    lab = await createLab({ dockerd });
    await importBusybox(lab);
    agent = await startAgentProcess(lab, 'agent');
    const startedMs = Date.now();
    const withoutRights = ['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin'];
    blind = await startAgentProcess(lab, 'blind', { prefix: withoutRights });
    await startWorld();
    await waitFor('the agent to have heard enough', () => Date.now() - startedMs > HEARD_ENOUGH_MS, {
      timeoutMs: 20_000,
    });
    // First, because a dial of the host's own right after one of the proxy's is nobody's for certain.
    await ask('host', `${WEB.v4}:80`);
    await ask('wan', `${HOST_ADDRESS}:${PORT}`);
    await ask('wan', `[${HOST_ADDRESS_V6}]:${PORT}`);
    await ask('host', `${HOST_ADDRESS}:${PORT}`);
    await ask('host', `127.0.0.1:${PORT}`);
    await ask('outsider', `${HOST_ADDRESS}:${PORT}`);
    await ask('neighbour', `${HOST_ADDRESS}:${PORT}`);
    await ask('neighbour', `[${HOST_ADDRESS_V6}]:${PORT}`);
    await ask('outsider', `${INTERNET.web.v4}:80`);
    // All that is still open is recorded now: a bridge that hands its frames to iptables shows a connection of which
    // both ends are rewritten as two halves, and halves do not close.
    for (const each of [agent, blind]) {
      await each.process.stop();
      expect(await each.process.exited).toBe(0);
    }
  });

  afterAll(async () => {
    agent?.close();
    blind?.close();
    await lab?.stop();
  });

  async function startWorld(): Promise<void> {
    const network = ['network', 'create', '--subnet'];
    await lab.docker([...network, OUTER.subnet, '--gateway', OUTER.gateway, OUTER.name]);
    await lab.docker([
      ...[...network, INNER.subnet, '--gateway', INNER.gateway],
      ...['--ipv6', '--subnet', INNER_V6.subnet, '--gateway', INNER_V6.gateway, INNER.name],
    ]);
    const run = ['run', '-d', '--network'];
    await lab.docker([...run, OUTER.name, '--name', 'outsider', BUSYBOX_IMAGE, 'sleep', '600']);
    await lab.docker([...run, INNER.name, '--name', 'neighbour', BUSYBOX_IMAGE, 'sleep', '600']);
    await lab.docker([
      ...[...run, INNER.name, '--ip', WEB.v4, '--ip6', WEB.v6, '--name', 'web', '-p', `${PORT}:80`],
      ...[BUSYBOX_IMAGE, 'httpd', '-f', '-p', '[::]:80'],
    ]);
    for (const each of [agent, blind]) {
      await waitFor('both networks to be covered', () => {
        const covered = each.stored('coverage').map(({ network: name }) => name);
        return covered.includes(OUTER.name) && covered.includes(INNER.name);
      });
    }
    await waitFor('the web to answer on both families', async () => {
      const answers = [await get('neighbour', `${WEB.v4}:80`), await get('neighbour', `[${WEB.v6}]:80`)];
      return answers.every((said) => said.includes('404'));
    });
  }

  async function get(from: Place, authority: string): Promise<string> {
    // The path is nowhere: 404 is an answer.
    const wget = ['timeout', '3', 'wget', '-qO-', `http://${authority}/nowhere`];
    const outside = from === 'wan' || from === 'host';
    const argv = outside ? ['timeout', '3', 'busybox', ...wget.slice(2)] : ['docker', 'exec', from, ...wget];
    return (await lab.exec(outside ? from : 'host', argv, { accept: 'any' })).stderr;
  }

  async function ask(from: Place, authority: string): Promise<void> {
    // Some questions take 5 ms: what belongs to which is told by the time, give or take a millisecond.
    await setTimeout(5);
    const begun = Date.now();
    const said = await get(from, authority);
    asked.set(`${from} ${authority}`, { from: begun, to: Date.now(), said });
  }

  /** Flows on a network that began while the question was asked, the neighbour discovery aside. */
  function flows(of: AgentProcess, network: string, from: Place, authority: string): PublicFlow[] {
    const time = asked.get(`${from} ${authority}`)!;
    return of
      .stored('flow')
      .filter(({ network: where, protocol }) => where?.name === network && protocol === 'tcp')
      .filter(({ start }) => Date.parse(start) >= time.from - 1 && Date.parse(start) <= time.to + 1);
  }

  /** The one that asks the web for something; a half of it that is nothing but answers aside. */
  function served(from: Place, authority: string, of = agent): PublicFlow {
    expect(asked.get(`${from} ${authority}`)!.said).toContain('404');
    const found = flows(of, INNER.name, from, authority).filter(
      ({ resp, origPackets }) => resp.workload?.name === 'web' && resp.port === 80 && origPackets > 0,
    );
    expect(found).toHaveLength(1);
    return found[0]!;
  }

  function idOf(src: string, srcPort: number | undefined, dst: string, dstPort: number): string {
    const words = { src: parseIp(src)!, dst: parseIp(dst)! };
    return communityId({ ...words, protocol: 6, srcPort: srcPort!, dstPort });
  }

  it.each([
    ['IPv4', ROUTER_ADDRESS, HOST_ADDRESS, `${HOST_ADDRESS}:${PORT}`],
    ['IPv6', ROUTER_ADDRESS_V6, HOST_ADDRESS_V6, `[${HOST_ADDRESS_V6}]:${PORT}`],
  ])(
    'asked for from the internet over %s names the client and the published address',
    (_, client, host, authority) => {
      const flow = served('wan', authority);

      expect(flow.orig).toMatchObject({ ip: client, scope: 'internet' });
      expect(flow.nat).toEqual({
        kind: 'published-port',
        method: 'conntrack',
        confidence: 'certain',
        published: { ip: host, port: PORT },
        originalCommunityId: idOf(client, flow.orig.port, host, PORT),
      });
      expect(flow.nat?.originalCommunityId).not.toBe(flow.communityId);
    },
  );

  it('asked for by the host at its own address names the host', () => {
    const { orig, nat } = served('host', `${HOST_ADDRESS}:${PORT}`);

    expect(nat).toMatchObject({
      kind: 'published-port',
      method: 'conntrack',
      confidence: 'certain',
      published: { ip: HOST_ADDRESS, port: PORT },
    });
    expect(nat?.client ?? orig).toMatchObject({ ip: HOST_ADDRESS, scope: 'host' });
    // Without the proxy the engine rewrites the host's own address too, so that answers come back over the bridge.
    expect(nat?.translatedSource?.ip).toBe(proxied ? undefined : INNER.gateway);
  });

  it('asked for by the host at 127.0.0.1 names the host', () => {
    const { orig, nat } = served('host', `127.0.0.1:${PORT}`);

    expect(orig).toMatchObject({ ip: INNER.gateway, scope: 'gateway' });
    expect(nat).toMatchObject({
      kind: proxied ? 'docker-proxy' : 'published-port',
      method: proxied ? 'docker-proxy' : 'conntrack',
      confidence: 'certain',
      client: { ip: '127.0.0.1', scope: 'host' },
      published: { ip: '127.0.0.1', port: PORT },
      translatedSource: { ip: INNER.gateway, port: orig.port },
    });
  });

  it.runIf(proxied)('asked for from another bridge names the container that asked, on both bridges', () => {
    const authority = `${HOST_ADDRESS}:${PORT}`;
    const { orig, nat } = served('outsider', authority);
    const [near] = flows(agent, OUTER.name, 'outsider', authority);

    expect(orig.ip).toBe(INNER.gateway);
    expect(nat).toMatchObject({
      kind: 'docker-proxy',
      confidence: 'certain',
      client: { workload: { name: 'outsider' }, scope: 'container', attribution: { method: 'conntrack' } },
      published: { ip: HOST_ADDRESS, port: PORT },
      originalCommunityId: near!.communityId,
    });
    expect(near).toMatchObject({
      orig: { workload: { name: 'outsider' } },
      resp: { ip: HOST_ADDRESS, scope: 'host' },
      nat: { kind: 'docker-proxy', confidence: 'certain', server: { workload: { name: 'web' }, port: 80 } },
    });
  });

  it.skipIf(proxied)(
    'asked for from another bridge is refused by the engine, and no client is invented',
    () => {
      const authority = `${HOST_ADDRESS}:${PORT}`;

      expect(asked.get(`outsider ${authority}`)!.said).not.toContain('404');
      expect(flows(agent, INNER.name, 'outsider', authority)).toEqual([]);
    },
  );

  it.each([
    ['IPv4', `${HOST_ADDRESS}:${PORT}`, HOST_ADDRESS],
    ['IPv6', `[${HOST_ADDRESS_V6}]:${PORT}`, HOST_ADDRESS_V6],
  ])('asked for from the same bridge over %s names the neighbour', (_, authority, host) => {
    const { orig, nat } = served('neighbour', authority);

    expect(nat).toMatchObject({
      kind: proxied ? 'docker-proxy' : 'published-port',
      confidence: 'certain',
      published: { ip: host, port: PORT },
    });
    expect(nat?.client ?? orig).toMatchObject({ scope: 'container', workload: { name: 'neighbour' } });
    expect(orig.scope).toBe(proxied ? 'gateway' : 'container');
  });

  it('asked for by the host at the address of the container is no translation', () => {
    expect(served('host', `${WEB.v4}:80`)).toMatchObject({ orig: { scope: 'gateway' } });
    expect(served('host', `${WEB.v4}:80`).nat).toBeUndefined();
  });

  it('does not hide what leaves: the address that the internet sees is recorded', () => {
    const [flow] = flows(agent, OUTER.name, 'outsider', `${INTERNET.web.v4}:80`);

    expect(flow?.orig.workload?.name).toBe('outsider');
    expect(flow?.nat).toEqual({
      kind: 'masquerade',
      method: 'conntrack',
      confidence: 'certain',
      translatedSource: { ip: HOST_ADDRESS, port: flow!.orig.port },
    });
  });

  it('of which both halves lie on the bridge has the same original in both', () => {
    const authority = `127.0.0.1:${PORT}`;
    const all = flows(agent, INNER.name, 'host', authority);
    const ids = new Set(all.map(({ nat }) => nat?.originalCommunityId));

    expect(all).toHaveLength(proxied ? 1 : 2);
    expect(ids.size).toBe(1);
    expect([...ids]).not.toContain(undefined);
  });

  it('loses nothing', () => {
    expect(agent.stored('loss')).toEqual([]);
  });

  describe('without the right to listen to the kernel', () => {
    it.runIf(proxied)('is marked `via NAT, origin unknown`, never the host', () => {
      const { orig, nat } = served('outsider', `${HOST_ADDRESS}:${PORT}`, blind);

      expect(orig.scope).toBe('gateway');
      expect(nat).toMatchObject({
        kind: 'unknown',
        method: 'none',
        confidence: 'none',
      } satisfies Partial<Nat>);
      expect(nat?.reason).toMatch(/^via NAT, origin unknown: .*not permitted.*CAP_NET_ADMIN/);
    });

    it('is said by doctor', async () => {
      const about = async (of: AgentProcess): Promise<Diagnosis> => {
        const { stdout } = await of.command('doctor', '--json');
        const lines = stdout.split('\n').filter((line) => line !== '');
        return lines
          .map((line) => JSON.parse(line) as Diagnosis)
          .find(({ check }) => check === 'connection tracking')!;
      };

      expect(await about(agent)).toMatchObject({ outcome: 'ok' });
      const told = await about(blind);
      expect(told.outcome).toBe('warn');
      expect(told.detail).toMatch(/CAP_NET_ADMIN.*origin unknown/);
    });
  });
});
