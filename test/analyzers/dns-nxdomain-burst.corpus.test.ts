/** dns-nxdomain-burst over real captures: none of them holds made-up names. */
import { describe, expect, it } from 'vitest';
import dnsNxdomainBurst from '../../analyzers/dns-nxdomain-burst.ts';
import { capturesIn, findingsIn, isCorpusThere } from '../support/corpus.ts';

const isThere = isCorpusThere('dns-nxdomain-burst');

describe.skipIf(!isThere)('dns-nxdomain-burst on real captures', () => {
  it('says nothing of ordinary traffic, nor of tools that do something else', {
    timeout: 120_000,
  }, async () => {
    const found: string[] = [];
    for (const file of [...capturesIn('benign'), ...capturesIn('own')]) {
      for (const { explanation } of await findingsIn(file, dnsNxdomainBurst))
        found.push(`${file}: ${explanation}`);
    }

    expect(found).toEqual([]);
  });
});
