import { describe, expect, it } from 'vitest';
import { AddressFilter } from '../../../../analyzers/lib/direct-ip/address-filter.ts';

const v4 = (i: number) => `198.51.${100 + (i >> 8)}.${i & 255}`;
const v6 = (i: number) => `2001:db8:${i.toString(16)}::1`;

function filled(count: number, address = v4): AddressFilter {
  const filter = new AddressFilter();
  for (let i = 0; i < count; i++) filter.add(address(i));
  return filter;
}

describe('the address filter', () => {
  it.each([
    ['IPv4', v4],
    ['IPv6', v6],
  ])('never forgets one that was added: %s', (_, address) => {
    const filter = filled(3000, address);

    const forgotten = Array.from({ length: 3000 }, (_, i) => address(i)).filter((text) => !filter.has(text));
    expect(forgotten).toEqual([]);
  });

  it('knows nothing when it is empty', () => {
    expect(new AddressFilter().has('198.51.100.7')).toBe(false);
  });

  it.each([
    ['IPv4', v4],
    ['IPv6', v6],
  ])('takes no stranger for known among a hundred, and 5 %% at most among 2,048: %s', (_, address) => {
    const wrong = (filter: AddressFilter, from: number) =>
      Array.from({ length: 5000 }, (_, i) => address(from + i)).filter((text) => filter.has(text)).length;

    expect(wrong(filled(100, address), 10_000)).toBe(0);
    expect(wrong(filled(2048, address), 10_000)).toBeLessThan(250);
  });

  it('counts an address once', () => {
    const filter = filled(10);
    filter.add(v4(3));

    expect(filter.count).toBe(10);
  });

  it('takes everything for known when it is full', () => {
    const full = filled(8000, v6);

    expect([filled(2048).isFull, full.isFull]).toEqual([false, true]);
    expect(full.has('198.51.100.7')).toBe(true);
  });
});
