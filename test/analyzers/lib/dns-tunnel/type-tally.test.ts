import { describe, expect, it } from 'vitest';
import { TypeTally } from '../../../../analyzers/lib/dns-tunnel/type-tally.ts';

function tallyOf(types: readonly string[]): TypeTally {
  const tally = new TypeTally();
  for (const type of types) tally.note(type);
  return tally;
}

describe('types asked for', () => {
  it('are told in the order in which they came, with how often', () => {
    expect(tallyOf(['A', 'TXT', 'A', 'NULL', 'TXT', 'A']).texts()).toEqual(['A 3', 'TXT 2', 'NULL 1']);
  });

  it('are shares of all', () => {
    const tally = tallyOf(['A', 'TXT', 'NULL', 'A']);

    expect(tally.shareOf(new Set(['TXT', 'NULL']))).toBe(0.5);
    expect(tally.shareOf(new Set(['MX']))).toBe(0);
    expect(new TypeTally().shareOf(new Set(['A']))).toBe(0);
  });

  it('are twelve at most by name; the others are counted together', () => {
    const types = Array.from({ length: 20 }, (_, i) => `TYPE${i + 100}`);
    const tally = tallyOf([...types, 'TYPE100', 'TYPE119']);

    expect(tally.texts()).toEqual(['TYPE100 2', ...types.slice(1, 12).map((type) => `${type} 1`), 'other 9']);
    expect(tally.all).toBe(22);
  });

  it('are none after they were cleared', () => {
    const tally = tallyOf(['A', 'TXT']);
    tally.clear();
    tally.note('MX');

    expect([tally.all, tally.texts()]).toEqual([1, ['MX 1']]);
  });
});
