import type { FileProgress } from '../../capture/file.ts';
import type { EndReason } from '../../capture/source.ts';
import { SEVERITIES, type Severity } from '../model/finding.ts';
import type { LearnedRecord } from '../model/learned.ts';
import type { AgentRecord } from '../model/record.ts';
import { parseRecord, serializeRecord } from '../model/serialize.ts';
import { ANALYZERS } from '../sensor/detectors.ts';
import { replay } from '../sensor/replay.ts';
import { createLazyLog } from '../telemetry/logger.ts';
import { eventText } from './event-text.ts';
import { EXIT } from './exit-codes.ts';
import { filterOf } from './filter-words.ts';
import { FLOW_COLUMNS } from './flow-columns.ts';
import { type InventoryOptions, offlineInventory } from './offline-inventory.ts';
import { complain, printLine, streamedRow, streamedTitles } from './output.ts';
import { ProgressLine } from './progress.ts';
import { loadSettings, type SettingsOptions } from './settings.ts';
import { summaryText } from './summary-text.ts';

interface AnalyzeOptions extends SettingsOptions, InventoryOptions {
  readonly learned?: string;
  readonly filter?: string;
  readonly where?: string;
  readonly flows?: boolean;
  readonly dns?: boolean;
  readonly failOn?: Severity;
  readonly json?: boolean;
}

/** What --where chooses from; losses and anomalies are always told. */
const FILTERED = ['flow', 'dns', 'finding', 'spoof'] as const;

export async function analyzeCommand(path: string, options: AnalyzeOptions): Promise<void> {
  const config = loadSettings(options);
  const inventory = offlineInventory(options);
  const progress = new ProgressLine();
  const toText = options.json === true ? serializeRecord : textForPeople();
  const filter = filterOf([options.where ?? ''], FILTERED);
  const isWanted = (record: AgentRecord) =>
    filter === undefined ||
    !FILTERED.some((kind) => kind === record.kind) ||
    filter.matches(parseRecord(serializeRecord(record)));
  let worst = -1;
  const emit = (record: AgentRecord) => {
    if (record.kind === 'finding') worst = Math.max(worst, SEVERITIES.indexOf(record.severity));
    const text = isWanted(record) ? toText(record) : undefined;
    if (text === undefined) return;
    progress.clear();
    printLine(text);
  };
  const { summary, end, notice } = await replay({
    path,
    ...(options.filter === undefined ? {} : { filter: options.filter }),
    backend: config.capture.backend,
    config,
    analyzers: ANALYZERS,
    inventory,
    ...(options.learned === undefined ? {} : { learned: await learnedIn(options.learned) }),
    wants: { flows: options.flows === true, dns: options.dns === true },
    emit,
    onProgress: (at: FileProgress) => progress.show(at),
    log: createLazyLog(config.log.level),
  }).finally(() => progress.clear());
  if (notice !== undefined) complain(notice);
  printLine(options.json === true ? serializeRecord(summary) : summaryText(summary));
  process.exitCode = exitCode(end, worst, options.failOn);
}

/** Read once, and nothing is written back: a replay teaches the agent nothing. */
async function learnedIn(path: string): Promise<readonly LearnedRecord[]> {
  const { openStoreReadOnly } = await import('../station/store/reader.ts');
  const reader = await openStoreReadOnly(path);
  try {
    return reader.learned();
  } finally {
    reader.close();
  }
}

/** Flows in columns, under titles that come with the first; the rest as in `events`. */
function textForPeople(): (record: AgentRecord) => string | undefined {
  let titled = false;
  return (record) => {
    // The summary sums these up.
    if (record.kind === 'anomaly' || record.kind === 'loss') return undefined;
    const publicRecord = parseRecord(serializeRecord(record));
    if (publicRecord.kind !== 'flow') return eventText(publicRecord);
    const row = streamedRow(publicRecord, FLOW_COLUMNS);
    if (titled) return row;
    titled = true;
    return `${streamedTitles(FLOW_COLUMNS)}\n${row}`;
  };
}

/** What could be read was analysed; that something could not is said and shows in the exit code. */
function exitCode(end: EndReason, worst: number, failOn: Severity | undefined): number {
  if (end.reason !== 'end-of-file' && end.reason !== 'closed') {
    complain(`not read to the end: ${end.detail}`);
    return EXIT.world;
  }
  return failOn !== undefined && worst >= SEVERITIES.indexOf(failOn) ? EXIT.negative : EXIT.ok;
}
