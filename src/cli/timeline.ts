/** One axis of all that is recorded: findings and decisions, containers and networks, first and last flows, look-ups. */
import type { RecordKind } from '../model/record.ts';
import { type PublicDns, type PublicFlow, parseRecord, printableJson } from '../model/serialize.ts';
import { formatMicros, MICROS_PER_SECOND, parseMicros } from '../model/time.ts';
import { openStoreReadOnly, type StoreReader } from '../station/store/reader.ts';
import { UsageError } from './lib/failure.ts';
import { filterOf, matchingOf, sinceOf, tellStopped } from './lib/filter-words.ts';
import { complain, printLine } from './lib/output.ts';
import type { TimelineRecord } from './lib/records.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { emptyText, parseRange, type TimeRange } from './lib/time-range.ts';
import { timelineRecord } from './timeline/records.ts';
import { Talks } from './timeline/talks.ts';
import { timelineMarkdown, timelineText } from './timeline/text.ts';

interface TimelineOptions extends SettingsOptions {
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly talks?: boolean;
  readonly markdown?: boolean;
  readonly json?: boolean;
}

const USUAL_SINCE = '24h';
/** Of what a filter on a time axis may speak. */
export const TIMELINE_KINDS: readonly RecordKind[] = [
  'finding',
  'decision',
  'evidence',
  'audit-run',
  'inventory',
  'coverage',
  'loss',
  'anomaly',
  'no-route',
  'blocked',
  'listener',
  'spoof',
  'flow',
  'dns',
];
/** Around a finding that is asked for by its id. */
const BEFORE_AND_AFTER = 600 * MICROS_PER_SECOND;
const FINDING_ID = /^[0-9a-f]{16}$/;

export async function timelineCommand(words: readonly string[], options: TimelineOptions): Promise<void> {
  if (options.markdown === true && options.json === true)
    throw new UsageError('--markdown and --json exclude each other: one of them');
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  try {
    const asked = aroundFinding(reader, words) ?? { words };
    const filter = filterOf(asked.words, TIMELINE_KINDS);
    const range = parseRange({
      limit: options.limit,
      since: options.since ?? asked.since ?? sinceOf(undefined, filter, USUAL_SINCE),
      ...((options.until ?? asked.until) === undefined ? {} : { until: (options.until ?? asked.until)! }),
    });
    const { records, notices } = collectTimeline(reader, filter, range, options.talks !== false);
    if (options.json === true) for (const record of records) printLine(printableJson(record));
    else if (records.length === 0) printLine(emptyText('event', range));
    else if (options.markdown === true) printLine(timelineMarkdown(records));
    else printLine(timelineText(records));
    for (const notice of notices) complain(notice);
  } finally {
    reader.close();
  }
}

interface Asked {
  readonly words: readonly string[];
  readonly since?: string;
  readonly until?: string;
}

/** A finding alone means: what its subject did around that time. Undefined where no finding is asked for. */
function aroundFinding(reader: StoreReader, words: readonly string[]): Asked | undefined {
  const [id] = words;
  if (words.length !== 1 || id === undefined || !FINDING_ID.test(id)) return undefined;
  const [row] = reader.queryFindings({ id });
  if (row === undefined)
    throw new UsageError(`no finding ${id} is recorded; \`bridgewatch events\` lists them`);
  const finding = parseRecord(row.text);
  if (finding.kind !== 'finding') return undefined;
  const { subject, firstSeen, lastSeen } = finding;
  const moved = (time: string, by: number) => formatMicros(parseMicros(time)! + by);
  return {
    words: [subject.workload === undefined ? subject.ip : JSON.stringify(subject.workload.name)],
    since: moved(firstSeen, -BEFORE_AND_AFTER),
    until: moved(lastSeen, BEFORE_AND_AFTER),
  };
}

interface Collected {
  readonly records: readonly TimelineRecord[];
  /** What makes it less than it should be, one line each. */
  readonly notices: readonly string[];
}

export function collectTimeline(
  reader: StoreReader,
  filter: ReturnType<typeof filterOf>,
  range: TimeRange,
  withTalks: boolean,
): Collected {
  const where = { ...range, ...matchingOf(filter) };
  const stored = [
    ...reader.queryFindings({ ...where, history: true }),
    ...reader.queryEvents({ ...where, kinds: TIMELINE_KINDS.filter((kind) => kind !== 'finding') }),
  ];
  const notices: string[] = [];
  if (stored.length >= range.limit)
    notices.push(
      `only the newest ${range.limit} of each kind of event were looked at: raise --limit, or narrow the time`,
    );
  const talks = new Talks();
  if (withTalks) {
    const { limit: _, ...time } = range;
    const scan = {
      ...time,
      matching: { ...(filter === undefined ? {} : { filter }), onStopped: tellStopped },
    };
    for (const { text } of reader.scanFlows(scan)) talks.addFlow(JSON.parse(text) as PublicFlow);
    for (const { text } of reader.scanDns(scan)) talks.addDns(JSON.parse(text) as PublicDns);
  }
  if (talks.passedOver > 0)
    notices.push(
      `${talks.passedOver} older flows and look-ups of further pairs are left out: narrow the time, or say whose`,
    );
  const records = [...stored.map(({ text }) => timelineRecord(parseRecord(text))), ...talks.records()]
    .filter((record) => record !== undefined)
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  if (records.length > range.limit)
    notices.push(
      `the newest ${range.limit} of ${records.length} are shown: raise --limit, or narrow the time`,
    );
  return { records: records.slice(-range.limit), notices };
}
