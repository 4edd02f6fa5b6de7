import { describe, expect, it } from 'vitest';
import {
  InventoryInputError,
  inventoryFromRecords,
  inventoryToRecords,
} from '../../../src/sensor/docker/inventory-records.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { inventoryFromNetworkFlags } from '../../../src/sensor/docker/network-flags.ts';
import { containerFact, endpointFact, networkFact, T0 } from '../../support/inventory-facts.ts';

const lines = (records: readonly unknown[]): string[] => records.map((record) => JSON.stringify(record));

function sample(): InventoryState {
  const state = new InventoryState();
  state.networkSeen(networkFact({ name: 'net', subnets: ['10.0.0.0/24'], gateways: ['10.0.0.1'] }), T0);
  state.networkSeen(networkFact({ name: 'other', subnets: ['10.1.0.0/24'] }), T0);
  state.connected(endpointFact('gone', 'net', ['10.0.0.3']), T0, containerFact('gone'));
  state.containerGone('gone-id', T0 + 5);
  state.connected(
    endpointFact('db', 'net', ['10.0.0.2'], '02:42:00:00:00:02'),
    T0,
    containerFact('db', { pid: 7, resolvers: ['198.51.100.53'] }),
  );
  state.connected(endpointFact('db', 'other', ['10.1.0.2']), T0 + 1);
  state.disconnected('other-id', 'db-id', T0 + 9);
  return state;
}

describe('inventory records', () => {
  it('come back as the same networks, containers and intervals', () => {
    const state = sample();
    const records = inventoryToRecords(state, ['198.51.100.2']);
    const { state: back, hostAddresses } = inventoryFromRecords(['', ...lines(records), '  ']);

    expect(records.map(({ kind }) => kind)).toEqual(['host', 'network', 'network', 'container', 'container']);
    expect(back.networks()).toEqual(state.networks());
    expect(hostAddresses).toEqual(['198.51.100.2']);
    expect(back.containers().map(({ workload, endpoints }) => [workload, endpoints])).toEqual(
      state.containers().map(({ workload, endpoints }) => [workload, endpoints]),
    );
    for (const ip of ['10.0.0.2', '10.0.0.3', '10.1.0.2']) {
      expect(back.book.byIp(ip).map(({ from, to }) => [from, to])).toEqual(
        state.book.byIp(ip).map(({ from, to }) => [from, to]),
      );
    }
    const withoutPid = (record: object): object => ({ ...record, pid: undefined });
    expect(inventoryToRecords(back, hostAddresses).map(withoutPid)).toEqual(records.map(withoutPid));
  });

  const network = {
    kind: 'network',
    id: 'n',
    name: 'n',
    driver: 'bridge',
    internal: false,
    subnets: ['10.0.0.0/24'],
  };

  it('need only what tells a network', () => {
    expect(inventoryFromRecords(lines([network])).state.networks()).toMatchObject([
      { name: 'n', scope: 'local' },
    ]);
  });

  it.each([
    [['{'], 'map.ndjson: line 1: not JSON'],
    [['', JSON.stringify(network), '5'], 'line 3: "kind" must be "network", "container" or "host"'],
    [[JSON.stringify({ ...network, kind: 'netwrok' })], 'line 1: "kind" must be'],
    [
      [JSON.stringify({ ...network, subnets: ['10.0.0.0/24', '10.0.0.0'] })],
      'line 1: subnets[1]: not a prefix',
    ],
    [[JSON.stringify({ ...network, internal: 'yes' })], 'line 1: internal: '],
    [
      lines([
        network,
        {
          kind: 'container',
          containerId: 'c',
          name: 'c',
          image: 'i',
          networkMode: 'n',
          networks: [],
          endpoints: [{ networkId: 'n', containerId: 'c', ips: ['300.1.1.1'], from: 1 }],
        },
      ]),
      'line 2: endpoints[0].ips[0]: not an IP address',
    ],
    [[], 'map.ndjson: no network in it'],
  ])('%j: %s', (input, message) => {
    const act = (): unknown => inventoryFromRecords(input, 'map.ndjson');

    expect(act).toThrow(InventoryInputError);
    expect(act).toThrow(message);
  });
});

describe('inventoryFromNetworkFlags', () => {
  it('reads names, prefixes of both families and internal', () => {
    const state = inventoryFromNetworkFlags([
      'data=172.30.0.0/24,2001:db8::/64,internal',
      'front=10.0.0.7/8',
    ]);

    expect(state.networks()).toMatchObject([
      {
        id: 'data',
        name: 'data',
        internal: true,
        subnets: ['172.30.0.0/24', '2001:db8::/64'],
        gateways: ['172.30.0.1', '2001:db8::1'],
      },
      { name: 'front', internal: false, subnets: ['10.0.0.0/8'], gateways: ['10.0.0.1'] },
    ]);
    expect(state.knowsContainers).toBe(false);
  });

  it.each([
    [['data'], '"data": the name is missing; expected NAME=CIDR[,CIDR][,internal]'],
    [['=10.0.0.0/8'], 'the name is missing'],
    [['data='], '"" is no prefix'],
    [['data=internal'], 'there is no prefix'],
    [['data=10.0.0.0'], '"10.0.0.0" is no prefix like 172.18.0.0/16'],
    [['data=10.0.0.0/8,intern'], '"intern" is no prefix'],
    [['a=10.0.0.0/8', 'a=11.0.0.0/8'], '"a" is given twice'],
    [['a=10.0.0.0/8', 'b=10.3.0.0/16'], '10.3.0.0/16 of b overlaps 10.0.0.0/8 of a'],
    [['a=10.3.0.0/16', 'b=10.0.0.0/8'], 'overlaps'],
  ])('refuses %j: %s', (flags, message) => {
    expect(() => inventoryFromNetworkFlags(flags)).toThrow(message);
  });
});
