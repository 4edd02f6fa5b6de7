/**
 * What every packet source promises (capture/source.ts), as tests that each source's own test file runs on itself.
 */
import { describe, expect, it } from 'vitest';
import type { EndReason, FrameBatch, PacketSource } from '../../capture/source.ts';

export interface SourceUnderTest {
  /** A fresh source that will deliver at least `frames` frames. */
  open(): Promise<PacketSource>;
  /** Frames each source delivers before it ends by itself, or at least delivers, when it never does. */
  readonly frames: number;
  /** Whether it ends after exactly `frames`. */
  readonly endsBy?: EndReason['reason'];
}

export function describeSource(name: string, subject: SourceUnderTest): void {
  describe(`${name} as a packet source`, () => {
    it('delivers every frame within its slab, and counts what it delivers', async () => {
      const source = await subject.open();
      let frames = 0;

      const end = await source.run((batch) => {
        checkBatch(source, batch);
        frames += batch.count;
        if (subject.endsBy === undefined && frames >= subject.frames) source.close();
      });

      if (subject.endsBy === undefined) {
        expect(frames).toBeGreaterThanOrEqual(subject.frames);
        expect(end).toEqual({ reason: 'closed' });
      } else {
        expect(frames).toBe(subject.frames);
        expect(end.reason).toBe(subject.endsBy);
      }
      expect(source.stats().received).toBe(frames);
      expect(source.interfaces.length).toBeGreaterThan(0);
    });

    it('may be closed inside onBatch, and hands out nothing after that', async () => {
      const source = await subject.open();
      let batchesAfterClose = -1;

      const end = await source.run(() => {
        batchesAfterClose++;
        source.close();
      });
      await new Promise((resolve) => setImmediate(resolve));

      expect(end).toEqual({ reason: 'closed' });
      expect(batchesAfterClose).toBe(0);
    });

    it('ends with closed when it is closed before it runs, and delivers nothing', async () => {
      const source = await subject.open();
      let batches = 0;

      source.close();
      source.close();
      const end = await source.run(() => batches++);

      expect(end).toEqual({ reason: 'closed' });
      expect(batches).toBe(0);
      expect(source.stats().received).toBe(0);
    });

    it('ends with closed when it is closed from outside while it runs', async () => {
      const source = await subject.open();

      const running = source.run(() => {});
      source.close();

      expect(await running).toEqual({ reason: 'closed' });
    });

    it('refuses to run a second time while it runs', async () => {
      const source = await subject.open();

      const first = source.run(() => {});

      await expect(source.run(() => {})).rejects.toThrow('run() was called twice');
      source.close();
      await first;
    });

    it('rejects with what onBatch throws, and is closed by it', async () => {
      const source = await subject.open();
      let batches = 0;

      const running = source.run(() => {
        batches++;
        throw new Error('a bug of the consumer');
      });

      await expect(running).rejects.toThrow('a bug of the consumer');
      await new Promise((resolve) => setImmediate(resolve));
      expect(batches).toBe(1);
      source.close();
    });
  });
}

/** Throws, and not by `expect` for each number, since a batch may have thousands of frames. */
function checkBatch(source: PacketSource, batch: FrameBatch): void {
  if (batch.count === 0) throw new Error('an empty batch was delivered');
  if (batch.count > batch.offset.length) throw new Error('a batch counts more frames than its arrays hold');
  for (let i = 0; i < batch.count; i++) {
    const problem = frameProblem(source, batch, i);
    if (problem !== undefined) throw new Error(`frame ${i}: ${problem}`);
  }
}

function frameProblem(source: PacketSource, batch: FrameBatch, i: number): string | undefined {
  if (batch.offset[i]! + batch.capLen[i]! > batch.data.byteLength) return 'lies outside of the slab';
  if (batch.wireLen[i]! < batch.capLen[i]!) return 'was shorter on the wire than captured';
  if (batch.tsNsec[i]! > 999_999_999) return `has ${batch.tsNsec[i]} nanoseconds`;
  if (batch.ifIndex[i]! >= source.interfaces.length) return `is of the unknown interface ${batch.ifIndex[i]}`;
  return undefined;
}
