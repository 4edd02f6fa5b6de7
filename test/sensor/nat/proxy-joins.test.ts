import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectionNews } from '../../../src/sensor/host/conntrack/message.ts';
import { news } from '../host/conntrack/messages.ts';
import { ASKER, GATEWAY, HOST, NEIGHBOUR, SECOND, WEB, WEB_CONTAINER, World } from './world.ts';

let world: World;
afterEach(() => world.nat.watch.stop());

/** A client's connection to the host's port: the SYN, then the end of the handshake. */
function client(ip: string, port: number, to = `${HOST}:8080`): ConnectionNews[] {
  const text = `${ip}:${port} > ${to}`;
  return [news('opened', text, { id: port }), news('changed', text, { id: port, established: true })];
}

/** What the proxy opens to the container. */
function dial(port: number): ConnectionNews {
  return news('opened', `${GATEWAY}:${port} > ${WEB}:80`, { id: port });
}

const seen = (port: number) => `${GATEWAY}:${port} > ${WEB}:80`;

describe("the proxy's two connections", () => {
  it('are joined when one client waits, seen from both sides', () => {
    world = new World().settle();
    world.tell(...client(ASKER, 5000), dial(6000));

    expect(world.unfold(seen(6000))).toMatchObject({
      kind: 'docker-proxy',
      method: 'docker-proxy',
      confidence: 'certain',
      client: { ip: ASKER, port: 5000, workload: { name: 'asker' } },
      published: { ip: HOST, port: 8080 },
      translatedSource: { ip: GATEWAY, port: 6000 },
    });
    expect(world.unfold(`${ASKER}:5000 > ${HOST}:8080`)).toMatchObject({
      kind: 'docker-proxy',
      confidence: 'certain',
      server: { ip: WEB, port: 80, workload: { name: 'web' } },
    });
  });

  it('one after the other are told apart, however fast', () => {
    world = new World().settle();
    world.tell(...client(ASKER, 5000), dial(6000), ...client(NEIGHBOUR, 5001), dial(6001));

    expect(world.unfold(seen(6000))?.client?.ip).toBe(ASKER);
    expect(world.unfold(seen(6001))?.client?.ip).toBe(NEIGHBOUR);
  });

  it('at the same time are ambiguous with all candidates, and what comes after them is certain again', () => {
    world = new World().settle();
    world.tell(...client(ASKER, 5000), ...client(NEIGHBOUR, 5001), dial(6000), dial(6001));
    world.tell(...client(ASKER, 5002), dial(6002));

    for (const port of [6000, 6001]) {
      const fact = world.unfold(seen(port));
      expect(fact).toMatchObject({
        kind: 'docker-proxy',
        confidence: 'ambiguous',
        candidates: [`asker ${ASKER}:5000`, `neighbour ${NEIGHBOUR}:5001`],
      });
      expect(fact?.client).toBeUndefined();
    }
    expect(world.unfold(`${ASKER}:5000 > ${HOST}:8080`)).toMatchObject({ confidence: 'likely' });
    expect(world.unfold(seen(6002))).toMatchObject({ confidence: 'certain', client: { port: 5002 } });
  });

  it('of one who came between another and his dial is ambiguous too', () => {
    world = new World().settle();
    world.tell(
      ...client(ASKER, 5000),
      ...client(NEIGHBOUR, 5001),
      dial(6000),
      ...client(ASKER, 5002),
      dial(6001),
    );

    expect(world.unfold(seen(6001))).toMatchObject({ confidence: 'ambiguous' });
    expect(world.unfold(seen(6001))?.candidates).toHaveLength(3);
  });

  it('do not wait for a client whose handshake never went through', () => {
    world = new World().settle();
    world.tell(news('opened', `198.51.100.66:4000 > ${HOST}:8080`, { id: 4000 }));
    world.tell(...client(ASKER, 5000), dial(6000));

    expect(world.unfold(seen(6000))).toMatchObject({ confidence: 'certain', client: { ip: ASKER } });
  });

  it('need no handshake over UDP', () => {
    world = new World();
    world.containers = [
      {
        ...WEB_CONTAINER,
        published: [{ protocol: 'udp', hostIp: HOST, hostPort: 53, containerPort: 5353 }],
      },
    ];
    world.settle();
    world.tell(
      news('opened', `${ASKER}:5000 > ${HOST}:53`, { protocol: 17 }),
      news('opened', `${GATEWAY}:6000 > ${WEB}:5353`, { protocol: 17 }),
    );

    expect(world.unfold(`${GATEWAY}:6000 > ${WEB}:5353`, { protocol: 'udp' })).toMatchObject({
      confidence: 'certain',
      client: { ip: ASKER },
    });
  });

  it('are joined across address families', () => {
    world = new World();
    const published = [...WEB_CONTAINER.published!, { ...WEB_CONTAINER.published![0]!, hostIp: '::' }];
    world.containers = [{ ...WEB_CONTAINER, published }];
    world.settle();
    world.tell(...client('[::1]', 5000, '[::1]:8080'), dial(6000));

    expect(world.unfold(seen(6000))).toMatchObject({
      confidence: 'certain',
      client: { ip: '::1', scope: 'host' },
    });
  });

  it('are joined when the engine tells of the port only after them', () => {
    world = new World();
    world.containers = [];
    world.settle();
    world.tell(...client(ASKER, 5000), dial(6000));
    world.containers = [WEB_CONTAINER];
    world.nat.inventoryChanged();

    expect(world.unfold(seen(6000))).toMatchObject({ confidence: 'certain', client: { ip: ASKER } });
  });
});

