import { describe, expect, it } from 'vitest';
import { Attribution, type HostAddresses } from '../../../src/sensor/docker/attribution.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { inventoryFromNetworkFlags } from '../../../src/sensor/docker/network-flags.ts';
import { containerFact, endpointFact, networkFact, SECOND, T0 } from '../../support/inventory-facts.ts';

const DB_MAC = '02:42:ac:12:00:02';
const WEB_MAC = '0a:00:00:00:00:0b';
const BRIDGE_MAC = '02:42:00:00:00:01';
const INNER = 'inner-id';

function host(
  addresses: readonly string[],
  byInterface: Record<string, readonly string[]> = {},
): HostAddresses {
  return {
    has: (ip) => addresses.includes(ip),
    onInterface: (name, ip) => byInterface[name]?.includes(ip) === true,
  };
}

/** Two networks; `db` on inner since T0, with both families. */
function world(): InventoryState {
  const state = new InventoryState();
  state.networkSeen(
    networkFact({
      name: 'inner',
      internal: true,
      subnets: ['172.30.0.0/24', '2001:db8:5::/64'],
      gateways: ['172.30.0.1', '2001:db8:5::1'],
    }),
    T0,
  );
  state.networkSeen(networkFact({ name: 'front', subnets: ['10.5.0.0/16'], gateways: ['10.5.0.1'] }), T0);
  state.connected(
    endpointFact('db', 'inner', ['172.30.0.2', '2001:db8:5::2'], DB_MAC),
    T0,
    containerFact('db', {
      labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'db' },
    }),
  );
  return state;
}

const LATER = T0 + 60 * SECOND;

describe('what lasts longer than a packet', () => {
  /** `db` gives its address back after 10 s, `next` holds it from the 12th on. */
  function handedOver(): Attribution {
    const state = world();
    state.disconnected(INNER, 'db-id', T0 + 10 * SECOND);
    state.connected(
      endpointFact('next', 'inner', ['172.30.0.2'], DB_MAC),
      T0 + 12 * SECOND,
      containerFact('next'),
    );
    return new Attribution(state);
  }
  const spanning = (from: number, to: number) =>
    handedOver().resolve('172.30.0.2', DB_MAC, INNER, T0 + from * SECOND, T0 + to * SECOND);

  it.each([
    ['ends with its holder', 1, 9.9, 'db'],
    ['ends before the heir comes', 1, 11.9, 'db'],
    ['begins with the heir', 12, 30, 'next'],
  ])('and %s is certain', (_, from, to, name) => {
    expect(spanning(from, to)).toMatchObject({ workload: { name }, attribution: { confidence: 'certain' } });
  });

  it.each([
    ['from one holder to the next', 1, 12],
    ['from long before to long after', 1, 500],
  ])('%s is ambiguous, with both', (_, from, to) => {
    const found = spanning(from, to);

    expect(found.workload).toBeUndefined();
    expect(found.attribution).toMatchObject({
      confidence: 'ambiguous',
      reason: 'the address went to next while this lasted',
      candidates: ['shop/db', 'next'],
    });
  });

  it('is answered the same when the first packet was asked about before', () => {
    const attribution = handedOver();
    const ask = (until?: number) =>
      attribution.resolve('172.30.0.2', DB_MAC, INNER, T0 + SECOND, until).attribution.confidence;

    expect([ask(), ask(T0 + 20 * SECOND), ask()]).toEqual(['certain', 'ambiguous', 'certain']);
  });

  it('does not mind an heir on another network', () => {
    const state = world();
    state.connected(endpointFact('other', 'front', ['172.30.0.2']), T0 + 5 * SECOND, containerFact('other'));

    const found = new Attribution(state).resolve('172.30.0.2', DB_MAC, INNER, T0 + SECOND, T0 + 9 * SECOND);

    expect(found).toMatchObject({ workload: { name: 'db' } });
  });

  it('does not mind the same container again, after a restart', () => {
    const state = world();
    state.disconnected(INNER, 'db-id', T0 + 10 * SECOND);
    state.connected(
      endpointFact('db', 'inner', ['172.30.0.2'], DB_MAC),
      T0 + 12 * SECOND,
      containerFact('db'),
    );

    const found = new Attribution(state).resolve('172.30.0.2', DB_MAC, INNER, T0 + SECOND, T0 + 20 * SECOND);

    expect(found).toMatchObject({ workload: { name: 'db' }, attribution: { confidence: 'certain' } });
  });
});

