/**
 * Slabs for files that are open at once. Sixteen lie side by side in one memory, so that a batch can hold frames of all
 * of them without copying one.
 */
import { allocateSlab, SLAB_BYTES, type Slab } from './file-reading.ts';

const SLABS_A_MEMORY = 16;

export class SlabPool {
  #free: Slab[] = [];

  take(): Slab {
    if (this.#free.length === 0) {
      const memory = new DataView(new ArrayBuffer(SLABS_A_MEMORY * SLAB_BYTES));
      for (let i = SLABS_A_MEMORY - 1; i >= 0; i--) this.#free.push(allocateSlab(memory, i * SLAB_BYTES));
    }
    return this.#free.pop()!;
  }

  /** Nobody may hold a batch of it any more. */
  giveBack(slab: Slab): void {
    this.#free.push(slab);
  }
}
