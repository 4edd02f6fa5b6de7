import { describe, expect, it } from 'vitest';
import type { DnsContent } from '../../../src/sensor/decode/dns-record.ts';
import { AnsweredExchanges } from '../../../src/sensor/dns/answered.ts';

const TIMEOUT = 5_000_000;
const content: DnsContent = {
  id: 7,
  opcode: 0,
  isResponse: true,
  rcode: 'NOERROR',
  answers: [],
  flags: [],
  trailingBytes: 0,
  anomalies: [],
};

describe('exchanges that are over', () => {
  it('are remembered as long as an answer may take', () => {
    const answered = new AnsweredExchanges<string>(TIMEOUT);
    answered.add(1, 'asked', content, 100);

    expect(answered.find(1, { ...content }, 100 + TIMEOUT)).toBe('asked');
    expect(answered.find(1, content, 101 + TIMEOUT)).toBeUndefined();
  });

  it('are forgotten with their keys, which will be others’', () => {
    const answered = new AnsweredExchanges<string>(TIMEOUT);
    const first = 2 ** 40;
    for (const key of [first - 1, first, first + 1, first + 2]) answered.add(key, String(key), content, 0);

    answered.forget(first, first + 2);

    expect([-1, 0, 1, 2].map((i) => answered.find(first + i, content, 0) !== undefined)).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('are never taken for another that has their place', () => {
    const answered = new AnsweredExchanges<string>(TIMEOUT);
    for (let key = 0; key < 100_000; key++) answered.add(key * 0x10000, String(key), content, 0);

    const found = Array.from({ length: 100_000 }, (_, key) => answered.find(key * 0x10000, content, 0));
    expect(found.filter((question, key) => question !== undefined && question !== String(key))).toEqual([]);
    const kept = found.filter((question) => question !== undefined).length;
    // Most places are in use: flows whose ids are alike do not share a few.
    expect(kept).toBeGreaterThan(900);
    expect(kept).toBeLessThanOrEqual(1024);
  });
});