describe('attribution of containers', () => {
  it.each(['172.30.0.2', '2001:db8:5::2', '::ffff:172.30.0.2'])('is certain by address and MAC: %s', (ip) => {
    const found = new Attribution(world()).resolve(ip, DB_MAC, INNER, LATER);

    expect(found).toMatchObject({
      scope: 'container',
      workload: { name: 'db', composeService: 'db' },
      attribution: { method: 'mac+ip', confidence: 'certain' },
    });
    expect(found.attribution).not.toHaveProperty('reason');
  });

  it('is by address alone where no MAC was seen', () => {
    const found = new Attribution(world()).resolve('172.30.0.2', undefined, INNER, LATER);

    expect(found.attribution).toEqual({ method: 'ip@time', confidence: 'certain' });
  });

  it('is only likely when the frame carries a MAC that nobody has', () => {
    const found = new Attribution(world()).resolve('172.30.0.2', BRIDGE_MAC, INNER, LATER);

    expect(found).toMatchObject({
      workload: { name: 'db' },
      attribution: { method: 'ip@time', confidence: 'likely' },
    });
    expect(found.attribution.reason).toBe(`its MAC is ${DB_MAC}, the frame carries ${BRIDGE_MAC}`);
  });

  it('accuses nobody when another container sends from the address', () => {
    const state = world();
    state.connected(endpointFact('web', 'inner', ['172.30.0.3'], WEB_MAC), T0, containerFact('web'));
    const found = new Attribution(state).resolve('172.30.0.2', WEB_MAC, INNER, LATER);

    expect(found.workload).toBeUndefined();
    expect(found.attribution).toMatchObject({ confidence: 'ambiguous', candidates: ['shop/db', 'web'] });
    expect(found.attribution.reason).toContain('spoofed');
  });

  it('says so when the address belongs to another network than the bridge', () => {
    const found = new Attribution(world()).resolve('172.30.0.2', BRIDGE_MAC, 'front-id', LATER);

    expect(found).toMatchObject({
      workload: { name: 'db' },
      attribution: {
        method: 'ip@time',
        confidence: 'likely',
        reason: 'its address belongs to another network',
      },
    });
  });

  it('names the owner of a shared namespace, and who shares it', () => {
    const state = world();
    state.containerSeen(containerFact('sidecar', { networkMode: 'container:db-id' }), T0);
    const found = new Attribution(state).resolve('172.30.0.2', DB_MAC, INNER, LATER);

    expect(found).toMatchObject({
      workload: { name: 'db' },
      attribution: { confidence: 'likely', candidates: ['shop/db', 'sidecar'] },
    });
  });

  it('finds link-local and unspecified addresses by the MAC', () => {
    const attribution = new Attribution(world());

    for (const ip of ['fe80::42:acff:fe12:2', 'fe80::1234', '::', '0.0.0.0', '169.254.7.7']) {
      expect(attribution.resolve(ip, DB_MAC, INNER, LATER), ip).toMatchObject({
        workload: { name: 'db' },
        attribution: { method: 'mac', confidence: 'certain' },
      });
    }
    expect(attribution.resolve('fe80::1234', WEB_MAC, INNER, LATER)).toMatchObject({ scope: 'lan' });
    expect(attribution.resolve('fe80::1234', DB_MAC, 'front-id', LATER)).toMatchObject({ scope: 'lan' });
  });

  it.each(['::', 'fe80::42:ff:fe00:1'])(
    'names this host, by the MAC of its bridge, as the sender of %s',
    (ip) => {
      const ownsMac = (mac: string) => mac === BRIDGE_MAC;
      const attribution = new Attribution(world(), { host: { ...host([]), ownsMac } });

      expect(attribution.resolve(ip, BRIDGE_MAC, INNER, LATER)).toMatchObject({
        scope: 'gateway',
        attribution: { method: 'mac', confidence: 'certain' },
      });
      expect(attribution.resolve(ip, DB_MAC, INNER, LATER)).toMatchObject({ workload: { name: 'db' } });
      expect(attribution.resolve('::', '0a:00:00:00:00:77', INNER, LATER)).toMatchObject({
        scope: 'unknown',
      });
    },
  );

  it('takes the MAC out of an EUI-64 address when no frame was seen, and calls that likely', () => {
    const found = new Attribution(world()).resolve('fe80::42:acff:fe12:2', undefined, INNER, LATER);

    expect(found).toMatchObject({
      workload: { name: 'db' },
      attribution: { method: 'mac', confidence: 'likely' },
    });
  });
});

