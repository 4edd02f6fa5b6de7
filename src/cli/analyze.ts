import { setFlagsFromString } from 'node:v8';
import { openCase } from '../../capture/case.ts';
import type { EndReason } from '../../capture/source.ts';
import { SEVERITIES, type Severity } from '../model/finding.ts';
import type { LearnedRecord } from '../model/learned.ts';
import type { AgentRecord } from '../model/record.ts';
import { parseRecord, serializeRecord } from '../model/serialize.ts';
import { ANALYZERS } from '../sensor/detectors.ts';
import { replayCase } from '../sensor/replay.ts';
import { createLazyLog } from '../telemetry/logger.ts';
import { FoldedFindings } from './analyze/folded.ts';
import { inputRemarks } from './analyze/input-text.ts';
import { type InventoryOptions, offlineInventory } from './analyze/offline-inventory.ts';
import { type ReportOptions, reportSink } from './analyze/report-file.ts';
import { summaryText } from './analyze/summary-text.ts';
import { eventText } from './events/text.ts';
import { FLOW_COLUMNS } from './flows/columns.ts';
import { EXIT } from './lib/exit-codes.ts';
import { filterOf } from './lib/filter-words.ts';
import { complain, printLine, streamedRow, streamedTitles } from './lib/output.ts';
import { ProgressLine } from './lib/progress.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { packetRange, type RangeOptions } from './lib/time-range.ts';

interface AnalyzeOptions extends SettingsOptions, InventoryOptions, RangeOptions, ReportOptions {
  readonly learned?: string;
  readonly filter?: string;
  readonly where?: string;
  readonly flows?: boolean;
  readonly dns?: boolean;
  readonly all?: boolean;
  readonly failOn?: Severity;
  readonly json?: boolean;
}

/**
 * By how much the heap may grow before what is dead in it is looked for; unless told, V8 lets it grow to four times what
 * lives, and a report over a gigabyte takes 300 MiB. CPU is some tenths more there, and the same without a report.
 */
const HEAP_GROWTH_PERCENT = 25;

/** What --where chooses from; losses and anomalies are always told. */
const FILTERED = ['flow', 'dns', 'finding', 'spoof'] as const;

export async function analyzeCommand(paths: readonly string[], options: AnalyzeOptions): Promise<void> {
  const config = loadSettings(options);
  const range = packetRange(options);
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  const inventory = offlineInventory(options, config.docker);
  const report = reportSink(paths, options);
  const progress = new ProgressLine();
  const folded = new FoldedFindings();
  const toText = options.json === true ? serializeRecord : textForPeople();
  const showsEach = options.json === true || options.all === true;
  const filter = filterOf([options.where ?? ''], FILTERED);
  const isWanted = (record: AgentRecord) =>
    filter === undefined ||
    !FILTERED.some((kind) => kind === record.kind) ||
    filter.matches(parseRecord(serializeRecord(record)));
  let worst = -1;
  const emit = (record: AgentRecord) => {
    if (record.kind === 'finding') worst = Math.max(worst, SEVERITIES.indexOf(record.severity));
    if (report !== undefined) return report.add(record);
    if (!isWanted(record) || (!showsEach && folded.takes(record))) return;
    const text = toText(record);
    if (text === undefined) return;
    progress.clear();
    printLine(text);
  };
  const capture = await openCase(
    {
      paths,
      ...(range === undefined ? {} : { range }),
      ...(options.filter === undefined ? {} : { filter: options.filter }),
      hash: report !== undefined,
      onProgress: (at) => progress.show(at),
    },
    config.capture.backend,
  );
  const { summary, end, input } = await replayCase(capture, {
    config,
    analyzers: ANALYZERS,
    inventory: await inventory({ until: range?.until, from: () => capture.firstAt() }),
    ...(options.learned === undefined ? {} : { learned: await learnedIn(options.learned) }),
    wants: {
      flows: report !== undefined || options.flows === true,
      dns: report !== undefined || options.dns === true,
    },
    emit,
    log: createLazyLog(config.log.level),
  }).finally(() => progress.clear());
  for (const remark of inputRemarks(input)) complain(remark);
  for (const line of folded.lines()) printLine(line);
  if (report !== undefined) await report.end(summary, input);
  else printLine(options.json === true ? serializeRecord(summary) : summaryText(summary));
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
