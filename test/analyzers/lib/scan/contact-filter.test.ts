/** What is known of contacts without a record: both sides of each bound, and what is forgotten. */
import { describe, expect, it } from 'vitest';
import { ContactFilter, hashOf } from '../../../../analyzers/lib/scan/contact-filter.ts';

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const group = (i: number) => hashOf([0, 0, 0xffff, 0x0a00_0000 + i], 22);
const item = (i: number) => hashOf([0, 0, 0xffff, 0xac1e_0000 + i], 2);
/** Four whose marks differ. */
const STARTS = range(200)
  .map(item)
  .filter((value, i, all) => all.findIndex((other) => (other & 31) === (value & 31)) === i);

function filterAt(secs: number): ContactFilter {
  const filter = new ContactFilter();
  filter.setNow(secs);
  return filter;
}

describe('the filter of contacts', () => {
  it('calls a group hot from its fourth first contact on, for this minute and the next', () => {
    const filter = filterAt(600);

    expect(STARTS.slice(0, 4).map((each) => filter.start(group(1), each))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    filter.setNow(719);
    expect(filter.start(group(1), STARTS[0]!)).toBe(true);
    filter.setNow(780);
    expect(filter.start(group(1), STARTS[0]!)).toBe(false);
    expect(filter.isHot(group(2))).toBe(false);
  });

  it('tells a failure once, while it is among the last four of its group', () => {
    const filter = filterAt(600);

    expect(range(4).map((i) => filter.fail(group(1), item(i)))).toEqual([true, true, true, true]);
    expect(range(4).map((i) => filter.fail(group(1), item(i)))).toEqual([false, false, false, false]);
    expect(filter.fail(group(1), item(4))).toBe(true);
    expect(filter.fail(group(1), item(0))).toBe(true);
    expect(filter.fail(group(2), item(1))).toBe(true);
  });

  it('tells it again a quarter of an hour later', () => {
    const filter = filterAt(900);

    filter.fail(group(1), item(0));
    filter.setNow(1799);
    expect(filter.fail(group(1), item(0))).toBe(false);
    filter.setNow(1800);
    expect(filter.fail(group(1), item(0))).toBe(true);
  });

  it('knows who answered for a day, and counts them well enough', () => {
    const filter = filterAt(600);
    for (const i of range(170)) filter.accept(group(1), item(i));

    expect(filter.isKnown(group(1), item(3))).toBe(true);
    expect(filter.isKnown(group(2), item(3))).toBe(false);
    expect(filter.answered(group(1))).toBeGreaterThan(130);
    expect(filter.answered(group(1))).toBeLessThan(215);
    expect(filter.answered(group(2))).toBe(0);

    filter.setNow(600 + 86_400);
    filter.start(group(1), item(500));
    expect(filter.isKnown(group(1), item(3))).toBe(true);
    filter.setNow(600 + 2 * 86_400 + 1);
    filter.start(group(1), item(500));
    expect(filter.isKnown(group(1), item(3))).toBe(false);
  });

  it('keeps what was noted before the first tick of packet time', () => {
    const filter = new ContactFilter();
    filter.accept(group(1), item(3));

    filter.setNow(1_790_000_000);
    filter.start(group(1), item(500));

    expect(filter.isKnown(group(1), item(3))).toBe(true);
  });

  it('keeps a monitor among ten thousand passing clients, and counts what it gives up', () => {
    const filter = filterAt(600);
    for (const i of range(170)) filter.accept(group(1), item(i));

    for (const i of range(10_000)) {
      filter.setNow(600 + (i >> 3));
      filter.fail(group(1000 + i), item(0));
    }

    expect(filter.isKnown(group(1), item(3))).toBe(true);
    expect(filter.lost).toBeGreaterThan(1000);
  });
});
