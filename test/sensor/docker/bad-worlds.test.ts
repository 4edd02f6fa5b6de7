/**
 * Worlds in which the engine says too little, too late, twice or the wrong way round. In each of them somebody else may
 * have had an address: then nobody may be named for certain, and never the wrong one.
 */
import { describe, expect, it } from 'vitest';
import type { LeaseRecord } from '../../../src/model/lease.ts';
import { Attribution } from '../../../src/sensor/docker/attribution.ts';
import type { DockerClient } from '../../../src/sensor/docker/client.ts';
import { DockerError } from '../../../src/sensor/docker/docker-error.ts';
import { Inventory } from '../../../src/sensor/docker/inventory.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { containerFact, endpointFact, networkFact, SECOND, T0 } from '../../support/inventory-facts.ts';

const NET = networkFact({ name: 'net', subnets: ['172.30.0.0/24'], gateways: ['172.30.0.1'] });
const IP = '172.30.0.2';
/** As engines up to 27 make it from the address: the next holder has the same. */
const MADE = '02:42:ac:1e:00:02';
const OWN = '0a:00:00:00:00:0a';
const OTHER = '0a:00:00:00:00:0b';
const at = (secs: number): number => T0 + secs * SECOND;

interface Known {
  readonly state: InventoryState;
  readonly leases: LeaseRecord[];
  /** Who it is said to be: a name, `?a,b` for candidates, `-` for nobody. */
  who(secs: number, mac?: string, ip?: string): string;
  confidence(secs: number, mac?: string): string;
}

function known(): Known {
  const leases: LeaseRecord[] = [];
  const state = new InventoryState(() => {}, { onLease: (lease) => leases.push(lease) });
  const attribution = new Attribution(state);
  const resolve = (secs: number, mac: string, ip = IP) => attribution.resolve(ip, mac, 'net-id', at(secs));
  return {
    state,
    leases,
    who: (secs, mac = MADE, ip = IP) => {
      const { workload, attribution: how } = resolve(secs, mac, ip);
      if (workload !== undefined) return workload.name;
      return how.candidates === undefined ? '-' : `?${how.candidates.join(',')}`;
    },
    confidence: (secs, mac = MADE) => resolve(secs, mac).attribution.confidence,
  };
}

function withA(mac = MADE): Known {
  const world = known();
  world.state.networkSeen(NET, T0);
  world.state.connected(endpointFact('a', 'net', [IP], mac, { endpointId: 'ea' }), T0, containerFact('a'));
  return world;
}

const B = (mac = MADE) => endpointFact('b', 'net', [IP], mac, { endpointId: 'eb' });

describe('an address that goes to another within a second', () => {
  it('with the same MAC: by time where one surely held it, else both', () => {
    const { state, who } = withA();
    state.containerGone('a-id', at(10));
    state.disconnected('net-id', 'a-id', at(10.1));
    state.connected(B(), at(10.3), containerFact('b'));

    expect([9.9, 10.05, 10.2, 10.29, 10.3, 11].map((secs) => who(secs))).toEqual([
      'a',
      '?a,b',
      '?a,b',
      '?a,b',
      'b',
      'b',
    ]);
  });

  it('is free before its release is told: whoever is told of next may have it then', () => {
    const { state, who } = withA();
    // Without a death: the engine tells of a disconnect after the address went back.
    state.disconnected('net-id', 'a-id', at(10.2));
    state.connected(B(), at(10.3), containerFact('b'));

    expect([9.6, 9.9, 10.19, 10.3].map((secs) => who(secs))).toEqual(['a', '?a,b', '?a,b', 'b']);
  });

  it('with MACs of their own: by the MAC, at any time', () => {
    const { state, who } = withA(OWN);
    state.disconnected('net-id', 'a-id', at(10.2));
    state.connected(B(OTHER), at(10.3), containerFact('b'));

    for (const secs of [9.9, 10.19, 10.25, 10.4])
      expect([who(secs, OWN), who(secs, OTHER)], `${secs}`).toEqual(
        secs === 10.4 ? [expect.stringContaining('?'), 'b'] : ['a', 'b'],
      );
  });
});

