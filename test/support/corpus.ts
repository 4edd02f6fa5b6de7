/** Real captures, which are not part of the product: where they are, and what an analyzer says of one. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Config, configSchema } from '../../src/config/schema.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import type { AnalyzerDefinition } from '../../src/sensor/analysis/analyzer.ts';
import { inventoryFromNetworkFlags } from '../../src/sensor/docker/network-flags.ts';
import { replay } from '../../src/sensor/replay.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));

/** Says so, loudly, when they are not there: the caller skips. */
export function isCorpusThere(forWhat: string): boolean {
  const isThere = existsSync(CORPUS);
  if (!isThere) process.stderr.write(`SKIPPED: ${forWhat} on real captures: no ${CORPUS}\n`);
  return isThere;
}

/** Paths of the captures in a folder of the corpus, as the functions below take them. */
export function capturesIn(folder: string): string[] {
  return readdirSync(`${CORPUS}${folder}`).map((name) => `${folder}/${name}`);
}

/** In which nobody does anything with DNS: ordinary traffic, and our own captures of other things. None without a corpus. */
export function innocentCaptures(): string[] {
  if (!existsSync(CORPUS)) return [];
  const own = capturesIn('own').filter((name) =>
    /^own\/(benign|icmp|scan|arp|beacon|mining|pivot)/.test(name),
  );
  return [...capturesIn('benign'), ...own];
}

export interface Replayed {
  readonly analyzers: readonly AnalyzerDefinition[];
  /** By id. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** As `analyze --network` takes them: captures know no containers. */
  readonly networks?: readonly string[];
}

/** Each record of each finding, from the whole replay: reader, decoder, flow table, DNS pairing, findings. */
export async function findingRecordsIn(
  file: string,
  { analyzers, options = {}, networks = [] }: Replayed,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  await replay({
    path: `${CORPUS}${file}`,
    backend: 'auto',
    config: configSchema(analyzers).parse({ analyzers: options }) as Config,
    analyzers,
    inventory: { state: inventoryFromNetworkFlags(networks), hostAddresses: [] },
    wants: { flows: false, dns: false },
    emit: (record: AgentRecord) => {
      if (record.kind === 'finding') findings.push(record);
    },
    log: createLogger('fatal'),
  });
  return findings;
}

/** The last record of each finding. */
export async function findingsIn(file: string, analyzer: AnalyzerDefinition): Promise<Finding[]> {
  const records = await findingRecordsIn(file, { analyzers: [analyzer] });
  return [...new Map(records.map((finding) => [finding.id, finding])).values()];
}
