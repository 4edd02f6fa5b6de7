/** Sums of look-ups as a table: for each grouping what one asks about it. */

import { type FittedColumn, fittedTable } from '../lib/fitted-table.ts';
import type { DnsCount, DnsSummaryRecord } from '../lib/records.ts';
import { cutName, latencyText } from './text.ts';

type Summary = DnsSummaryRecord;
type SummaryColumn = FittedColumn<Summary>;

/** Names of one cell; JSON has more. */
const LISTED = 2;

const QUESTIONS: SummaryColumn = {
  title: 'QUESTIONS',
  cell: ({ questions }) => String(questions),
  right: true,
};
const NAMES: SummaryColumn = {
  title: 'NAMES',
  cell: ({ names, isEstimated }) => `${isEstimated === true ? '~' : ''}${names}`,
  right: true,
};
const NXDOMAIN = share('NXDOMAIN', ({ nxdomain }) => nxdomain);
const SERVFAIL = share('SERVFAIL', ({ servfail }) => servfail);
const UNANSWERED = share('UNANSWERED', ({ unanswered }) => unanswered);
const MEDIAN: SummaryColumn = {
  title: 'MEDIAN',
  cell: ({ latencyMedian }) => latencyText(latencyMedian),
  right: true,
};
const P95: SummaryColumn = { title: 'P95', cell: ({ latencyP95 }) => latencyText(latencyP95), right: true };
const SLOWEST: SummaryColumn = {
  title: 'SLOWEST',
  cell: ({ slowestResolver: slowest }) =>
    slowest === undefined ? '' : `${slowest.resolver} ${latencyText(slowest.latencyP95)}`,
  maxWidth: 60,
  least: 15,
};
const ASKED_BY: SummaryColumn = {
  title: 'ASKED BY',
  cell: ({ topClients, clients }) => listText(topClients, clients),
  maxWidth: 100,
  least: 14,
};
const ANSWERS: SummaryColumn = {
  title: 'ANSWERS',
  cell: ({ topAnswers }) => listText(topAnswers, topAnswers.length),
  isEscaped: true,
  maxWidth: 100,
  least: 14,
};

const COLUMNS: Readonly<Record<Summary['by'], readonly SummaryColumn[]>> = {
  container: [
    key('CONTAINER', false),
    QUESTIONS,
    NAMES,
    NXDOMAIN,
    SERVFAIL,
    UNANSWERED,
    MEDIAN,
    P95,
    SLOWEST,
  ],
  resolver: [key('RESOLVER', false), QUESTIONS, UNANSWERED, SERVFAIL, MEDIAN, P95, ASKED_BY],
  name: [key('NAME', true), QUESTIONS, NXDOMAIN, UNANSWERED, ASKED_BY, ANSWERS],
  zone: [key('ZONE', true), QUESTIONS, NAMES, NXDOMAIN, UNANSWERED, ASKED_BY, ANSWERS],
};

export function dnsSummaryTable(
  records: readonly Summary[],
  by: Summary['by'],
  terminalColumns: number | undefined,
): string {
  return fittedTable(records, COLUMNS[by], terminalColumns);
}

function key(title: string, isEscaped: boolean): SummaryColumn {
  return {
    title,
    cell: (summary) => summary.key ?? `(${summary.others} others)`,
    isEscaped,
    maxWidth: 1020,
    least: 16,
    ...(isEscaped && { cut: cutName }),
  };
}

/** Of the questions; what is rare is not told as never. */
function share(title: string, of: (summary: Summary) => number): SummaryColumn {
  return {
    title,
    cell: (summary) => {
      const part = of(summary);
      const percent = (100 * part) / Math.max(1, summary.questions);
      if (part === 0) return '0';
      return percent < 1 ? '<1 %' : `${Math.floor(percent)} %`;
    },
    right: true,
  };
}

/** `shop/api 120, shop/db 3, and 4 more`. */
function listText(top: readonly DnsCount[], total: number): string {
  const told = top.slice(0, LISTED).map(({ value, count }) => `${value} (${count})`);
  const left = total - told.length;
  return [...told, ...(left > 0 ? [`${left} more`] : [])].join(', ');
}
