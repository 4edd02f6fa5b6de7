import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ZoneMemory, zoneOfLabels, zoneOfText } from '../../src/model/dns-zone.ts';

const bytes = (labels: readonly string[]) => labels.map((label) => new TextEncoder().encode(label));

describe('the zone of a name', () => {
  it.each([
    ['www.example.com', 'registered', 'example.com', 2],
    ['WWW.Example.CoM.', 'registered', 'example.com', 2],
    ['a.b.c.d.e.f.g.h.example.co.uk', 'registered', 'example.co.uk', 3],
    // The private part of the list: whose bucket it is.
    ['x.bucket.s3.amazonaws.com', 'registered', 'bucket.s3.amazonaws.com', 4],
    ['nas.lan', 'unlisted', 'lan', 1],
    ['\\255\\254.\\001', 'unlisted', '', 1],
    ['\\001.example.com', 'registered', 'example.com', 2],
    ['redis', 'bare', '.', 0],
    ['7.100.51.198.in-addr.arpa', 'reverse', '100.51.198.in-addr.arpa', 5],
    ['arpax.com', 'registered', 'arpax.com', 2],
  ] as const)('%s is %s: %s', (query, kind, zone, zoneLabels) => {
    expect(zoneOfText(query)).toEqual({ kind, zone, zoneLabels });
  });

  it('is none for the root', () => {
    expect(zoneOfText('')).toBeUndefined();
    expect(zoneOfText('.')).toBeUndefined();
    expect(zoneOfLabels([])).toBeUndefined();
    expect(new ZoneMemory().ofText('')).toBeUndefined();
    expect(new ZoneMemory().ofText('.')).toBeUndefined();
  });

  it('is the same by labels and by text, and asked again', () => {
    const label = fc.constantFrom(
      ...'com co uk s3 amazonaws arpa in-addr ip6 1 a WWW lan b_c - x\\046y github io arp'.split(' '),
    );
    const memory = new ZoneMemory();
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 18 }), (labels) => {
        const zone = zoneOfLabels(bytes(labels));
        const query = labels.join('.');

        expect(zoneOfText(query)).toEqual(zone);
        expect(zoneOfText(`${query}.`)).toEqual(zone);
        expect(memory.ofText(query)).toEqual(zone);
        expect(memory.ofText(query)).toEqual(zone);
      }),
    );
  });
});