describe('attribution in time', () => {
  /** db gives the address back at T0+100 s, web has it since T0+100.5 s. */
  function reuse(webMac: string | undefined): Attribution {
    const state = world();
    state.disconnected(INNER, 'db-id', T0 + 100 * SECOND);
    state.connected(
      endpointFact('web', 'inner', ['172.30.0.2'], webMac),
      T0 + 100.5 * SECOND,
      containerFact('web'),
    );
    return new Attribution(state);
  }
  const at = (secs: number): number => T0 + secs * SECOND;

  it('goes by time where the MAC stayed the same', () => {
    const attribution = reuse(DB_MAC);
    const who = (secs: number): string | undefined =>
      attribution.resolve('172.30.0.2', DB_MAC, INNER, at(secs)).workload?.name;

    expect([who(0), who(99.9), who(100.5), who(500)]).toEqual(['db', 'db', 'web', 'web']);
  });

  it('names both in between, where nothing tells them apart', () => {
    const found = reuse(DB_MAC).resolve('172.30.0.2', DB_MAC, INNER, at(100.2));

    expect(found.workload).toBeUndefined();
    expect(found.attribution).toMatchObject({ confidence: 'ambiguous', candidates: ['shop/db', 'web'] });
  });

  it('lets the MAC decide in between', () => {
    const attribution = reuse(WEB_MAC);
    const who = (mac: string): string | undefined =>
      attribution.resolve('172.30.0.2', mac, INNER, at(100.2)).workload?.name;

    expect([who(DB_MAC), who(WEB_MAC)]).toEqual(['db', 'web']);
  });

  it('answers late packets by their own time, also from the cache', () => {
    const attribution = reuse(WEB_MAC);
    const who = (secs: number): string | undefined =>
      attribution.resolve('172.30.0.2', undefined, INNER, at(secs)).workload?.name;

    expect([who(500), who(50), who(500), who(50)]).toEqual(['web', 'db', 'web', 'db']);
  });

  it('knows nobody two seconds before the first holder, and likely the holder just before', () => {
    const attribution = new Attribution(world());
    const found = (secs: number) => attribution.resolve('172.30.0.2', DB_MAC, INNER, at(secs));

    expect(found(-1.9)).toMatchObject({ workload: { name: 'db' }, attribution: { confidence: 'likely' } });
    expect(found(-2.1)).toMatchObject({
      scope: 'unknown',
      attribution: {
        method: 'none',
        confidence: 'none',
        reason: 'no container held this address of inner then',
      },
    });
  });

  it('is only likely while the engine does not answer, and certain again when it found all unchanged', () => {
    const state = world();
    const attribution = new Attribution(state);
    const found = () => attribution.resolve('172.30.0.2', DB_MAC, INNER, at(110));
    expect(found().attribution.confidence).toBe('certain');

    state.engineLost(at(100));
    expect(found().attribution).toMatchObject({
      confidence: 'likely',
      reason: 'the last known holder; the Docker engine has not answered since 2026-01-01T00:01:40.000000Z',
    });
    expect(attribution.resolve('172.30.0.77', undefined, INNER, at(110)).attribution.reason).toContain(
      'has not answered since',
    );

    state.replaceAll(
      [networkFact({ name: 'inner', subnets: ['172.30.0.0/24'], gateways: ['172.30.0.1'] })],
      [
        containerFact('db', {
          running: true,
          startedAt: T0,
          endpoints: [endpointFact('db', 'inner', ['172.30.0.2', '2001:db8:5::2'], DB_MAC)],
        }),
      ],
      at(120),
    );
    expect(found().attribution.confidence).toBe('certain');
  });

  it('still knows the subnet of a network that was removed', () => {
    const state = world();
    state.networkRemoved(INNER, at(10));
    const found = new Attribution(state).resolve('172.30.0.77', undefined, undefined, at(11));

    expect(found.attribution.reason).toBe('no container held this address of inner (removed meanwhile) then');
  });
});

