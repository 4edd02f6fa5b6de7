/**
 * dns-tunnel over real captures, through the whole replay: reader, decoder, flow table, DNS pairing, findings. The
 * captures are not part of the product; without them this says so and skips.
 */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import { type Config, configSchema } from '../../src/config/schema.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import { inventoryFromNetworkFlags } from '../../src/sensor/docker/network-flags.ts';
import { replay } from '../../src/sensor/replay.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));
const isThere = existsSync(CORPUS);
if (!isThere) process.stderr.write(`SKIPPED: dns-tunnel on real captures: no ${CORPUS}\n`);

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

/** Evasions that the name channel alone sees, and one that it does not yet. */
const WORDS = 'own/exfil-words.pcap';
const IDLE = 'own/dnscat2-enc-idle-beacon.pcap';
const UNSEEN = ['own/exfil-alphabet.pcap', 'own/exfil-case0x20.pcap', 'own/exfil-multidomain.pcap'];

function innocent(): string[] {
  if (!isThere) return [];
  const own = readdirSync(`${CORPUS}own`).filter((name) =>
    /^(benign|icmp|scan|arp|beacon|mining|pivot)/.test(name),
  );
  return [
    ...readdirSync(`${CORPUS}benign`).map((name) => `benign/${name}`),
    ...own.map((name) => `own/${name}`),
    'malicious/stratospherelinuxips--test-cc-capture-2.pcap',
  ];
}

async function opened(file: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const config = configSchema([dnsTunnel]).parse({}) as Config;
  await replay({
    path: `${CORPUS}${file}`,
    backend: 'auto',
    config,
    analyzers: [dnsTunnel],
    inventory: { state: inventoryFromNetworkFlags([]), hostAddresses: [] },
    wants: { flows: false, dns: false },
    emit: (record: AgentRecord) => {
      if (record.kind === 'finding' && record.status === 'open') findings.push(record);
    },
    log: createLogger('fatal'),
  });
  return findings;
}

const seconds = ({ firstSeen, lastSeen }: Finding) => (lastSeen - firstSeen) / 1_000_000;

describe.skipIf(!isThere)('dns-tunnel on real captures', () => {
  it.each(TOOLS)('finds the tool of %s within 40 questions, 1 kB of names and 45 s', async (file) => {
    const findings = await opened(file);

    expect(findings).toHaveLength(1);
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

  it('finds dictionary words within 63 questions', async () => {
    const findings = await opened(WORDS);

    expect(findings).toHaveLength(1);
    expect(findings[0]!.evidence['queries']).toBeLessThanOrEqual(63);
  });

  it.each(UNSEEN)('does not see %s yet, as its page says', async (file) => {
    expect(await opened(file)).toEqual([]);
  });

  it('accuses nobody in all the innocent captures', { timeout: 120_000 }, async () => {
    const accused: string[] = [];
    for (const file of innocent()) {
      for (const { explanation } of await opened(file)) accused.push(`${file}: ${explanation}`);
    }

    expect(accused).toEqual([]);
  });
});
