import { describe, expect, it } from 'vitest';
import { csvLine } from '../../../src/cli/lib/csv.ts';

describe('a line of CSV', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['\rx', '"\'\rx"'],
    ['a=1', 'a=1'],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\nb', '"a\nb"'],
    ['', ''],
  ])('writes %j as %j', (cell, text) => {
    expect(csvLine([cell])).toBe(text);
  });

  it('leaves numbers as they are, and what is absent empty', () => {
    expect(csvLine([-5, undefined, 0])).toBe('-5,,0');
  });
});
