import { describe, expect, it } from 'vitest';
import { DnsPairing } from '../../../src/sensor/dns/pairing.ts';

function pairing(maxPending = 100) {
  const unanswered: string[] = [];
  const pairs = new DnsPairing<string>({
    maxPending,
    timeoutMicros: 1000,
    onUnanswered: (question, why) => unanswered.push(`${question} ${why}`),
  });
  return { pairs, unanswered };
}

describe('DnsPairing', () => {
  it('gives the question back to its answer, once', () => {
    const { pairs } = pairing();
    pairs.ask(7, 'www', 0);

    expect(pairs.answer(7)).toBe('www');
    expect(pairs.answer(7)).toBeUndefined();
  });

  it('takes a retransmission for the same question', () => {
    const { pairs, unanswered } = pairing();

    expect(pairs.ask(7, 'www', 0)).toBe(true);
    expect(pairs.ask(7, 'www again', 500)).toBe(false);
    pairs.expire(1000);

    expect(unanswered).toEqual(['www timeout']);
  });

  it('keeps a question up to the time-out and not beyond', () => {
    const { pairs, unanswered } = pairing();
    pairs.ask(7, 'www', 0);

    pairs.expire(999);
    expect(unanswered).toEqual([]);
    pairs.expire(1000);
    expect(unanswered).toEqual(['www timeout']);
  });

  it.each([-1e9, 1e9])('keeps the age of a question when the clock is set by %d', (shift) => {
    const { pairs, unanswered } = pairing();
    pairs.ask(7, 'www', 5e9);
    pairs.clockSet({ from: 5e9 + 400, to: 5e9 + 400 + shift });

    expect(pairs.askedAt(7)).toBe(5e9 + shift);
    pairs.expire(5e9 + shift + 999);
    expect(unanswered).toEqual([]);
    pairs.expire(5e9 + shift + 1000);
    expect(unanswered).toEqual(['www timeout']);
  });

  it('never holds more than its bound, and loses nothing in silence', () => {
    const { pairs, unanswered } = pairing(2);
    for (const [key, name] of ['one', 'two', 'three'].entries()) pairs.ask(key, name, 0);

    expect(pairs.pending).toBe(2);
    expect(unanswered).toEqual(['one evicted']);
  });

  it('hands over what is left at the end', () => {
    const { pairs, unanswered } = pairing();
    pairs.ask(7, 'www', 0);

    pairs.flush();

    expect(unanswered).toEqual(['www shutdown']);
    expect(pairs.pending).toBe(0);
  });
});
