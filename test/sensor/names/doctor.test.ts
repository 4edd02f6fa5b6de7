import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { geoConfig } from '../../../src/sensor/config.ts';
import { diagnoseGeo } from '../../../src/sensor/names/doctor.ts';
import { mmdb } from '../../support/mmdb-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-geo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DAY_SECS = 86_400;
const BUILT_SECS = Date.parse('2026-08-01T00:00:00Z') / 1000;
const path = join(folder, 'asn.mmdb');
writeFileSync(
  path,
  mmdb([['198.51.100.0/24', { asn: 'AS64500' }]], { type: 'GeoLite2-ASN', builtAtSecs: BUILT_SECS }),
);

const diagnose = (databases: readonly string[], ageDays: number) =>
  diagnoseGeo(geoConfig.parse({ databases }), (BUILT_SECS + ageDays * DAY_SECS) * 1000);

describe('doctor about geo databases', () => {
  it('says that there is none, and how to have one', () => {
    expect(diagnose([], 0)).toEqual([
      { check: 'geo', outcome: 'ok', detail: expect.stringContaining('geo.databases') },
    ]);
  });

  it('names what the file is and of when', () => {
    expect(diagnose([path], 90)).toEqual([
      { check: 'geo asn.mmdb', outcome: 'ok', detail: 'GeoLite2-ASN of 2026-08-01' },
    ]);
  });

  it('warns when it is older than the configuration allows, with what to do', () => {
    expect(diagnose([path], 91)).toMatchObject([
      {
        outcome: 'warn',
        detail: expect.stringContaining('91 days old'),
        advice: expect.stringContaining(`put a newer one at ${path}`),
      },
    ]);
  });

  it('fails for one that is missing, and looks at the others', () => {
    expect(diagnose([join(folder, 'none.mmdb'), path], 0)).toMatchObject([
      { check: 'geo none.mmdb', outcome: 'fail', detail: expect.stringContaining('put the database there') },
      { outcome: 'ok' },
    ]);
  });
});
