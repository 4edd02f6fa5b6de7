/**
 * Every kind of container, in one world: what each sends carries its label, and the agent has to name it at both ends,
 * or to say why it cannot. docs/attribution.md refers to these tests by their names.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublicFlow } from '../../src/model/serialize.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { importSpeaker, SPEAKER_IMAGE, SPEAKER_PORT, SPEAKER_PROGRAMS } from '../lab/speaker.ts';
import { HOST_ADDRESS, INTERNET } from '../lab/world.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle =
  labObstacle(SPEAKER_PROGRAMS) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: every kind of container: ${obstacle}`);

const NETWORKS: readonly (readonly string[])[] = [
  ['--subnet', '172.30.50.0/24', 'front'],
  ['--subnet', '172.30.51.0/24', '--internal', 'back'],
  ['--subnet', '172.30.52.0/24', '-o', 'com.docker.network.bridge.name=br-custom', 'custom'],
  ['--ipv6', '--subnet', '172.30.53.0/24', '--subnet', '2001:db8:53::/64', 'dual'],
  // Engines before 28 give each network IPv4 too; what is on it only speaks IPv6.
  ['--ipv6', '--subnet', '172.30.54.0/24', '--subnet', '2001:db8:54::/64', 'six'],
];

describe.skipIf(obstacle !== undefined)('every kind of container', () => {
  let lab: Lab;
  let agent: AgentProcess;
  let speaker: string;

  beforeAll(async () => {
    lab = await createLab();
    speaker = await importSpeaker(lab);
    agent = await startAgentProcess(lab, 'agent');
    // A cable to a LAN of its own: the parent of a macvlan, as the engine's kernel here has no dummy device.
    const cable = ['ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'switch'];
    await lab.exec('host', cable);
    for (const end of ['uplink', 'switch']) await lab.exec('host', ['ip', 'link', 'set', end, 'up']);
    for (const options of NETWORKS) await lab.docker(['network', 'create', ...options]);
    // Forwarded neighbour discovery is dropped where the bridge's frames go through ip6tables (engine 20.10).
    await lab.exec('host', ['sysctl', '-q', '-w', 'net.bridge.bridge-nf-call-ip6tables=0']);
    for (const options of NETWORKS) await covered(options.at(-1)!);
    await covered('bridge');
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  const coverage = (network: string) =>
    agent.stored('coverage').filter((record) => record.network === network);
  const covered = (network: string) =>
    waitFor(`${network} to be covered`, () => coverage(network).at(-1)?.state === 'covered', told(network));
  /** What the agent knows of a network that is waited for in vain. */
  const told = (network: string) => ({
    explain: () =>
      [...coverage(network), ...agent.stored('inventory', 'loss'), ...agent.log.slice(-30)]
        .map((each) => JSON.stringify(each))
        .join('\n'),
  });
  const address = (name: string, network: string, field = 'IPAddress') =>
    lab.docker(['inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").${field}}}`, name]);
  const listen = (name: string, ...options: string[]) =>
    lab.docker(['run', '-d', '--name', name, ...options, SPEAKER_IMAGE, 'listen']);
  /** Runs to its end: connects, speaks and exits within milliseconds. */
  const speak = (name: string, to: string, ...options: string[]) =>
    lab.docker(['run', '--rm', '--name', name, ...options, SPEAKER_IMAGE, name, to]);
  const spoken = (name: string) =>
    waitFor(`${name} to have spoken`, async () => (await lab.docker(['logs', name])).includes('spoken'));
  /** Has spoken, and stays with its connection open. */
  const hold = async (name: string, to: string, ...options: string[]) => {
    await lab.docker(['run', '-d', '--name', name, ...options, SPEAKER_IMAGE, name, to, 'hold']);
    await spoken(name);
  };
  /**
   * Ends it once the agent knows its addresses. One that was gone before anybody could ask is named with less
   * confidence, and its flows end by themselves; how soon an agent asks is what the container of 200 ms is about.
   */
  const remove = async (name: string) => {
    await waitFor(`the agent to know where ${name} is`, () =>
      agent.stored('inventory').some((record) => record.object === 'endpoint' && record.name === name),
    );
    await lab.docker(['rm', '-f', name]);
  };
  const on = (network: string) => ['--network', network];
  const labels = (of: Record<string, string>) =>
    Object.entries(of).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  /** The TCP, UDP and echo flow between these two ends, as recorded when they ended. */
  const flows = async (network: string, between: { readonly orig: string; readonly resp: string }) => {
    const isBetween = ({ network: where, orig, resp }: PublicFlow) =>
      where?.name === network && orig.ip === between.orig && resp.ip === between.resp;
    return waitFor(
      `flows on ${network} from ${between.orig} to ${between.resp}`,
      () => {
        const found = agent.stored('flow').filter(isBetween);
        const protocols = new Set(found.map(({ protocol }) => protocol));
        return protocols.size === 3 ? found : undefined;
      },
      {
        timeoutMs: 30_000,
        explain: () =>
          JSON.stringify(
            agent
              .stored('flow')
              .filter(({ network: where }) => where?.name === network)
              .map(({ protocol, orig, resp }) => `${protocol} ${orig.ip} ${resp.ip}`),
          ),
      },
    );
  };
  const names = (found: readonly PublicFlow[]) => [
    ...new Set(found.map(({ orig, resp }) => `${orig.workload?.name} -> ${resp.workload?.name}`)),
  ];
  const methods = (found: readonly PublicFlow[]) => [
    ...new Set(
      found
        .flatMap(({ orig, resp }) => [orig, resp])
        .map(({ attribution }) => `${attribution.method} ${attribution.confidence}`),
    ),
  ];

  it('a container on several networks is itself on each', async () => {
    await listen('front-peer', ...on('front'));
    await listen('back-peer', ...on('back'));
    const peers = { front: await address('front-peer', 'front'), back: await address('back-peer', 'back') };
    await lab.docker(['create', '--name', 'both', ...on('front'), SPEAKER_IMAGE, 'both', peers.back, 'hold']);
    await lab.docker(['network', 'connect', 'back', 'both']);
    await lab.docker(['start', 'both']);
    await spoken('both');
    const at = { front: await address('both', 'front'), back: await address('both', 'back') };
    await lab.docker(['exec', 'both', '/speaker', 'both', peers.front]);
    await remove('both');

    for (const network of ['front', 'back'] as const) {
      const found = await flows(network, { orig: at[network], resp: peers[network] });
      expect(names(found)).toEqual([`both -> ${network}-peer`]);
      expect(methods(found)).toEqual(['mac+ip certain']);
    }
  });

  it('a container that lives 200 ms is named', async () => {
    const peer = await address('front-peer', 'front');

    await speak('brief', peer, ...on('front'));

    const found = await waitFor(
      'its flows',
      () => {
        const all = agent.stored('flow').filter(({ orig }) => orig.workload?.name === 'brief');
        return all.some(({ protocol }) => protocol === 'tcp') && all.length === 3 ? all : undefined;
      },
      { timeoutMs: 30_000 },
    );
    expect(names(found)).toEqual(['brief -> front-peer']);
    expect(methods(found)).toEqual(['mac+ip certain']);
    const [tcp] = found.filter(({ protocol }) => protocol === 'tcp');
    expect(Date.parse(tcp!.end) - Date.parse(tcp!.start)).toBeLessThan(200);
  });

  it('the default bridge and a bridge with a name of its own', async () => {
    for (const [network, bridge] of [
      ['bridge', 'docker0'],
      ['custom', 'br-custom'],
    ] as const) {
      await listen(`${network}-peer`, ...on(network));
      const peer = await address(`${network}-peer`, network);
      await hold(`${network}-caller`, peer, ...on(network));
      const caller = await address(`${network}-caller`, network);
      await remove(`${network}-caller`);

      const found = await flows(network, { orig: caller, resp: peer });
      expect(names(found)).toEqual([`${network}-caller -> ${network}-peer`]);
      expect(found[0]!.interface).toBe(bridge);
    }
  });

  it.each([
    ['both families on a dual-stack network', 'dual', ['IPAddress', 'GlobalIPv6Address']],
    ['one that speaks IPv6 only', 'six', ['GlobalIPv6Address']],
  ])('%s', async (_, network, fields) => {
    await listen(`${network}-peer`, ...on(network));
    const caller = `${network}-caller`;
    await lab.docker(['run', '-d', '--name', caller, ...on(network), SPEAKER_IMAGE, 'listen']);
    const pairs: { orig: string; resp: string }[] = [];
    for (const field of fields) {
      const resp = await address(`${network}-peer`, network, field);
      pairs.push({ orig: await address(caller, network, field), resp });
      // Its address has to pass duplicate address detection first.
      await lab.docker(['exec', caller, '/speaker', caller, resp]);
    }
    await remove(caller);

    for (const pair of pairs) {
      const found = await flows(network, pair);
      expect(names(found)).toEqual([`${caller} -> ${network}-peer`]);
      expect(methods(found)).toEqual(['mac+ip certain']);
    }
  });

  it('one that shares the namespace of another is its owner, with the sharers as candidates', async () => {
    const peer = await address('front-peer', 'front');
    await lab.docker(['run', '-d', '--name', 'owner', ...on('front'), SPEAKER_IMAGE, 'listen']);
    await hold('sharer', peer, ...on('container:owner'));
    const ip = await address('owner', 'front');
    await waitFor('the agent to know both', () =>
      ['owner', 'sharer'].every((each) => agent.stored('inventory').some(({ name }) => name === each)),
    );
    // A connection that ends, while both still run: an owner that is gone shares nothing any more.
    await lab.docker(['exec', 'sharer', '/speaker', 'sharer', peer]);
    const found = await waitFor(
      'its flow',
      () => {
        const isTheirs = ({ orig, protocol }: PublicFlow) => orig.ip === ip && protocol === 'tcp';
        const all = agent
          .stored('flow')
          .filter((flow) => isTheirs(flow) && flow.orig.workload?.name === 'owner');
        return all.length > 0 ? all : undefined;
      },
      { timeoutMs: 30_000 },
    );
    await lab.docker(['rm', '-f', 'sharer', 'owner']);

    expect(found[0]!.orig.attribution).toMatchObject({
      confidence: 'likely',
      candidates: ['owner', 'sharer'],
      reason: 'shares its network namespace with sharer',
    });
  });

  it('one without a network has nothing to see, which coverage says', async () => {
    await lab.docker(['run', '--rm', '--name', 'alone', ...on('none'), SPEAKER_IMAGE, 'alone', '127.0.0.1']);

    expect(coverage('none')).toMatchObject([
      { state: 'uncovered', reason: 'its containers have no interface but loopback' },
    ]);
    expect(agent.stored('flow').filter(({ orig }) => orig.workload?.name === 'alone')).toEqual([]);
  });

  describe('on the host network', () => {
    it('a container is told from the host by its listening socket', async () => {
      await listen('exporter', ...on('host'));
      const gateway = '172.30.50.1';
      await waitFor('it to listen', async () =>
        (await lab.exec('host', ['cat', '/proc/net/tcp6'])).stdout.includes(
          `:${SPEAKER_PORT.toString(16).toUpperCase()}`,
        ),
      );
      await hold('visitor', gateway, ...on('front'));
      const ip = await address('visitor', 'front');
      await remove('visitor');

      const found = await flows('front', { orig: ip, resp: gateway });
      for (const flow of found.filter(({ protocol }) => protocol !== 'icmp')) {
        expect(flow.resp).toMatchObject({
          scope: 'gateway',
          workload: { name: 'exporter' },
          attribution: { method: 'netns', confidence: 'certain' },
        });
        expect(flow.direction).toBe('host');
      }
      await lab.docker(['rm', '-f', 'exporter']);
    });

    it('the host itself is told from the containers on its network', async () => {
      await hold('bystander', '127.0.0.1', ...on('host'));
      const service = lab.spawn('host', [speaker, 'listen']);
      await waitFor('it to listen', async () =>
        (await lab.exec('host', ['cat', '/proc/net/tcp6'])).stdout.includes(
          `:${SPEAKER_PORT.toString(16).toUpperCase()}`,
        ),
      );
      await hold('guest', '172.30.51.1', ...on('back'));
      const ip = await address('guest', 'back');
      await remove('guest');
      await lab.docker(['rm', '-f', 'bystander']);
      await service.stop();

      const found = await flows('back', { orig: ip, resp: '172.30.51.1' });
      for (const { protocol, resp } of found) {
        expect(resp.workload).toBeUndefined();
        expect(resp.attribution).toEqual({ method: 'gateway', confidence: 'certain' });
        expect(['tcp', 'udp', 'icmp']).toContain(protocol);
      }
    });

    it('a container there that calls one on a bridge is told by its connection', async () => {
      const peer = await address('front-peer', 'front');
      await hold('prober', peer, ...on('host'));
      await waitFor('its process to be known', () =>
        agent.stored('inventory').some(({ name, change }) => name === 'prober' && change === 'changed'),
      );
      // Open for two seconds: long enough to be looked for.
      await lab.docker(['exec', 'prober', '/speaker', 'prober', peer, 'linger']);

      const flow = await waitFor(
        'its flow',
        () =>
          agent
            .stored('flow')
            .find(({ orig, protocol }) => protocol === 'tcp' && orig.workload?.name === 'prober'),
        { timeoutMs: 30_000 },
      );
      expect(flow.orig).toMatchObject({
        scope: 'gateway',
        attribution: { method: 'netns', confidence: 'certain' },
      });
      expect(flow.resp.workload?.name).toBe('front-peer');
      await lab.docker(['rm', '-f', 'prober']);
    });

    it('is not tapped itself, which coverage says', () => {
      expect(coverage('host')).toMatchObject([
        { state: 'uncovered', reason: expect.stringContaining('is not tapped') },
      ]);
    });
  });

  it('macvlan is seen at its parent, without the traffic of the host', async () => {
    const options = ['-d', 'macvlan', '-o', 'parent=uplink', '--subnet', '172.30.60.0/24', 'lan'];
    await lab.docker(['network', 'create', ...options]);
    await covered('lan');
    await listen('lan-peer', ...on('lan'));
    const peer = await address('lan-peer', 'lan');
    await lab.exec('host', ['ip', 'address', 'add', '172.30.61.1/24', 'dev', 'uplink']);
    await lab.exec('host', ['ping', '-c', '1', '-W', '1', '172.30.61.9'], { accept: 'any' });
    await hold('lan-caller', peer, ...on('lan'));
    const caller = await address('lan-caller', 'lan');
    await remove('lan-caller');

    const found = await flows('lan', { orig: caller, resp: peer });
    expect(names(found)).toEqual(['lan-caller -> lan-peer']);
    expect(methods(found)).toEqual(['mac+ip certain']);
    expect(found[0]!.interface).toBe('uplink');
    const ofHost = agent
      .stored('flow')
      .filter(({ network, orig }) => network?.name === 'lan' && orig.ip === '172.30.61.1');
    expect(ofHost).toEqual([]);
  });

  it('ipvlan cannot be seen, which coverage says', async () => {
    const options = ['-d', 'ipvlan', '-o', 'parent=switch', '--subnet', '172.30.62.0/24', 'shared-mac'];
    await lab.docker(['network', 'create', ...options]);

    const [said] = await waitFor('the word', () => {
      const all = coverage('shared-mac');
      return all.length > 0 ? all : undefined;
    });
    expect(said).toMatchObject({ state: 'uncovered', reason: expect.stringContaining('share the MAC') });
  });

  it('Compose and Swarm labels name the workload', async () => {
    const peer = await address('custom-peer', 'custom');
    const compose = {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'worker',
      'com.docker.compose.container-number': '2',
    };
    const swarm = {
      'com.docker.swarm.service.name': 'shop_mailer',
      'com.docker.swarm.task.name': 'shop_mailer.2.x7k2',
    };
    await hold('shop-worker-2', peer, ...on('custom'), ...labels(compose));
    await hold('shop_mailer.2.x7k2', peer, ...on('custom'), ...labels(swarm));
    for (const name of ['shop-worker-2', 'shop_mailer.2.x7k2']) await remove(name);

    const named = (name: string) =>
      waitFor(
        `a flow of ${name}`,
        () => agent.stored('flow').find(({ orig }) => orig.workload?.name === name),
        { timeoutMs: 30_000 },
      );
    expect((await named('shop-worker-2')).orig.workload).toMatchObject({
      composeProject: 'shop',
      composeService: 'worker',
      composeNumber: 2,
    });
    expect((await named('shop_mailer.2.x7k2')).orig.workload).toMatchObject({ swarmService: 'shop_mailer' });
  });

  it('an overlay network is seen inside its namespace', async () => {
    await lab.docker(['swarm', 'init', '--advertise-addr', HOST_ADDRESS]);
    await lab.docker(['network', 'create', '-d', 'overlay', '--attachable', 'mesh']);
    // Before there is one: the engine makes a container in less time than a busy agent needs to hear of a network.
    await waitFor(
      'the agent to say that nobody is on it',
      () => {
        const said = coverage('mesh').at(-1);
        return said?.state === 'uncovered' && said.reason.includes('no container');
      },
      told('mesh'),
    );
    await listen('mesh-peer', ...on('mesh'));
    await covered('mesh');
    const peer = await address('mesh-peer', 'mesh');
    await hold('mesh-caller', peer, ...on('mesh'));
    const caller = await address('mesh-caller', 'mesh');
    await remove('mesh-caller');

    const found = await flows('mesh', { orig: caller, resp: peer });
    expect(names(found)).toEqual(['mesh-caller -> mesh-peer']);
  });

  it('an overlay that should be encrypted and comes over the wire in clear is told, and makes no flows there', async () => {
    await lab.docker(['network', 'create', '-d', 'overlay', '--attachable', '--opt', 'encrypted', 'sealed']);
    await waitFor('sealed to be known', () => coverage('sealed').length > 0, told('sealed'));
    const option = 'com.docker.network.driver.overlay.vxlanid_list';
    const vni = await lab.docker([
      ...['network', 'inspect', '--format', `{{index .Options "${option}"}}`, 'sealed'],
    ]);
    const tunnel = ['type', 'vxlan', 'id', vni, 'remote', HOST_ADDRESS, 'dstport', '4789', 'dev', 'lan0'];
    await lab.exec('wan', ['ip', 'link', 'add', 'vx0', ...tunnel]);
    await lab.exec('wan', ['ip', 'address', 'add', '10.99.0.2/24', 'dev', 'vx0']);
    await lab.exec('wan', ['ip', 'link', 'set', 'vx0', 'up']);

    // Nobody answers: that somebody asks over VXLAN is all that is needed.
    const ping = ['busybox', 'ping', '-c', '1', '-W', '1', '10.99.0.1'];
    const found = await waitFor(
      'the finding',
      async () => {
        await lab.exec('wan', ping, { accept: [1] });
        return agent
          .findings()
          .find(({ analyzer, network }) => analyzer === 'overlay-cleartext' && network === 'sealed');
      },
      told('sealed'),
    );

    expect(found).toMatchObject({ message: 'encrypted-in-clear', severity: 'high', confidence: 'certain' });
    expect(found.evidence).toMatchObject({ vni: Number(vni), interface: 'eth0' });
    expect(found.subject.ip).toBe('198.51.100.1');
    expect(agent.stored('flow').filter(({ resp }) => resp.port === 4789)).toEqual([]);
    await lab.exec('wan', ['ip', 'link', 'delete', 'vx0']);
  });

  it('an address outside is what the registries say, and never a container', async () => {
    const address_ = INTERNET.attacker.v4;
    await lab.exec('wan', ['sh', '-c', 'true']);
    await speak('outbound', address_, ...on('front'));

    const flow = await waitFor(
      'the flow',
      () =>
        agent
          .stored('flow')
          .find(({ orig, resp }) => orig.workload?.name === 'outbound' && resp.ip === address_),
      { timeoutMs: 30_000 },
    );
    expect(flow.resp.workload).toBeUndefined();
    expect(flow).toMatchObject({ direction: 'egress', resp: { attribution: { method: 'range' } } });
  });
});
