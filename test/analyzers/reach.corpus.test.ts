/**
 * The detectors of contacts across a line over real captures of ordinary traffic. Nobody knows the inventory there, so each
 * is read once with the sites' private ranges as the network of containers: no container may be accused above low.
 */
import { describe, expect, it } from 'vitest';
import hostServiceAccess from '../../analyzers/host-service-access.ts';
import internalIngress from '../../analyzers/internal-ingress.ts';
import isolationBypass from '../../analyzers/isolation-bypass.ts';
import publishedExposure from '../../analyzers/published-exposure.ts';
import { capturesIn, findingRecordsIn, isCorpusThere } from '../support/corpus.ts';

const analyzers = [hostServiceAccess, internalIngress, isolationBypass, publishedExposure];
const NETWORKS = ['a=10.0.0.0/8', 'b=172.16.0.0/12', 'c=192.168.0.0/16'];

const isThere = isCorpusThere('contacts across networks');

describe.skipIf(!isThere)('contacts across networks in ordinary traffic', () => {
  it('are silent where no network is known', { timeout: 120_000 }, async () => {
    const found: string[] = [];
    for (const file of capturesIn('benign')) {
      for (const { analyzer, message } of await findingRecordsIn(file, { analyzers })) {
        found.push(`${file} ${analyzer} ${message}`);
      }
    }

    expect(found).toEqual([]);
  });

  it('accuse nobody above low where the private ranges are networks, but a Telnet to the first address of one', {
    timeout: 120_000,
  }, async () => {
    const found: string[] = [];
    let told = 0;
    for (const file of capturesIn('benign')) {
      for (const finding of await findingRecordsIn(file, { analyzers, networks: NETWORKS })) {
        told += 1;
        const { analyzer, message, severity } = finding;
        if (severity !== 'low' && severity !== 'informational')
          found.push(`${file} ${analyzer} ${message} ${severity}`);
      }
    }

    expect(told).toBeGreaterThan(0);
    expect([...new Set(found)]).toEqual([
      'benign/pcaps--telnet.pcap host-service-access sensitive-answered medium',
    ]);
  });
});
