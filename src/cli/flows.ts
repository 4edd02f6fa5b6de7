import { type PublicFlow, parseRecord } from '../model/serialize.ts';
import { wallMicros } from '../model/time.ts';
import { Aggregate, parseGrouping } from '../query/aggregate.ts';
import { openStoreReadOnly, type StoreReader } from '../station/store/reader.ts';
import { flowTable } from './flows/columns.ts';
import { FLOW_CSV_TITLES, flowCsvLine } from './flows/csv.ts';
import { groupRecords, groupsCsv, groupsTable, lookedText } from './flows/groups.ts';
import { gapNotes } from './flows/history-gaps.ts';
import { CSV_LINE_END } from './lib/csv.ts';
import { UsageError } from './lib/failure.ts';
import { filterOf, matchingOf, sinceOf, tellStopped } from './lib/filter-words.ts';
import { complain, printLine } from './lib/output.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { emptyText, parseRange, type TimeRange } from './lib/time-range.ts';

interface FlowsOptions extends SettingsOptions {
  readonly since?: string;
  readonly until?: string;
  readonly network?: string;
  readonly workload?: string;
  readonly limit: string;
  readonly by?: string;
  readonly sum?: string;
  readonly sort?: string;
  readonly top?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
  readonly csv?: boolean;
}

type Where = Parameters<StoreReader['summarizeFlows']>[0];

const USUAL_SINCE = '1h';
const USUAL_TOP = 20;
const MAX_TOP = 100_000;

export async function flowsCommand(words: readonly string[], options: FlowsOptions): Promise<void> {
  if (options.json === true && options.csv === true)
    throw new UsageError('--json and --csv exclude each other');
  for (const flag of ['sum', 'sort', 'top', 'explain'] as const)
    if (options[flag] !== undefined && options.by === undefined)
      throw new UsageError(`--${flag} needs --by, which says what makes a group: --by src.service,dst.name`);
  const filter = filterOf(words, ['flow']);
  const range = parseRange({ ...options, since: sinceOf(options.since, filter, USUAL_SINCE) });
  const where = {
    ...(options.network === undefined ? {} : { network: options.network }),
    ...(options.workload === undefined ? {} : { container: options.workload }),
    ...matchingOf(filter),
  };
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  try {
    if (options.by === undefined) list(reader, where, range, options);
    else sumUp(reader, options.by, where, range, options);
  } finally {
    reader.close();
  }
}

function list(
  reader: StoreReader,
  where: Parameters<StoreReader['queryFlows']>[0],
  range: TimeRange,
  { json, csv }: FlowsOptions,
): void {
  const rows = reader.queryFlows({ ...range, ...where });
  const flows = () => rows.map(({ text }) => parseRecord(text) as PublicFlow);
  if (json === true) for (const { text } of rows) printLine(text);
  else if (csv === true) process.stdout.write(csvText([FLOW_CSV_TITLES, ...flows().map(flowCsvLine)]));
  else if (rows.length === 0) printLine(emptyText('flow', range));
  else printLine(flowTable(flows(), process.stdout.columns));
}

function sumUp(
  reader: StoreReader,
  by: string,
  { matching, ...where }: Where,
  { limit: _, ...times }: TimeRange,
  options: FlowsOptions,
): void {
  const { sum, sort } = options;
  const grouping = parseGrouping({ by, sum, sort, top: topOf(options.top) });
  const aggregate = new Aggregate(grouping);
  const from = performance.now();
  const filters = { ...times, ...where, matching: { onStopped: tellStopped, ...matching } };
  const looked = reader.summarizeFlows(filters, aggregate);
  const result = aggregate.result();
  if (options.explain === true) complain(lookedText(looked, (performance.now() - from) / 1000));
  for (const note of gapNotes(reader, times, wallMicros())) complain(note);
  if (result.mayLack > 0)
    complain(
      `too many groups to keep each: any may lack up to ${result.mayLack} of its ${grouping.sort}, which are among the others; narrow it with --since, a filter or fewer fields`,
    );
  if (options.json === true) for (const line of groupRecords(result, grouping)) printLine(line);
  else if (options.csv === true) process.stdout.write(csvText([groupsCsv(result, grouping)]));
  else if (result.groups.length === 0) printLine(emptyText('flow', { ...times, limit: 0 }));
  else printLine(groupsTable(result, grouping, process.stdout.columns));
}

function csvText(lines: readonly string[]): string {
  return `${lines.join(CSV_LINE_END)}${CSV_LINE_END}`;
}

function topOf(text: string | undefined): number {
  if (text === undefined) return USUAL_TOP;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MAX_TOP)
    throw new UsageError(`--top "${text}" is no count between 1 and ${MAX_TOP}`);
  return value;
}
