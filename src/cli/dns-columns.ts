/**
 * Look-ups as a table. Everything where it fits, and where the width is unknown (a pipe, a file): scripts and people's
 * greps want the whole. On a terminal, columns give way, each down to where it still says something.
 */
import type { PublicDns } from '../model/serialize.ts';
import {
  answerText,
  askerText,
  cutAnswer,
  cutName,
  latencyText,
  resolverText,
  typeText,
} from './dns-text.ts';
import { type Column, clockText, renderTable } from './output.ts';

interface FittedColumn extends Column<PublicDns> {
  /** Not narrower than that; absent: not cut at all. */
  readonly least?: number;
  /** What becomes of a cell that is too long; default: its end is cut. */
  readonly cut?: (text: string, width: number) => string;
}

const GAP_WIDTH = 2;
/** A name has 255 bytes at most, each of which may be four characters. */
const LONGEST_NAME = 1020;

const CLIENT: FittedColumn = {
  title: 'CLIENT',
  cell: (record) => askerText(record),
  maxWidth: 60,
  streamWidth: 16,
  least: 10,
};
/** Where there is little room, an address speaks for itself. */
const SHORT_CLIENT: FittedColumn = { ...CLIENT, cell: (record) => askerText(record, false) };
const TYPE: FittedColumn = { title: 'TYPE', cell: typeText, isEscaped: true, streamWidth: 5 };
const NAME: FittedColumn = {
  title: 'NAME',
  cell: ({ query }) => query,
  isEscaped: true,
  maxWidth: LONGEST_NAME,
  streamWidth: 36,
  least: 20,
  cut: cutName,
};
const ANSWER: FittedColumn = {
  title: 'ANSWER',
  cell: answerText,
  isEscaped: true,
  maxWidth: LONGEST_NAME,
  streamWidth: 18,
  least: 10,
  cut: cutAnswer,
};
const LATENCY: FittedColumn = {
  title: 'LATENCY',
  cell: ({ rtt }) => latencyText(rtt),
  right: true,
  streamWidth: 7,
};
const RESOLVER: FittedColumn = { title: 'RESOLVER', cell: resolverText, maxWidth: 80, least: 11 };
/** `-> 10.0.0.2`: who else but the engine would pass a question on. */
const SHORT_RESOLVER: FittedColumn = {
  ...RESOLVER,
  cell: (record) => resolverText(record).replace(/^engine -> /, '-> '),
};
const TIME: FittedColumn = { title: 'TIME', cell: ({ time }) => clockText(time), streamWidth: 20 };

/** All of them, at their full width. */
const COLUMNS: readonly FittedColumn[] = [TIME, CLIENT, TYPE, NAME, ANSWER, LATENCY, RESOLVER];

export function dnsTable(records: readonly PublicDns[], terminalColumns: number | undefined): string {
  const whole = renderTable(records, COLUMNS);
  if (terminalColumns === undefined || widthOf(whole) <= terminalColumns) return whole;
  const time = shortTime(records);
  const short = [time, SHORT_CLIENT, TYPE, NAME, ANSWER, LATENCY, SHORT_RESOLVER];
  const widths = short.map((column) => widthOf(renderTable(records, [column])));
  return renderTable(records, fitted(short, narrowed(short, widths, terminalColumns)));
}

/** For rows that are printed as they come. */
export function streamedDnsColumns(terminalColumns: number | undefined): readonly Column<PublicDns>[] {
  if (terminalColumns === undefined) return COLUMNS;
  const columns = [
    { ...TIME, cell: timeOfDay, streamWidth: 9 },
    SHORT_CLIENT,
    TYPE,
    NAME,
    ANSWER,
    LATENCY,
    SHORT_RESOLVER,
  ];
  const room = columns.map(({ streamWidth }) => streamWidth ?? 20);
  const spare = terminalColumns - total(room);
  if (spare > 0) room[columns.indexOf(NAME)]! += spare;
  const widths = narrowed(columns, room, terminalColumns);
  return fitted(columns, widths).map((column, i) =>
    column.title === RESOLVER.title ? column : { ...column, streamWidth: widths[i]! },
  );
}

/** The day only where it differs. */
function shortTime(records: readonly PublicDns[]): FittedColumn {
  const isOneDay = new Set(records.map(({ time }) => time.slice(0, 10))).size === 1;
  return isOneDay
    ? { title: 'TIME', cell: timeOfDay }
    : { title: 'TIME', cell: ({ time }) => clockText(time).slice('2026-'.length) };
}

function timeOfDay({ time }: PublicDns): string {
  return clockText(time).slice('2026-11-23 '.length);
}

/** The column that can best spare it gives way first, one character at a time. */
function narrowed(
  columns: readonly FittedColumn[],
  natural: readonly number[],
  terminalColumns: number,
): number[] {
  const widths = [...natural];
  const spare = (i: number) => widths[i]! - (columns[i]!.least ?? widths[i]!);
  for (let over = total(widths) - terminalColumns; over > 0; over--) {
    const best = widths.reduce((most, _, i) => (spare(i) > spare(most) ? i : most), 0);
    if (spare(best) <= 0) break;
    widths[best]! -= 1;
  }
  return widths;
}

function fitted(columns: readonly FittedColumn[], widths: readonly number[]): Column<PublicDns>[] {
  return columns.map((column, i) => {
    const { cut, cell, least } = column;
    const width = widths[i]!;
    if (least === undefined) return column;
    return { ...column, maxWidth: width, ...(cut && { cell: (record) => cut(cell(record), width) }) };
  });
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP_WIDTH * (widths.length - 1);
}

function widthOf(table: string): number {
  return table.split('\n').reduce((widest, line) => Math.max(widest, line.length), 0);
}
