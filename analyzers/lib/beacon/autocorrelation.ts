/**
 * Whether contacts come again after some period, also where several rates are mixed (a check-in each minute and a report
 * each five) and intervals alone look wild. The autocorrelation of a point process, after BAYWATCH (Hu et al., DSN 2016):
 * what part of the contacts has another one a period later, less what chance would give. No shuffling: chance is known.
 */

/** Of the period: how far off the next one may be. */
const TOLERANCE = 0.05;
/** Periods are tried from the distances to the next few contacts: more rates than that are no rhythm. */
const NEIGHBOURS = 4;
/** A period must have had the room to come again so often. */
const LEAST_PERIODS = 5;
/** Above, partners are found by chance as often as not, and nothing can be said. */
const MOST_CHANCE = 0.5;

export interface Periodicity {
  readonly periodSecs: number;
  /** 0: as chance; 1: every contact has its successor. */
  readonly score: number;
}

/** Times in seconds, ascending. Deterministic; at most 64 x 4 periods over 64 contacts. */
export function periodicity(times: Float64Array): Periodicity {
  const span = times.length === 0 ? 0 : times[times.length - 1]! - times[0]!;
  let best: Periodicity = { periodSecs: 0, score: 0 };
  for (let i = 0; i < times.length; i++) {
    for (let j = i + 1; j <= i + NEIGHBOURS && j < times.length; j++) {
      const period = times[j]! - times[i]!;
      if (period <= 0 || period * LEAST_PERIODS > span) continue;
      const score = scoreOf(times, span, period);
      if (score > best.score) best = { periodSecs: period, score };
    }
  }
  return best;
}

function scoreOf(times: Float64Array, span: number, period: number): number {
  const tolerance = period * TOLERANCE;
  const chance = 1 - Math.exp((-times.length / span) * 2 * tolerance);
  if (chance > MOST_CHANCE) return 0;
  const last = times[times.length - 1]!;
  let asked = 0;
  let found = 0;
  let next = 0;
  for (const time of times) {
    if (time + period > last + tolerance) break;
    asked += 1;
    while (next < times.length && times[next]! < time + period - tolerance) next += 1;
    if (next < times.length && times[next]! <= time + period + tolerance) found += 1;
  }
  return asked === 0 ? 0 : Math.max(0, (found / asked - chance) / (1 - chance));
}
