import { describe, expect, it } from 'vitest';
import { batchOf, type MemoryFrame } from '../../../capture/memory.ts';
import type { EndReason, FrameBatch, PacketSource } from '../../../capture/source.ts';
import { readAhead } from '../../../src/sensor/taps/read-ahead.ts';

const frame = (time: number, ...data: number[]): MemoryFrame => ({ time, data: Uint8Array.from(data) });

/** Lends the same memory for each batch, as native capture does. */
function lender() {
  let deliver: (batch: FrameBatch) => void = () => {};
  let settle: { resolve(end: EndReason): void; reject(error: Error): void };
  let isDrained = false;
  const source: PacketSource = {
    backend: 'native',
    interfaces: [{ name: 'lo', linkType: 1 }],
    run: (onBatch) => {
      deliver = onBatch;
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
      });
    },
    stats: () => ({ received: 5, droppedByKernel: 1 }),
    drain: () => {
      isDrained = true;
    },
    close: () => settle.resolve({ reason: 'closed' }),
  };
  return {
    source,
    deliver(...frames: MemoryFrame[]): void {
      const batch = batchOf(frames);
      deliver(batch);
      for (let i = 0; i < batch.data.byteLength; i++) batch.data.setUint8(i, 0xff);
      batch.offset.fill(0);
      batch.capLen.fill(0);
    },
    fail: (error: Error) => settle.reject(error),
    isDrained: () => isDrained,
  };
}

function listen() {
  const seen: [time: number, bytes: number[]][] = [];
  return {
    seen,
    onBatch({ data, offset, capLen, tsSec, tsNsec, count }: FrameBatch): void {
      for (let i = 0; i < count; i++) {
        const bytes = Array.from({ length: capLen[i]! }, (_, at) => data.getUint8(offset[i]! + at));
        seen.push([tsSec[i]! * 1e6 + tsNsec[i]! / 1000, bytes]);
      }
    },
  };
}

describe('a tap that is read ahead', () => {
  it('hands over what came before it was run, in order, and then each batch as it comes', () => {
    const { source, deliver } = lender();
    const tap = readAhead(source, 10_000);
    deliver(frame(1, 1), frame(2, 2, 2));
    deliver(frame(3, 3, 3, 3));
    const { seen, onBatch } = listen();

    void tap.run(onBatch);
    expect(seen).toEqual([
      [1, [1]],
      [2, [2, 2]],
      [3, [3, 3, 3]],
    ]);
    deliver(frame(4, 4));
    expect(seen).toHaveLength(4);
    expect(tap.stats()).toEqual({ received: 5, droppedByKernel: 1 });
  });

  it('keeps no more than it may, and counts the rest as dropped', () => {
    const { source, deliver } = lender();
    // 24 bytes of arrays for each frame.
    const tap = readAhead(source, 2 * (24 + 10));
    const ten = Array.from({ length: 10 }, () => 7);
    deliver(frame(1, ...ten), frame(2, ...ten), frame(3, ...ten));
    deliver(frame(4, ...ten));
    const { seen, onBatch } = listen();
    void tap.run(onBatch);

    expect(seen.map(([time]) => time)).toEqual([1, 2]);
    expect(tap.stats()).toEqual({ received: 5, droppedByKernel: 3 });
    deliver(frame(5, ...ten));
    expect(seen.map(([time]) => time)).toEqual([1, 2, 5]);
  });

  it('that ended before anybody ran it hands over what it had, and how it ended', async () => {
    const { source, deliver } = lender();
    const tap = readAhead(source, 10_000);
    deliver(frame(1, 1));
    tap.close();
    const { seen, onBatch } = listen();

    expect(await tap.run(onBatch)).toEqual({ reason: 'closed' });
    expect(seen).toHaveLength(1);
  });

  it('drains as its source does', () => {
    const world = lender();
    readAhead(world.source, 10_000).drain?.();

    expect(world.isDrained()).toBe(true);
  });

  it('tells whoever runs it of a bug, and nobody who does not', async () => {
    const world = lender();
    const tap = readAhead(world.source, 10_000);
    world.fail(new Error('a bug'));

    await expect(tap.run(() => {})).rejects.toThrow('a bug');
  });
});
