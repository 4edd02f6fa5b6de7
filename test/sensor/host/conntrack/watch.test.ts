import { afterEach, describe, expect, it } from 'vitest';
import { SECOND, World } from '../../nat/world.ts';
import { news, viewOf } from './messages.ts';

let world: World;
afterEach(() => world.nat.watch.stop());

const isDump = (message: Uint8Array): boolean => viewOf(message).getUint16(6, true) === 0x301;
const tickAfter = (secs: number): void => {
  world.now += secs * SECOND;
  world.nat.watch.tick();
};

describe('the watch of connection tracking', () => {
  it('asks for everything at the start, once', () => {
    world = new World();
    for (let i = 0; i < 30; i++) tickAfter(1);

    expect(world.sent.filter(isDump)).toHaveLength(1);
    expect(world.nat.watch.problem).toBeUndefined();
    expect(world.losses).toEqual([]);
  });

  it('tells what the kernel threw away, with its own count, and asks for everything again', () => {
    world = new World().settle();
    const heard = world.now;
    world.now += SECOND;
    world.drops = 1234;
    world.deliver([], { overruns: 1 });
    tickAfter(1);

    expect(world.losses).toEqual([
      {
        kind: 'loss',
        time: world.now,
        source: 'conntrack',
        where: 'netlink',
        count: 1234,
        first: heard,
        last: heard + SECOND,
      },
    ]);
    expect(world.sent).toHaveLength(2);
  });

  it('counts the overruns where the kernel does not count', () => {
    world = new World().settle();
    world.drops = undefined;
    world.deliver([], { overruns: 2 });
    tickAfter(1);

    expect(world.losses).toMatchObject([{ count: 2 }]);
  });

  it('in a storm tells once a second at most, and asks every five seconds at most', () => {
    world = new World().settle();
    for (let tenths = 0; tenths < 200; tenths++) {
      world.now += SECOND / 10;
      world.drops = tenths;
      world.deliver([], { overruns: 1 });
      if (tenths % 10 === 9) world.nat.watch.tick();
      if (world.sent.length > 1 && tenths % 10 === 0) world.answerList();
    }

    expect(world.losses).toHaveLength(20);
    expect(world.sent.length).toBeGreaterThan(2);
    expect(world.sent.length).toBeLessThanOrEqual(1 + 20 / 5);
  });

  it('looks again now and then at what was there before it, whose end nobody tells', () => {
    world = new World();
    world.answerList(news('listed', '10.0.0.1:1 > 10.0.0.2:2'));
    tickAfter(599);
    expect(world.sent).toHaveLength(1);
    tickAfter(2);
    expect(world.sent).toHaveLength(2);
    world.answerList();
    tickAfter(700);
    expect(world.sent).toHaveLength(2);
  });

  it('asks again when a list never ends', () => {
    world = new World().settle();
    world.deliver([], { overruns: 1 });
    tickAfter(1);
    world.deliver([], { overruns: 1 });
    tickAfter(30);
    expect(world.sent).toHaveLength(2);
    tickAfter(31);
    expect(world.sent).toHaveLength(3);
  });

  it.each([
    [1, /CAP_NET_ADMIN/],
    [22, /modprobe nf_conntrack_netlink/],
    [5, /errno 5/],
  ])('says what to do when the kernel refuses with errno %i', (errno, words) => {
    world = new World();
    world.refuseList(errno);

    expect(world.nat.watch.problem).toMatch(words);
    expect(world.told.at(-1)).toMatch(words);
  });

  it('opens the socket again when it fails, and tells each change once', async () => {
    world = new World();
    await world.failSocket('No such device');
    expect(world.nat.watch.problem).toContain('No such device');
    world.refusal = new Error('not now');
    for (let i = 0; i < 25; i++) tickAfter(1);
    world.refusal = undefined;
    tickAfter(10);

    expect(world.openings).toBe(4);
    expect(world.told).toEqual([undefined, expect.stringContaining('No such device'), 'not now', undefined]);
    expect(world.sent).toHaveLength(2);
  });

  it('counts what is malformed, and goes on', () => {
    world = new World();
    world.deliver([Uint8Array.of(1, 2, 3)]);

    expect(world.nat.watch.malformed).toBe(1);
    expect(world.nat.watch.problem).toBeUndefined();
  });

  it('tells of connections that had to be dropped', () => {
    world = new World({ maxConnections: 10 }).settle();
    for (let port = 1; port <= 25; port++) world.tell(news('opened', `10.0.0.1:${port} > 10.0.0.2:80`));
    tickAfter(1);

    expect(world.losses).toMatchObject([{ source: 'conntrack-table', count: 15 }]);
  });
});
