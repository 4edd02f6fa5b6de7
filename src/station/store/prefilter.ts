/**
 * What SQLite can say of a filter before a record is read: rows that cannot match are passed over. Sound, not exact:
 * it may let through what the filter then refuses, it never holds back what the filter would take. Every value is a
 * parameter.
 */
import type { Condition } from '../../query/condition.ts';
import { needlesOf } from '../../query/needles.ts';

export interface Prefilter {
  /** Never NULL. */
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** Columns that hold exactly what a field of the language reads. */
export type FieldColumns = Readonly<Record<string, string>>;

export const FIELD_COLUMNS = {
  flows: { time: 'time_us', end: 'time_us', start: 'start_us', uid: 'uid' },
  dns: { time: 'time_us' },
  // Findings have an `end` too, but other events have none.
  events: { time: 'time_us' },
} as const satisfies Readonly<Record<string, FieldColumns>>;

/** Anything else may change on its way into SQLite's UTF-8. */
const PRINTABLE_ASCII = /^[ -~]*$/;

interface Part extends Prefilter {
  /** Says the same as the condition, so that its opposite may be used too. */
  readonly isExact: boolean;
}

export function prefilter(condition: Condition, columns: FieldColumns): Prefilter {
  return sqlOf(condition, columns) ?? { sql: '1', values: [] };
}

/**
 * What holds for the whole filter on columns that have an index: goes into the WHERE clause itself, so that other rows
 * are not even visited.
 */
export function indexedConditions(condition: Condition, columns: FieldColumns): Prefilter[] {
  switch (condition.type) {
    case 'all':
      return condition.parts.flatMap((part) => indexedConditions(part, columns));
    case 'test': {
      const part = columnSql(condition, columns);
      return part === undefined ? [] : [part];
    }
    case 'any':
    case 'not':
      return [];
  }
}

function sqlOf(condition: Condition, columns: FieldColumns): Part | undefined {
  switch (condition.type) {
    case 'all':
    case 'any': {
      const parts = condition.parts.map((part) => sqlOf(part, columns));
      const known = parts.filter((part) => part !== undefined);
      // An alternative of which nothing is known lets everything through.
      if (known.length === 0 || (condition.type === 'any' && known.length < parts.length)) return undefined;
      return {
        sql: `(${known.map(({ sql }) => sql).join(condition.type === 'all' ? ' AND ' : ' OR ')})`,
        values: known.flatMap(({ values }) => values),
        isExact: known.length === parts.length && known.every(({ isExact }) => isExact),
      };
    }
    case 'not': {
      const part = sqlOf(condition.part, columns);
      return part?.isExact === true ? { ...part, sql: `NOT ${part.sql}` } : undefined;
    }
    case 'test':
      return columnSql(condition, columns) ?? textSql(condition);
  }
}

function columnSql(
  { field, test }: Extract<Condition, { type: 'test' }>,
  columns: FieldColumns,
): Part | undefined {
  const column = columns[field.name];
  if (column === undefined) return undefined;
  if (test.type === 'range') {
    const bounds = [
      { sql: `${column} >= ?`, value: test.from },
      { sql: `${column} < ?`, value: test.before },
    ].filter(({ value }) => Number.isFinite(value));
    return {
      sql: `(${bounds.map(({ sql }) => sql).join(' AND ')})`,
      values: bounds.map(({ value }) => value),
      isExact: true,
    };
  }
  if (test.type !== 'text' || test.pattern.isFolded) return undefined;
  const [whole = '', ...more] = test.pattern.pieces;
  if (more.length > 0 || !PRINTABLE_ASCII.test(whole)) return undefined;
  return { sql: `(${column} = ?)`, values: [whole], isExact: true };
}

/** The whole record stands in the row as text; what must stand in it is looked for there. */
function textSql({ field, test }: Extract<Condition, { type: 'test' }>): Part | undefined {
  const needles = needlesOf(field, test);
  if (needles.length === 0) return undefined;
  // lower() costs a third of it.
  const found = (needle: string) =>
    /[a-z]/.test(needle) ? 'instr(lower(record), ?) > 0' : 'instr(record, ?) > 0';
  // Without an alternative nothing can match: `confidence>certain`.
  const oneOf = (alternatives: readonly string[]) => alternatives.map(found).join(' OR ') || '0';
  return {
    sql: `(${needles.map((alternatives) => `(${oneOf(alternatives)})`).join(' AND ')})`,
    values: needles.flat(),
    isExact: false,
  };
}
