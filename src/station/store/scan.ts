/**
 * All rows of a table, the newest first, for sums over more of them than fit in memory. Page by page, each a short
 * transaction of its own, so that a long look does not keep the write-ahead log from shrinking; what is stored
 * meanwhile for an older time is seen, for a newer one is not. Bounded, and it says where it ended.
 */
import type { Database } from 'better-sqlite3';
import { parseRecord } from '../../model/serialize.ts';
import { FIELD_COLUMNS, prefilter } from './prefilter.ts';
import type { StoredRecord } from './reader.ts';
import type { Matching, Search } from './search.ts';

/** 12 to 20 us of CPU each, with their sum: a minute or two. */
const MAX_ROWS = 5_000_000;
const PAGE_ROWS = 5000;

export type Scan = Pick<Search, 'table' | 'kind' | 'conditions' | 'values'> & {
  readonly matching: Partial<Matching>;
};

interface Row extends Omit<StoredRecord, 'text'> {
  /** Null where SQLite can tell that the filter does not take it. */
  readonly text: string | null;
}

export function* scanRows(db: Database, scan: Scan, pageRows = PAGE_ROWS): Generator<StoredRecord> {
  const { filter, onStopped, maxRows = MAX_ROWS } = scan.matching;
  const passes =
    filter === undefined ? { sql: '1', values: [] } : prefilter(filter.condition, FIELD_COLUMNS[scan.table]);
  const conditions = [...scan.conditions, '(time_us, seq) < (?, ?)'].join(' AND ');
  const page = db.prepare(
    `SELECT seq, ${scan.kind} AS kind, time_us AS time, CASE WHEN ${passes.sql} THEN record END AS text
     FROM ${scan.table} WHERE ${conditions} ORDER BY time_us DESC, seq DESC LIMIT ?`,
  );
  let last: Pick<Row, 'time' | 'seq'> = { time: Number.MAX_SAFE_INTEGER, seq: 0 };
  for (let looked = 0; looked < maxRows; ) {
    const wanted = Math.min(pageRows, maxRows - looked);
    const rows = page.all(...passes.values, ...scan.values, last.time, last.seq, wanted) as Row[];
    for (const row of rows) {
      if (row.text === null) continue;
      if (filter === undefined || filter.matches(parseRecord(row.text))) yield { ...row, text: row.text };
    }
    if (rows.length < wanted) return;
    looked += rows.length;
    last = rows.at(-1)!;
  }
  if (page.get(...passes.values, ...scan.values, last.time, last.seq, 1) !== undefined)
    onStopped?.(last.time, last.seq);
}
