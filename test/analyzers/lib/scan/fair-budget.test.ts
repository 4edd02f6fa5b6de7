import { describe, expect, it } from 'vitest';
import { FairBudget } from '../../../../analyzers/lib/scan/fair-budget.ts';

const taken = (budget: FairBudget, source: number, times: number) =>
  Array.from({ length: times }, () => budget.take(source)).filter((isGranted) => isGranted).length;

describe('a budget for all sources', () => {
  it('gives each its own share, also beside one that takes all it can', () => {
    const budget = new FairBudget(5, 100);

    expect(taken(budget, 1, 1000)).toBe(5);
    expect(taken(budget, 2, 3)).toBe(3);
  });

  it('has an end for all of them together', () => {
    const budget = new FairBudget(5, 12);

    expect([1, 2, 3, 4].map((source) => taken(budget, source, 5))).toEqual([5, 5, 2, 0]);
  });

  it('is whole again after a second', () => {
    const budget = new FairBudget(5, 5);
    taken(budget, 1, 5);

    budget.refill();

    expect(taken(budget, 1, 9)).toBe(5);
  });
});
