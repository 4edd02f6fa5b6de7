import { readFileSync } from 'node:fs';
import type { FileProgress } from '../../capture/file.ts';
import type { EndReason } from '../../capture/source.ts';
import { SEVERITIES, type Severity } from '../model/finding.ts';
import type { AgentRecord } from '../model/record.ts';
import { type PublicFlow, parseRecord, serializeRecord } from '../model/serialize.ts';
import { ANALYZERS } from '../sensor/agent.ts';
import { inventoryFromRecords, type OfflineInventory } from '../sensor/docker/inventory-records.ts';
import { inventoryFromNetworkFlags } from '../sensor/docker/network-flags.ts';
import { replay } from '../sensor/replay.ts';
import { createLogger } from '../telemetry/logger.ts';
import { eventText } from './event-text.ts';
import { EXIT } from './exit-codes.ts';
import { UsageError } from './failure.ts';
import { flowLine } from './flows.ts';
import { printLine } from './output.ts';
import { ProgressLine } from './progress.ts';
import { loadSettings, type SettingsOptions } from './settings.ts';
import { summaryText } from './summary-text.ts';

interface AnalyzeOptions extends SettingsOptions {
  readonly inventory?: string;
  readonly network?: readonly string[];
  readonly filter?: string;
  readonly flows?: boolean;
  readonly dns?: boolean;
  readonly failOn?: Severity;
  readonly json?: boolean;
}

export async function analyzeCommand(path: string, options: AnalyzeOptions): Promise<void> {
  const config = loadSettings(options);
  const inventory = inventoryOf(options);
  const progress = new ProgressLine();
  let worst = -1;
  const emit = (record: AgentRecord) => {
    if (record.kind === 'finding') worst = Math.max(worst, SEVERITIES.indexOf(record.severity));
    // For people the summary sums these up.
    if (options.json !== true && (record.kind === 'anomaly' || record.kind === 'loss')) return;
    progress.clear();
    printLine(options.json === true ? serializeRecord(record) : textOf(record));
  };
  const { summary, end, notice } = await replay({
    path,
    ...(options.filter === undefined ? {} : { filter: options.filter }),
    backend: config.capture.backend,
    config,
    analyzers: ANALYZERS,
    inventory,
    wants: { flows: options.flows === true, dns: options.dns === true },
    emit,
    onProgress: (at: FileProgress) => progress.show(at),
    log: createLogger(config.log.level),
  });
  progress.clear();
  if (notice !== undefined) process.stderr.write(`bridgewatch: ${notice}\n`);
  printLine(options.json === true ? serializeRecord(summary) : summaryText(summary));
  process.exitCode = exitCode(path, end, worst, options.failOn);
}

function inventoryOf({ inventory, network }: AnalyzeOptions): OfflineInventory {
  if (inventory !== undefined && network !== undefined) {
    throw new UsageError('--inventory and --network exclude each other: the inventory has the networks');
  }
  if (inventory === undefined) return { state: inventoryFromNetworkFlags(network ?? []), hostAddresses: [] };
  return inventoryFromRecords(readFileSync(inventory, 'utf8').split('\n'), inventory);
}

function textOf(record: AgentRecord): string {
  const json = parseRecord(serializeRecord(record));
  return json.kind === 'flow' ? flowLine(json as PublicFlow) : eventText(json);
}

/** What could be read was analysed; that something could not is said and shows in the exit code. */
function exitCode(path: string, end: EndReason, worst: number, failOn: Severity | undefined): number {
  if (end.reason !== 'end-of-file' && end.reason !== 'closed') {
    process.stderr.write(`bridgewatch: ${path} was not read to its end: ${end.detail}\n`);
    return EXIT.world;
  }
  return failOn !== undefined && worst >= SEVERITIES.indexOf(failOn) ? EXIT.negative : EXIT.ok;
}
