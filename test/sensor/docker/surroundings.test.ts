import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../src/model/ip.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { DockerSurroundings } from '../../../src/sensor/docker/surroundings.ts';
import { containerFact, endpointFact, networkFact, T0 } from '../../support/inventory-facts.ts';

const at = (around: DockerSurroundings, ip: string) => around.networkAt(parseIp(ip)!)?.name;

function world(knowsPorts = true) {
  const state = new InventoryState();
  const bridge = 'br-1';
  state.networkSeen(
    networkFact({ name: 'net', bridge, subnets: ['10.0.0.0/24', 'fd00::/64'], gateways: ['10.0.0.1'] }),
    T0,
  );
  const published = [{ protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080, containerPort: 80 }];
  state.connected(endpointFact('web', 'net', ['10.0.0.2']), T0, containerFact('web', { published }));
  return { state, around: new DockerSurroundings(state, { knowsPorts }) };
}

describe('surroundings', () => {
  it('find the bridge of an address, of both families and asked in any order', () => {
    const { around } = world();

    const asked = ['10.0.0.2', '10.0.1.2', 'fd00::7', '10.0.0.1', '10.0.1.2', '10.0.0.2'];
    expect(asked.map((ip) => at(around, ip))).toEqual(['net', undefined, 'net', 'net', undefined, 'net']);
  });

  it('learn of a network that comes and forget one that goes', () => {
    const { state, around } = world();
    expect(at(around, '10.9.0.2')).toBeUndefined();
    state.networkSeen(networkFact({ name: 'late', bridge: 'br-2', subnets: ['10.9.0.0/24'] }), T0 + 1);
    expect(at(around, '10.9.0.2')).toBe('late');
    state.networkRemoved('late-id', T0 + 2);
    expect(at(around, '10.9.0.2')).toBeUndefined();
  });

  it('leave out networks without a bridge: their subnet is the LAN', () => {
    const { state, around } = world();
    const { network, endpoints } = networkFact({ name: 'lan', driver: 'macvlan', subnets: ['10.8.0.0/24'] });
    const { bridge: _, ...withoutBridge } = network;
    state.networkSeen({ network: withoutBridge, endpoints }, T0);

    expect(at(around, '10.8.0.2')).toBeUndefined();
  });

  it('know which port is published, and to whom a port of the host leads', () => {
    const { around } = world();

    expect(around.isPublished('web-id', 'tcp', 80)).toBe(true);
    expect(around.isPublished('web-id', 'udp', 80)).toBe(false);
    expect(around.isPublished('web-id', 'tcp', 81)).toBe(false);
    expect(around.isPublished('nobody', 'tcp', 80)).toBeUndefined();
    expect(around.publisherOf('tcp', '10.0.0.1', 8080)?.name).toBe('web');
    expect(around.publisherOf('tcp', '10.0.0.1', 80)).toBeUndefined();
    expect(around.publisherOf('tcp', 'fd00::1', 8080)).toBeUndefined();
  });

  it('do not say that a port is unpublished where nobody told', () => {
    expect(world(false).around.isPublished('web-id', 'tcp', 81)).toBeUndefined();
  });

  it('know who listens as far as the kernel was asked', () => {
    const { state, around } = world();
    const listensAt = (id: string, protocol: string, port: number) =>
      id === 'web-id' ? protocol === 'tcp' && port === 80 : undefined;
    const asked = new DockerSurroundings(state, { knowsPorts: true, listensAt });

    expect(asked.listensAt('web-id', 'tcp', 80)).toBe(true);
    expect(asked.listensAt('web-id', 'tcp', 81)).toBe(false);
    expect(asked.listensAt('db-id', 'tcp', 80)).toBeUndefined();
    expect(asked.listensAt('web-id', 'tcp', undefined)).toBeUndefined();
    expect(around.listensAt('web-id', 'tcp', 80)).toBeUndefined();
  });
});
