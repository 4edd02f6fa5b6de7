/** icmp-tunnel, mining and cleartext-credentials over real captures, without an inventory: no container is known there. */
import { describe, expect, it } from 'vitest';
import cleartextCredentials from '../../analyzers/cleartext-credentials.ts';
import icmpTunnel from '../../analyzers/icmp-tunnel.ts';
import mining from '../../analyzers/mining.ts';
import { findingRecordsIn, innocentCaptures, isCorpusThere } from '../support/corpus.ts';

const ALL = [cleartextCredentials, icmpTunnel, mining];
const isThere = isCorpusThere('icmp-tunnel, mining and cleartext-credentials');

async function toldOf(file: string): Promise<string[]> {
  const records = await findingRecordsIn(file, { analyzers: ALL });
  return [...new Set(records.map(({ analyzer, message, severity }) => `${analyzer} ${message} ${severity}`))];
}

describe.skipIf(!isThere)('on real captures', () => {
  it.each([
    ['own/icmp-tunnel-ptunnel-ng.pcap', 'icmp-tunnel altered-replies high'],
    ['malicious/ndpi--icmp-tunnel.pcap', 'icmp-tunnel altered-replies high'],
    ['own/mining-stratum-xmr.pcap', 'mining stratum high'],
    ['benign/pcaps--telnet.pcap', 'cleartext-credentials on-lan low'],
  ])('finds what %s holds', async (file, told) => {
    expect(await toldOf(file)).toContain(told);
  });

  it('tells of ptunnel-ng within ten seconds of its first message', async () => {
    const [first] = await findingRecordsIn('own/icmp-tunnel-ptunnel-ng.pcap', { analyzers: [icmpTunnel] });

    expect(first).toMatchObject({
      status: 'open',
      message: 'altered-replies',
      evidence: { tool: 'ptunnel-ng' },
    });
    expect(first!.lastSeen - first!.firstSeen).toBeLessThan(10_000_000);
  });

  it('accuses nobody above low of ordinary traffic', { timeout: 180_000 }, async () => {
    const grave: string[] = [];
    for (const file of innocentCaptures()) {
      if (/tunnel|mining/.test(file)) continue;
      for (const told of await toldOf(file)) {
        if (!/ (low|informational)$/.test(told)) grave.push(`${file} ${told}`);
      }
    }

    expect(grave).toEqual([]);
  });
});
