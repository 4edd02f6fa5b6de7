/**
 * The log of durable records, read on from a place in it: what the live feed tells. Every page is bounded in the rows
 * that are looked at, because it is read where everything else of the station happens.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { RecordKind } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';

export interface LogRequest {
  /** What comes after this place ... */
  readonly after: number;
  /** ... up to this one. */
  readonly upTo: number;
  readonly kinds: readonly RecordKind[];
  /** Only what is not older. */
  readonly since?: Micros | undefined;
  /** Rows to look at, at most. */
  readonly maxRows: number;
  /** The page ends before the record that exceeds it, unless that is its first. */
  readonly maxBytes: number;
}

export interface LogRow {
  /** Its place. */
  readonly seq: number;
  readonly kind: RecordKind;
  /** Index of SEVERITIES; null for what is no finding. */
  readonly severity: number | null;
  /** As rows.ts writes them. */
  readonly network: string | null;
  readonly networks: string | null;
  readonly containers: string | null;
  /** The public JSON form. */
  readonly text: string;
}

export interface LogPage {
  readonly rows: readonly LogRow[];
  /** Everything up to here was looked at. */
  readonly upTo: number;
  /** Up to here some of these kinds have expired; 0 when none ever has. */
  readonly expiredUpTo: number;
}

/** Of no kind that is asked for. */
interface PassedOver extends Omit<LogRow, 'text'> {
  readonly text: null;
}

/** 10 ms. */
const MAX_LOOKED_FOR_SINCE = 100_000;

interface Statements {
  readonly page: Statement;
  readonly expired: Statement;
}

const statements = new WeakMap<Database, Statements>();

export function readLogPage(db: Database, request: LogRequest): LogPage {
  const { page, expired } = statementsOf(db);
  const { after, upTo, since, maxRows, maxBytes } = request;
  const kinds = listOf(request.kinds);
  const expiredUpTo = expired.get(kinds) as number;
  const rows: LogRow[] = [];
  let bytes = 0;
  let looked = 0;
  let last = after;
  for (const row of page.iterate(
    kinds,
    since ?? Number.MIN_SAFE_INTEGER,
    after,
    upTo,
    maxRows,
  ) as IterableIterator<LogRow | PassedOver>) {
    if (row.text !== null) {
      bytes += row.text.length;
      if (rows.length > 0 && bytes > maxBytes) return { rows, upTo: last, expiredUpTo };
      rows.push(row);
    }
    looked += 1;
    last = row.seq;
  }
  return { rows, upTo: looked < maxRows ? Math.max(after, upTo) : last, expiredUpTo };
}

/** The place before the first record of that time or later; undefined when there is none. */
export function placeBefore(db: Database, since: Micros, kinds: readonly RecordKind[]): number | undefined {
  const first = db
    .prepare(
      `SELECT min(seq), count(*) FROM
         (SELECT seq FROM events WHERE kind = ? AND time_us >= ? LIMIT ${MAX_LOOKED_FOR_SINCE})`,
    )
    .raw();
  let place: number | undefined;
  for (const kind of kinds) {
    const [seq, looked] = first.get(kind, since) as [number | null, number];
    // Too many to find the first of them at once: the pages will pass over what is older.
    if (looked === MAX_LOOKED_FOR_SINCE) return 0;
    if (seq !== null) place = Math.min(place ?? seq - 1, seq - 1);
  }
  return place;
}

function statementsOf(db: Database): Statements {
  const known = statements.get(db);
  if (known !== undefined) return known;
  const made = {
    page: db.prepare(
      `SELECT seq, kind, severity, network, networks, containers,
         CASE WHEN instr(?, char(10) || kind || char(10)) > 0 AND time_us >= ? THEN record END AS text
       FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
    ),
    expired: db
      .prepare('SELECT coalesce(max(seq), 0) FROM expired WHERE instr(?, char(10) || kind || char(10)) > 0')
      .pluck(),
  };
  statements.set(db, made);
  return made;
}

function listOf(kinds: readonly RecordKind[]): string {
  return `\n${kinds.join('\n')}\n`;
}