describe('an engine that is restarted in the middle', () => {
  it('names nobody by address alone while it is away, and candidates for good where it changed', () => {
    const { state, who, confidence, leases } = withA();
    state.engineLost(at(10));
    expect([who(9.9), who(12)]).toEqual(['a', '?a']);

    state.replaceAll(
      [NET],
      [containerFact('b', { running: true, startedAt: at(14), endpoints: [B()] })],
      at(20),
    );

    expect([9.9, 12, 15, 20].map((secs) => who(secs))).toEqual(['a', '?a,b', '?a,b', 'b']);
    expect(confidence(20)).toBe('certain');
    expect(leases.find(({ to, workload }) => to !== undefined && workload.name === 'a')).toMatchObject({
      to: at(10),
      uncertain: true,
    });
  });

  it('goes by a MAC of its own meanwhile', () => {
    const { state, who, confidence } = withA(OWN);
    state.engineLost(at(10));

    expect([who(12, OWN), confidence(12, OWN)]).toEqual(['a', 'likely']);
  });

  it('finds all unchanged: then the holder held all along, under the same lease', () => {
    const { state, who, leases } = withA();
    state.engineLost(at(10));
    const endpoints = [endpointFact('a', 'net', [IP], MADE, { endpointId: 'ea' })];
    state.replaceAll([NET], [containerFact('a', { running: true, startedAt: at(-1), endpoints })], at(20));

    expect(who(12)).toBe('a');
    expect(new Set(leases.map(({ id }) => id)).size).toBe(1);
    expect(leases.some(({ to }) => to !== undefined)).toBe(false);
  });

  it('restarted the container too: the same name, another interval, and nobody in between', () => {
    const { state, who, leases } = withA();
    state.engineLost(at(10));
    const endpoints = [endpointFact('a', 'net', [IP], MADE, { endpointId: 'ea2' })];
    state.replaceAll([NET], [containerFact('a', { running: true, startedAt: at(15), endpoints })], at(20));

    expect(new Set(leases.map(({ id }) => id)).size).toBe(2);
    expect([who(12), who(21)]).toEqual(['?a', 'a']);
  });
});

describe('events lost, doubled or out of order', () => {
  it('a lost disconnect: the next holder ends it', () => {
    const { state, who, leases } = withA();
    state.connected(B(), at(10), containerFact('b'));

    expect([9, 9.6, 10, 11].map((secs) => who(secs))).toEqual(['a', '?a,b', 'b', 'b']);
    expect(leases.at(-2)).toMatchObject({ workload: { name: 'a' }, to: at(10), uncertain: true });
  });

  it('a disconnect told after the connect of the next', () => {
    const { state, who } = withA();
    state.connected(B(), at(10), containerFact('b'));
    state.disconnected('net-id', 'a-id', at(10.1));

    expect([9, 10.05, 11].map((secs) => who(secs))).toEqual(['a', 'b', 'b']);
  });

  it('a death and a disconnect told twice, the second time in the next life', () => {
    const { state, who } = withA();
    state.containerGone('a-id', at(10));
    state.disconnected('net-id', 'a-id', at(10.1));
    state.connected(endpointFact('a', 'net', [IP], MADE, { endpointId: 'ea2' }), at(12), containerFact('a'));
    state.containerGone('a-id', at(10));
    state.disconnected('net-id', 'a-id', at(10.1));

    expect(who(13)).toBe('a');
  });

  it('a connect told twice changes nothing', () => {
    const { state, leases } = withA();
    const told = leases.length;
    expect(state.connecting('net-id', 'a-id', T0)).toBeUndefined();
    state.connected(endpointFact('a', 'net', [IP], MADE, { endpointId: 'ea' }), T0);

    expect(leases).toHaveLength(told);
  });

  it('a disconnect that overtook its connect: the container is not there for good', () => {
    const { state, who } = known();
    state.networkSeen(NET, T0);
    state.disconnected('net-id', 'a-id', at(5));
    const arrival = state.connecting('net-id', 'a-id', at(4))!;
    state.arrived(arrival, endpointFact('a', 'net', [IP], MADE), containerFact('a'));

    expect([who(4.5), who(60)]).toEqual(['a', '-']);
  });

  it('tidings that were not its own closed it: the same endpoint goes on under the same lease', () => {
    const { state, leases, who } = withA();
    state.disconnected('net-id', 'a-id', at(5));
    state.connected(endpointFact('a', 'net', [IP], MADE, { endpointId: 'ea' }), at(6));

    expect(new Set(leases.map(({ id }) => id)).size).toBe(1);
    expect(leases.at(-1)).not.toHaveProperty('to');
    expect(who(5.5)).toBe('a');
  });
});

