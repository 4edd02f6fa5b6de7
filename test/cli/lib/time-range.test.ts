import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/cli/lib/failure.ts';
import { clockText } from '../../../src/cli/lib/output.ts';
import { emptyText, parseLimit, parseRange, parseTime } from '../../../src/cli/lib/time-range.ts';
import { formatMicros } from '../../../src/model/time.ts';

/** 2026-11-23T14:02:07Z */
const NOW = 1_795_442_527_000_000;

describe('parseTime', () => {
  it.each([
    ['90s', '2026-11-23 14:00:37Z'],
    ['15m', '2026-11-23 13:47:07Z'],
    ['24h', '2026-11-22 14:02:07Z'],
    ['7d', '2026-11-16 14:02:07Z'],
    ['1w', '2026-11-16 14:02:07Z'],
    ['0s', '2026-11-23 14:02:07Z'],
    ['2026-11-23', '2026-11-23 00:00:00Z'],
    ['2026-11-23 14:02', '2026-11-23 14:02:00Z'],
    ['2026-11-23T14:02:07', '2026-11-23 14:02:07Z'],
    ['2026-11-23T14:02:07.5Z', '2026-11-23 14:02:07Z'],
    ['2026-11-23T14:02+01:00', '2026-11-23 13:02:00Z'],
  ])('reads %s, UTC where no offset is given', (text, expected) => {
    expect(clockText(formatMicros(parseTime(text, '--since', NOW)))).toBe(expected);
  });

  it('takes back what we print', () => {
    const printed = clockText(formatMicros(NOW));

    expect(parseTime(printed, '--since', 0)).toBe(NOW);
  });

  it.each(['', 'yesterday', '5', '5y', '-5m', '1.5h', 'foo 1', '2026', '2026-13-01', '2026-11-23 25:00'])(
    'refuses "%s", naming the flag and what would do',
    (text) => {
      expect(() => parseTime(text, '--until', NOW)).toThrow(UsageError);
      expect(() => parseTime(text, '--until', NOW)).toThrow(/^--until ".*" is no time: give an age like 15m/);
    },
  );
});

describe('parseRange', () => {
  it('refuses an end that is not after the beginning', () => {
    expect(() => parseRange({ since: '1h', until: '2h', limit: '1' })).toThrow(/is not after --since/);
    expect(() => parseRange({ since: '1h', until: '1h', limit: '1' })).toThrow(UsageError);
    expect(parseRange({ since: '2h', until: '1h', limit: '1' }).limit).toBe(1);
  });

  it('is named by an empty answer', () => {
    const range = parseRange({ since: '2026-11-22', until: '2026-11-23', limit: '5' });

    expect(emptyText('flow', range)).toBe(
      'No flow is recorded since 2026-11-22 00:00:00Z until 2026-11-23 00:00:00Z with these filters.',
    );
  });
});

describe('parseLimit', () => {
  it('takes counts from 1 to a million', () => {
    expect([parseLimit('1'), parseLimit('1000000')]).toEqual([1, 1_000_000]);
  });

  it.each(['0', '-1', '1000001', '1.5', '1e3', '0x10', ' 5', '', 'all'])('refuses "%s"', (text) => {
    expect(() => parseLimit(text)).toThrow(UsageError);
  });
});
