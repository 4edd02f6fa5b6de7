import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../../src/station/sinks/retry-after.ts';

describe('Retry-After', () => {
  it.each([
    ['12', 12_000],
    ['0', 0],
    ['0.251', 251],
    ['Mon, 23 Nov 2026 14:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 13:00:00 GMT', 0],
    ['soon', undefined],
    ['-3', undefined],
    ['', undefined],
  ])('%j', (value, milliseconds) => {
    const now = Date.parse('2026-11-23T14:00:00Z');

    expect(retryAfterMs({ 'retry-after': value }, now)).toBe(milliseconds);
  });

  it('may be absent', () => {
    expect(retryAfterMs({})).toBeUndefined();
  });
});
