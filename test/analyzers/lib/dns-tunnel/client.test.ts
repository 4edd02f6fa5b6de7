import { describe, expect, it } from 'vitest';
import { DnsClient } from '../../../../analyzers/lib/dns-tunnel/client.ts';
import { factsOfName } from '../../../../analyzers/lib/dns-tunnel/name-hash.ts';
import { address, secs } from '../../../support/records.ts';

const SAME_QUESTION_WITHIN = 5_000_000;

const client = () => new DnsClient('1', 'key');
const bytes = (name: string) => name.split('.').map((label) => Uint8Array.from(Buffer.from(label)));

/** Asks as dns-tunnel does; true when the name is one that a search list made. */
function asks(by: DnsClient, name: string, zoneLabels: number): boolean {
  const labels = bytes(name);
  const own = labels.length - zoneLabels;
  const { full, prefixes } = factsOfName(labels, own);
  const isSearched = by.isSearched(labels, prefixes.slice(0, Math.min(own, labels.length - 1)));
  by.noteAsked(full);
  return isSearched;
}

describe('a client with a search list', () => {
  it('asks for a name without the domain, then with it', () => {
    const by = client();

    expect(asks(by, 'db.internal', 1)).toBe(false);
    expect(asks(by, 'db.internal.corp.example.net', 2)).toBe(true);
    expect(asks(by, 'other.corp.example.net', 2)).toBe(false);
  });

  it('has eight domains in it at most: more is something said', () => {
    const by = client();
    asks(by, 'db', 0);
    const searched = Array.from({ length: 10 }, (_, i) => asks(by, `db.zone${i}.net`, 2));

    expect(searched).toEqual([...Array(8).fill(true), false, false]);
  });
});

describe('a client that is a resolver', () => {
  it.each([
    [11, false],
    [12, true],
  ])('asks twelve servers; %i: %s', (servers, isIterating) => {
    const by = client();
    for (let round = 0; round < 3; round++)
      for (let i = 0; i < servers; i++) by.servers.of(address(`198.51.100.${i}`, 'internet'));

    expect(by.isIterating).toBe(isIterating);
  });
});

describe('a question that is seen twice', () => {
  const seen = (
    vantages: readonly ('container' | 'bridge' | 'file')[],
    after: number,
    names: readonly [number, number] = [7, 7],
  ) => {
    const by = client();
    by.isSeenAlready(names[0], vantages[0]!, secs(0), SAME_QUESTION_WITHIN);
    return by.isSeenAlready(names[1], vantages[1]!, secs(after), SAME_QUESTION_WITHIN);
  };

  it('counts in the container, and not again on its way over the bridge', () => {
    expect(seen(['container', 'bridge'], 1)).toBe(true);
    expect(seen(['container', 'bridge'], 5)).toBe(true);
  });

  it('counts again when it comes later, is another one, or comes from the container again', () => {
    expect(seen(['container', 'bridge'], 6)).toBe(false);
    expect(seen(['container', 'bridge'], 1, [7, 8])).toBe(false);
    expect(seen(['container', 'container'], 1)).toBe(false);
    expect(seen(['bridge', 'bridge'], 1)).toBe(false);
  });

  it('is passed over once a time that the container asked', () => {
    const by = client();
    by.isSeenAlready(7, 'container', secs(0), SAME_QUESTION_WITHIN);

    const bridge = [1, 2].map((time) => by.isSeenAlready(7, 'bridge', secs(time), SAME_QUESTION_WITHIN));
    expect(bridge).toEqual([true, false]);
  });
});

describe('bytes behind all questions of a device', () => {
  it('are its habit from the third zone on, as long as they are as many', () => {
    const by = client();
    const habit = [
      ['a.net', 4],
      ['a.net', 4],
      ['b.net', 4],
      ['c.net', 4],
      ['a.net', 4],
      ['c.net', 5],
    ].map(([zone, count]) => by.isTrailingHabit(count as number, zone as string));

    expect(habit).toEqual([false, false, false, true, true, false]);
  });
});
