/**
 * Which client asked which zone for a day without a finding, and where there ever was one: what takes dns-tunnel longest to
 * learn, kept over restarts of the agent. Of all else that it knows it begins anew.
 */
import type { LearnedMap } from '../../../src/sensor/analysis/analyzer.ts';
import type { ClientZone } from './client-zone.ts';
import type { Context } from './evidence.ts';
import type { Clock } from './memory.ts';
import type { Options } from './options.ts';

/** One in so many pairs is asked for a day and more; 270 bytes each, measured. */
const PAIRS_PER_QUIET = 4;

export class QuietZones {
  readonly #clock: Clock;
  /** False after a finding. */
  readonly #areQuiet: LearnedMap<boolean>;

  constructor(ctx: Context, { max_zones }: Options, clock: Clock) {
    this.#clock = clock;
    this.#areQuiet = ctx.learnedMap({
      name: 'quiet',
      maxKeys: Math.ceil(max_zones / PAIRS_PER_QUIET),
      save: (isQuiet) => isQuiet,
      load: (saved) => (typeof saved === 'boolean' ? saved : undefined),
    });
  }

  /** The pair was asked. */
  note(pair: ClientZone): void {
    // The first time since the agent started, or since the pair was given up for others.
    if (pair.queries === 1) {
      const isQuiet = this.#areQuiet.get(pair.key);
      if (isQuiet !== undefined) pair.recall(isQuiet);
    } else if (pair.isNewlyLearned(this.#clock.now)) {
      pair.recall(true);
      this.#set(pair, true);
    }
  }

  noteReport(pair: ClientZone): void {
    this.#set(pair, false);
  }

  #set({ key }: ClientZone, isQuiet: boolean): void {
    if (this.#areQuiet.get(key) === isQuiet) return;
    this.#areQuiet.delete(key);
    this.#areQuiet.ensure(key, () => isQuiet);
  }
}
