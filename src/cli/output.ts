/**
 * What commands print. Nothing from the wire, a label or a file reaches the terminal unescaped: cells go
 * through `escapeText`, JSON through `serializeRecord`.
 */
import { escapeText } from '../model/escape.ts';
import type { Severity } from '../model/finding.ts';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  /** Longer cells are cut with a `~`. */
  readonly maxWidth?: number;
}

/** An aligned table; the last column is not padded, so that lines end where their text does. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) =>
    columns.map((column) => escapeText(column.cell(row), column.maxWidth ?? 200)),
  );
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...cells.map((line) => line[i]!.length)),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => (columns[i]!.right === true ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...cells.map(line)].join('\n');
}

/** Ends quietly when the reader of our stdout goes away (`bridgewatch flows | head`). */
export function endOnBrokenPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

const COLORS: Readonly<Record<Severity, string>> = {
  informational: '2',
  low: '36',
  medium: '33',
  high: '31',
  critical: '1;31',
};

/** The severity in its colour, when stdout is a terminal and NO_COLOR (no-color.org) is unset. */
export function paintSeverity(severity: Severity): string {
  const text = severity.toUpperCase();
  if (process.stdout.isTTY !== true || (process.env['NO_COLOR'] ?? '') !== '') return text;
  return `\u001b[${COLORS[severity]}m${text}\u001b[0m`;
}

/** 1536 -> `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(1)} ${units[unit]}`;
}
