/** Look-ups as a table, whole or fitted to the terminal, and as rows that come one by one. */
import type { PublicDns } from '../../model/serialize.ts';
import { type FittedColumn, fittedTable, narrowColumns, narrowed, totalWidth } from '../lib/fitted-table.ts';
import { type Column, clockText } from '../lib/output.ts';
import { answerText, askerText, cutAnswer, cutName, latencyText, resolverText, typeText } from './text.ts';

type DnsColumn = FittedColumn<PublicDns>;

/** A name has 255 bytes at most, each of which may be four characters. */
const LONGEST_NAME = 1020;

const CLIENT: DnsColumn = {
  title: 'CLIENT',
  cell: (record) => askerText(record),
  maxWidth: 60,
  streamWidth: 16,
  least: 10,
};
/** Where there is little room, an address speaks for itself. */
const SHORT_CLIENT: DnsColumn = { ...CLIENT, cell: (record) => askerText(record, false) };
const TYPE: DnsColumn = { title: 'TYPE', cell: typeText, isEscaped: true, streamWidth: 5 };
const NAME: DnsColumn = {
  title: 'NAME',
  cell: ({ query }) => query,
  isEscaped: true,
  maxWidth: LONGEST_NAME,
  streamWidth: 36,
  least: 20,
  cut: cutName,
};
const ANSWER: DnsColumn = {
  title: 'ANSWER',
  cell: answerText,
  isEscaped: true,
  maxWidth: LONGEST_NAME,
  streamWidth: 18,
  least: 10,
  cut: cutAnswer,
};
const LATENCY: DnsColumn = {
  title: 'LATENCY',
  cell: ({ rtt }) => latencyText(rtt),
  right: true,
  streamWidth: 7,
};
const RESOLVER: DnsColumn = { title: 'RESOLVER', cell: resolverText, maxWidth: 80, least: 11 };
/** `-> 10.0.0.2`: who else but the engine would pass a question on. */
const SHORT_RESOLVER: DnsColumn = {
  ...RESOLVER,
  cell: (record) => resolverText(record).replace(/^engine -> /, '-> '),
};
const TIME: DnsColumn = { title: 'TIME', cell: ({ time }) => clockText(time), streamWidth: 20 };

/** All of them, at their full width. */
const COLUMNS: readonly DnsColumn[] = [TIME, CLIENT, TYPE, NAME, ANSWER, LATENCY, RESOLVER];

export function dnsTable(records: readonly PublicDns[], terminalColumns: number | undefined): string {
  const short = [shortTime(records), SHORT_CLIENT, TYPE, NAME, ANSWER, LATENCY, SHORT_RESOLVER];
  return fittedTable(records, COLUMNS, terminalColumns, short);
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
  const spare = terminalColumns - totalWidth(room);
  if (spare > 0) room[columns.indexOf(NAME)]! += spare;
  const widths = narrowed(columns, room, terminalColumns);
  return narrowColumns(columns, widths).map((column, i) =>
    column.title === RESOLVER.title ? column : { ...column, streamWidth: widths[i]! },
  );
}

/** The day only where it differs. */
function shortTime(records: readonly PublicDns[]): DnsColumn {
  const isOneDay = new Set(records.map(({ time }) => time.slice(0, 10))).size === 1;
  return isOneDay
    ? { title: 'TIME', cell: timeOfDay }
    : { title: 'TIME', cell: ({ time }) => clockText(time).slice('2026-'.length) };
}

function timeOfDay({ time }: PublicDns): string {
  return clockText(time).slice('2026-11-23 '.length);
}
