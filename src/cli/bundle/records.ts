/** What of a database belongs to a case: streams of records as lines, whatever their number. */
import type { RecordKind } from '../../model/record.ts';
import { type PublicFinding, type PublicOf, parseRecord } from '../../model/serialize.ts';
import { formatMicros, type Micros } from '../../model/time.ts';
import type { Filter } from '../../query/filter.ts';
import type { EventFilter, FindingFilter, StoredRecord, StoreReader } from '../../station/store/reader.ts';

const PAGE_ROWS = 2000;
/** More than any host has in a year; a bound, no more. */
const MAX_FINDINGS = 50_000;
const MAX_DECISIONS = 100_000;

export interface CaseWindow {
  readonly since: Micros;
  readonly until: Micros;
  readonly filter: Filter | undefined;
  /** A search was given up before it had seen all: those from then on were looked at. */
  readonly onStopped: (at: Micros) => void;
}

/** Records of these kinds, the newest first, page by page. */
export function* eventsOf(reader: StoreReader, kinds: readonly RecordKind[], window: CaseWindow) {
  const { since, until, filter, onStopped } = window;
  const where: EventFilter = {
    kinds,
    since,
    until,
    limit: PAGE_ROWS,
    ...(filter === undefined ? {} : { matching: { filter, onStopped } }),
  };
  let before: EventFilter['before'];
  while (true) {
    const page = reader.queryEvents({ ...where, ...(before === undefined ? {} : { before }) });
    yield* [...page].reverse();
    if (page.length < PAGE_ROWS) return;
    before = page[0]!;
  }
}

/** Every status record of the finding, whenever it was, and of others of the same subject or peers in that time. */
export function findingsOf(
  reader: StoreReader,
  { since, until, filter, onStopped }: CaseWindow,
  finding: PublicFinding | undefined,
): PublicFinding[] {
  const byPlace = new Map<number, StoredRecord>();
  const add = (where: FindingFilter) => {
    const rows = reader.queryFindings({ ...where, history: true, limit: MAX_FINDINGS });
    if (rows.length === MAX_FINDINGS) onStopped(rows[0]!.time);
    for (const row of rows) byPlace.set(row.seq, row);
  };
  if (finding !== undefined) add({ id: finding.id });
  add({ since, until, ...(filter === undefined ? {} : { matching: { filter, onStopped } }) });
  return [...byPlace.values()]
    .sort((a, b) => a.seq - b.seq)
    .map(({ text }) => parseRecord(text) as PublicFinding);
}

/** What people decided of these findings, whenever that was, and all else that was decided in that time. */
export function decisionsOf(
  reader: StoreReader,
  { since, until }: CaseWindow,
  findings: readonly PublicFinding[],
): string[] {
  const ids = new Set(findings.map(({ id }) => id));
  const keys = new Set(findings.map(({ analyzer, key }) => `${analyzer}\0${key}`));
  const mutes = new Set(findings.map(({ muted }) => muted?.id));
  const [from, to] = [formatMicros(since), formatMicros(until)];
  return reader
    .queryEvents({ kinds: ['decision'], limit: MAX_DECISIONS })
    .filter(({ text }) => {
      const { id, finding, analyzer, key, time } = parseRecord(text) as PublicOf<'decision'>;
      return (
        (finding !== undefined && ids.has(finding)) ||
        keys.has(`${analyzer}\0${key}`) ||
        mutes.has(id) ||
        (time >= from && time < to)
      );
    })
    .map(({ text }) => text);
}

/** Networks that were there, then who held which address on them, in that time. */
export function* inventoryOf(
  reader: StoreReader,
  { since, until }: Pick<CaseWindow, 'since' | 'until'>,
): Generator<string> {
  for (const { seenAt, removedAt, text } of reader.networks())
    if (seenAt < until && (removedAt === undefined || removedAt > since)) yield text;
  for (const { text } of reader.queryLeases({ since, until, limit: 1_000_000 })) yield text;
}

/** What could be seen when that time began, then how that changed and what was lost, the oldest first. */
export function coverageOf(reader: StoreReader, window: CaseWindow): string[] {
  const { since } = window;
  const atBegin = new Map<string, string>();
  const before = reader.queryEvents({ kinds: ['coverage'], until: since, limit: 100_000 });
  for (const { text } of before) {
    const { network, container } = parseRecord(text) as PublicOf<'coverage'>;
    const key = `${network}\0${container}`;
    atBegin.delete(key);
    atBegin.set(key, text);
  }
  const kinds: readonly RecordKind[] = ['coverage', 'loss', 'anomaly'];
  const then = [...eventsOf(reader, kinds, { ...window, filter: undefined })].reverse();
  return [...atBegin.values(), ...then.map(({ text }) => text)];
}

/** Times in that window in which no agent was watching, one sentence each. */
export function unwatched(
  reader: StoreReader,
  { since, until }: Pick<CaseWindow, 'since' | 'until'>,
): string[] {
  const gaps: string[] = [];
  let at = since;
  while (at < until) {
    const { before, after } = reader.watchesAround(at);
    const watchedUntil = before === undefined ? undefined : before.aliveAt;
    if (watchedUntil !== undefined && watchedUntil > at) {
      at = watchedUntil;
      continue;
    }
    const next = Math.min(after?.from ?? until, until);
    // Between two signs of one agent, or at a short restart, nothing is worth a sentence.
    if (next - at >= SHORT_GAP)
      gaps.push(`no agent was watching from ${formatMicros(at)} to ${formatMicros(next)}`);
    if (after === undefined) return gaps;
    at = after.from;
  }
  return gaps;
}

/** An agent signs every 10 s. */
const SHORT_GAP: Micros = 15_000_000;