describe('attribution of the rest', () => {
  const attribution = new Attribution(world(), {
    host: host(['198.51.100.2', '10.5.0.1', '172.30.0.1', '127.0.0.1', '::1', 'fe80::9'], {
      'br-inner': ['fe80::1'],
    }),
  });
  const scope = (ip: string, network: string | undefined = INNER): string =>
    attribution.resolve(ip, BRIDGE_MAC, network, LATER).scope;

  it.each([
    ['172.30.0.1', 'gateway'],
    ['2001:db8:5::1', 'gateway'],
    ['fe80::1', 'gateway'],
    ['10.5.0.1', 'host'],
    ['198.51.100.2', 'host'],
    ['172.30.0.255', 'multicast'],
    ['255.255.255.255', 'multicast'],
    ['224.0.0.251', 'multicast'],
    ['ff02::fb', 'multicast'],
    ['172.30.0.77', 'unknown'],
    ['172.30.0.0', 'unknown'],
    ['2001:db8:5::77', 'unknown'],
    ['10.5.3.3', 'unknown'],
    ['10.6.0.1', 'lan'],
    ['172.15.255.255', 'internet'],
    ['172.16.0.0', 'lan'],
    ['172.31.255.255', 'lan'],
    ['172.32.0.0', 'internet'],
    ['192.168.1.1', 'lan'],
    ['100.63.255.255', 'internet'],
    ['100.64.0.0', 'lan'],
    ['100.127.255.255', 'lan'],
    ['100.128.0.0', 'internet'],
    ['198.51.100.7', 'internet'],
    ['2001:db8::7', 'internet'],
    ['2606:4700::1111', 'internet'],
    ['fd00::1', 'lan'],
    ['fe80::9', 'lan'],
    ['127.0.0.1', 'unknown'],
    ['127.0.0.11', 'unknown'],
    ['::1', 'unknown'],
    ['240.0.0.1', 'unknown'],
    ['4000::1', 'unknown'],
    ['::', 'unknown'],
  ])('%s is %s', (ip, expected) => {
    expect(scope(ip)).toBe(expected);
  });

  it('gives a reason for everything it does not know', () => {
    for (const ip of ['172.30.0.77', '127.0.0.1', '240.0.0.1', '4000::1', '::', 'nonsense', '']) {
      const found = attribution.resolve(ip, undefined, INNER, LATER);
      expect(found, ip).toMatchObject({
        scope: 'unknown',
        attribution: { method: 'none', confidence: 'none' },
      });
      expect(found.attribution.reason, ip).toMatch(/\w+ \w+/);
    }
  });

  it('says when a container could be behind an address of the host', () => {
    const state = world();
    state.containerSeen(containerFact('on-host', { networkMode: 'host' }), T0);
    const found = new Attribution(state, { host: host(['198.51.100.2']) }).resolve(
      '198.51.100.2',
      undefined,
      INNER,
      LATER,
    );

    expect(found).toMatchObject({
      scope: 'host',
      attribution: { confidence: 'certain', candidates: ['on-host'] },
    });
  });

  it('does not believe a container that sends from the address of the gateway', () => {
    const found = new Attribution(world()).resolve('172.30.0.1', DB_MAC, INNER, LATER);

    expect(found).toMatchObject({
      scope: 'gateway',
      attribution: { confidence: 'ambiguous', candidates: ['shop/db'] },
    });
  });

  it('calls the gateway of a macvlan network a router of the LAN', () => {
    const state = new InventoryState();
    const { network } = networkFact({
      name: 'lan',
      driver: 'macvlan',
      subnets: ['10.9.0.0/24'],
      gateways: ['10.9.0.1'],
    });
    const { bridge: _, ...withoutBridge } = network;
    state.networkSeen({ network: withoutBridge, endpoints: [] }, T0);
    const attribution = new Attribution(state);

    expect(attribution.resolve('10.9.0.1', undefined, 'lan-id', LATER)).toMatchObject({ scope: 'lan' });
    // Other machines of the LAN live in the same subnet.
    expect(attribution.resolve('10.9.0.77', undefined, 'lan-id', LATER)).toMatchObject({
      scope: 'lan',
      attribution: { method: 'network', confidence: 'likely' },
    });
  });

  it('calls nobody a machine of the LAN where the macvlan has none', () => {
    const state = new InventoryState();
    const facts = { name: 'lan', driver: 'macvlan', internal: true, subnets: ['10.9.0.0/24'] };
    const { bridge: _, ...network } = networkFact(facts).network;
    state.networkSeen({ network, endpoints: [] }, T0);

    expect(new Attribution(state).resolve('10.9.0.77', undefined, 'lan-id', LATER).scope).toBe('unknown');
  });

  it('finds the network of a flow in a file, when there is exactly one', () => {
    expect(attribution.networkOf('172.30.0.2', '198.51.100.7')?.name).toBe('inner');
    expect(attribution.networkOf('198.51.100.7', '2001:db8:5::9')?.name).toBe('inner');
    expect(attribution.networkOf('172.30.0.2', '10.5.0.9')).toBeUndefined();
    expect(attribution.networkOf('198.51.100.7', '198.51.100.8')).toBeUndefined();
  });
});

