import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GeoDatabases } from '../../../src/sensor/names/geo.ts';
import { mmdb } from '../../support/mmdb-writer.ts';

const COUNTRY = mmdb(
  [
    ['198.51.100.0/24', { country: { iso_code: 'DE', names: { en: 'Germany' } } }],
    ['198.51.100.128/25', { country: { iso_code: 'FR' } }],
    ['2001:db8::/32', { country: { iso_code: 'SE' } }],
  ],
  { type: 'GeoLite2-Country' },
);
const ASN = mmdb([
  [
    '198.51.100.0/24',
    { autonomous_system_number: 64_500, autonomous_system_organization: 'Example Net \u001b[31m' },
  ],
]);

let folder: string;
const file = (name: string, bytes?: Uint8Array): string => {
  const path = join(folder, name);
  if (bytes !== undefined) writeFileSync(path, bytes);
  return path;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridgewatch-geo-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('geo databases', () => {
  it('find the longest prefix in both families, and nothing where nothing is known', () => {
    const geo = new GeoDatabases([file('country.mmdb', COUNTRY)]);

    expect(geo.factsOf('198.51.100.127')).toEqual({ country: 'DE' });
    expect(geo.factsOf('198.51.100.128')).toEqual({ country: 'FR' });
    expect(geo.factsOf('2001:db8::7')).toEqual({ country: 'SE' });
    expect(geo.factsOf('198.51.101.1')).toBeUndefined();
    expect(geo.factsOf('2001:db9::7')).toBeUndefined();
    expect(geo.problems()).toEqual([]);
  });

  it('are asked together; the first that knows a fact tells it', () => {
    const other = mmdb([['198.51.100.0/24', { country_code: 'it', asn: 'AS64501', as_name: 'Other' }]]);
    const geo = new GeoDatabases([
      file('asn.mmdb', ASN),
      file('country.mmdb', COUNTRY),
      file('other.mmdb', other),
    ]);

    expect(geo.factsOf('198.51.100.7')).toEqual({
      country: 'DE',
      asn: 64_500,
      asOrganization: 'Example Net \u001b[31m',
    });
  });

  it.each([
    ['ip-location-db', { country_code: 'NL' }, { country: 'NL' }],
    [
      'IPinfo',
      { country: 'NL', asn: 'AS64502', as_name: 'Name' },
      { country: 'NL', asn: 64_502, asOrganization: 'Name' },
    ],
    ['a city database', { city: { names: { en: 'X' } }, country: { iso_code: 'NL' } }, { country: 'NL' }],
  ])('understand the layout of %s', (_, value, facts) => {
    const geo = new GeoDatabases([file('x.mmdb', mmdb([['198.51.100.0/24', value]]))]);

    expect(geo.factsOf('198.51.100.1')).toEqual(facts);
  });

  it.each([
    ['a country that is no code', { country: { iso_code: 'Germany' } }],
    ['a country of another type', { country: { iso_code: 49 } }],
    ['a list', ['DE']],
    ['a system number of zero', { autonomous_system_number: 0 }],
    ['a system number in words', { asn: 'sixty' }],
  ])('leave out %s', (_, value) => {
    expect(
      new GeoDatabases([file('x.mmdb', mmdb([['198.51.100.0/24', value]]))]).factsOf('198.51.100.1'),
    ).toBeUndefined();
  });
});

describe('a geo database that cannot be used', () => {
  it.each([
    ['is missing', undefined, /^there is no .*x\.mmdb: put the database there, or correct geo\.databases/],
    ['is empty', new Uint8Array(0), /x\.mmdb is empty: download it again/],
    ['is still packed', gzipSync(COUNTRY), /x\.mmdb is packed: unpack it first/],
    ['is something else', Buffer.from('<html>404</html>'.repeat(40)), /x\.mmdb is no \.mmdb file/],
    [
      'was cut short',
      COUNTRY.subarray(0, COUNTRY.length - 200),
      /x\.mmdb is no \.mmdb file, or was cut short/,
    ],
    [
      'lost bytes inside',
      Buffer.concat([COUNTRY.subarray(0, 30), COUNTRY.subarray(40)]),
      /x\.mmdb is damaged/,
    ],
    ['has a format to come', mmdb([], { formatVersion: 3 }), /format 3 .* download a current \.mmdb/],
  ])('is told with what to do when it %s, and answers nothing', (_, bytes, problem) => {
    const geo = new GeoDatabases([file('x.mmdb', bytes), file('asn.mmdb', ASN)]);

    expect(geo.problems()).toEqual([expect.stringMatching(problem)]);
    expect(geo.factsOf('198.51.100.7')).toMatchObject({ asn: 64_500 });
  });

  it('is told when one entry is damaged; the others answer', () => {
    const bytes = Buffer.from(COUNTRY);
    // The type of the first entry's value, now one that does not exist.
    bytes.set([0x00, 0xff], bytes.indexOf('iso_code') - 1 + 9);
    const geo = new GeoDatabases([file('x.mmdb', bytes)]);

    expect(geo.factsOf('198.51.100.7')).toBeUndefined();
    expect(geo.factsOf('2001:db8::7')).toEqual({ country: 'SE' });
    expect(geo.problems()).toEqual([expect.stringMatching(/damaged \(the entry of 198\.51\.100\.7/)]);
  });

  it('may be a folder', () => {
    expect(new GeoDatabases([folder]).problems()).toEqual([expect.stringContaining('is no file')]);
  });
});

describe('a geo database that changes', () => {
  const newer = mmdb([['198.51.100.0/24', { country: { iso_code: 'PL' } }]]);

  it('answers with the new version, also where it was asked before', async () => {
    const path = file('country.mmdb', COUNTRY);
    const geo = new GeoDatabases([path]);
    expect(geo.factsOf('198.51.100.7')).toEqual({ country: 'DE' });
    renameSync(file('new', newer), path);

    expect(geo.factsOf('198.51.100.7')).toEqual({ country: 'DE' });
    await geo.refresh();
    expect(geo.factsOf('198.51.100.7')).toEqual({ country: 'PL' });
  });

  it('is not read again while it stays as it is', async () => {
    const path = file('country.mmdb', COUNTRY);
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    const geo = new GeoDatabases([path]);
    const [before] = geo.files;
    await geo.refresh();
    expect(geo.files[0]).toBe(before);

    utimesSync(path, 1_700_000_000, 1_700_000_001);
    await geo.refresh();
    expect(geo.files[0]).not.toBe(before);
  });

  it('goes on answering as before while the new version is broken or gone, and says so', async () => {
    const path = file('country.mmdb', COUNTRY);
    const geo = new GeoDatabases([path]);
    file('country.mmdb', newer.subarray(0, 50));
    await geo.refresh();
    expect(geo.problems()).toEqual([expect.stringMatching(/cut short.*the version of before is still used/)]);
    expect(geo.factsOf('198.51.100.7')).toEqual({ country: 'DE' });

    rmSync(path);
    await geo.refresh();
    expect(geo.problems()).toEqual([expect.stringMatching(/there is no .*the version of before/)]);
    expect(geo.factsOf('198.51.100.200')).toEqual({ country: 'FR' });

    file('country.mmdb', newer);
    await geo.refresh();
    expect(geo.problems()).toEqual([]);
    expect(geo.factsOf('198.51.100.7')).toEqual({ country: 'PL' });
  });

  it('is taken up when it comes after the start', async () => {
    const path = file('late.mmdb');
    const geo = new GeoDatabases([path]);
    expect(geo.factsOf('198.51.100.7')).toBeUndefined();
    file('late.mmdb', COUNTRY);
    await geo.refresh();

    expect(geo.factsOf('198.51.100.7')).toEqual({ country: 'DE' });
  });
});
