import { describe, expect, it } from 'vitest';
import type { HostState, NetworkState, PortState, ServiceState } from '../../../../src/model/host-state.ts';
import { diffStates } from '../../../../src/sensor/audit/drift/diff.ts';
import { port } from '../support.ts';

const network = (fields: Partial<NetworkState> = {}): NetworkState => ({
  ...{ name: 'shop_data', driver: 'bridge', isInternal: false, isAttachable: false, hasIpv6: false },
  ...{ subnets: [], options: {} },
  ...fields,
});
const service = (fields: Partial<ServiceState> = {}): ServiceState => ({
  ...{ name: 'shop/db', networks: ['shop_data'], networkMode: 'shop_data', ports: [], isPrivileged: false },
  ...{ capAdd: [], capDrop: [], sysctls: {}, sockets: [] },
  ...fields,
});
const state = (networks: readonly NetworkState[], services: readonly ServiceState[] = []): HostState => ({
  networks,
  services,
});
/** `high isInternal`, in the order in which they are told. */
const short = (before: HostState, after: HostState) =>
  diffStates(before, after).map(({ severity, field }) => `${severity} ${field}`);
const ofNetwork = (was: Partial<NetworkState>, is: Partial<NetworkState>) =>
  short(state([network(was)]), state([network(is)]));
const ofService = (was: Partial<ServiceState>, is: Partial<ServiceState>) =>
  short(state([], [service(was)]), state([], [service(is)]));
const sentence = (was: Partial<ServiceState>, is: Partial<ServiceState>) =>
  diffStates(state([], [service(was)]), state([], [service(is)]))[0]?.sentence;

describe('two states of a host', () => {
  it('that are equal do not differ', () => {
    const one = state([network({ options: { a: 'b' } })], [service({ ports: [port('::', 80)] })]);

    expect(diffStates(one, structuredClone(one))).toEqual([]);
  });

  it('tell the gravest first, with both sides and a sentence about what is now', () => {
    const changes = diffStates(
      state([network({ isInternal: true })], [service({ capAdd: ['NET_ADMIN'] })]),
      state([network()], [service({ sysctls: { 'net.ipv4.ip_forward': '1' } })]),
    );

    expect(changes.map(({ severity, field }) => [severity, field])).toEqual([
      ['high', 'isInternal'],
      ['low', 'sysctls'],
      ['informational', 'capAdd'],
    ]);
    expect(changes[0]).toEqual({
      ...{ kind: 'network', name: 'shop_data', field: 'isInternal', before: true, after: false },
      ...{ sentence: 'shop_data is not internal: its members reach beyond it.', severity: 'high' },
    });
    expect(changes[2]).toMatchObject({ before: ['NET_ADMIN'], after: [] });
  });
});

describe('a network', () => {
  it.each<[string, Partial<NetworkState>, Partial<NetworkState>, string]>([
    ['that lost internal', { isInternal: true }, {}, 'high isInternal'],
    ['that became internal', {}, { isInternal: true }, 'informational isInternal'],
    ['that moved to the LAN', {}, { driver: 'macvlan' }, 'medium driver'],
    ['that left the LAN', { driver: 'macvlan' }, {}, 'low driver'],
    ['that anybody may join', {}, { isAttachable: true }, 'low isAttachable'],
    ['that got IPv6', {}, { hasIpv6: true }, 'low hasIpv6'],
    ['that got a subnet', {}, { subnets: ['10.9.0.0/24'] }, 'low subnets'],
    ['that lost its subnet', { subnets: ['10.9.0.0/24'] }, {}, 'low subnets'],
    ['that is in clear', { options: { encrypted: '' } }, {}, 'high options'],
    ['that is encrypted', {}, { options: { encrypted: '' } }, 'informational options'],
    ['with an option of no name we know', {}, { options: { constructor: 'x' } }, 'low options'],
  ])('%s', (_, was, is, told) => {
    expect(ofNetwork(was, is)).toEqual([told]);
  });

  it('whose asked subnet may be there still, only that nobody can tell, has not changed', () => {
    expect(ofNetwork({ subnets: ['172.20.0.0/16'] }, {})).toEqual([]);
    expect(ofNetwork({ subnets: ['172.16.0.0/16'] }, {})).toEqual(['low subnets']);
  });

  it.each([
    ['com.docker.network.bridge.gateway_mode_ipv4', 'nat-unprotected', 'high'],
    ['com.docker.network.bridge.gateway_mode_ipv6', 'routed', 'medium'],
    ['com.docker.network.bridge.gateway_mode_ipv4', 'isolated', 'informational'],
    ['com.docker.network.bridge.enable_icc', 'true', 'medium'],
    ['com.docker.network.bridge.enable_icc', 'false', 'informational'],
  ])('with %s=%s is %s', (option, value, severity) => {
    expect(ofNetwork({}, { options: { [option]: value } })).toEqual([`${severity} options`]);
  });

  it('that came or went is no harm by itself', () => {
    expect(short(state([]), state([network()]))).toEqual(['informational presence']);
    expect(short(state([network()]), state([]))).toEqual(['informational presence']);
  });
});

