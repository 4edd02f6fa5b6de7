import { describe, expect, it } from 'vitest';
import { FewTexts } from '../../../analyzers/lib/few.ts';

const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `text ${i}`);

describe('a set of few texts', () => {
  it.each([0, 1, 8, 9, 100])('holds each of %i once, in order', (count) => {
    const few = new FewTexts();
    for (const text of [...texts(count), ...texts(count)]) few.add(text);
    expect(few.size).toBe(count);
    expect([...few]).toEqual(texts(count));
    for (const text of texts(count)) expect(few.has(text)).toBe(true);
    expect(few.has('another')).toBe(false);
  });

  it.each([3, 20])('is empty after %i were cleared', (count) => {
    const few = new FewTexts();
    for (const text of texts(count)) few.add(text);
    few.clear();
    expect([...few]).toEqual([]);
    expect(few.has('text 0')).toBe(false);
    few.add('again');
    expect([...few]).toEqual(['again']);
  });

  it('does not share what it holds with another', () => {
    const [one, other] = [new FewTexts(), new FewTexts()];
    one.add('a');
    expect(other.size).toBe(0);
  });
});
