import { describe, expect, it } from 'vitest';
import { GroupSums } from '../../src/query/group-sums.ts';

const byKey = (a: readonly number[], b: readonly number[]) => a[0]! - b[0]!;

function add(sums: GroupSums, key: number, value: number, time = 1): void {
  sums.key[0] = key;
  sums.values[0] = value;
  sums.add(time);
}

describe('sums of groups', () => {
  it('tells the largest, and all others together, so that both are all', () => {
    const sums = new GroupSums(1, 1, 0);
    for (let i = 0; i < 1000; i++) add(sums, i % 10, i % 10, i);
    const { groups, others } = sums.result(2, byKey);

    expect(groups).toEqual([
      { key: [9], flows: 100, sums: [900], first: 9, last: 999 },
      { key: [8], flows: 100, sums: [800], first: 8, last: 998 },
    ]);
    expect(others).toEqual({ groups: 8, flows: 800, sums: [2800], first: 0, last: 997 });
  });

  it('has no others where all are told, and orders equals as it is told to', () => {
    const sums = new GroupSums(1, 1, -1);
    for (const key of [3, 1, 2]) add(sums, key, 0);
    const { groups, others } = sums.result(3, byKey);

    expect(groups.map(({ key }) => key[0])).toEqual([1, 2, 3]);
    expect(others).toBeUndefined();
    expect(sums.mayLack).toBe(0);
  });

  it('keeps the large ones when there are too many, and says how much one may lack', () => {
    const sums = new GroupSums(1, 1, 0, 64);
    let total = 0;
    for (let i = 0; i < 5000; i++) {
      add(sums, i, 1);
      add(sums, 1_000_000 + (i % 3), 100);
      total += 101;
    }
    const { groups, others } = sums.result(3, byKey);

    expect(groups.map(({ key }) => key[0])).toEqual([1_000_000, 1_000_001, 1_000_002]);
    expect(groups.reduce((sum, group) => sum + group.sums[0]!, 0) + others!.sums[0]!).toBe(total);
    expect(sums.mayLack).toBeGreaterThan(0);
    for (const group of groups) expect(group.sums[0]! + sums.mayLack).toBeGreaterThanOrEqual(166_600);
  });

  it('finds room where all are of one size', () => {
    const sums = new GroupSums(1, 1, 0, 8);
    for (let i = 0; i < 100; i++) add(sums, i, 5);
    const { groups, others } = sums.result(4, byKey);

    expect(groups.length + others!.groups).toBe(100);
    expect(groups.reduce((sum, { flows }) => sum + flows, 0) + others!.flows).toBe(100);
  });
});
