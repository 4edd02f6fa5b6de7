import { describe, expect, it } from 'vitest';
import { AnsweredNames } from '../../../../analyzers/lib/dns-tunnel/answered-names.ts';
import { LatelyAnswered } from '../../../../analyzers/lib/dns-tunnel/lately-answered.ts';
import { question, secs } from '../../../support/records.ts';

const MANY = 100;

function answered(names: AnsweredNames, i: number, addresses: readonly string[], time = secs(0)): void {
  const answers = addresses.map((data) => ({ name: '', type: 'A', ttl: 60, bytes: 4, data }));
  names.note(question({ labels: [`n${i}`, 'example', 'com'], time, answers }));
}

const own = (i: number) => `198.51.100.${i}`;

describe('names that are connected to after their answer', () => {
  it('are a share of those answered with addresses', () => {
    const names = new AnsweredNames(new LatelyAnswered());
    for (let i = 0; i < 4; i++) answered(names, i, [own(i)]);
    answered(names, 4, []);
    names.noteContact(own(0), secs(2));
    names.noteContact(own(1), secs(2));
    names.noteContact('198.51.100.200', secs(2));

    expect(names.contacted(secs(3))).toEqual({ share: 0.5, names: 4, addresses: 2 });
  });

  it.each([
    [60, 1],
    [61, 0],
  ])('count when the connection comes %i s after the answer: %i', (after, share) => {
    const names = new AnsweredNames(new LatelyAnswered());
    answered(names, 0, [own(0)]);
    names.noteContact(own(0), secs(after));

    expect(names.contacted(secs(100)).share).toBe(share);
  });

  it('are not held against the client for a second, as the connection may be on its way', () => {
    const names = new AnsweredNames(new LatelyAnswered());
    answered(names, 0, [own(0)]);

    expect(names.contacted(secs(0.9)).names).toBe(0);
    expect(names.contacted(secs(1)).names).toBe(1);
  });

  it('are four a connection at most, the youngest first: a wildcard with one address proves little', () => {
    const names = new AnsweredNames(new LatelyAnswered());
    for (let i = 0; i < 10; i++) answered(names, i, ['198.51.100.9'], secs(i));
    names.noteContact('198.51.100.9', secs(10));

    expect(names.contacted(secs(20))).toEqual({ share: 0.4, names: 10, addresses: 1 });
  });

  it('take the addresses of later answers too, up to eight', () => {
    const contacted = (address: string) => {
      const names = new AnsweredNames(new LatelyAnswered());
      for (let i = 0; i < 10; i++) answered(names, 0, [own(i)], secs(i / 10));
      names.noteContact(address, secs(2));
      return names.contacted(secs(3)).share;
    };

    expect([own(0), own(7), own(8)].map(contacted)).toEqual([1, 1, 0]);
  });

  it('are the last 64', () => {
    const names = new AnsweredNames(new LatelyAnswered());
    for (let i = 0; i < MANY; i++) answered(names, i, [own(i)]);
    names.noteContact(own(0), secs(2));

    expect(names.contacted(secs(3))).toEqual({ share: 0, names: 64, addresses: 0 });
  });

  it('move with the clock', () => {
    const names = new AnsweredNames(new LatelyAnswered());
    answered(names, 0, [own(0)]);
    names.clockSet(3_600_000_000);
    names.noteContact(own(0), secs(3602));

    expect(names.contacted(secs(3603)).share).toBe(1);
  });
});
