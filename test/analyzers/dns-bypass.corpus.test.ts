/** dns-bypass over real captures, without an inventory: nobody knows the configured resolvers there. */
import { describe, expect, it } from 'vitest';
import dnsBypass from '../../analyzers/dns-bypass.ts';
import { capturesIn, findingsIn, isCorpusThere } from '../support/corpus.ts';

const isThere = isCorpusThere('dns-bypass');

describe.skipIf(!isThere)('dns-bypass on real captures', () => {
  it('finds DNS over TLS', async () => {
    expect(await findingsIn('own/bypass-dot-853.pcap', dnsBypass)).toMatchObject([{ message: 'dot' }]);
  });

  it('accuses nobody above low of ordinary traffic, and once at all: a phone that speaks DoT', {
    timeout: 120_000,
  }, async () => {
    const found: string[] = [];
    for (const file of capturesIn('benign')) {
      for (const { severity, message } of await findingsIn(file, dnsBypass)) {
        found.push(`${file} ${severity} ${message}`);
      }
    }

    expect(found).toEqual(['benign/ndpi--googledns_android10.pcap low dot']);
  });
});
