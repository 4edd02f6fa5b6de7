import { afterEach, describe, expect, it } from 'vitest';
import { parseIp } from '../../../src/model/ip.ts';
import { communityId } from '../../../src/sensor/flow/community-id.ts';
import { news } from '../host/conntrack/messages.ts';
import { ASKER, GATEWAY, HOST, NEIGHBOUR, SECOND, WEB, WEB_CONTAINER, World, workload } from './world.ts';

let world: World;
afterEach(() => world.nat.watch.stop());

const CLIENT = '198.51.100.77';

describe('a flow that the kernel translates', () => {
  it('to a container has the address that was asked for, and the Community ID of the question', () => {
    world = new World().settle();
    world.tell(news('opened', `${CLIENT}:5000 > ${HOST}:8080`, { answers: `${WEB}:80 > ${CLIENT}:5000` }));

    expect(world.unfold(`${CLIENT}:5000 > ${WEB}:80`)).toEqual({
      kind: 'published-port',
      method: 'conntrack',
      confidence: 'certain',
      published: { ip: HOST, port: 8080 },
      originalCommunityId: communityId({
        src: parseIp(CLIENT)!,
        dst: parseIp(HOST)!,
        protocol: 6,
        srcPort: 5000,
        dstPort: 8080,
      }),
    });
  });

  it('seen before its translation names who answers', () => {
    world = new World().settle();
    world.tell(news('opened', `${ASKER}:5000 > ${HOST}:8080`, { answers: `${WEB}:80 > ${ASKER}:5000` }));

    const fact = world.unfold(`${ASKER}:5000 > ${HOST}:8080`);
    expect(fact).toMatchObject({
      kind: 'published-port',
      server: { ip: WEB, port: 80, workload: { name: 'web' } },
    });
    expect(fact).not.toHaveProperty('client');
    expect(fact).not.toHaveProperty('originalCommunityId');
  });

  it('at both ends is a hairpin, and its client is the container on its own network', () => {
    world = new World().settle();
    world.tell(news('opened', `${ASKER}:5000 > ${HOST}:8080`, { answers: `${WEB}:80 > ${GATEWAY}:6000` }));

    for (const seen of [`${GATEWAY}:6000 > ${WEB}:80`, `${WEB}:80 > ${ASKER}:5000`]) {
      expect(world.unfold(seen)).toMatchObject({
        kind: 'hairpin',
        confidence: 'certain',
        client: {
          ip: ASKER,
          port: 5000,
          workload: { name: 'asker' },
          attribution: { method: 'conntrack', confidence: 'certain' },
        },
        published: { ip: HOST, port: 8080 },
        translatedSource: { ip: GATEWAY, port: 6000 },
      });
    }
  });

  it('at both ends, opened by the host at its loopback, is the host: with candidates on the host network', () => {
    world = new World().settle();
    world.tell(news('opened', '127.0.0.1:5000 > 127.0.0.1:8080', { answers: `${WEB}:80 > ${GATEWAY}:5000` }));
    const client = () => world.unfold(`${GATEWAY}:5000 > ${WEB}:80`)?.client;

    expect(client()).toMatchObject({
      ip: '127.0.0.1',
      scope: 'host',
      attribution: { confidence: 'certain' },
    });
    world.containers = [WEB_CONTAINER, { workload: workload('monitor', 'host'), endpoints: [] }];
    world.nat.inventoryChanged();
    expect(client()).toMatchObject({
      scope: 'host',
      attribution: { confidence: 'likely', candidates: ['monitor'] },
    });
  });

  it('at its source only is masqueraded', () => {
    world = new World().settle();
    world.tell(news('opened', `${ASKER}:5000 > ${CLIENT}:443`, { answers: `${CLIENT}:443 > ${HOST}:6000` }));

    expect(world.unfold(`${ASKER}:5000 > ${CLIENT}:443`)).toEqual({
      kind: 'masquerade',
      method: 'conntrack',
      confidence: 'certain',
      translatedSource: { ip: HOST, port: 6000 },
    });
  });

  it('works for UDP, for IPv6 and for pings', () => {
    world = new World().settle();
    const [v6, web6] = ['[2001:db8::77]:5000', '[fd31::2]:80'];
    world.tell(
      news('opened', `${v6} > [2001:db8::2]:8080`, { answers: `${web6} > ${v6}`, protocol: 17 }),
      news('opened', `${ASKER} > ${CLIENT}`, { answers: `${CLIENT} > ${HOST}`, protocol: 1 }),
    );

    expect(world.unfold(`${v6} > ${web6}`, { protocol: 'udp' })).toMatchObject({
      kind: 'published-port',
      published: { ip: '2001:db8::2', port: 8080 },
    });
    expect(world.unfold(`${v6} > ${web6}`)).toBeUndefined();
    expect(world.unfold(`${ASKER} > ${CLIENT}`, { protocol: 'icmp' })).toMatchObject({
      kind: 'masquerade',
      translatedSource: { ip: HOST },
    });
  });

  it('is found long after its end, when the flow is recorded', () => {
    world = new World().settle();
    const asked = `${CLIENT}:5000 > ${HOST}:8080`;
    world.tell(news('opened', asked, { answers: `${WEB}:80 > ${CLIENT}:5000` }));
    world.tell(news('closed', asked, { answers: `${WEB}:80 > ${CLIENT}:5000` }));
    const begun = world.now;
    world.now += 200 * SECOND;
    world.nat.watch.tick();

    expect(world.unfold(`${CLIENT}:5000 > ${WEB}:80`, { at: (begun - world.now) / SECOND })).toBeDefined();
    expect(world.unfold(`${CLIENT}:5000 > ${WEB}:80`)).toBeUndefined();
  });

  it('is nothing where nothing is translated', () => {
    world = new World().settle();
    world.tell(news('opened', `${ASKER}:5000 > ${CLIENT}:443`));

    expect(world.unfold(`${ASKER}:5000 > ${CLIENT}:443`)).toBeUndefined();
    expect(world.unfold(`${ASKER}:9 > ${CLIENT}:9`, { protocol: 'ip-47' })).toBeUndefined();
  });
});

