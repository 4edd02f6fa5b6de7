/** A live tap without a network: what it delivers, counts and ends with is in the test's hand. */
import { batchOf } from '../../capture/memory.ts';
import type { CaptureStats, EndReason, FrameBatch, PacketSource } from '../../capture/source.ts';

/** A tap in a test's hand. */
export interface HeldSource extends PacketSource {
  readonly isClosed: boolean;
  counters: CaptureStats;
  deliver(): void;
  end(reason: EndReason): void;
  fail(error: Error): void;
}

export function heldSource(): HeldSource {
  let onBatch: ((batch: FrameBatch) => void) | undefined;
  let settle: { resolve(end: EndReason): void; reject(error: Error): void } | undefined;
  let isClosed = false;
  return {
    backend: 'native',
    interfaces: [{ name: 'br-test', linkType: 1 }],
    counters: { received: 0, droppedByKernel: 0, droppedByInterface: 0 },
    get isClosed() {
      return isClosed;
    },
    run(deliver) {
      onBatch = deliver;
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
      });
    },
    stats() {
      return this.counters;
    },
    close() {
      isClosed = true;
      settle?.resolve({ reason: 'closed' });
    },
    deliver: () => onBatch!(batchOf([])),
    end: (reason) => settle!.resolve(reason),
    fail: (error) => settle!.reject(error),
  };
}
