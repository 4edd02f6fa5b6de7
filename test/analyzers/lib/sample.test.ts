import { describe, expect, it } from 'vitest';
import { Sample } from '../../../analyzers/lib/sample.ts';

function sampleOf(count: number, size = 3): Sample {
  const sample = new Sample(size);
  for (let i = 0; i < count; i++) sample.add(`text ${i}`);
  return sample;
}

describe('sample', () => {
  it('shows the first, each once, and counts the different ones', () => {
    const sample = sampleOf(5);
    sample.add('text 0');

    expect(sample.first()).toEqual(['text 0', 'text 1', 'text 2']);
    expect([sample.count, sample.isMinimum]).toEqual([5, false]);
  });

  it('tells 256 apart, and says when there were more', () => {
    const full = sampleOf(256);
    full.add('text 255');

    expect([full.count, full.isMinimum]).toEqual([256, false]);
    full.add('another');
    expect([full.count, full.isMinimum]).toEqual([256, true]);
  });

  it('begins anew when it is cleared', () => {
    const sample = sampleOf(300);
    sample.clear();
    sample.add('fresh');

    expect([sample.count, sample.isMinimum, sample.first()]).toEqual([1, false, ['fresh']]);
  });
});
