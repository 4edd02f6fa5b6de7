import { describe, expect, it } from 'vitest';
import type { InventoryEvent } from '../../../src/sensor/docker/inventory-event.ts';
import { toInventoryRecord } from '../../../src/sensor/docker/inventory-event.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { containerFact, endpointFact, networkFact, SECOND, T0 } from '../../support/inventory-facts.ts';

const MAC_A = '02:42:ac:12:00:02';
const MAC_B = '0a:00:00:00:00:0b';

function stateWithLog(): { state: InventoryState; events: InventoryEvent[]; story: () => string[] } {
  const events: InventoryEvent[] = [];
  const state = new InventoryState((event) => events.push(event));
  const story = (): string[] => events.map((event) => `${event.type} ${toInventoryRecord(event).name}`);
  return { state, events, story };
}

describe('InventoryState', () => {
  it('opens an interval at the connect and closes it at the disconnect', () => {
    const { state } = stateWithLog();
    state.networkSeen(networkFact({ name: 'net' }), T0);
    state.connected(endpointFact('db', 'net', ['10.0.0.2'], MAC_A), T0 + 1, containerFact('db', { pid: 7 }));

    expect(state.container('db-id')!.endpoints).toEqual([
      { networkId: 'net-id', containerId: 'db-id', ips: ['10.0.0.2'], mac: MAC_A, from: T0 + 1 },
    ]);

    state.disconnected('net-id', 'db-id', T0 + 9);
    expect(state.container('db-id')).toMatchObject({ endpoints: [], workload: { networks: [] } });
    expect(state.book.byIp('10.0.0.2')).toMatchObject([{ from: T0 + 1, to: T0 + 9 }]);
  });

  it('knows the embedded resolver by the networks, and nobody as the resolver where none is known', () => {
    const { state } = stateWithLog();
    const resolvers = ['198.51.100.53'];
    const resolversOf = (name: string) => state.container(`${name}-id`)!.workload.resolvers;
    for (const name of ['bridge', 'shop']) state.networkSeen(networkFact({ name }), T0);
    state.connected(endpointFact('db', 'bridge', ['10.0.0.2']), T0, containerFact('db', { resolvers }));
    state.connected(endpointFact('api', 'shop', ['10.0.0.3']), T0, containerFact('api', { resolvers }));
    state.connected(endpointFact('web', 'shop', ['10.0.0.4']), T0, containerFact('web'));

    expect(resolversOf('db')).toEqual(['198.51.100.53']);
    expect(resolversOf('api')).toEqual(['127.0.0.11', '198.51.100.53']);
    expect(resolversOf('web')).toBeUndefined();

    state.connected(endpointFact('db', 'shop', ['10.0.0.5']), T0 + 1);
    expect(resolversOf('db')).toEqual(['127.0.0.11', '198.51.100.53']);
  });

  it('tells listeners each change once, in order', () => {
    const { state, story } = stateWithLog();
    state.networkSeen(networkFact({ name: 'net' }), T0);
    state.networkSeen(networkFact({ name: 'net' }), T0);
    const endpoint = endpointFact('db', 'net', ['10.0.0.2'], MAC_A);
    state.connected(endpoint, T0, containerFact('db'));
    state.containerSeen(containerFact('db', { pid: 7, endpoints: [endpoint] }), T0);
    state.containerSeen(containerFact('db', { pid: 7, endpoints: [endpoint] }), T0);
    state.connected(endpoint, T0);
    state.containerGone('db-id', T0 + 5);
    state.disconnected('net-id', 'db-id', T0 + 6);
    state.disconnected('net-id', 'db-id', T0 + 6);
    state.containerGone('db-id', T0 + 7);
    state.networkRemoved('net-id', T0 + 8);
    state.networkRemoved('net-id', T0 + 8);

    expect(story()).toEqual([
      'network-added net',
      'container-added db',
      'endpoint-added db',
      'container-changed db',
      'endpoint-removed db',
      'container-removed db',
      'network-removed net',
    ]);
  });

  it('holds the address until the disconnect, which comes after the death', () => {
    const { state } = stateWithLog();
    state.connected(endpointFact('db', 'net', ['10.0.0.2']), T0, containerFact('db'));
    state.containerGone('db-id', T0 + SECOND);
    state.disconnected('net-id', 'db-id', T0 + SECOND + 120_000);

    expect(state.book.byIp('10.0.0.2')).toMatchObject([{ to: T0 + SECOND + 120_000 }]);
    expect(state.book.byIp('10.0.0.2')[0]!.holder.workload.stoppedAt).toBe(T0 + SECOND);
  });

  it('forgets a container whose start failed, of which no death is told', () => {
    const { state, story } = stateWithLog();
    state.connected(endpointFact('db', 'net', ['10.0.0.2']), T0, containerFact('db'));
    state.disconnected('net-id', 'db-id', T0 + 1);

    expect(state.containers()).toEqual([]);
    expect(story().at(-1)).toBe('container-removed db');
  });

  it('does not close a new life with the tidings of the old one', () => {
    const { state } = stateWithLog();
    const facts = containerFact('db', { running: true, startedAt: T0 + 10 * SECOND });
    state.connected(endpointFact('db', 'net', ['10.0.0.2']), T0 + 9 * SECOND, facts);

    state.containerGone('db-id', T0 + 8 * SECOND);
    state.disconnected('net-id', 'db-id', T0 + 8 * SECOND);

    expect(state.container('db-id')!.endpoints).toHaveLength(1);
  });

  it('opens a new interval when the endpoint is another one with the same address', () => {
    const { state } = stateWithLog();
    state.connected(endpointFact('db', 'net', ['10.0.0.2'], MAC_A, { endpointId: 'e1' }), T0);
    state.connected(endpointFact('db', 'net', ['10.0.0.2'], MAC_B, { endpointId: 'e2' }), T0 + 5);

    expect(state.book.byIp('10.0.0.2')).toMatchObject([
      { mac: MAC_A, from: T0, to: T0 + 5 },
      { mac: MAC_B, from: T0 + 5, to: Number.POSITIVE_INFINITY },
    ]);
  });

  it('keeps the addresses of a removed network, and the network itself, for late packets', () => {
    const { state } = stateWithLog();
    state.networkSeen(networkFact({ name: 'net', subnets: ['10.0.0.0/24'] }), T0);
    state.connected(endpointFact('db', 'net', ['10.0.0.2']), T0);

    state.networkRemoved('net-id', T0 + 5);

    expect(state.networks()).toEqual([]);
    expect(state.removedNetworks()).toMatchObject([{ name: 'net' }]);
    expect(state.book.byIp('10.0.0.2')).toMatchObject([{ to: T0 + 5 }]);
  });

  it('learns gateways from endpoints and from the addresses of the host, inside the subnets only', () => {
    const events: InventoryEvent[] = [];
    const localAddresses = (): string[] => ['10.0.0.1', '10.9.0.1', '2001:db8::1', '127.0.0.1'];
    const state = new InventoryState((event) => events.push(event), { localAddresses });
    state.networkSeen(networkFact({ name: 'net', subnets: ['10.0.0.0/24', '2001:db8::/64'] }), T0);
    expect(state.network('net-id')!.gateways).toEqual(['10.0.0.1', '2001:db8::1']);

    state.connected(endpointFact('db', 'net', ['10.0.0.2'], MAC_A, { gateways: ['10.0.0.254'] }), T0);
    expect(state.network('net-id')!.gateways).toContain('10.0.0.254');
    expect(events.map((event) => event.type)).toContain('network-changed');
  });

  it('finds the sharers of a namespace, whichever way the engine names its owner', () => {
    const { state } = stateWithLog();
    const id = 'f'.repeat(64);
    state.containerSeen(containerFact('db', { id }), T0);
    for (const [name, target] of [
      ['by-id', id],
      ['by-prefix', id.slice(0, 12)],
      ['by-name', 'db'],
      ['other', 'nobody'],
    ] as const) {
      state.containerSeen(containerFact(name, { networkMode: `container:${target}` }), T0);
    }

    expect(state.sharersOf(id).map(({ name }) => name)).toEqual(['by-id', 'by-prefix', 'by-name']);
  });

  it('drops closed intervals by number and by age, and counts only those dropped by number', () => {
    const state = new InventoryState(() => {}, { retention: { maxClosed: 2, closedSecs: 100 } });
    for (let i = 0; i < 4; i++) {
      state.connected(endpointFact('db', 'net', [`10.0.0.${i}`]), T0 + i);
      state.disconnected('net-id', 'db-id', T0 + i);
    }
    expect(state.book.closed()).toHaveLength(2);
    expect(state.book.byIp('10.0.0.1')).toEqual([]);
    expect(state.book.byIp('10.0.0.2')).toHaveLength(1);
    expect(state.book.evicted).toBe(2);

    state.connected(endpointFact('db', 'net', ['10.0.0.9'], MAC_A), T0);
    state.disconnected('net-id', 'db-id', T0 + 101 * SECOND);
    expect(state.book.closed()).toHaveLength(1);
    expect(state.book.byIp('10.0.0.2')).toEqual([]);
    expect(state.book.evicted).toBe(2);
  });

  describe('after a new list', () => {
    const network = networkFact({ name: 'net', subnets: ['10.0.0.0/24'] });
    const db = containerFact('db', {
      running: true,
      startedAt: T0 - SECOND,
      endpoints: [endpointFact('db', 'net', ['10.0.0.2'], MAC_A)],
    });

    it('takes what it finds first as held since the start of the container', () => {
      const { state } = stateWithLog();
      state.replaceAll([network], [db], T0);

      expect(state.book.byIp('10.0.0.2')).toMatchObject([{ from: T0 - SECOND }]);
      expect(state.container('db-id')!.workload.networks).toEqual(['net']);
    });

    it('leaves an unchanged endpoint its interval, and says nothing', () => {
      const { state, events } = stateWithLog();
      state.replaceAll([network], [db], T0);
      state.engineLost(T0 + SECOND);
      const before = events.length;
      state.replaceAll([network], [db], T0 + 60 * SECOND);

      expect(state.book.byIp('10.0.0.2')).toMatchObject([
        { from: T0 - SECOND, to: Number.POSITIVE_INFINITY },
      ]);
      expect(events).toHaveLength(before);
      expect(state.stale).toBe(false);
      expect(state.gaps).toEqual([{ from: T0 + SECOND, to: T0 + 60 * SECOND }]);
    });

    it('ends what is gone where certainty ended, and begins what is new where it begins', () => {
      const { state, story } = stateWithLog();
      state.replaceAll([network], [db], T0);
      state.engineLost(T0 + 10 * SECOND);
      const web = containerFact('web', {
        running: true,
        startedAt: T0 + 20 * SECOND,
        endpoints: [endpointFact('web', 'net', ['10.0.0.2'], MAC_B)],
      });
      state.replaceAll([network], [web], T0 + 60 * SECOND);

      expect(state.book.byIp('10.0.0.2')).toMatchObject([
        { mac: MAC_A, to: T0 + 10 * SECOND },
        { mac: MAC_B, from: T0 + 20 * SECOND },
      ]);
      expect(story().slice(-4)).toEqual([
        'endpoint-removed db',
        'container-removed db',
        'container-added web',
        'endpoint-added web',
      ]);
    });

    it('keeps a container that is only starting, when its network already knows its address', () => {
      const { state } = stateWithLog();
      const starting = { ...network, endpoints: [endpointFact('new', 'net', ['10.0.0.3'])] };
      state.replaceAll([starting], [containerFact('new', { running: false })], T0);

      expect(state.container('new-id')!.endpoints).toMatchObject([{ ips: ['10.0.0.3'], from: T0 }]);
    });

    it('leaves out what only exists', () => {
      const { state } = stateWithLog();
      state.replaceAll([network], [containerFact('created', { running: false })], T0);

      expect(state.containers()).toEqual([]);
    });
  });
});
