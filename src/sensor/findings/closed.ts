/**
 * Findings that were closed, and those that an earlier run left behind: what returns in time goes on under its id. Bounded;
 * the one closed first is forgotten first, counted. Packet time only.
 */
import type { Severity } from '../../model/finding.ts';
import type { Micros } from '../../model/time.ts';

export interface Remembered {
  readonly id: string;
  readonly firstSeen: Micros;
  /** Last sign, by the clock as it is now. */
  readonly heardAt: Micros;
  readonly count: number;
  readonly severity: Severity;
  /** Nobody saw its end. */
  readonly wasOpen: boolean;
  /** True until somebody changes it: while nobody saw its end it goes on, however long ago it was told. */
  readonly isStanding: boolean;
}

export interface ClosedOptions {
  readonly max: number;
  /** From the last sign on. */
  readonly within: Micros;
}

export class ClosedFindings {
  readonly #options: ClosedOptions;
  /** In the order of closing, which all but follows that of the last signs. */
  readonly #closed = new Map<string, Remembered>();
  #forgotten = 0;

  constructor(options: ClosedOptions) {
    this.#options = options;
  }

  /** Before their time, for want of room. */
  get forgotten(): number {
    return this.#forgotten;
  }

  remember(at: string, closed: Remembered): void {
    if (this.#options.within === 0) return;
    this.#closed.delete(at);
    this.#closed.set(at, closed);
    if (this.#closed.size <= this.#options.max) return;
    for (const oldest of this.#closed.keys()) {
      this.#closed.delete(oldest);
      this.#forgotten += 1;
      return;
    }
  }

  /** It returns; undefined when it was never there, or too long ago. */
  take(at: string, now: Micros): Remembered | undefined {
    const found = this.#closed.get(at);
    if (found === undefined) return undefined;
    this.#closed.delete(at);
    return this.#isOver(found, now) ? undefined : found;
  }

  /** Somebody has seen since that it is over: it goes on no more, though it can come again. */
  ended(at: string): void {
    const found = this.#closed.get(at);
    if (found !== undefined && isKept(found)) this.#closed.set(at, { ...found, wasOpen: false });
  }

  /** Looks at the front only: one that is out of order stays a little longer, and `take` looks again. */
  forgetUntil(now: Micros): void {
    for (const [at, closed] of this.#closed) {
      // Of an earlier run, and bounded with all others: it holds up nobody behind it.
      if (isKept(closed)) continue;
      if (!this.#isOver(closed, now)) return;
      this.#closed.delete(at);
    }
  }

  /** What was quiet for so long stays quiet for so long. */
  clockSet(shift: Micros): void {
    for (const [at, closed] of this.#closed)
      this.#closed.set(at, { ...closed, heardAt: closed.heardAt + shift });
  }

  #isOver(found: Remembered, now: Micros): boolean {
    return !isKept(found) && now - found.heardAt > this.#options.within;
  }
}

function isKept({ isStanding, wasOpen }: Remembered): boolean {
  return isStanding && wasOpen;
}
