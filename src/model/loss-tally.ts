/**
 * What the station itself had to drop, added up by place until it can be written as `loss` records. Bounded: the
 * places are the record kinds and the sinks.
 */
import type { LossRecord } from './record.ts';
import type { Micros } from './time.ts';

interface Tally {
  readonly source: string;
  readonly where: string;
  count: number;
  first: Micros;
  last: Micros;
}

export class LossTally {
  readonly #tallies = new Map<string, Tally>();
  #total = 0;

  /** Everything ever added. */
  get total(): number {
    return this.#total;
  }

  /** `first` and `last` are the times of the records that were lost, not of their losing. */
  add(source: string, where: string, count: number, first: Micros, last: Micros = first): void {
    if (count <= 0) return;
    this.#total += count;
    const key = `${source} ${where}`;
    const tally = this.#tallies.get(key);
    if (tally === undefined) {
      this.#tallies.set(key, { source, where, count, first, last });
      return;
    }
    tally.count += count;
    tally.first = Math.min(tally.first, first);
    tally.last = Math.max(tally.last, last);
  }

  /** Hands over the sums and starts again. */
  drain(time: Micros): LossRecord[] {
    const records = [...this.#tallies.values()].map(
      ({ source, where, count, first, last }): LossRecord => ({
        kind: 'loss',
        time,
        source,
        where,
        count,
        first,
        last,
      }),
    );
    this.#tallies.clear();
    return records;
  }
}
