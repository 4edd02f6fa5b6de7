import { describe, expect, it } from 'vitest';
import { HourOfBytes, MINUTE } from '../../../../analyzers/lib/exfil-volume/hour-of-bytes.ts';

const T0 = 30_000_000 * MINUTE;

describe('the last hour of a destination', () => {
  it('counts a minute for an hour, and not a minute longer', () => {
    const hour = new HourOfBytes(T0);
    hour.add(T0, 100, 10);
    hour.add(T0 + MINUTE / 2, 1, 1);
    hour.add(T0 + 59 * MINUTE, 1000, 0);
    expect(hour.sum(60)).toEqual({ out: 1101, back: 11 });
    expect(hour.sum(59)).toEqual({ out: 1000, back: 0 });
    expect(hour.out).toBe(1101);
    hour.add(T0 + 60 * MINUTE, 0, 0);
    expect(hour.sum(60)).toEqual({ out: 1000, back: 0 });
    expect(hour.out).toBe(1000);
  });

  it('counts what comes late as of now', () => {
    const hour = new HourOfBytes(T0);
    hour.add(T0 + 10 * MINUTE, 5, 0);
    hour.add(T0, 7, 0);
    expect(hour.sum(1)).toEqual({ out: 12, back: 0 });
  });

  it('keeps what it holds as old as it was when the clock is set', () => {
    const hour = new HourOfBytes(T0);
    hour.add(T0, 100, 0);
    hour.add(T0 + 30 * MINUTE, 1, 0);
    hour.clockSet({ from: T0 + 30 * MINUTE, to: T0 - 500 * MINUTE });
    hour.add(T0 - 500 * MINUTE, 0, 0);
    expect(hour.sum(31)).toEqual({ out: 101, back: 0 });
    expect(hour.sum(30)).toEqual({ out: 1, back: 0 });
  });

  it('says the same as adding up each minute, for any traffic', () => {
    const hour = new HourOfBytes(T0);
    const said: [minute: number, out: number][] = [];
    for (let i = 0, minute = 0; i < 500; i++) {
      minute += (i * 7919) % 5;
      hour.add(T0 + minute * MINUTE, i, 2 * i);
      said.push([minute, i]);
      const expected = said.filter(([at]) => at > minute - 60).reduce((sum, [, out]) => sum + out, 0);
      expect(hour.out).toBe(expected);
      expect(hour.sum(60)).toEqual({ out: expected, back: 2 * expected });
    }
  });
});