describe('attribution without an inventory of containers', () => {
  const attribution = new Attribution(
    inventoryFromNetworkFlags(['data=172.30.0.0/24,2001:db8:5::/64,internal']),
  );

  it.each([
    ['172.30.0.9', 'container'],
    ['2001:db8:5::9', 'container'],
    ['172.30.0.1', 'gateway'],
    ['198.51.100.7', 'internet'],
  ])('%s is likely %s', (ip, scope) => {
    const found = attribution.resolve(ip, undefined, 'data', T0);

    expect(found.scope).toBe(scope);
    if (scope !== 'internet')
      expect(found.attribution).toMatchObject({
        method: scope === 'gateway' ? 'gateway' : 'network',
        confidence: 'likely',
      });
  });
});

describe('the cache of attribution', () => {
  it('hands out the same object until the inventory changes', () => {
    const state = world();
    const attribution = new Attribution(state);
    const first = attribution.resolve('172.30.0.2', DB_MAC, INNER, LATER);

    expect(attribution.resolve('172.30.0.2', DB_MAC, INNER, LATER + 1)).toBe(first);
    state.renamed('db-id', 'renamed', LATER);
    expect(attribution.resolve('172.30.0.2', DB_MAC, INNER, LATER)).toMatchObject({
      workload: { name: 'renamed' },
    });
  });

  it('forgets everything when other addresses of the host are known', () => {
    const attribution = new Attribution(world());
    expect(attribution.resolve('198.51.100.2', undefined, INNER, LATER).scope).toBe('internet');

    attribution.setHost(host(['198.51.100.2']));
    expect(attribution.resolve('198.51.100.2', undefined, INNER, LATER).scope).toBe('host');
  });

  it('counts answers by method and confidence, those from the cache too', () => {
    const attribution = new Attribution(world());
    for (let i = 0; i < 3; i++) attribution.resolve('172.30.0.2', DB_MAC, INNER, LATER);
    attribution.resolve('172.30.0.77', undefined, INNER, LATER);

    expect(attribution.counts()).toEqual({ 'mac+ip/certain': 3, 'none/none': 1 });
  });

  it('never holds more than its bound, and counts when it starts again', () => {
    const attribution = new Attribution(world(), { maxCached: 10 });

    for (let i = 0; i < 25; i++) attribution.resolve(`198.51.100.${i}`, undefined, INNER, LATER);

    expect(attribution.overflows).toBe(2);
  });
});
