import { describe, expect, it } from 'vitest';
import { ReadingRounds } from '../../../src/sensor/taps/reading-rounds.ts';

describe('what all taps have handed over', () => {
  it('was captured two read timeouts before the last but one round', () => {
    const rounds = new ReadingRounds(100);

    expect([1_000_000, 1_100_000, 1_200_000, 1_300_000].map((now) => rounds.begin(now))).toEqual([
      undefined,
      undefined,
      800_000,
      900_000,
    ]);
  });

  it('is no more for a round that comes late', () => {
    const rounds = new ReadingRounds(100);
    for (const now of [1_000_000, 1_100_000]) rounds.begin(now);

    expect(rounds.begin(9_000_000)).toBe(800_000);
  });
});
