import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../src/sensor/docker/backoff.ts';

describe('Backoff', () => {
  it('draws from a range that doubles up to the ceiling, and starts again after a success', () => {
    const backoff = new Backoff({ baseMs: 100, maxMs: 1000, random: () => 0.999 });

    expect([1, 2, 3, 4, 5, 6].map(() => backoff.nextMs())).toEqual([99, 199, 399, 799, 999, 999]);
    backoff.reset();
    expect(backoff.nextMs()).toBe(99);
  });

  it('may wait not at all: the jitter is full', () => {
    const backoff = new Backoff({ baseMs: 100, maxMs: 1000, random: () => 0 });

    expect([backoff.nextMs(), backoff.nextMs()]).toEqual([0, 0]);
  });

  it('keeps to the ceiling for ever', () => {
    const backoff = new Backoff({ baseMs: 100, maxMs: 1000, random: () => 0.5 });

    for (let i = 0; i < 5000; i++) backoff.nextMs();

    expect(backoff.nextMs()).toBe(500);
  });
});