describe('containers renamed', () => {
  it('keep their lease and their id, and take the name told last', () => {
    const { state, who, leases } = withA();
    state.renamed('a-id', 'later', at(6));
    state.renamed('a-id', 'earlier', at(5));

    expect([who(1), who(7)]).toEqual(['later', 'later']);
    expect(leases.at(-1)).toMatchObject({
      id: leases[0]!.id,
      workload: { name: 'later', containerId: 'a-id' },
    });
  });

  it('swap their names without swapping their addresses', () => {
    const { state, who } = withA(OWN);
    state.connected(endpointFact('b', 'net', ['172.30.0.3'], OTHER), T0, containerFact('b'));
    state.renamed('a-id', 'tmp', at(5));
    state.renamed('b-id', 'a', at(5.1));
    state.renamed('tmp-id', 'b', at(5.2));

    expect([who(7, OWN), who(7, OTHER, '172.30.0.3')]).toEqual(['tmp', 'a']);
  });
});

describe('networks that go while flows run', () => {
  it('keep who held what then, and give nothing to a network made anew with the same addresses', () => {
    const { state, who } = withA();
    const attribution = new Attribution(state);
    state.networkRemoved('net-id', at(10));
    const anew = networkFact({
      name: 'net',
      id: 'net2-id',
      subnets: ['172.30.0.0/24'],
      gateways: ['172.30.0.1'],
    });
    state.networkSeen(anew, at(11));
    state.connected({ ...B(), networkId: 'net2-id' }, at(12), containerFact('b'));

    expect(who(9)).toBe('a');
    expect(attribution.resolve(IP, MADE, 'net2-id', at(13)).workload?.name).toBe('b');
    expect(attribution.resolve(IP, MADE, 'net-id', at(13)).workload?.name).not.toBe('a');
  });
});

describe('clock jumps', () => {
  it('back: times that come twice are named by the MAC, or not at all', () => {
    const { state, who } = withA();
    state.containerGone('a-id', at(100));
    state.disconnected('net-id', 'a-id', at(100.1));
    state.connected(B(), at(200), containerFact('b'));
    // An hour of leap, as it were: 150 s back.
    state.clockSetBack(at(60));

    expect([who(70), who(210)]).toEqual(['?a,b', 'b']);
  });

  it('back: with MACs of their own nothing is lost', () => {
    const { state, who } = withA(OWN);
    state.disconnected('net-id', 'a-id', at(100));
    state.connected(B(OTHER), at(200), containerFact('b'));
    state.clockSetBack(at(60));

    expect([who(70, OWN), who(70, OTHER)]).toEqual(['a', 'b']);
  });

  it('back: deaths and disconnects of the new time count, though the start was later by the old one', () => {
    const { state, who } = withA();
    const facts = containerFact('b', { running: true, startedAt: at(200) });
    state.disconnected('net-id', 'a-id', at(100));
    state.connected(B(), at(200), facts);
    state.clockSetBack(at(150));
    state.containerGone('b-id', at(160));
    state.disconnected('net-id', 'b-id', at(160.1));
    state.connected(endpointFact('c', 'net', [IP], MADE), at(170), containerFact('c'));

    expect(who(180)).toBe('c');
  });

  it('ahead: who holds goes on holding, and who held before the leap is still known', () => {
    const { state, who } = withA();
    state.disconnected('net-id', 'a-id', at(10));
    state.connected(B(), at(90_000), containerFact('b'));

    expect([who(9), who(50_000), who(90_001)]).toEqual(['a', '-', 'b']);
  });

  it('are noticed by the inventory without being told', () => {
    let [wall, steady] = [at(1000), 0];
    const inventory = new Inventory({ clock: () => wall, steadyMs: () => steady });
    inventory.state.connected(B(), at(900), containerFact('b'));
    const { version } = inventory.state;
    [wall, steady] = [wall + 10 * SECOND, 10_000];
    inventory.checkClock();
    expect(inventory.state.version).toBe(version);

    [wall, steady] = [at(500), 11_000];
    inventory.checkClock();
    expect([...inventory.state.openIntervals()][0]!.interval.from).toBe(at(500));
  });
});

describe('two engines on one host', () => {
  it('calls what lives behind a bridge of the other neither LAN nor a container of ours', () => {
    const { state } = withA();
    const attribution = new Attribution(state, {
      host: {
        has: () => false,
        onInterface: () => false,
        behindBridge: (ip, except) =>
          ip.startsWith('172.19.') && !except('br-other') && except('br-net') ? 'br-other' : undefined,
      },
    });

    expect(attribution.resolve('172.19.0.2', OTHER, 'net-id', at(5))).toMatchObject({
      scope: 'unknown',
      attribution: { reason: 'behind br-other, a bridge of this host that is no network of this engine' },
    });
    expect(attribution.resolve('172.20.0.2', OTHER, 'net-id', at(5)).scope).toBe('lan');
  });

  it("names nobody for another engine's container on our bridge", () => {
    const { who } = withA();

    expect(who(5, OTHER, '172.30.0.9')).toBe('-');
  });
});

