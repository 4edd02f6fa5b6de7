/**
 * What capturing programs wrote that they lost, over all files of a case. They count from the beginning of a capture: in
 * the files of a rotation each number has those before it in it.
 */
import type { FileReading } from './file-reading.ts';

export interface Drops {
  readonly droppedByKernel?: number;
  readonly droppedByInterface?: number;
}

/** Captures that are remembered; of more, a number may count twice. */
const MAX_SESSIONS = 10_000;

export class DropTally {
  #byKernel: number | undefined;
  #byInterface: number | undefined;
  /** By capture, up to the latest of its files. */
  readonly #told = new Map<string, Drops>();

  get total(): Drops {
    return dropsOf(this.#byKernel, this.#byInterface);
  }

  /** What this file adds. */
  add(reading: FileReading): Drops {
    const { session } = reading;
    const { droppedByKernel, droppedByInterface } = reading.stats();
    const before = session === undefined ? undefined : this.#told.get(session);
    if (session !== undefined && (before !== undefined || this.#told.size < MAX_SESSIONS))
      this.#told.set(session, dropsOf(droppedByKernel, droppedByInterface));
    const byKernel = since(before?.droppedByKernel, droppedByKernel);
    const byInterface = since(before?.droppedByInterface, droppedByInterface);
    if (byKernel !== undefined) this.#byKernel = (this.#byKernel ?? 0) + byKernel;
    if (byInterface !== undefined) this.#byInterface = (this.#byInterface ?? 0) + byInterface;
    return dropsOf(byKernel, byInterface);
  }
}

/** A number that fell began anew. */
function since(before: number | undefined, now: number | undefined): number | undefined {
  if (now === undefined || before === undefined || now < before) return now;
  return now - before;
}

function dropsOf(byKernel: number | undefined, byInterface: number | undefined): Drops {
  return {
    ...(byKernel !== undefined && { droppedByKernel: byKernel }),
    ...(byInterface !== undefined && { droppedByInterface: byInterface }),
  };
}
