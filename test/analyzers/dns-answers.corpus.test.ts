/**
 * dns-rebinding, direct-ip and dns-internal-leak over real captures, through the whole replay. The captures know no
 * containers, so private addresses are declared to be networks: then every client is judged. The captures are not part
 * of the product; without them this says so and skips.
 */
import { describe, expect, it } from 'vitest';
import directIp from '../../analyzers/direct-ip.ts';
import dnsInternalLeak from '../../analyzers/dns-internal-leak.ts';
import dnsRebinding from '../../analyzers/dns-rebinding.ts';
import type { Finding } from '../../src/model/finding.ts';
import { findingRecordsIn, innocentCaptures, isCorpusThere, type Replayed } from '../support/corpus.ts';

const isThere = isCorpusThere('what DNS answers lead to');

const ANALYZERS = [directIp, dnsInternalLeak, dnsRebinding];
const PRIVATE = ['a=10.0.0.0/8', 'b=172.16.0.0/12', 'c=192.168.0.0/16', 'd=fc00::/7'];
/** Their devices resolved these addresses before the capture began. */
const RESOLVED_BEFORE = ['ndpi--conncheck.pcap', 'ndpi--netflix.pcap', 'ndpi--teams.pcap'];

async function opened(
  file: string,
  networks: readonly string[],
  options: Replayed['options'] = {},
): Promise<Finding[]> {
  const records = await findingRecordsIn(file, { analyzers: ANALYZERS, networks, options });
  return records.filter(({ status }) => status === 'open');
}

describe.skipIf(!isThere)('DNS answers in real captures', () => {
  it('accuse nobody, as everybody is still being learned', { timeout: 120_000 }, async () => {
    const accused: string[] = [];
    for (const file of innocentCaptures()) {
      for (const { explanation } of await opened(file, PRIVATE)) accused.push(`${file}: ${explanation}`);
    }

    expect(accused).toEqual([]);
  });

  it('without any learning, accuse those who resolved before the capture, as low', {
    timeout: 120_000,
  }, async () => {
    const accused: string[] = [];
    for (const file of innocentCaptures()) {
      const findings = await opened(file, PRIVATE, { 'direct-ip': { learn_secs: 0 } });
      for (const { analyzer, severity } of findings) accused.push(`${file} ${analyzer} ${severity}`);
    }

    expect(accused).toEqual(RESOLVED_BEFORE.map((name) => `benign/${name} direct-ip low`));
  });

  it('are a leak where the networks are internal, once a client and resolver', async () => {
    const internal = PRIVATE.map((network) => `${network},internal`);

    const findings = await opened('benign/ndpi--dropbox.pcap', internal);

    expect(findings.map(({ analyzer, message, severity }) => [analyzer, message, severity])).toEqual([
      ['dns-internal-leak', 'forwarder', 'low'],
    ]);
  });
});
