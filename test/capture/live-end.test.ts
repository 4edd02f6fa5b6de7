/** How a live tap ends: the interface goes down, is deleted, comes back; the namespace goes. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LiveSource, openLive } from '../../capture/live.ts';
import { Collected, missingForNative, openDescriptors, until, World } from './native-world.ts';

const missing = missingForNative();

describe.skipIf(missing !== undefined)('end of a live tap', () => {
  let world: World;
  let tap: LiveSource;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => {
    tap.close();
    world.remove();
  });

  function openBridge(readTimeoutMs = 100): LiveSource {
    return openLive({
      interface: 'br0',
      netns: world.netns,
      filter: 'udp dst port 5001',
      bufferBytes: 1024 * 1024,
      readTimeoutMs,
    });
  }

  it('says interface-gone when the interface is deleted, after the last frames, and lets go of its descriptor', async () => {
    const before = openDescriptors();
    tap = openBridge(300);
    const collected = new Collected(tap);

    await world.blast({ packets: 1000 });
    world.ip('link del br0');
    const end = await collected.end;

    expect(end).toEqual({
      reason: 'interface-gone',
      detail: 'br0 was deleted or moved to another namespace',
    });
    expect(collected.frames).toBe(1000);
    expect(tap.stats()).toEqual({ received: 1000, droppedByKernel: 0 });
    await until('the descriptor is closed', () => openDescriptors() <= before);
  });

  it('says interface-down when it is set down, after the last frames', async () => {
    tap = openBridge(300);
    const collected = new Collected(tap);

    await world.blast({ packets: 1000 });
    world.ip('link set br0 down');

    await expect(collected.end).resolves.toEqual({ reason: 'interface-down', detail: 'br0 was set down' });
    expect(collected.frames).toBe(1000);
  });

  it('drains: delivers what the kernel held back, takes nothing that comes later, and is closed', async () => {
    const before = openDescriptors();
    tap = openBridge(1000);
    const collected = new Collected(tap);

    await world.blast({ packets: 1000 });
    expect(collected.frames).toBeLessThan(1000);
    tap.drain!();
    tap.drain!();
    await world.blast({ packets: 100 });

    await expect(collected.end).resolves.toEqual({ reason: 'closed' });
    expect(collected.frames).toBe(1000);
    expect(tap.stats()).toEqual({ received: 1000, droppedByKernel: 0 });
    await until('the descriptor is closed', () => openDescriptors() <= before);
  });

  it('drains without run() by closing', async () => {
    const before = openDescriptors();
    tap = openBridge();
    tap.drain!();

    await expect(tap.run(() => {})).resolves.toEqual({ reason: 'closed' });
    await until('the descriptor is closed', () => openDescriptors() <= before);
  });

  it('says interface-gone when it is moved to another namespace', async () => {
    const elsewhere = new World(false);
    tap = openLive({ interface: 'va', netns: world.netns, bufferBytes: 262_144 });
    const collected = new Collected(tap);

    world.ip(`link set va netns ${elsewhere.name}`);

    await expect(collected.end).resolves.toMatchObject({ reason: 'interface-gone' });
    elsewhere.remove();
  });

  it('ends at once, without run(), no harm done: the end is told when run() comes', async () => {
    tap = openBridge();
    world.ip('link del br0');

    await expect(new Collected(tap).end).resolves.toMatchObject({ reason: 'interface-gone' });
  });

  it('survives flaps, also many of a quiet interface, and delivers what comes afterwards', async () => {
    tap = openBridge(20);
    const collected = new Collected(tap);

    await world.blast({ packets: 10 });
    for (let flap = 0; flap < 8; flap++) {
      world.ip('link set br0 down');
      world.ip('link set br0 up');
      await delay(flap % 2 === 0 ? 0 : 100);
    }
    await until('the bridge forwards again', () => world.ip('link show br0').includes('LOWER_UP'));
    await world.blast({ packets: 10 });
    await until('the frames of after the flaps', () => collected.frames === 20);

    expect(collected.ended).toBeUndefined();
  });

  it('follows an interface that is renamed', async () => {
    tap = openBridge();
    const collected = new Collected(tap);

    world.ip('link set br0 name br9');
    await world.blast({ packets: 10 });
    await until('the frames of after the renaming', () => collected.frames === 10);

    expect(collected.ended).toBeUndefined();
  });

  it('ends when the bridge comes back under its name, and a new tap sees the new bridge', async () => {
    tap = openBridge();
    const old = new Collected(tap);

    world.ip('link del br0');
    for (const end of ['va', 'vc']) world.ip(`link del ${end}`);
    world.addBridge();
    const again = openBridge();
    const fresh = new Collected(again);
    await expect(old.end).resolves.toMatchObject({ reason: 'interface-gone' });
    await world.blast({ packets: 10 });
    await until('the frames on the new bridge', () => fresh.frames === 10);

    expect(old.frames).toBe(0);
    again.close();
  });

  it('says interface-gone when the namespace is deleted, and does not keep it alive', async () => {
    tap = openLive({ interface: 'lo', netns: world.netns, bufferBytes: 262_144 });
    const collected = new Collected(tap);

    world.remove();

    await expect(collected.end).resolves.toEqual({
      reason: 'interface-gone',
      detail: `namespace ${world.netns} is gone`,
    });
  });

  it('does not spin while it waits, nor at the end', async () => {
    tap = openBridge();
    const collected = new Collected(tap);
    const start = process.cpuUsage();

    world.ip('link del br0');
    await collected.end;
    const { user, system } = process.cpuUsage(start);

    expect((user + system) / 1000).toBeLessThan(75);
  });

  it('can tap a bridge without carrier, and hears its first container', async () => {
    world.ip('link set vb down');
    world.ip('link set vd down');
    await until('NO-CARRIER', () => world.ip('link show br0').includes('NO-CARRIER'));
    tap = openBridge();
    const collected = new Collected(tap);

    world.ip('link set vb up');
    await until('carrier', () => !world.ip('link show br0').includes('NO-CARRIER'));
    await world.blast({ packets: 10 });
    await until('the frames', () => collected.frames === 10);

    expect(collected.ended).toBeUndefined();
  });
});
