import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/model/nearest.ts';

const KEYS = ['capture', 'docker', 'findings', 'flows', 'influxdb', 'store'];

describe('nearest', () => {
  it.each([
    ['captrue', 'capture'],
    ['influx', 'influxdb'],
    ['Docker', 'docker'],
    ['flow', 'flows'],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, KEYS)).toBe(meant);
  });

  it('names nothing when nothing is near', () => {
    expect(nearest('kubernetes', KEYS)).toBeUndefined();
  });
});