describe('an inspect that never answers', () => {
  interface Engine {
    readonly client: DockerClient;
    tell(event: object): Promise<void>;
    readonly asked: string[];
  }

  /** Network and container look-ups hang until their time-out, which never comes; the list answers. */
  function silentEngine(hangs: (path: string) => boolean): Engine {
    const asked: string[] = [];
    const waiting: object[] = [];
    let wake: () => void = () => {};
    const description = {
      Id: 'net-id',
      Name: 'net',
      Driver: 'bridge',
      IPAM: { Config: [{ Subnet: '172.30.0.0/24', Gateway: '172.30.0.1' }] },
    };
    let isListed = false;
    const client: DockerClient = {
      label: 'silent',
      async get(path, _query, signal) {
        asked.push(path);
        if (isListed && hangs(path)) {
          await new Promise((_, reject) =>
            signal!.addEventListener('abort', () => reject(new DockerError('DOCKER_ABORTED', 'stopped'))),
          );
        }
        if (path === '/version') return { Version: '1' };
        if (path === '/networks') return [description];
        if (path === '/networks/net-id') return description;
        isListed = true;
        return [];
      },
      async events(_filters, signal) {
        return (async function* () {
          while (!signal.aborted) {
            while (waiting.length > 0) yield waiting.shift();
            await new Promise<void>((resolve) => {
              wake = resolve;
              signal.addEventListener('abort', () => resolve(), { once: true });
            });
          }
        })();
      },
    };
    return {
      client,
      asked,
      async tell(event) {
        waiting.push(event);
        wake();
        await new Promise(setImmediate);
      },
    };
  }

  const event = (Type: string, Action: string, ID: string, Attributes: object, secs: number): object => ({
    Type,
    Action,
    Actor: { ID, Attributes },
    timeNano: at(secs) * 1000,
  });

  it('holds up no other event, and nobody is named for the address it would have told', async () => {
    const engine = silentEngine((path) => path !== '/version');
    const inventory = new Inventory({ openClient: async () => engine.client, clock: () => T0 });
    inventory.start();
    await inventory.ready;
    const who = (secs: number) => new Attribution(inventory.state).resolve(IP, MADE, 'net-id', at(secs));
    const { state } = inventory;
    state.connected(endpointFact('a', 'net', [IP], MADE), at(1), containerFact('a'));

    await engine.tell(event('network', 'connect', 'net-id', { container: 'x-id' }, 5));
    await engine.tell(event('network', 'disconnect', 'net-id', { container: 'a-id' }, 6));
    await engine.tell(event('container', 'create', 'b-id', { name: 'b', image: 'i' }, 6.2));
    await engine.tell(event('network', 'connect', 'net-id', { container: 'b-id' }, 6.3));

    // a is over at once, though nobody answered about x; x and b may each have its address now.
    expect(who(4)).toMatchObject({ workload: { name: 'a' } });
    expect(who(7)).toMatchObject({ attribution: { confidence: 'ambiguous', candidates: ['x-id', 'b'] } });
    expect(who(7).workload).toBeUndefined();
    await inventory.stop();
  });

  it('names a container that nobody could be asked about, when no other can have been it', async () => {
    const engine = silentEngine(() => false);
    const inventory = new Inventory({ openClient: async () => engine.client, clock: () => at(8) });
    inventory.start();
    await inventory.ready;
    await engine.tell(event('container', 'create', 'b-id', { name: 'b', image: 'i' }, 10));
    await engine.tell(event('network', 'connect', 'net-id', { container: 'b-id' }, 10));
    await engine.tell(event('container', 'die', 'b-id', { name: 'b', image: 'i' }, 10.2));
    await engine.tell(event('network', 'disconnect', 'net-id', { container: 'b-id' }, 10.2));
    const attribution = new Attribution(inventory.state);

    expect(attribution.resolve(IP, MADE, 'net-id', at(10.1))).toMatchObject({
      workload: { name: 'b' },
      attribution: { method: 'ip@time', confidence: 'likely' },
    });
    expect(attribution.resolve(IP, MADE, 'net-id', at(12)).scope).toBe('unknown');
    await inventory.stop();
  });
});
