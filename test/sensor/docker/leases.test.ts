import { describe, expect, it } from 'vitest';
import type { LeaseRecord } from '../../../src/model/lease.ts';
import { Attribution } from '../../../src/sensor/docker/attribution.ts';
import { Inventory } from '../../../src/sensor/docker/inventory.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { BIG_HOSTS, bigHosts } from '../../support/big-hosts.ts';
import { containerFact, endpointFact, networkFact, SECOND, T0 } from '../../support/inventory-facts.ts';

const NET = networkFact({ name: 'net', subnets: ['172.30.0.0/24'], gateways: ['172.30.0.1'] });
const IP = '172.30.0.2';
const MAC = '02:42:ac:1e:00:02';
const at = (secs: number): number => T0 + secs * SECOND;
const a = (more = {}) =>
  containerFact('a', {
    running: true,
    startedAt: at(0),
    endpoints: [endpointFact('a', 'net', [IP], MAC, { endpointId: 'ea' })],
    ...more,
  });

function withLeases(): { state: InventoryState; leases: LeaseRecord[] } {
  const leases: LeaseRecord[] = [];
  return { state: new InventoryState(() => {}, { onLease: (lease) => leases.push(lease) }), leases };
}

describe('a lease', () => {
  it('is told when it begins, when more is known of it, and when it ends, under one id', () => {
    const { state, leases } = withLeases();
    state.networkSeen(NET, at(0));
    state.connected(endpointFact('a', 'net', [IP], MAC, { endpointId: 'ea' }), at(1));
    state.containerSeen(containerFact('a', { image: 'postgres:17' }), at(2));
    const { interval } = [...state.openIntervals()][0]!;
    state.learnedLink(interval, { veth: 'veth1', ifIndex: 7 }, at(3));
    state.learnedLink(interval, { netns: 4026532000 }, at(4));
    state.learnedLink(interval, { netns: 4026532000 }, at(5));
    state.disconnected('net-id', 'a-id', at(9));

    expect(
      leases.map(({ time, workload, veth, netns, to }) => [time - T0, workload.image, veth, netns, to]),
    ).toEqual([
      [1e6, 'unknown', undefined, undefined, undefined],
      [2e6, 'postgres:17', undefined, undefined, undefined],
      [3e6, 'postgres:17', 'veth1', undefined, undefined],
      [4e6, 'postgres:17', 'veth1', 4026532000, undefined],
      [9e6, 'postgres:17', 'veth1', 4026532000, at(9)],
    ]);
    expect(new Set(leases.map(({ id }) => id)).size).toBe(1);
    expect(leases.at(-1)).toMatchObject({
      network: 'net',
      networkId: 'net-id',
      ips: [IP],
      mac: MAC,
      ifIndex: 7,
    });
    expect(leases.at(-1)).not.toHaveProperty('uncertain');
  });

  it('ends where the address was given back, told after the death', () => {
    const { state, leases } = withLeases();
    state.connected(endpointFact('a', 'net', [IP], MAC), at(1), containerFact('a'));
    state.containerGone('a-id', at(5));
    state.disconnected('net-id', 'a-id', at(5.2));

    expect(leases.map(({ to }) => to)).toEqual([undefined, at(5), at(5.2)]);
  });
});

