/**
 * What SQLite can say of a filter before a record is read: rows that cannot match are passed over. Sound, not exact:
 * it may let through what the filter then refuses, it never holds back what the filter would take. Every value is a
 * parameter.
 */
import type { Condition, Test } from '../../query/condition.ts';
import { needlesOf } from '../../query/needles.ts';

export interface Prefilter {
  /** Never NULL. */
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** SQL that says exactly what a field of the language reads. */
interface FieldColumn {
  readonly sql: string;
  /** Rows that fail on it are not even visited. */
  readonly isIndexed?: true;
  /** NULL where the field is absent. */
  readonly isNullable?: true;
  /** The field is `true` or `false`: whether the column holds anything. */
  readonly isPresence?: true;
}

export type FieldColumns = Readonly<Record<string, FieldColumn>>;

const TIME = { sql: 'time_us', isIndexed: true } as const;

/**
 * Among 200,000 look-ups a row costs 11 us where it is read, 4 us where its text is searched, 1.5 us where a column
 * decides, and 3 us where SQLite takes a number from its text; so a column more would save little.
 */
export const FIELD_COLUMNS: Readonly<Record<'flows' | 'dns' | 'events', FieldColumns>> = {
  flows: {
    time: TIME,
    end: TIME,
    start: { sql: 'start_us', isIndexed: true },
    uid: { sql: 'uid', isIndexed: true },
  },
  dns: {
    time: TIME,
    query: { sql: 'query' },
    qtype: { sql: 'qtype' },
    rcode: { sql: 'rcode', isNullable: true },
    answered: { sql: 'rcode', isPresence: true },
    rtt: { sql: "json_extract(record, '$.rtt')", isNullable: true },
    'upstream.rtt': { sql: "json_extract(record, '$.upstream.rtt')", isNullable: true },
    trailingBytes: { sql: "json_extract(record, '$.trailingBytes')", isNullable: true },
  },
  // Findings have an `end` too, but other events have none.
  events: { time: TIME },
};

/** Anything else may change on its way into SQLite's UTF-8. */
const PRINTABLE_ASCII = /^[ -~]*$/;

/** Each star more may cost SQLite another run over the text. */
const MAX_STARS = 3;

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
      const isIndexed = columns[condition.field.name]?.isIndexed === true;
      const part = isIndexed ? columnSql(condition, columns) : undefined;
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
  const part = column.isPresence === true ? presenceSql(column, test) : valueSql(column, test);
  if (part === undefined) return undefined;
  // What is absent passes no test, and its opposite passes.
  const sql = column.isNullable === true ? `ifnull(${part.sql}, 0)` : `(${part.sql})`;
  return { sql, values: part.values, isExact: true };
}

function valueSql({ sql }: FieldColumn, test: Test): Prefilter | undefined {
  switch (test.type) {
    case 'exists':
      return { sql: `${sql} IS NOT NULL`, values: [] };
    case 'range': {
      const bounds = [
        { sql: `${sql} >= ?`, value: test.from },
        { sql: `${sql} < ?`, value: test.before },
      ].filter(({ value }) => Number.isFinite(value));
      return {
        sql: bounds.map((bound) => bound.sql).join(' AND '),
        values: bounds.map(({ value }) => value),
      };
    }
    case 'text': {
      const { pieces, isFolded } = test.pattern;
      if (pieces.length - 1 > MAX_STARS || !pieces.every((piece) => PRINTABLE_ASCII.test(piece)))
        return undefined;
      // LIKE knows no case among ASCII letters, as the language; without a star `=` is exact.
      if (isFolded) return { sql: `${sql} LIKE ? ESCAPE '\\'`, values: [pieces.map(literal).join('%')] };
      return pieces.length > 1 ? undefined : { sql: `${sql} = ?`, values: [pieces[0]!] };
    }
    case 'container':
    case 'choice':
    case 'ip':
      return undefined;
  }
}

function presenceSql({ sql }: FieldColumn, test: Test): Prefilter | undefined {
  if (test.type !== 'choice') return undefined;
  const wanted = [
    ...(test.accepted.has('true') ? [`${sql} IS NOT NULL`] : []),
    ...(test.accepted.has('false') ? [`${sql} IS NULL`] : []),
  ];
  return { sql: wanted.join(' OR ') || '0', values: [] };
}

/** As LIKE has it. */
function literal(piece: string): string {
  return piece.replace(/[\\%_]/g, '\\$&');
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
