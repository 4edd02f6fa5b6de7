import { describe, expect, it } from 'vitest';
import { stateOf } from '../../../../src/sensor/audit/drift/state.ts';
import { askedSubnets } from '../../../../src/sensor/audit/drift/subnets.ts';
import { container, DOCKER0, network, port, service } from '../support.ts';

const only = (...replicas: ReturnType<typeof container>[]) => {
  const { services } = stateOf([], replicas);
  expect(services).toHaveLength(1);
  return services[0]!;
};

describe('the state of a host', () => {
  it('is the same for the same host in another order, with other ids, and after a restart of the engine', () => {
    const front = (id: string) => network('shop_front', { id, labels: { build: id } });
    const web = (id: string, ip: string) =>
      service('shop', 'web', { id, networks: ['shop_front'], startedAt: Number(ip.at(-1)) });
    const db = container('db', { capAdd: ['SYS_TIME', 'NET_ADMIN'] });

    expect(stateOf([front('1'), DOCKER0], [web('a', '172.30.0.2'), db])).toEqual(
      stateOf([DOCKER0, front('2')], [{ ...db, capAdd: ['NET_ADMIN', 'SYS_TIME'] }, web('b', '172.30.0.9')]),
    );
  });

  it('has replicas as one service, with all that any of them may', () => {
    const state = only(
      service('shop', 'web', { networks: ['front'], capDrop: ['ALL', 'NET_RAW'] }),
      service('shop', 'web', { networks: ['back'], capDrop: ['NET_RAW'], isPrivileged: true }),
    );

    expect(state).toMatchObject({
      name: 'shop/web',
      networks: ['back', 'front'],
      isPrivileged: true,
      capDrop: ['NET_RAW'],
    });
    expect(only(service('shop', 'web'), service('shop', 'web'))).toEqual(only(service('shop', 'web')));
  });

  it('names the owner of a shared namespace, and not its id', () => {
    const containers = [
      container('vpn', { id: 'f'.repeat(64) }),
      container('side', {
        networkMode: `container:${'f'.repeat(64)}`,
        pidMode: `container:${'e'.repeat(64)}`,
      }),
    ];

    expect(stateOf([], containers).services[0]).toMatchObject({
      networkMode: 'container:vpn',
      pidMode: 'container:another',
    });
    expect(
      stateOf([network('lan', { id: '77' })], [container('a', { networkMode: '77' })]).services[0],
    ).toMatchObject({ networkMode: 'lan' });
  });

  it('takes the gravest mode of replicas that differ', () => {
    const modes = ['front', 'host', 'container:x'].map((networkMode) =>
      service('shop', 'web', { networkMode }),
    );

    expect(only(...modes).networkMode).toBe('host');
    expect(only(...modes.reverse()).networkMode).toBe('host');
  });

  describe('ports', () => {
    const asked = (hostIp: string | undefined, hostPort: number, containerPort = 80) => ({
      ...(hostIp === undefined ? {} : { hostIp }),
      ...{ protocol: 'tcp', hostPort, containerPort },
    });

    it('are those that were asked for: without an address both families, and no port that the engine chose', () => {
      const published = [port('0.0.0.0', 49_153, 80), port('::', 49_153, 80)];

      expect(only(container('a', { asked: [asked(undefined, 0)], published })).ports).toEqual([
        port('0.0.0.0', 0, 80),
        port('::', 0, 80),
      ]);
      expect(only(container('a', { asked: [asked('127.0.0.1', 8080)] })).ports).toEqual([
        port('127.0.0.1', 8080, 80),
      ]);
    });

    it('that only --publish-all opens are there without their number', () => {
      const published = [port('0.0.0.0', 49_153, 80), port('0.0.0.0', 49_154, 81)];

      expect(only(container('a', { asked: [asked('0.0.0.0', 49_153)], published })).ports).toEqual([
        port('0.0.0.0', 49_153, 80),
        port('0.0.0.0', 0, 81),
      ]);
    });

    it('are as published where it is not known what was asked for', () => {
      const published = [port('0.0.0.0', 8080, 80)];

      expect(only(container('a', { published })).ports).toEqual(published);
    });
  });

  it('has networks without those of every host, and without what the engine writes itself', () => {
    const options = {
      'com.docker.network.driver.overlay.vxlanid_list': '4097',
      'com.docker.network.enable_ipv6': 'false',
      encrypted: '',
    };
    const { networks } = stateOf(
      [
        network('host', { driver: 'host' }),
        network('none', { driver: 'null' }),
        network('mesh', { options }),
      ],
      [],
    );

    expect(networks.map(({ name }) => name)).toEqual(['mesh']);
    expect(networks[0]!.options).toEqual({ encrypted: '' });
  });

  it('keeps sockets of engines that are mounted, and no other mount', () => {
    const mount = (source: string) => ({ type: 'bind', source, destination: '/x', isWritable: false });
    const mounts = ['/srv/data', '/run', '/var/run/docker.sock'].map(mount);

    expect(only(container('a', { mounts })).sockets).toEqual(['/run', '/var/run/docker.sock']);
  });
});

describe('subnets that were asked for', () => {
  const of = (subnet: string, gateway: string | undefined, driver = 'bridge', pools: string[] = []) =>
    askedSubnets(
      network('n', { driver, subnets: [subnet], gateways: gateway === undefined ? [] : [gateway] }),
      pools,
    );

  it.each([
    ['172.17.0.0/16', '172.17.0.1', 'bridge'],
    ['172.31.0.0/16', '172.31.0.1', 'bridge'],
    ['192.168.16.0/20', '192.168.16.1', 'bridge'],
    ['10.0.3.0/24', '10.0.3.1', 'overlay'],
    ['fd4d:1:2::/64', 'fd4d:1:2::1', 'bridge'],
  ])('%s is what the engine takes when nobody asks', (subnet, gateway, driver) => {
    expect(of(subnet, gateway, driver)).toEqual([]);
  });

  it.each([
    ['172.16.0.0/16', '172.16.0.1', 'bridge', 'outside its pools'],
    ['172.18.0.0/24', '172.18.0.1', 'bridge', 'of another size'],
    ['172.18.0.0/16', '172.18.0.254', 'bridge', 'with another gateway'],
    ['172.18.0.0/16', undefined, 'bridge', 'without a gateway, as engines up to 27 show it'],
    ['10.0.3.0/24', '10.0.3.1', 'bridge', "out of another driver's pool"],
    ['2001:db8:1::/64', '2001:db8:1::1', 'bridge', 'that is not local'],
  ])('%s was asked for: %s, %s, %s', (subnet, gateway, driver, _why) => {
    expect(of(subnet, gateway, driver)).toEqual([subnet]);
  });

  it('are not those of the default bridge, unless `bip` moved it', () => {
    const docker0 = (subnet: string) => askedSubnets({ ...DOCKER0, subnets: [subnet], gateways: [] });

    expect(docker0('172.17.0.0/16')).toEqual([]);
    expect(docker0('10.200.0.0/24')).toEqual(['10.200.0.0/24']);
  });

  it('are not those out of configured pools', () => {
    expect(of('10.200.4.0/24', '10.200.4.1', 'bridge', ['10.200.0.0/16'])).toEqual([]);
    expect(of('10.201.4.0/24', '10.201.4.1', 'bridge', ['10.200.0.0/16'])).toEqual(['10.201.4.0/24']);
  });
});