describe('leases of an earlier run', () => {
  const lease = (more: Partial<LeaseRecord> = {}): LeaseRecord => ({
    kind: 'lease',
    time: at(10),
    id: 'kept',
    networkId: 'net-id',
    network: 'net',
    ips: [IP],
    mac: MAC,
    workload: {
      containerId: 'a-id',
      name: 'a',
      image: 'i',
      labels: {},
      networkMode: 'net',
      networks: ['net'],
    },
    from: at(1),
    ...more,
  });

  function restarted(leases: readonly LeaseRecord[], listed = a()) {
    const world = withLeases();
    world.state.remember({ leases, knownUntil: at(100) });
    world.state.replaceAll([NET], [listed], at(200));
    const attribution = new Attribution(world.state);
    const who = (secs: number) => attribution.resolve(IP, MAC, 'net-id', at(secs));
    return { ...world, who };
  }

  it('go on when the list shows them unchanged: the same id, the same beginning, certain all along', () => {
    const { leases, who } = restarted([lease()]);

    expect(leases).toMatchObject([{ id: 'kept', from: at(1) }]);
    expect(leases[0]).not.toHaveProperty('to');
    expect([who(50), who(150), who(250)].map(({ attribution }) => attribution.confidence)).toEqual([
      'certain',
      'certain',
      'certain',
    ]);
  });

  describe('what is said of the time between', () => {
    const listed = containerFact('b', { running: true, startedAt: at(0) });

    it('is that the agent was not running, not that the engine did not answer', () => {
      const { who } = restarted([lease()], listed);
      const absent =
        'the agent was not running between 2026-01-01T00:01:40.000000Z and 2026-01-01T00:03:20.000000Z';

      expect(who(150).attribution.reason).toContain(`the last known holder; ${absent}`);
      expect(who(99).attribution.reason).toBeUndefined();
      const nobodys = new Attribution(restarted([lease()], listed).state).resolve(
        '172.30.0.77',
        undefined,
        'net-id',
        at(150),
      );
      expect(nobodys.attribution.reason).toContain(absent);
    });

    it('is both, each in its time, where the engine did not answer the agent when it was back', () => {
      const { state } = withLeases();
      state.remember({ leases: [lease()], knownUntil: at(100) });
      state.engineLost(at(150));
      state.replaceAll([NET], [listed], at(200));
      const attribution = new Attribution(state);
      const reason = (secs: number) => attribution.resolve(IP, MAC, 'net-id', at(secs)).attribution.reason;

      expect(reason(149)).toContain(
        'the agent was not running between 2026-01-01T00:01:40.000000Z and 2026-01-01T00:02:30.000000Z',
      );
      expect(reason(150)).toContain(
        'the Docker engine did not answer between 2026-01-01T00:02:30.000000Z and 2026-01-01T00:03:20.000000Z',
      );
    });
  });

  it.each([
    ['is not there any more', containerFact('b', { running: true, startedAt: at(0) })],
    ['was restarted while nobody looked', a({ startedAt: at(150) })],
    [
      'has another address',
      a({ endpoints: [endpointFact('a', 'net', ['172.30.0.9'], '02:42:ac:1e:00:09')] }),
    ],
  ])('end as uncertain when the container %s', (_, listed) => {
    const { leases, who } = restarted([lease()], listed);

    expect(leases.find(({ id }) => id === 'kept')).toMatchObject({ to: at(100), uncertain: true });
    expect(who(50)).toMatchObject({ workload: { name: 'a' }, attribution: { confidence: 'certain' } });
    // Nobody looked: whoever it was, it is not said.
    expect(who(120)).toMatchObject({ attribution: { confidence: 'ambiguous' } });
    expect(who(120).workload).toBeUndefined();
  });

  it('that had ended still name late packets, and never those of the next holder', () => {
    const ended = lease({
      id: 'old',
      workload: { ...lease().workload, containerId: 'o-id', name: 'o' },
      to: at(40),
    });
    const { who } = restarted([ended, lease({ from: at(41) })]);

    expect([30, 39.8, 42].map((secs) => who(secs).workload?.name)).toEqual(['o', 'o', 'a']);
    expect(who(40.5)).toMatchObject({ attribution: { confidence: 'ambiguous' } });
  });

  it('without any sign when that run ended, they are good until their last record', () => {
    const world = withLeases();
    world.state.remember({ leases: [lease()] });
    world.state.replaceAll([NET], [containerFact('b', { running: true })], at(200));

    expect(world.leases[0]).toMatchObject({ id: 'kept', to: at(10), uncertain: true });
  });
});

describe('two big hosts', () => {
  it(`${BIG_HOSTS.containers} containers on ${BIG_HOSTS.networks} networks take seconds' fractions and few megabytes`, async () => {
    const engine = bigHosts();
    const collect = globalThis.gc ?? (() => {});
    collect();
    const before = process.memoryUsage().heapUsed;
    const inventory = new Inventory({ openClient: async () => engine });
    let leases = 0;
    inventory.onLease(() => leases++);
    const begin = process.cpuUsage();
    inventory.start();
    await inventory.ready;
    const { user, system } = process.cpuUsage(begin);
    collect();
    const bytes = process.memoryUsage().heapUsed - before;
    await inventory.stop();

    expect([inventory.containers().length, inventory.networks().length]).toEqual([500, 100]);
    expect(leases).toBe(BIG_HOSTS.containers * BIG_HOSTS.networksEach);
    // Of the processor, because others may be at work on this machine; `make bench` measures by the clock.
    expect((user + system) / 1e6).toBeLessThan(1);
    // Without a collection at hand garbage counts too: then the bound is only harder.
    expect(bytes).toBeLessThan(60e6);
  });
});
