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

/** Paths of the captures in a folder of the corpus, for `findingsIn`. */
export function capturesIn(folder: string): string[] {
  return readdirSync(`${CORPUS}${folder}`).map((name) => `${folder}/${name}`);
}

/** The last record of each finding, from the whole replay: reader, decoder, flow table, DNS pairing, findings. */
export async function findingsIn(
  file: string,
  analyzer: AnalyzerDefinition,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Finding[]> {
  const findings = new Map<string, Finding>();
  await replay({
    path: `${CORPUS}${file}`,
    backend: 'auto',
    config: configSchema([analyzer]).parse({ analyzers: { [analyzer.id]: options } }) as Config,
    analyzers: [analyzer],
    inventory: { state: inventoryFromNetworkFlags([]), hostAddresses: [] },
    wants: { flows: false, dns: false },
    emit: (record: AgentRecord) => {
      if (record.kind === 'finding') findings.set(record.id, record);
    },
    log: createLogger('fatal'),
  });
  return [...findings.values()];
}
