import { describe, expect, it } from 'vitest';
import { commonOf, secsOf, unionOf } from '../../src/model/spans.ts';

const span = (from: number, until: number) => ({ from, until });

describe('stretches of time', () => {
  it('are joined where they touch, and left apart where they do not', () => {
    expect(unionOf([span(5, 6), span(0, 2), span(2, 3), span(1, 2)])).toEqual([span(0, 3), span(5, 6)]);
  });

  it('that end before they begin are none', () => {
    expect(unionOf([span(5, 5), span(7, 6)])).toEqual([]);
  });

  it('have in common what lies in both, also when one holds several of the other', () => {
    expect(commonOf([span(0, 10)], [span(-1, 2), span(3, 4), span(9, 12)])).toEqual([
      span(0, 2),
      span(3, 4),
      span(9, 10),
    ]);
    expect(commonOf([span(0, 2)], [span(2, 4)])).toEqual([]);
  });

  it('count once what they share', () => {
    expect(secsOf([span(0, 2_000_000), span(1_000_000, 3_000_000)])).toBe(3);
    expect(secsOf([])).toBe(0);
  });
});
