import { setTimeout as sleep } from 'node:timers/promises';
import { type PublicDns, printableJson } from '../model/serialize.ts';
import { openStoreReadOnly, type StoredRecord, type StoreReader } from '../station/store/reader.ts';
import { dnsTable, streamedDnsColumns } from './dns/columns.ts';
import { FollowedDns, type FollowedFilters } from './dns/followed.ts';
import { DnsSummary, type Grouping } from './dns/summary.ts';
import { dnsSummaryTable } from './dns/summary-columns.ts';
import { UsageError } from './lib/failure.ts';
import { filterOf, matchingOf, sinceOf, tellStopped } from './lib/filter-words.ts';
import { complain, printLine, streamedRow, streamedTitles } from './lib/output.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { emptyText, parseRange, type TimeRange } from './lib/time-range.ts';

interface DnsOptions extends SettingsOptions {
  readonly follow?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly network?: string;
  readonly workload?: string;
  readonly by?: Grouping;
  readonly limit: string;
  readonly json?: boolean;
}

const USUAL_SINCE = '1h';
/** How soon a followed look-up is printed after it was stored. */
const FOLLOW_INTERVAL_MS = 300;

export async function dnsCommand(words: readonly string[], options: DnsOptions): Promise<void> {
  if (options.follow === true && options.until !== undefined) {
    throw new UsageError('--follow and --until exclude each other: what is followed has no end');
  }
  if (options.follow === true && options.by !== undefined) {
    throw new UsageError('--follow and --by exclude each other: a sum needs an end');
  }
  const filter = filterOf(words, ['dns']);
  const range = parseRange({ ...options, since: sinceOf(options.since, filter, USUAL_SINCE) });
  const filters: FollowedFilters = {
    ...(options.network === undefined ? {} : { network: options.network }),
    ...(options.workload === undefined ? {} : { container: options.workload }),
    filter,
  };
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  try {
    if (options.follow === true) await follow(reader, filters, range, options.json === true);
    else if (options.by !== undefined) sumUp(reader, options.by, filters, range, options.json === true);
    else show(select(reader, filters, range), range, options.json === true);
  } finally {
    reader.close();
  }
}

function select(reader: StoreReader, filters: FollowedFilters, range: TimeRange): StoredRecord[] {
  const { filter, ...where } = filters;
  return reader.queryDns({ ...range, ...where, ...matchingOf(filter) });
}

function show(rows: readonly StoredRecord[], range: TimeRange, isJson: boolean): void {
  if (isJson) for (const { text } of rows) printLine(text);
  else if (rows.length === 0) printLine(emptyText('DNS', range));
  else printLine(dnsTable(rows.map(recordOf), process.stdout.columns));
}

function sumUp(
  reader: StoreReader,
  by: Grouping,
  { filter, ...where }: FollowedFilters,
  { limit, ...times }: TimeRange,
  isJson: boolean,
): void {
  const summary = new DnsSummary(by);
  const { matching } = matchingOf(filter);
  const rows = reader.scanDns({
    ...times,
    ...where,
    matching: { onStopped: tellStopped, ...matching },
  });
  for (const row of rows) summary.add(recordOf(row));
  const records = summary.records(limit);
  if (summary.mayLack > 0) {
    complain(
      `too many to count each to its end: each line may lack up to ${summary.mayLack} questions, which are among the others; narrow it with --since or a filter`,
    );
  }
  if (isJson) for (const record of records) printLine(printableJson(record));
  else if (records.length === 0) printLine(emptyText('DNS', { ...times, limit }));
  else printLine(dnsSummaryTable(records, by, process.stdout.columns));
}

async function follow(
  reader: StoreReader,
  filters: FollowedFilters,
  range: TimeRange,
  isJson: boolean,
): Promise<void> {
  const columns = streamedDnsColumns(process.stdout.columns);
  const print = (row: StoredRecord) => printLine(isJson ? row.text : streamedRow(recordOf(row), columns));
  if (!isJson) printLine(streamedTitles(columns));
  // Taken before the first question, so that nothing stored in between is missed or told twice.
  const followed = new FollowedDns(reader, filters);
  const upTo = followed.seen;
  for (const row of select(reader, filters, range)) if (row.seq <= upTo) print(row);
  for (;;) {
    for (const row of followed.next()) print(row);
    await sleep(FOLLOW_INTERVAL_MS);
  }
}

function recordOf({ text }: StoredRecord): PublicDns {
  return JSON.parse(text) as PublicDns;
}
