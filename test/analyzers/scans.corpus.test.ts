/** port-scan and host-sweep over real captures, without an inventory: no container is known there. */
import { describe, expect, it } from 'vitest';
import hostSweep from '../../analyzers/host-sweep.ts';
import portScan from '../../analyzers/port-scan.ts';
import { findingRecordsIn, innocentCaptures, isCorpusThere } from '../support/corpus.ts';

const isThere = isCorpusThere('port-scan and host-sweep');
const SCANS = /scan-/;

describe.skipIf(!isThere)('scans in real captures', () => {
  it.each([
    ['malicious/pcaps--nmap_tcp_connect_scan.pcap', 'vertical'],
    ['malicious/pcaps--nmap_xmas_tree_scan.pcap', 'probes'],
    ['own/scan-nmap-syn-top100.pcap', 'vertical'],
    ['own/scan-slow-1per2s.pcap', 'vertical'],
  ])('%s is one finding, told early', async (file, message) => {
    const records = await findingRecordsIn(file, { analyzers: [portScan, hostSweep] });
    const [first] = records;

    expect(new Set(records.map(({ id }) => id)).size).toBe(1);
    expect(first).toMatchObject({ status: 'open', analyzer: 'port-scan', message, severity: 'medium' });
    expect(Number(first!.evidence['portCount'])).toBeLessThanOrEqual(20);
    expect(first!.lastSeen - first!.firstSeen).toBeLessThanOrEqual(25_000_000);
  });

  it('nobody is accused in ordinary traffic, and in what attacks of other kinds look like', {
    timeout: 120_000,
  }, async () => {
    const found: string[] = [];
    for (const file of innocentCaptures().filter((name) => !SCANS.test(name))) {
      const records = await findingRecordsIn(file, { analyzers: [portScan, hostSweep] });
      for (const { analyzer, severity, message } of records)
        found.push(`${file} ${analyzer} ${severity} ${message}`);
    }

    expect(found).toEqual([]);
  });
});
