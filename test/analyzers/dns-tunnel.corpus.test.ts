/**
 * dns-tunnel over real captures, through the whole replay: reader, decoder, flow table, DNS pairing, findings. The
 * captures are not part of the product; without them this says so and skips.
 */
import { describe, expect, it } from 'vitest';
import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import type { Finding } from '../../src/model/finding.ts';
import { findingRecordsIn, innocentCaptures, isCorpusThere } from '../support/corpus.ts';

const isThere = isCorpusThere('dns-tunnel');

/** What each tool may ask before it is found: questions, bytes of names, seconds. */
const GOAL = { queries: 40, windowBytes: 1000, seconds: 45 };

const TOOLS = [
  'own/iodine-NULL-resolver.pcap',
  'own/iodine-TXT-resolver.pcap',
  'own/dns2tcp-TXT-resolver.pcap',
  'own/dnscat2-enc-TXT-download.pcap',
  'malicious/ndpi--bad-dns-traffic.pcap',
  'malicious/ndpi--dns-tunnel-iodine.pcap',
  'malicious/dns-tunnel-datasets--AndIodine-MX_00001_20230921200640.pcap',
];

const IDLE = 'own/dnscat2-enc-idle-beacon.pcap';
/** Channels made to look otherwise, and how each is recognised. */
const EVASIONS = [
  ['own/exfil-words.pcap', 'zone'],
  ['own/exfil-alphabet.pcap', 'sequence'],
  ['own/exfil-case0x20.pcap', 'case'],
  ['own/exfil-multidomain.pcap', 'spread'],
] as const;

/** Commands by other ways than DNS. */
const NO_TUNNEL = ['malicious/stratospherelinuxips--test-cc-capture-2.pcap'];

/** Each finding as it was when it first paged somebody: a long name alone is a remark, and may come before the tunnel is clear. */
async function opened(file: string): Promise<Finding[]> {
  const findings = new Map<string, Finding>();
  for (const finding of await findingRecordsIn(file, { analyzers: [dnsTunnel] })) {
    if (finding.severity !== 'low' && !findings.has(finding.id)) findings.set(finding.id, finding);
  }
  return [...findings.values()];
}

const seconds = ({ firstSeen, lastSeen }: Finding) => (lastSeen - firstSeen) / 1_000_000;

describe.skipIf(!isThere)('dns-tunnel on real captures', () => {
  it.each(TOOLS)('finds the tool of %s within 40 questions, 1 kB of names and 45 s', async (file) => {
    const findings = await opened(file);

    // Under no registered domain, the server that is told is accused beside the name.
    expect(new Set(findings.map(({ subject }) => subject.ip)).size).toBe(1);
    const { queries, windowBytes } = findings[0]!.evidence;
    expect(queries).toBeLessThanOrEqual(GOAL.queries);
    expect(windowBytes).toBeLessThanOrEqual(GOAL.windowBytes);
    expect(seconds(findings[0]!)).toBeLessThanOrEqual(GOAL.seconds);
  });

  it('finds an idle dnscat2 within 15 questions', async () => {
    const findings = await opened(IDLE);

    expect(findings).toHaveLength(1);
    expect(findings[0]!.evidence['queries']).toBeLessThanOrEqual(15);
  });

  it.each(EVASIONS)('finds %s, by its %s', async (file, message) => {
    const findings = await opened(file);

    expect(findings.map((finding) => finding.message)).toEqual([message]);
    expect(findings[0]!.evidence['queries']).toBeLessThanOrEqual(600);
  });

  it('accuses nobody in all the innocent captures', { timeout: 120_000 }, async () => {
    const accused: string[] = [];
    for (const file of [...innocentCaptures(), ...NO_TUNNEL]) {
      for (const { explanation } of await opened(file)) accused.push(`${file}: ${explanation}`);
    }

    expect(accused).toEqual([]);
  });
});
