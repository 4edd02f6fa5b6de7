/**
 * The detectors of what containers open, over real captures: a real implant's calls are found, and ordinary traffic raises
 * nothing. Captures know no containers: the sites' own ranges stand for their networks.
 */
import { describe, expect, it } from 'vitest';
import adminPortAccess from '../../analyzers/admin-port-access.ts';
import beacon from '../../analyzers/beacon.ts';
import dockerApiAccess from '../../analyzers/docker-api-access.ts';
import exfilVolume from '../../analyzers/exfil-volume.ts';
import metadataAccess from '../../analyzers/metadata-access.ts';
import { findingRecordsIn, innocentCaptures, isCorpusThere } from '../support/corpus.ts';

const SITES = ['a=10.0.0.0/8', 'b=172.16.0.0/12', 'c=192.168.0.0/16', 'd=147.32.0.0/16'];
const isThere = isCorpusThere('what containers open');

describe.skipIf(!isThere)('what containers open, in real captures', () => {
  it("finds an implant's calls, three seconds apart with a third of jitter", async () => {
    const found = await findingRecordsIn('malicious/stratospherelinuxips--test-cc-capture-2.pcap', {
      analyzers: [beacon],
      networks: SITES,
    });

    expect(found[0]).toMatchObject({
      message: 'regular',
      status: 'open',
      severity: 'low',
      evidence: { destination: 'testing.com', isNew: false },
    });
  });

  it('accuses nobody of ordinary traffic', { timeout: 300_000 }, async () => {
    const analyzers = [adminPortAccess, beacon, dockerApiAccess, exfilVolume, metadataAccess];
    const found: string[] = [];
    for (const file of innocentCaptures()) {
      for (const { analyzer, severity, message } of await findingRecordsIn(file, {
        analyzers,
        networks: SITES,
      }))
        found.push(`${file} ${analyzer} ${severity} ${message}`);
    }

    expect(found).toEqual([]);
  });
});