describe('a service', () => {
  const sock = '/var/run/docker.sock';
  it.each<[string, Partial<ServiceState>, Partial<ServiceState>, string]>([
    ['that became privileged', {}, { isPrivileged: true }, 'high isPrivileged'],
    ['that is so no more', { isPrivileged: true }, {}, 'informational isPrivileged'],
    ["that got the engine's socket", {}, { sockets: [sock] }, 'high sockets'],
    ['that joined another network', {}, { networks: ['shop_data', 'x'] }, 'medium networks'],
    ['that left a network', { networks: ['shop_data', 'x'] }, {}, 'informational networks'],
    ["that moved to the host's network", {}, { networkMode: 'host' }, 'medium networkMode'],
    ["that shares another's", {}, { networkMode: 'container:vpn' }, 'low networkMode'],
    ['that left it', { networkMode: 'host' }, {}, 'informational networkMode'],
    ['with NET_ADMIN', {}, { capAdd: ['NET_ADMIN'] }, 'medium capAdd'],
    ['with ALL', {}, { capAdd: ['ALL'] }, 'high capAdd'],
    ['with SYS_TIME', {}, { capAdd: ['SYS_TIME'] }, 'low capAdd'],
    ['that drops less', { capDrop: ['ALL'] }, {}, 'low capDrop'],
    ['that drops more', {}, { capDrop: ['ALL'] }, 'informational capDrop'],
    ["that sees the host's processes", {}, { pidMode: 'host' }, 'medium pidMode'],
    ["that sees another's", {}, { pidMode: 'container:db' }, 'low pidMode'],
    ['that turned a switch', {}, { sysctls: { constructor: '1' } }, 'low sysctls'],
  ])('%s', (_, was, is, told) => {
    expect(ofService(was, is)).toEqual([told]);
  });

  it.each<[string, PortState, string]>([
    ['the Docker API', port('0.0.0.0', 2375), 'critical'],
    ['a database', port('0.0.0.0', 15_432, 5432), 'high'],
    ['a database on one address', port('198.51.100.2', 5432), 'medium'],
    ['any port', port('::', 8080), 'medium'],
    ['any port, the number left to the engine', port('::', 0, 8080), 'medium'],
    ['any port on one address', port('198.51.100.2', 8080), 'low'],
    ['a database on loopback', port('127.0.0.1', 5432), 'low'],
  ])('that publishes %s', (_, published, severity) => {
    expect(ofService({}, { ports: [published] })).toEqual([`${severity} ports`]);
    expect(ofService({ ports: [published] }, {})).toEqual(['informational ports']);
  });

  it('whose port moved is told once, with what is there now', () => {
    expect(sentence({ ports: [port('127.0.0.1', 80)] }, { ports: [port('0.0.0.0', 80)] })).toBe(
      'shop/db publishes 0.0.0.0:80->80/tcp. shop/db does not publish 127.0.0.1:80->80/tcp.',
    );
  });

  it('that Compose takes for another of its networks has not changed', () => {
    expect(ofService({ networkMode: 'shop_data' }, { networkMode: 'shop_front' })).toEqual([]);
  });

  it('that was kept in and is on a network with a way out is grave; on one more internal network less so', () => {
    const networks = [network({ isInternal: true }), network({ name: 'more', isInternal: true })];
    const before = state([...networks, network({ name: 'front' })], [service()]);
    const with_ = (name: string) => state(before.networks, [service({ networks: ['shop_data', name] })]);

    expect(short(before, with_('front'))).toEqual(['high networks']);
    expect(diffStates(before, with_('front'))[0]?.sentence).toBe(
      'shop/db is on front, and front leads out of its internal networks.',
    );
    expect(short(before, with_('more'))).toEqual(['medium networks']);
  });

  it('that is new is as grave as what it brings: among others, or on networks as new as it is', () => {
    const among = (fields: Partial<ServiceState>) =>
      short(state([network()]), state([network()], [service(fields)]));

    expect(among({})).toEqual(['medium presence']);
    expect(among({ isPrivileged: true })).toEqual(['high presence']);
    expect(short(state([]), state([network()], [service()]))).toEqual([
      'low presence',
      'informational presence',
    ]);
    expect(
      diffStates(state([]), state([], [service({ ports: [port('::', 80)], capAdd: ['NET_ADMIN'] })]))[0]
        ?.sentence,
    ).toBe('shop/db runs, on shop_data, with NET_ADMIN, publishing [::]:80->80/tcp.');
  });

  it('that does not run is told: it may have been what kept others out', () => {
    expect(short(state([], [service()]), state([]))).toEqual(['low presence']);
  });
});
