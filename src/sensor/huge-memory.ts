/**
 * Memory for large tables that are read at random. With pages of 4 KiB nearly each such read also misses the processor's
 * table of translations, which in a virtual machine costs more than the read itself; pages of 2 MiB spare that.
 */
import { adviseHugePages } from '../../capture/native/index.ts';
import type { Allocate } from './flow/rows.ts';

/** Smaller blocks hold no whole huge page. */
const WORTH_BYTES = 4 * 1024 * 1024;

/** Huge pages where the kernel gives them, else what any buffer has. */
export const allocateHuge: Allocate = (bytes) => {
  const block = new ArrayBuffer(bytes);
  if (bytes >= WORTH_BYTES) adviseHugePages(block);
  return block;
};
