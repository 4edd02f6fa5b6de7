/**
 * What commands print. Nothing from the wire, a label or a file reaches the terminal unescaped: cells go
 * through `escapeText`, JSON through `serializeRecord`.
 */
import { escapedText, escapeText } from '../../model/escape.ts';
import type { Severity } from '../../model/finding.ts';
import { EXIT } from './exit-codes.ts';

export { clockText, formatBytes } from '../../model/readable.ts';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  /** Longer cells are cut with a `~`. */
  readonly maxWidth?: number;
  /** A name or data of DNS, which records hold in escaped form: its backslashes are not escaped once more. */
  readonly isEscaped?: boolean;
  /** How wide a cell is where rows are printed one by one and the longest is not known yet. */
  readonly streamWidth?: number;
}

/** An aligned table; the last column is not padded, so that lines end where their text does. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map((column) => cellText(row, column)));
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...cells.map((line) => line[i]!.length)),
  );
  const line = (texts: readonly string[]) => alignedLine(texts, columns, widths);
  return [line(columns.map((column) => column.title)), ...cells.map(line)].join('\n');
}

/** The titles over rows that are printed one by one. */
export function streamedTitles<Row>(columns: readonly Column<Row>[]): string {
  return alignedLine(
    columns.map(({ title }) => title),
    columns,
    columns.map(({ streamWidth }) => streamWidth ?? 0),
  );
}

/** One row alone, as it comes; what is too long for its column pushes the rest to the right. */
export function streamedRow<Row>(row: Row, columns: readonly Column<Row>[]): string {
  return alignedLine(
    columns.map((column) => cellText(row, column)),
    columns,
    columns.map(({ streamWidth }) => streamWidth ?? 0),
  );
}

function cellText<Row>(row: Row, { cell, maxWidth, isEscaped }: Column<Row>): string {
  return (isEscaped === true ? escapedText : escapeText)(cell(row), maxWidth ?? 200);
}

function alignedLine(
  texts: readonly string[],
  columns: readonly { readonly right?: boolean }[],
  widths: readonly number[],
): string {
  return texts
    .map((text, i) => (columns[i]!.right === true ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
    .join('  ')
    .trimEnd();
}

/** Ends quietly when the reader of our stdout goes away (`bridgewatch flows | head`), with a word when its disk is full. */
export function endWithItsReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    complain(`cannot write to stdout: ${error.message}`);
    process.exit(EXIT.world);
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => {});
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/**
 * A word to the person, on stderr, so that stdout holds nothing but what was asked for. Each argument is one line,
 * whatever a name in it contains.
 */
export function complain(...lines: readonly string[]): void {
  process.stderr.write(`bridgewatch: ${lines.map((line) => escapeText(line, 4000)).join('\n')}\n`);
}

const COLORS: Readonly<Record<Severity, string>> = {
  informational: '2',
  low: '36',
  medium: '33',
  high: '31',
  critical: '1;31',
};

/** The severity in its colour, when stdout is a terminal that has some and NO_COLOR (no-color.org) is unset. */
export function paintSeverity(severity: Severity): string {
  const text = severity.toUpperCase();
  const { NO_COLOR, TERM } = process.env;
  if (process.stdout.isTTY !== true || (NO_COLOR ?? '') !== '' || TERM === 'dumb') return text;
  return `\u001b[${COLORS[severity]}m${text}\u001b[0m`;
}
