/**
 * How long the agent has watched, over all its runs: what learning and forgetting are measured by. Time in which it did
 * not run, or by which the clock was set, is none of it.
 */
import { z } from 'zod';
import type { ClockStep, Micros } from '../../../src/model/time.ts';
import type { LearnedMap, LearnedMapOptions } from '../../../src/sensor/analysis/analyzer.ts';

/** Microseconds of watching, since the first run. Never compared with a time of day. */
export type Watched = number;

const ALL = 'all';
const saved = z.number().nonnegative();

interface Sum {
  micros: Watched;
}

export class WatchClock {
  readonly #map: LearnedMap<Sum>;
  readonly #sum: Sum;
  #last: Micros | undefined;

  constructor(learnedMap: (options: LearnedMapOptions<Sum>) => LearnedMap<Sum>) {
    this.#map = learnedMap({
      name: 'watched',
      maxKeys: 1,
      save: ({ micros }) => micros,
      load: (value) => {
        const { data } = saved.safeParse(value);
        return data === undefined ? undefined : { micros: data };
      },
    });
    this.#sum = this.#map.ensure(ALL, () => ({ micros: 0 }));
  }

  get now(): Watched {
    return this.#sum.micros;
  }

  tick(time: Micros): void {
    if (this.#last !== undefined && time > this.#last) {
      this.#sum.micros += time - this.#last;
      this.#map.changed(ALL);
    }
    this.#last = time;
  }

  clockSet({ to }: ClockStep): void {
    if (this.#last !== undefined) this.#last = to;
  }
}
