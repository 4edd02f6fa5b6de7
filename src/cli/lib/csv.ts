/**
 * CSV as RFC 4180 has it, with a line of titles. A spreadsheet takes a cell that begins like a formula for one, and names
 * here are strangers' texts: such a cell is given an apostrophe in front (OWASP, CSV Injection). Numbers are none.
 */

const FORMULA = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

export type CsvCell = string | number | undefined;

export function csvLine(cells: readonly CsvCell[]): string {
  return cells.map(cellText).join(',');
}

/** What ends a line; RFC 4180 says so, and every spreadsheet takes it. */
export const CSV_LINE_END = '\r\n';

function cellText(cell: CsvCell): string {
  if (cell === undefined) return '';
  if (typeof cell === 'number') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