describe('a connection to the container that nobody waited for', () => {
  it("is a program's of the host: nothing is translated", () => {
    world = new World().settle();
    world.tell(dial(6000));

    expect(world.unfold(seen(6000))).toBeUndefined();
  });

  it('right after one that somebody waited for makes both ambiguous; later it does not', () => {
    world = new World().settle();
    world.tell(...client(ASKER, 5000), dial(6000));
    world.now += SECOND / 4;
    world.tell(dial(6001));
    for (const port of [6000, 6001]) {
      expect(world.unfold(seen(port), { at: -0.25 + (port - 6000) / 4 })).toMatchObject({
        confidence: 'ambiguous',
        candidates: [`asker ${ASKER}:5000`, 'host'],
      });
    }
    world.now += SECOND;
    world.tell(...client(ASKER, 5002), dial(6002));
    const joined = world.now;
    world.now += SECOND;
    world.tell(dial(6003));

    expect(world.unfold(seen(6002), { at: (joined - world.now) / SECOND })).toMatchObject({
      confidence: 'certain',
    });
    expect(world.unfold(seen(6003))).toBeUndefined();
  });

  it('is not said to be the host where events were lost, or before enough was heard', () => {
    world = new World();
    world.answerList();
    world.tell(dial(6000));
    expect(world.unfold(seen(6000))?.reason).toMatch(/^via NAT, origin unknown: not all/);

    world.settle();
    world.deliver([], { overruns: 3 });
    world.tell(dial(6001));
    expect(world.unfold(seen(6001))?.reason).toMatch(/^via NAT, origin unknown: not all/);
    // One who waits is then a candidate and no more.
    world.tell(...client(ASKER, 5002), dial(6002));
    expect(world.unfold(seen(6002))).toMatchObject({ confidence: 'ambiguous' });
  });

  it('that was open before the agent looked is unknown', () => {
    world = new World();
    world.answerList(news('listed', `${ASKER}:5000 > ${HOST}:8080`, { established: true }), {
      ...dial(6000),
      type: 'listed',
    });

    expect(world.unfold(seen(6000))?.reason).toMatch(/before the agent looked/);
  });

  it('from another container is nothing of the proxy', () => {
    world = new World().settle();
    world.tell(
      ...client(ASKER, 5000),
      news('opened', `${NEIGHBOUR}:6000 > ${WEB}:80`, { id: 9 }),
      dial(6001),
    );

    expect(world.unfold(`${NEIGHBOUR}:6000 > ${WEB}:80`)).toBeUndefined();
    expect(world.unfold(seen(6001))).toMatchObject({ confidence: 'certain', client: { ip: ASKER } });
  });
});

it('stays bounded under a flood of clients, and is certain of nothing then', () => {
  world = new World({ maxConnections: 5000 }).settle();
  for (let port = 1024; port < 3024; port++) world.tell(...client('198.51.100.66', port));
  world.tell(dial(6000));

  const fact = world.unfold(seen(6000));
  expect(fact?.confidence).toBe('ambiguous');
  expect(fact?.candidates?.length).toBeLessThanOrEqual(17);
});