describe('addresses and ports that are used again', () => {
  const reply = `${WEB}:80 > ${GATEWAY}:6000`;
  const seen = `${GATEWAY}:6000 > ${WEB}:80`;
  const first = `${ASKER}:5000 > ${HOST}:8080`;
  const second = `${NEIGHBOUR}:5000 > ${HOST}:8080`;

  it('are told apart by time', () => {
    world = new World().settle();
    world.tell(news('opened', first, { answers: reply, id: 1 }));
    world.now += 3 * SECOND;
    world.tell(news('closed', first, { answers: reply, id: 1 }));
    world.now += SECOND;
    world.tell();
    world.now += SECOND;
    world.tell(news('opened', second, { answers: reply, id: 2 }));

    expect(world.unfold(seen, { at: -5 })?.client?.ip).toBe(ASKER);
    expect(world.unfold(seen, { at: -4 })?.client?.ip).toBe(ASKER);
    expect(world.unfold(seen, { at: 0 })?.client?.ip).toBe(NEIGHBOUR);
  });

  it('within one wakeup are ambiguous, with both', () => {
    world = new World().settle();
    world.now += SECOND;
    world.tell(
      news('opened', first, { answers: reply, id: 1 }),
      news('closed', first, { answers: reply, id: 1 }),
      news('opened', second, { answers: reply, id: 2 }),
    );

    expect(world.unfold(seen)).toMatchObject({
      kind: 'hairpin',
      confidence: 'ambiguous',
      candidates: [`asker ${ASKER}:5000`, `neighbour ${NEIGHBOUR}:5000`],
    });
  });

  it('after a loss of events are ambiguous until the kernel was asked again', () => {
    world = new World().settle();
    const told = { answers: reply, id: 1 };
    world.tell(news('opened', first, told));
    world.now += SECOND;
    world.deliver([], { overruns: 1 });
    world.now += 10 * SECOND;

    expect(world.unfold(seen)).toMatchObject({
      confidence: 'ambiguous',
      candidates: [`asker ${ASKER}:5000`],
    });
    world.nat.watch.tick();
    world.answerList(news('listed', first, told));
    expect(world.unfold(seen)).toMatchObject({ confidence: 'certain', client: { ip: ASKER } });
  });
});

describe('a flow that the gateway seems to have opened to a published port', () => {
  const seen = `${GATEWAY}:6000 > ${WEB}:80`;

  it('is `via NAT, origin unknown` without the right to ask the kernel, and says why', () => {
    world = new World({ refusal: new Error('not permitted') });

    expect(world.unfold(seen)).toEqual({
      kind: 'unknown',
      method: 'none',
      confidence: 'none',
      reason: 'via NAT, origin unknown: not permitted',
    });
    expect(world.told).toEqual(['not permitted']);
  });

  it('is so too when the kernel told nothing of it', () => {
    world = new World().settle();

    expect(world.unfold(seen)?.reason).toMatch(/^via NAT, origin unknown: .*no such connection/);
  });

  it('is not so for a port that is not published, another protocol, or another opener', () => {
    world = new World().settle();

    expect(world.unfold(`${GATEWAY}:6000 > ${WEB}:81`)).toBeUndefined();
    expect(world.unfold(seen, { protocol: 'udp' })).toBeUndefined();
    expect(world.unfold(`${CLIENT}:6000 > ${WEB}:80`)).toBeUndefined();
  });

  it('is known of a container that is gone for a while, and then no more', () => {
    world = new World().settle();
    expect(world.unfold(seen)).toBeDefined();
    world.containers = [];
    world.nat.inventoryChanged();
    world.now += 299 * SECOND;
    expect(world.unfold(seen)).toBeDefined();
    world.now += 2 * SECOND;
    world.nat.inventoryChanged();
    expect(world.unfold(seen)).toBeUndefined();
  });
});
