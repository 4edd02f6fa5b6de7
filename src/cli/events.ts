import { setTimeout as sleep } from 'node:timers/promises';
import type { Severity } from '../model/finding.ts';
import type { RecordKind } from '../model/record.ts';
import { parseRecord } from '../model/serialize.ts';
import type { Filter } from '../query/filter.ts';
import { openStoreReadOnly, type StoredRecord, type StoreReader } from '../station/store/reader.ts';
import { FollowedEvents } from './events/followed.ts';
import { eventText } from './events/text.ts';
import { UsageError } from './lib/failure.ts';
import { filterOf, matchingOf, sinceOf } from './lib/filter-words.ts';
import { printLine } from './lib/output.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { emptyText, parseRange, type TimeRange } from './lib/time-range.ts';

export interface EventFilters {
  readonly severity?: Severity;
  readonly analyzer?: string;
  readonly network?: string;
  readonly workload?: string;
  /** Also what is no finding. */
  readonly all?: boolean;
  readonly filter?: Filter;
  /** Without findings that a storm's finding tells of. */
  readonly leavesOutFolded?: boolean;
}

interface EventsOptions extends SettingsOptions, Omit<EventFilters, 'filter' | 'leavesOutFolded'> {
  readonly follow?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly json?: boolean;
}

/** How soon a followed event is printed after it was stored. */
const FOLLOW_INTERVAL_MS = 300;

const USUAL_SINCE = '24h';
const OTHER_EVENTS: readonly RecordKind[] = [
  'inventory',
  'coverage',
  'loss',
  'anomaly',
  'no-route',
  'blocked',
  'listener',
  'lease',
  'spoof',
  'decision',
  'evidence',
  'audit-run',
];

export async function eventsCommand(words: readonly string[], options: EventsOptions): Promise<void> {
  if (options.follow === true && options.until !== undefined) {
    throw new UsageError('--follow and --until exclude each other: what is followed has no end');
  }
  const filter = filterOf(words, options.all === true ? ['finding', ...OTHER_EVENTS] : ['finding']);
  const filters: EventFilters = {
    ...options,
    ...(filter === undefined ? {} : { filter }),
    // A storm would fill the page with what one line tells. Programs get all, and so does who asks for them.
    leavesOutFolded: options.json !== true && !/\bfoldedInto\b/i.test(filter?.text ?? ''),
  };
  const range = parseRange({ ...options, since: sinceOf(options.since, filter, USUAL_SINCE) });
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  const print = ({ text }: StoredRecord) =>
    printLine(options.json === true ? text : eventText(parseRecord(text)));
  try {
    if (options.follow !== true) {
      const rows = select(reader, filters, range);
      for (const row of rows) print(row);
      if (rows.length === 0 && options.json !== true)
        printLine(emptyText(options.all === true ? 'event' : 'finding', range));
      if (
        filters.leavesOutFolded === true &&
        findings(reader, filters, { ...range, limit: 1 }, 'only').length > 0
      )
        printLine(
          'Findings of a storm are left out, its finding-storm tells of them: foldedInto:* shows each.',
        );
      return;
    }
    // Taken before the first question, so that nothing stored in between is missed or told twice.
    const followed = new FollowedEvents(reader, filters);
    for (const row of select(reader, filters, range)) if (row.seq <= followed.seen) print(row);
    for (;;) {
      for (const row of followed.next()) print(row);
      await sleep(FOLLOW_INTERVAL_MS);
    }
  } finally {
    reader.close();
  }
}

/** Each finding stands once, as it is now; while following, every change is told. */
function select(reader: StoreReader, options: EventFilters, range: TimeRange): StoredRecord[] {
  const told = findings(reader, options, range, options.leavesOutFolded === true ? 'left-out' : undefined);
  if (options.all !== true) return told;
  const all = [...told, ...reader.queryEvents(placeOf(options, range))];
  return all.sort((a, b) => a.time - b.time || a.seq - b.seq).slice(-range.limit);
}

function findings(
  reader: StoreReader,
  options: EventFilters,
  range: TimeRange,
  folded: 'only' | 'left-out' | undefined,
): StoredRecord[] {
  const { severity, analyzer } = options;
  return reader.queryFindings({
    ...placeOf(options, range),
    ...(severity === undefined ? {} : { severity }),
    ...(analyzer === undefined ? {} : { analyzer }),
    ...(folded === undefined ? {} : { folded }),
  });
}

function placeOf({ network, workload, filter }: EventFilters, range: TimeRange) {
  return {
    ...range,
    ...(network === undefined ? {} : { network }),
    ...(workload === undefined ? {} : { container: workload }),
    ...matchingOf(filter),
  };
}
