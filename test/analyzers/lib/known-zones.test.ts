import { describe, expect, it } from 'vitest';
import { knownZone } from '../../../analyzers/lib/known-zones.ts';

describe('known zones', () => {
  it.each([
    ['sophosxl.net', 'look-up service'],
    ['e5.sk', 'look-up service'],
    ['cloudfront.net', 'platform'],
    ['dscx.akamaiedge.net', 'platform'],
    ['s3.eu-west-1.amazonaws.com', 'platform'],
  ])('hold %s as a %s', (zone, kind) => {
    expect(knownZone(zone)).toBe(kind);
  });

  it.each(['notsophosxl.net', 'cloudfront.net.example', 'net', 'com', '', 'cloudfront', 'xamazonaws.com'])(
    'do not hold %j, which only looks like one',
    (zone) => {
      expect(knownZone(zone)).toBeUndefined();
    },
  );
});
