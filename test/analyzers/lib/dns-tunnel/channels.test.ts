/** The channels of dns-tunnel by themselves: what each counts, and what it leaves alone. */
import { describe, expect, it } from 'vitest';
import { CaseHabit, caseBytes, isMixedCase } from '../../../../analyzers/lib/dns-tunnel/case-patterns.ts';
import { DistinctHistory, SampleBudget } from '../../../../analyzers/lib/dns-tunnel/distinct-history.ts';
import { messageBytes } from '../../../../analyzers/lib/dns-tunnel/edns-bytes.ts';
import { Rhythm } from '../../../../analyzers/lib/dns-tunnel/rhythm.ts';
import { RollingBytes } from '../../../../analyzers/lib/dns-tunnel/rolling-bytes.ts';
import { SequenceBits } from '../../../../analyzers/lib/dns-tunnel/sequence-bits.ts';
import { secs } from '../../../support/records.ts';

const plain = { isPlain: true, isCached: true, distinctNames: 16 };

describe('order of repeated names', () => {
  /** Bits a question of `order`, given as codewords. */
  function bits(order: readonly number[], ttlSecs?: number): number {
    const sequence = new SequenceBits();
    let sum = 0;
    for (const [i, codeword] of order.entries()) {
      sum += sequence.note({ ...plain, codeword, name: codeword }, secs(i));
      if (ttlSecs !== undefined) sequence.answered(codeword, ttlSecs, secs(i));
    }
    return sum / order.length;
  }
  let state = 1;
  const chance = Array.from({ length: 2000 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % 16;
  });
  const rounds = Array.from({ length: 2000 }, (_, i) => i % 16);

  it('costs nothing when it is always the same, and the full bits when it is chance', () => {
    expect(bits([1, 1, 1, 1])).toBe(0);
    expect(bits(rounds)).toBeLessThan(0.4);
    expect(bits(chance)).toBeGreaterThan(3);
  });

  it('costs nothing while caches answer', () => {
    expect(bits(chance, 3600)).toBe(0);
    expect(bits(chance, 0)).toBeGreaterThan(3);
  });

  it('charges an unusual type of a known name its 16 bits, once', () => {
    const sequence = new SequenceBits();
    const odd = { ...plain, isPlain: false, name: 1, codeword: 7 };

    expect([sequence.note(odd, secs(0)), sequence.note(odd, secs(1))]).toEqual([16, 0]);
  });
});

describe('letter case', () => {
  it('is a coin when a fifth to four fifths are capital, of eight letters at least', () => {
    expect([2, 8, 1, 9].map((upper) => isMixedCase(upper, 10))).toEqual([true, true, false, false]);
    expect(isMixedCase(4, 7)).toBe(false);
    expect([8, 9].map(caseBytes)).toEqual([1, 2]);
  });

  it.each([
    [2, false],
    [3, true],
  ])('is a habit when %i other zones have it too: %s', (others, isHabit) => {
    const habit = new CaseHabit();
    const judged = { caseable: 0, mixedCase: 0 };
    const zones = Array.from({ length: others }, (_, i) => `zone${i}.net`);
    for (let i = 0; i < 24; i++) habit.note(12, 6, zones[i % others]!, { caseable: 0, mixedCase: 0 });
    for (let i = 0; i < 24; i++) habit.note(12, 6, 'judged.net', judged);

    expect(habit.isRandomOutside('judged.net', judged)).toBe(isHabit);
  });
});

describe('EDNS options', () => {
  const option = (code: number, bytes: number, fill = 1) => ({
    code,
    data: new Uint8Array(bytes).fill(fill),
  });

  it.each([
    ['a cookie', option(10, 24), 0],
    ['a longer cookie', option(10, 40), 16],
    ['a subnet', option(8, 11), 0],
    ['a longer subnet', option(8, 20), 9],
    ['padding', option(12, 64, 0), 0],
    ['padding that is none', option(12, 64), 64],
    ['an unknown option', option(65_001, 16), 16],
    ['NSID with data', option(3, 5), 5],
  ])('%s', (_, given, bytes) => {
    expect(messageBytes(given)).toBe(bytes);
  });
});

describe('distinct things over three spans', () => {
  it('counts each once, until its span is over', () => {
    const history = new DistinctHistory(new SampleBudget(0));
    const novelty = [0, 1, 400].map((time) => history.add(secs(time), 5, 20));

    expect(novelty).toEqual(['new', 'known', 'again']);
    expect(history.sum(0, secs(400))).toEqual({ bytes: 20, names: 1 });
    expect(history.sum(0, secs(1200))).toEqual({ bytes: 0, names: 0 });
    expect(history.sum(1, secs(1200)).bytes).toBe(20);
    expect(history.sum(2, secs(86_000)).bytes).toBe(20);
    expect(history.sum(2, secs(90_000)).bytes).toBe(0);
  });

  it('takes a sample from the 65th on while there is budget, else forgets the oldest', () => {
    const rich = new DistinctHistory(new SampleBudget(1));
    const poor = new DistinctHistory(new SampleBudget(0));
    for (let i = 0; i < 200; i++) {
      const hash = Math.imul(i + 1, 0x9e37_79b1) >>> 0;
      rich.add(secs(i), hash * 2 ** 10 + i, 20);
      poor.add(secs(i), hash * 2 ** 10 + i, 20);
    }

    expect(Math.abs(rich.sum(0, secs(200)).names / 200 - 1)).toBeLessThan(0.4);
    expect(poor.sum(0, secs(200))).toEqual({ bytes: 64 * 20, names: 64 });
  });
});

describe('bytes over three spans', () => {
  it('are there for half of the span at least, and gone after the whole', () => {
    const rolling = new RollingBytes();
    rolling.add(secs(10), 7);

    expect([310, 599, 600].map((time) => rolling.sum(0, secs(time)))).toEqual([7, 7, 0]);
    expect(rolling.sum(2, secs(600))).toBe(7);
  });
});

describe('rhythm', () => {
  const isRegular = (gaps: readonly number[]) => {
    const rhythm = new Rhythm();
    let time = 0;
    rhythm.note(secs(time));
    for (const gap of gaps) {
      time += gap;
      rhythm.note(secs(time));
    }
    return rhythm.isRegular;
  };

  it('is there after nine intervals of one length, a fifth of jitter allowed', () => {
    expect(isRegular(Array(9).fill(10))).toBe(true);
    expect(isRegular([8, 12, 8, 12, 8, 12, 8, 12, 8])).toBe(true);
    expect(isRegular(Array(8).fill(10))).toBe(false);
    expect(isRegular([1, 30, 2, 5, 20, 1, 9, 14, 3])).toBe(false);
  });

  it('is not spoken of below 3 s and above 120 s', () => {
    expect(isRegular(Array(20).fill(2))).toBe(false);
    expect(isRegular(Array(20).fill(300))).toBe(false);
  });
});
