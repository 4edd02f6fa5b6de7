/** A record on its way through the station: its public JSON text, made once, and what it is ordered and kept by. */
import type { RecordKind } from '../model/record.ts';
import type { SentRecord } from '../model/sent-record.ts';
import type { Micros } from '../model/time.ts';

/** What a sink is given. */
export interface Delivery {
  readonly kind: RecordKind;
  readonly time: Micros;
  /**
   * Counts the records of the same microsecond and lane, from 0. Kind, `time` and `tie` together are unique for this
   * agent and stored with the record, so that sending it again after a lost answer overwrites instead of duplicating.
   */
  readonly tie: number;
  /** The public JSON form (src/model/serialize.ts). */
  readonly text: string;
}

export interface Entry extends Delivery {
  readonly record: SentRecord;
}

/** Numbers the records of one microsecond. Remembers the latest microseconds only; live time moves on. */
export class TieBreaker {
  readonly #next = new Map<Micros, number>();
  readonly #maxTimes: number;

  constructor(maxTimes = 4096) {
    this.#maxTimes = maxTimes;
  }

  /** What is in the database already from before: `tie` and above are free for this microsecond. */
  atLeast(time: Micros, tie: number): void {
    this.#remember(time, Math.max(tie, this.#next.get(time) ?? 0));
  }

  next(time: Micros): number {
    const tie = this.#next.get(time) ?? 0;
    this.#remember(time, tie + 1);
    return tie;
  }

  #remember(time: Micros, next: number): void {
    // Deleted first so that the map's order is the order of use.
    this.#next.delete(time);
    this.#next.set(time, next);
    if (this.#next.size > this.#maxTimes) {
      for (const oldest of this.#next.keys()) {
        this.#next.delete(oldest);
        break;
      }
    }
  }
}
