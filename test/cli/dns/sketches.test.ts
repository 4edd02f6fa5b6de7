/** Sums in bounded memory: exact while they can be, and as near as they say after that. */
import { describe, expect, it } from 'vitest';
import { DistinctCount, LatencyHistogram, TopCount } from '../../../src/cli/dns/sketches.ts';

const names = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `host${from + i}.example.com`);

function distinct(texts: readonly string[], bound?: number): DistinctCount {
  const count = new DistinctCount(bound);
  for (const text of texts) count.add(text);
  return count;
}

describe('a count of distinct names', () => {
  it('is exact up to its bound, however often each comes', () => {
    const count = distinct([...names(0, 512), ...names(0, 512)]);
    expect([count.value, count.isEstimated]).toEqual([512, false]);
    count.add('one more');
    expect(count.isEstimated).toBe(true);
  });

  it.each([5000, 100_000])('is near %i beyond it', (many) => {
    // Four standard errors of 5 %.
    expect(Math.abs(distinct(names(0, many)).value / many - 1)).toBeLessThan(0.2);
  });

  it('is on the average what it should be', () => {
    let sum = 0;
    for (let i = 0; i < 40; i++) sum += distinct(names(i * 3000, (i + 1) * 3000), 256).value;
    expect(Math.abs(sum / 40 / 3000 - 1)).toBeLessThan(0.05);
  });

  it('of two parts is that of the whole, what both saw once', () => {
    for (const [a, b] of [
      [names(0, 300), names(200, 400)],
      [names(0, 20_000), names(10, 20)],
      [names(10, 20), names(0, 20_000)],
    ] as const) {
      const joined = distinct(a);
      joined.addAll(distinct(b));
      expect(joined.value).toBe(distinct([...a, ...b]).value);
    }
  });
});

describe('the most frequent', () => {
  it('are exact while there are few', () => {
    const top = new TopCount(4);
    for (const value of ['b', 'a', 'b', 'c', 'b', 'a']) top.add(value);
    expect(top.top(2)).toEqual([
      { value: 'b', count: 3 },
      { value: 'a', count: 2 },
    ]);
  });

  it('are found among many that came once, and never counted too high', () => {
    const top = new TopCount(16);
    names(0, 2000).forEach((name, i) => {
      top.add(name);
      if (i % 10 === 0) top.add('often');
    });
    const [first, second] = top.top(2);
    expect(first!.value).toBe('often');
    expect(first!.count).toBeLessThanOrEqual(200);
    // At most the number of all through the bound is missing.
    expect(first!.count).toBeGreaterThanOrEqual(200 - 2200 / 16);
    expect(second!.count).toBe(1);
  });

  it('of two parts are not counted too high either', () => {
    const [one, other] = [new TopCount(4), new TopCount(4)];
    for (const name of names(0, 50)) one.add(name);
    for (const name of [...names(50, 100), 'x', 'x', 'x']) other.add(name);
    one.addAll(other);
    for (const { value, count } of one.top(4)) expect(count).toBeLessThanOrEqual(value === 'x' ? 3 : 1);
  });
});

describe('latencies', () => {
  it('have their median and 95th percentile within 5 %', () => {
    const all = new LatencyHistogram();
    for (let i = 1; i <= 10_000; i++) all.add(i * 37);
    expect(Math.abs(all.quantile(0.5)! / (5000 * 37) - 1)).toBeLessThan(0.05);
    expect(Math.abs(all.quantile(0.95)! / (9500 * 37) - 1)).toBeLessThan(0.05);
  });

  it('of one are never more than it was; of none there is nothing', () => {
    const one = new LatencyHistogram();
    expect(one.quantile(0.5)).toBeUndefined();
    one.add(0);
    expect(one.quantile(0.5)).toBe(0);
  });

  it('of two parts are those of the whole', () => {
    const [low, high, whole] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
    for (let i = 1; i <= 100; i++) {
      (i <= 50 ? low : high).add(i * 100);
      whole.add(i * 100);
    }
    low.addAll(high);
    for (const share of [0.1, 0.5, 0.95, 1]) expect(low.quantile(share)).toBe(whole.quantile(share));
  });
});
