/**
 * Rows that a filter of the filter language takes. They are streamed in their order and held against the filter one by
 * one, so that a limit counts what matches; SQLite itself passes over most of the others. The work is bounded: a search
 * that ends early says how far it came, because "nothing found" would be a lie.
 */
import type { Database } from 'better-sqlite3';
import { parseRecord } from '../../model/serialize.ts';
import type { Micros } from '../../model/time.ts';
import type { Filter } from '../../query/filter.ts';
import { FIELD_COLUMNS, indexedConditions, prefilter } from './prefilter.ts';
import type { StoredRecord } from './reader.ts';

export interface Matching {
  readonly filter: Filter;
  /** Told when rows were left that nobody looked at: those from that time on were; `seq` is the last one's place. */
  readonly onStopped?: (at: Micros, seq: number) => void;
  /** Rows to look at, at most. */
  readonly maxRows?: number;
}

export interface Search {
  readonly table: 'events' | 'flows' | 'dns';
  /** SQL for the kind of a row. */
  readonly kind: string;
  /** Joined by AND. */
  readonly conditions: readonly string[];
  readonly values: readonly (string | number)[];
  readonly order: string;
  readonly limit: number;
}

/** 3 s of CPU time where SQLite passes over nearly all (6 us a row of 2 KB), 7 s where every record is read (14 us). */
const MAX_ROWS = 500_000;

/** A row that SQLite passed over comes without its text, so that it can be counted. */
interface Row extends Omit<StoredRecord, 'text'> {
  readonly text: string | null;
}

export function searchRows(db: Database, search: Search, matching: Matching): StoredRecord[] {
  const { table, kind, order, limit } = search;
  const { filter, onStopped, maxRows = MAX_ROWS } = matching;
  const columns = FIELD_COLUMNS[table];
  const passes = prefilter(filter.condition, columns);
  const indexed = indexedConditions(filter.condition, columns);
  const conditions = [...search.conditions, ...indexed.map(({ sql }) => sql)];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const rows = db
    .prepare(
      `SELECT seq, ${kind} AS kind, time_us AS time, CASE WHEN ${passes.sql} THEN record END AS text
       FROM ${table} ${where} ORDER BY ${order}`,
    )
    .iterate(...passes.values, ...search.values, ...indexed.flatMap(({ values }) => values));
  const found: StoredRecord[] = [];
  let looked = 0;
  let last = { time: 0, seq: 0 };
  for (const row of rows as IterableIterator<Row>) {
    if (looked === maxRows) {
      onStopped?.(last.time, last.seq);
      break;
    }
    looked += 1;
    last = row;
    if (row.text === null || !filter.matches(parseRecord(row.text))) continue;
    found.push({ ...row, text: row.text });
    if (found.length === limit) break;
  }
  return found;
}
