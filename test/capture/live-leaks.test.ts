/** A thousand openings and closings leave nothing behind: no descriptor, no thread, no memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLive } from '../../capture/live.ts';
import { compileFilter } from '../../capture/native/index.ts';
import { missingForNative, openDescriptors, until, World } from './native-world.ts';

const missing = missingForNative();
const SMALL = { filter: 'udp dst port 5001', bufferBytes: 262_144 };
const MIB = 1024 * 1024;

function threads(): number {
  return readdirSync('/proc/self/task').length;
}

function residentBytes(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}

describe.skipIf(missing !== undefined)('resources', () => {
  let world: World;
  beforeAll(() => {
    world = new World();
  });
  afterAll(() => world?.remove());

  /** Repeats, and compares what is held after the warm-up with what is held at the end. */
  async function leavesNothing(times: number, once: (i: number) => unknown): Promise<void> {
    const warmUp = Math.ceil(times / 10);
    for (let i = 0; i < warmUp; i++) await once(i);
    const idle = openDescriptors();
    let descriptors = idle;
    await until('warm-up is over', () => {
      const previous = descriptors;
      descriptors = openDescriptors();
      return descriptors === previous && threads() < 20;
    });
    const before = { threads: threads(), bytes: residentBytes() };

    for (let i = 0; i < times; i++) await once(i);

    await until(
      'descriptors and threads are as before',
      () => openDescriptors() <= descriptors && threads() <= before.threads,
    );
    expect((residentBytes() - before.bytes) / MIB).toBeLessThan(16);
  }

  it('are all given back over 1,000 openings, half of them in a namespace, half of them run', {
    timeout: 120_000,
  }, async () => {
    await leavesNothing(1000, async (i) => {
      const tap =
        i % 2 === 0
          ? openLive({ interface: 'br0', netns: world.netns, ...SMALL })
          : openLive({ interface: 'lo', ...SMALL });
      const end = i % 4 < 2 ? tap.run(() => {}) : undefined;
      if (i % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
      tap.close();
      await end;
    });
  });

  it('are all given back by openings that fail, wherever they fail', { timeout: 120_000 }, async () => {
    const failing = [
      { interface: 'none0' },
      { interface: 'none0', netns: world.netns },
      { interface: 'lo', netns: '/etc/hostname' },
      { interface: 'lo', netns: '/none' },
      { interface: 'br0', netns: world.netns, filter: 'no such filter' },
    ];
    await leavesNothing(500, (i) => {
      expect(() => openLive({ bufferBytes: 262_144, ...failing[i % failing.length]! })).toThrow();
    });
  });

  it('are all given back by compiled filters, good or bad', async () => {
    await leavesNothing(5000, (i) => {
      if (i % 2 === 0) compileFilter('tcp or (udp port 53 and not host 198.51.100.7)', 1, 65_535).close();
      else expect(() => compileFilter('tcp or (', 1, 65_535)).toThrow();
    });
  });
});
