/** What a live tap delivers: frames, lengths, times, order, loss, and its manners on the event loop. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveSource, openLive } from '../../capture/live.ts';
import type { FrameBatch, LiveOptions } from '../../capture/source.ts';
import { Collected, missingForNative, sequenceOf, until, World } from './native-world.ts';

const missing = missingForNative();
// Quiet otherwise: bridges speak IPv6 by themselves.
const BLAST = 'udp dst port 5001';

describe.skipIf(missing !== undefined)('live tap', () => {
  let world: World;
  const open: LiveSource[] = [];
  beforeAll(() => {
    world = new World();
  });
  afterAll(() => {
    for (const source of open) source.close();
    world?.remove();
  });

  function openTap(options: Partial<LiveOptions> = {}): LiveSource {
    const source = openLive({
      interface: 'br0',
      netns: world.netns,
      filter: BLAST,
      bufferBytes: 2 * 1024 * 1024,
      ...options,
    });
    open.push(source);
    return source;
  }

  it('delivers each frame once, in order, with its lengths and its bytes', async () => {
    const tap = openTap();
    const seen: number[] = [];
    let wrong = 0;
    const collected = new Collected(tap, (batch) => {
      for (let i = 0; i < batch.count; i++) {
        seen.push(sequenceOf(batch, i));
        const at = batch.offset[i]!;
        const exact =
          batch.capLen[i] === 90 &&
          batch.wireLen[i] === 90 &&
          batch.ifIndex[i] === 0 &&
          batch.data.getUint16(at + 12) === 0x0800 &&
          batch.data.getUint16(at + 36) === 5001 &&
          batch.data.getUint16(at + 34) === 1024 + (seen.at(-1)! % 64_512);
        if (!exact) wrong++;
      }
    });

    const sent = await world.blast({ packets: 20_000, bytes: 90 });
    await until('all frames', () => collected.frames >= sent);
    tap.close();

    expect(sent).toBe(20_000);
    expect(seen).toEqual(Array.from({ length: sent }, (_, i) => i));
    expect(wrong).toBe(0);
    expect(tap.stats()).toEqual({ received: sent, droppedByKernel: 0 });
    await expect(collected.end).resolves.toEqual({ reason: 'closed' });
    expect(tap).toMatchObject({
      backend: 'native',
      interfaces: [{ name: 'br0', linkType: 1 }],
      timestampPrecision: 'nanoseconds',
      promiscuous: true,
    });
  });

  it('stamps frames with the time of the kernel, in nanoseconds', async () => {
    const tap = openTap();
    const times: bigint[] = [];
    const collected = new Collected(tap, (batch) => {
      for (let i = 0; i < batch.count; i++)
        times.push(BigInt(batch.tsSec[i]!) * 1_000_000_000n + BigInt(batch.tsNsec[i]!));
    });
    const before = BigInt(Date.now()) * 1_000_000n;

    await world.blast({ packets: 500, rate: 5000 });
    await until('all frames', () => collected.frames >= 500);
    tap.close();

    expect(times[0]! - before).toBeGreaterThan(-1_000_000n);
    expect(times.at(-1)!).toBeLessThanOrEqual(BigInt(Date.now() + 1) * 1_000_000n);
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    expect(times.filter((time) => time % 1000n !== 0n).length).toBeGreaterThan(400);
  });

  it('cuts frames at the snapshot length and still knows their length on the wire', async () => {
    const tap = openTap({ snaplenBytes: 100 });
    const lengths = new Set<string>();
    const collected = new Collected(tap, (batch) => {
      for (let i = 0; i < batch.count; i++) lengths.add(`${batch.capLen[i]} of ${batch.wireLen[i]}`);
    });

    await world.blast({ packets: 10, bytes: 100 });
    await world.blast({ packets: 10, bytes: 101 });
    await until('all frames', () => collected.frames >= 20);
    tap.close();

    expect([...lengths].sort()).toEqual(['100 of 100', '100 of 101']);
  });

  /** How many users keep the bridge promiscuous. Taps let go of it in a thread of their own, a moment after close(). */
  const promiscuity = () => Number(/promiscuity (\d+)/.exec(world.ip('-d link show br0'))?.[1]);

  it('sees what two containers say to each other only while the bridge is promiscuous', async () => {
    await until('no tap of an earlier test', () => promiscuity() === 0);
    const plain = openTap({ promiscuous: false });
    const seenByPlain = new Collected(plain);
    await world.blast({ packets: 100 });
    const promiscuous = openTap();
    const seen = new Collected(promiscuous);

    await world.blast({ packets: 50 });
    // The bridge passes frames up for all its taps now. They come in order: after these, the first hundred cannot.
    await until('the later frames', () => seen.frames >= 50 && seenByPlain.frames >= 50);
    promiscuous.close();
    plain.close();

    expect([seenByPlain.frames, seen.frames]).toEqual([50, 50]);
  });

  it('turns promiscuous mode on in the kernel, and off with the last tap', async () => {
    await until('no tap of an earlier test', () => promiscuity() === 0);

    const plain = openTap({ promiscuous: false });
    expect([promiscuity(), plain.promiscuous]).toEqual([0, false]);
    const tap = openTap();
    expect([promiscuity(), tap.promiscuous]).toEqual([1, true]);
    tap.close();
    plain.close();
    await until('promiscuous mode is off', () => promiscuity() === 0);
  });

  it('passes only what the filter lets through', async () => {
    const tap = openTap({ filter: `${BLAST} and src port 1025` });
    const sequences: number[] = [];
    const collected = new Collected(tap, (batch) => {
      for (let i = 0; i < batch.count; i++) sequences.push(sequenceOf(batch, i));
    });

    await world.blast({ packets: 1000 });
    await until('the frame', () => collected.frames >= 1);
    tap.close();

    expect(sequences).toEqual([1]);
    expect(tap.stats().received).toBe(1);
  });

  it('hands frames over within the read timeout', async () => {
    const tap = openTap({ readTimeoutMs: 50 });
    const delays: number[] = [];
    const collected = new Collected(tap, (batch) => {
      for (let i = 0; i < batch.count; i++)
        delays.push(Date.now() - batch.tsSec[i]! * 1000 - batch.tsNsec[i]! / 1e6);
    });

    for (let i = 0; i < 10; i++) await world.blast({ packets: 1 });
    await until('all frames', () => collected.frames >= 10);
    tap.close();

    delays.sort((a, b) => a - b);
    expect(delays[5]!).toBeLessThan(150);
  });

  it('counts what the kernel drops: received and dropped add up to what was sent', async () => {
    const tap = openTap({ bufferBytes: 262_144 });
    const collected = new Collected(tap, () => {
      // A pipeline that is too slow.
      const end = performance.now() + 100;
      while (performance.now() < end);
    });

    const sent = await world.blast({ packets: 50_000 });
    const total = () => tap.stats().received + tap.stats().droppedByKernel!;
    await until('the sum of received and dropped', () => total() >= sent);

    expect(total()).toBe(sent);
    expect(tap.stats().droppedByKernel).toBeGreaterThan(0);
    const last = tap.stats();
    tap.close();
    expect(tap.stats()).toEqual(last);
    expect(last.received).toBe(collected.frames);
  });

  it('does not know drops of an interface in another namespace, and says nothing of them', () => {
    const there = openTap({ interface: 'lo' });
    const here = openLive({ interface: 'lo', bufferBytes: 262_144 });

    expect(there.stats().droppedByInterface).toBeUndefined();
    expect(here.stats().droppedByInterface).toBe(0);
    there.close();
    here.close();
  });

  it('keeps batches within their bounds, whatever the size of frames', async () => {
    const tap = openTap({ bufferBytes: 32 * 1024 * 1024 });
    let outside = 0;
    let largest = 0;
    const check = (batch: FrameBatch) => {
      largest = Math.max(largest, batch.count);
      for (let i = 0; i < batch.count; i++) {
        if (batch.offset[i]! + batch.capLen[i]! > batch.data.byteLength) outside++;
        if (i > 0 && batch.offset[i]! < batch.offset[i - 1]! + batch.capLen[i - 1]!) outside++;
      }
    };
    const collected = new Collected(tap, check);

    world.ip('link set va mtu 9000');
    world.ip('link set vb mtu 9000');
    const sent =
      (await world.blast({ packets: 3000, bytes: 9000, rate: 20_000 })) +
      (await world.blast({ packets: 30_000 }));
    await until('all frames', () => collected.frames >= sent);
    tap.close();

    expect(outside).toBe(0);
    expect(largest).toBeGreaterThan(64);
    expect(largest).toBeLessThanOrEqual(4096);
  });

  it('yields to the event loop between any two batches of a backlog', async () => {
    const tap = openTap({ bufferBytes: 64 * 1024 * 1024 });
    const sent = await world.blast({ packets: 100_000 });
    let turns = 0;
    const turnOfBatch: number[] = [];
    let immediate = setImmediate(function again() {
      turns++;
      immediate = setImmediate(again);
    });

    const collected = new Collected(tap, () => turnOfBatch.push(turns));
    await until('all frames', () => collected.frames >= sent);
    clearImmediate(immediate);
    tap.close();

    expect(turnOfBatch.length).toBeGreaterThanOrEqual(Math.floor(100_000 / 4096));
    expect(new Set(turnOfBatch).size).toBe(turnOfBatch.length);
  });

  it('shares a turn among busy taps, and serves each of them', async () => {
    const taps = Array.from({ length: 8 }, () => openTap({ bufferBytes: 16 * 1024 * 1024 }));
    await world.blast({ packets: 20_000 });
    const batches: { tap: number; count: number }[] = [];

    const all = taps.map((tap, i) => new Collected(tap, ({ count }) => batches.push({ tap: i, count })));
    await until('all frames of all taps', () => all.every(({ frames }) => frames === 20_000));
    for (const tap of taps) tap.close();

    // Who is busy is known from the second turn on.
    const second = batches.slice(8, 16);
    expect(new Set(second.map(({ tap }) => tap)).size).toBe(8);
    expect(Math.max(...second.map(({ count }) => count))).toBeLessThanOrEqual(4096 / 8);
  });

  it('opens in the namespace without a thread of ours ever staying there', async () => {
    const { readdirSync, readlinkSync } = await import('node:fs');
    const namespaces = () =>
      new Set(
        readdirSync('/proc/self/task').map((thread) => readlinkSync(`/proc/self/task/${thread}/ns/net`)),
      );
    const before = namespaces();

    const tap = openTap();
    expect(() => openTap({ interface: 'none0' })).toThrow();

    expect(namespaces()).toEqual(before);
    tap.close();
  });
});
