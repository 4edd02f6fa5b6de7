import { setTimeout as sleep } from 'node:timers/promises';
import type { Severity } from '../model/finding.ts';
import { parseRecord } from '../model/serialize.ts';
import { openStoreReadOnly, type StoredRecord, type StoreReader } from '../station/store/reader.ts';
import { eventText } from './event-text.ts';
import { printLine } from './output.ts';
import { loadSettings, type SettingsOptions } from './settings.ts';
import { parseLimit, parseTime } from './time-range.ts';

interface EventsOptions extends SettingsOptions {
  readonly follow?: boolean;
  readonly since: string;
  readonly until?: string;
  readonly severity?: Severity;
  readonly analyzer?: string;
  readonly network?: string;
  readonly all?: boolean;
  readonly limit: string;
  readonly json?: boolean;
}

/** How soon a followed event is printed after it was stored. */
const FOLLOW_INTERVAL_MS = 300;

export async function eventsCommand(options: EventsOptions): Promise<void> {
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  const print = ({ text }: StoredRecord) =>
    printLine(options.json === true ? text : eventText(parseRecord(text)));
  try {
    // Taken before the first question, so that nothing stored in between is missed.
    let seen = reader.lastSeq('events');
    const range = {
      since: parseTime(options.since, '--since'),
      ...(options.until === undefined ? {} : { until: parseTime(options.until, '--until') }),
      limit: parseLimit(options.limit),
    };
    for (const row of select(reader, options, range)) if (row.seq <= seen) print(row);
    while (options.follow === true) {
      await sleep(FOLLOW_INTERVAL_MS);
      const rows = select(reader, options, { afterSeq: seen, limit: 1000 });
      for (const row of rows) print(row);
      seen = rows.at(-1)?.seq ?? seen;
    }
  } finally {
    reader.close();
  }
}

interface Range {
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
  readonly afterSeq?: number;
}

/** Without `--follow` each finding stands once, as it is now; while following, every change is told. */
function select(reader: StoreReader, options: EventsOptions, range: Range): StoredRecord[] {
  const { severity, analyzer, network } = options;
  const where = { ...range, ...(network === undefined ? {} : { network }) };
  const findings = reader.queryFindings({
    ...where,
    history: range.afterSeq !== undefined,
    ...(severity === undefined ? {} : { severity }),
    ...(analyzer === undefined ? {} : { analyzer }),
  });
  if (options.all !== true) return findings;
  const others = reader.queryEvents(where);
  const merged = [...findings, ...others].sort((a, b) => a.seq - b.seq);
  return range.afterSeq === undefined ? merged.slice(-range.limit) : merged;
}
