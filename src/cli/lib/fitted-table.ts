/**
 * Tables that fit the terminal. Everything where it fits, and where the width is unknown (a pipe, a file): scripts and
 * people's greps want the whole. Else columns give way, each down to where it still says something; a line may be too
 * long after that, because a row without its key would say nothing.
 */
import { type Column, renderTable } from './output.ts';

export interface FittedColumn<Row> extends Column<Row> {
  /** Not narrower than that; absent: not cut at all. */
  readonly least?: number;
  /** What becomes of a cell that is too long; default: its end is cut. */
  readonly cut?: (text: string, width: number) => string;
}

const GAP_WIDTH = 2;

/** `short`: the same columns as they are where there is not room for all of them. */
export function fittedTable<Row>(
  rows: readonly Row[],
  columns: readonly FittedColumn<Row>[],
  terminalColumns: number | undefined,
  short = columns,
): string {
  const whole = renderTable(rows, columns);
  if (terminalColumns === undefined || widthOf(whole) <= terminalColumns) return whole;
  const widths = short.map((column) => widthOf(renderTable(rows, [column])));
  return renderTable(rows, narrowColumns(short, narrowed(short, widths, terminalColumns)));
}

/** The widths, from the ones that the columns would have: who can best spare it gives way first. */
export function narrowed<Row>(
  columns: readonly FittedColumn<Row>[],
  natural: readonly number[],
  terminalColumns: number,
): number[] {
  const widths = [...natural];
  const spare = (i: number) => widths[i]! - (columns[i]!.least ?? widths[i]!);
  for (let over = totalWidth(widths) - terminalColumns; over > 0; over--) {
    const best = widths.reduce((most, _, i) => (spare(i) > spare(most) ? i : most), 0);
    if (spare(best) <= 0) break;
    widths[best]! -= 1;
  }
  return widths;
}

export function narrowColumns<Row>(
  columns: readonly FittedColumn<Row>[],
  widths: readonly number[],
): Column<Row>[] {
  return columns.map((column, i) => {
    const { cut, cell, least } = column;
    const width = widths[i]!;
    if (least === undefined) return column;
    return { ...column, maxWidth: width, ...(cut && { cell: (row: Row) => cut(cell(row), width) }) };
  });
}

export function totalWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP_WIDTH * (widths.length - 1);
}

function widthOf(table: string): number {
  return table.split('\n').reduce((widest, line) => Math.max(widest, line.length), 0);
}
