import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { Inventory, type InventoryOptions } from '../../../src/sensor/docker/inventory.ts';
import type { InventoryEvent } from '../../../src/sensor/docker/inventory-event.ts';
import { type FakeEngine, fakeEngine } from '../../support/fake-engine.ts';
import { type Line, replaying } from '../../support/recorded-engine.ts';

const RECORDING = new URL('../../fixtures/docker/engine-20.10.ndjson', import.meta.url);
/** When its session began: what an engine told before a list is older than the list. */
const RECORDED_AT = 1_795_402_041_900_000;

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function follow(options: InventoryOptions): { inventory: Inventory; events: InventoryEvent[] } {
  const events: InventoryEvent[] = [];
  const inventory = new Inventory({ backoffBaseMs: 1, backoffMaxMs: 5, ...options });
  inventory.onChange((event) => events.push(event));
  cleanUps.push(() => inventory.stop());
  inventory.start();
  return { inventory, events };
}

/** Resolves at the first change after which the condition holds. */
function until(inventory: Inventory, what: string, condition: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), 5_000);
    const check = (): void => {
      if (!condition()) return;
      clearTimeout(timer);
      resolve();
    };
    inventory.onChange(check);
    check();
  });
}

describe('Inventory on what engine 20.10 said', () => {
  it('ends with the map that the session ended with', async () => {
    const lines = readFileSync(RECORDING, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const clock = () => RECORDED_AT;
    const { inventory, events } = follow({ openClient: async () => replaying(lines), clock });
    const pids = (): number => inventory.containers().filter(({ pid }) => pid !== undefined).length;
    await until(
      inventory,
      'the end of the session',
      () => events.some((event) => event.type === 'network-removed') && pids() === 3,
    );

    const front = inventory.networks().find(({ name }) => name === 'shop_front')!;
    expect(front).toMatchObject({
      bridge: 'br-front',
      subnets: ['172.30.9.0/24', '2001:db8:9::/64'],
      gateways: ['172.30.9.1', '2001:db8:9::1'],
      composeProject: 'shop',
    });
    expect(
      inventory
        .networks()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(['bridge', 'host', 'none', 'shop_front']);

    const byName = new Map(inventory.containers().map((entry) => [entry.workload.name, entry]));
    expect([...byName.keys()].toSorted()).toEqual(['renamed', 'shop-api-1', 'sidecar']);
    const api = byName.get('shop-api-1')!;
    expect(api.workload).toMatchObject({
      composeService: 'api',
      networkMode: 'shop_front',
      networks: ['shop_front'],
    });
    expect(api.endpoints).toMatchObject([
      { networkId: front.id, ips: ['172.30.9.2', '2001:db8:9::2'], mac: '02:42:ac:1e:09:02' },
    ]);
    expect(byName.get('renamed')).toMatchObject({
      workload: { networkMode: 'host', networks: ['host'] },
      endpoints: [],
    });
    expect(inventory.state.sharersOf(api.workload.containerId).map(({ name }) => name)).toEqual(['sidecar']);

    const held = (ip: string) =>
      inventory.state.book
        .byIp(ip)
        .map(({ holder, to }) => [holder.workload.name, to !== Number.POSITIVE_INFINITY]);
    expect(held('172.30.9.2')).toEqual([
      ['shop-api-1', true],
      ['shop-api-1', false],
    ]);
    expect(held('172.30.9.3')).toEqual([['brief', true]]);
    expect(held('172.30.8.2')).toEqual([['shop-db-1', true]]);
    const story = events.filter(({ type }) => type === 'container-added' || type === 'container-removed');
    expect(
      story.map(
        (event) =>
          `${event.type} ${(event as { container: { workload: { name: string } } }).container.workload.name}`,
      ),
    ).toEqual([
      'container-added shop-db-1',
      'container-added shop-api-1',
      'container-added brief',
      'container-removed brief',
      'container-removed shop-api-1',
      'container-added shop-api-1',
      'container-added sidecar',
      'container-added on-host',
      'container-removed shop-db-1',
    ]);
  });
});

describe('Inventory and an engine that comes and goes', () => {
  interface World {
    engine: FakeEngine;
    streams: Set<ServerResponse>;
    networks: unknown[];
    tell(event: object): void;
  }

  function worldWith(networks: unknown[]): World {
    const streams = new Set<ServerResponse>();
    const world: World = {
      streams,
      networks,
      engine: fakeEngine((request, response) => {
        const path = request.url!.split('?')[0]!;
        if (path === '/events') {
          response.flushHeaders();
          streams.add(response);
          response.on('close', () => streams.delete(response));
          return;
        }
        const id = path.match(/^\/networks\/(.+)$/)?.[1];
        const found = world.networks.find((network) => (network as { Id: string }).Id === id);
        if (id !== undefined && found === undefined) response.statusCode = 404;
        const answers: Record<string, unknown> = {
          '/version': { Version: '99.0' },
          '/networks': world.networks,
          '/containers/json': [],
        };
        response.end(JSON.stringify(answers[path] ?? found ?? { message: 'no such network' }));
      }),
      tell(event) {
        for (const stream of streams) stream.write(`${JSON.stringify(event)}\n`);
      },
    };
    cleanUps.push(() => world.engine.remove());
    return world;
  }

  const net = (id: string, name = id): object => ({
    Id: id,
    Name: name,
    Driver: 'bridge',
    IPAM: { Config: null },
  });
  const names = (inventory: Inventory): string[] => inventory.networks().map(({ name }) => name);

  it('waits for an engine that is not there, says so once, and is ready when it comes', async () => {
    const world = worldWith([net('a')]);
    const { inventory, events } = follow({ socket: world.engine.socket });
    await until(inventory, 'the first failure', () => events.length > 0);
    expect(inventory.status).toMatchObject({ state: 'stale', error: { code: 'DOCKER_NO_SOCKET' } });

    await world.engine.listen();
    await inventory.ready;

    expect(names(inventory)).toEqual(['a']);
    expect(inventory.status).toMatchObject({
      state: 'current',
      version: '99.0',
      engine: world.engine.socket,
    });
    expect(events.map(({ type }) => type)).toEqual(['engine-lost', 'network-added', 'engine-connected']);
    expect(events[0]).toMatchObject({
      code: 'DOCKER_NO_SOCKET',
      reason: expect.stringContaining(world.engine.socket),
    });
  });

  it('keeps what it knew while the engine is gone, and lists everything when it is back', async () => {
    const world = worldWith([net('a'), net('b')]);
    await world.engine.listen();
    const { inventory, events } = follow({ socket: world.engine.socket });
    await inventory.ready;

    await world.engine.close();
    await until(inventory, 'the loss', () => inventory.status.state === 'stale');
    expect(names(inventory)).toEqual(['a', 'b']);
    expect(inventory.state.stale).toBe(true);

    world.networks = [net('b'), net('c')];
    await world.engine.listen();
    await until(inventory, 'the return', () => inventory.status.state === 'current');
    expect(names(inventory)).toEqual(['b', 'c']);
    expect(inventory.state.stale).toBe(false);
    expect(events.filter(({ type }) => type === 'network-added')).toHaveLength(3);
    expect(events.filter(({ type }) => type === 'network-removed')).toHaveLength(1);
  });

  it('follows networks that come and go, in the order of the events', async () => {
    const world = worldWith([]);
    await world.engine.listen();
    const { inventory, events } = follow({ socket: world.engine.socket });
    await inventory.ready;

    world.networks = [net('x')];
    const event = (action: string, id: string) => ({
      Type: 'network',
      Action: action,
      Actor: { ID: id },
      timeNano: 5e18,
    });
    world.tell(event('create', 'x'));
    world.tell(event('create', 'vanished'));
    world.tell({ Type: 'network' });
    await until(inventory, 'the network', () => names(inventory).includes('x'));
    world.tell(event('destroy', 'x'));
    await until(inventory, 'its end', () => names(inventory).length === 0);

    expect(events.map(({ type }) => type)).toEqual(['engine-connected', 'network-added', 'network-removed']);
  });

  it("waits for what a Swarm's manager has still to give to a network, listed or told of", async () => {
    // As engine 20.10 answers right after `docker network create -d overlay`.
    const bare = (id: string) => ({
      Id: id,
      Name: id,
      Scope: 'swarm',
      Driver: '',
      IPAM: { Driver: '', Config: null },
    });
    const whole = (id: string) => ({
      ...bare(id),
      ...{ Driver: 'overlay', IPAM: { Driver: 'default', Config: [{ Subnet: '10.0.1.0/24' }] } },
    });
    const world = worldWith([bare('mesh')]);
    await world.engine.listen();
    const { inventory, events } = follow({ socket: world.engine.socket });
    await inventory.ready;
    world.networks = [bare('mesh'), bare('sealed'), bare('given-up')];
    const event = (Action: string, ID: string) => ({
      Type: 'network',
      Action,
      Actor: { ID },
      timeNano: 5e18,
    });
    world.tell(event('create', 'sealed'));
    world.tell(event('create', 'given-up'));
    const asked = (id: string) =>
      world.engine.requests.filter((url) => url.endsWith(`/networks/${id}`)).length;
    const twice = (id: string) =>
      new Promise<void>((resolve) => {
        const look = setInterval(() => {
          if (asked(id) < 2) return;
          clearInterval(look);
          resolve();
        }, 5);
      });
    await Promise.all([twice('mesh'), twice('sealed'), twice('given-up')]);
    expect(names(inventory)).toEqual([]);

    world.tell(event('remove', 'given-up'));
    world.networks = [whole('mesh'), whole('sealed')];
    await until(inventory, 'both', () => names(inventory).length === 2);

    expect(inventory.networks().map(({ driver, subnets }) => [driver, subnets])).toEqual([
      ['overlay', ['10.0.1.0/24']],
      ['overlay', ['10.0.1.0/24']],
    ]);
    expect(events.map(({ type }) => type)).toEqual(['engine-connected', 'network-added', 'network-added']);
  });

  it('notices an engine that is silent but does not answer any more', async () => {
    const world = worldWith([]);
    await world.engine.listen();
    const naps: (() => void)[] = [];
    const sleep = (ms: number): Promise<void> =>
      ms === 77 ? new Promise((resolve) => naps.push(resolve)) : new Promise(setImmediate);
    const { inventory } = follow({ socket: world.engine.socket, pingIntervalMs: 77, timeoutMs: 50, sleep });
    await inventory.ready;
    world.engine.setAnswer(() => {});

    for (const wake of naps) wake();
    await until(inventory, 'the loss', () => inventory.status.state === 'stale');

    expect(inventory.status).toMatchObject({ error: { code: 'DOCKER_NOT_ANSWERING' } });
    for (const wake of naps) wake();
  });

  it('stops at once, also in the middle of waiting', async () => {
    const { inventory } = follow({
      socket: '/nonexistent.sock',
      backoffBaseMs: 3_600_000,
      backoffMaxMs: 3_600_000,
    });
    await until(inventory, 'the first failure', () => inventory.status.state === 'stale');

    await inventory.stop();

    expect(inventory.status.state).toBe('stale');
  });
});
