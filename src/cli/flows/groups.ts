/**
 * `flows --by`: flows summed up. Whatever the form, the lines add up to all flows that match: what is not told one by one
 * is in a last one for all others.
 */
import { printableJson } from '../../model/serialize.ts';
import { formatMicros } from '../../model/time.ts';
import type { Group, Grouping, Groups, Measure } from '../../query/aggregate.ts';
import type { KeyValue } from '../../query/group-keys.ts';
import type { OtherGroups } from '../../query/group-sums.ts';
import type { Looked } from '../../station/store/flow-index/summary.ts';
import { CSV_LINE_END, csvLine } from '../lib/csv.ts';
import { type FittedColumn, fittedTable } from '../lib/fitted-table.ts';
import { clockText, formatBytes } from '../lib/output.ts';
import type { FlowGroupRecord } from '../lib/records.ts';

/** In place of a value that the flows of a group have not. */
const ABSENT = '-';

type Told = Group | OtherGroups;

export function groupsTable(
  { groups, others, total }: Groups,
  grouping: Grouping,
  terminalColumns: number | undefined,
): string {
  const { keys, sums, sort } = grouping;
  const rows: readonly Told[] = [...groups, ...(others === undefined ? [] : [others])];
  const sortedBy = sums.indexOf(sort);
  const columns: FittedColumn<Told>[] = [
    ...keys.map(({ name }, j) => ({
      title: name.toUpperCase(),
      cell: (told: Told) => ('key' in told ? keyText(told.key[j]) : j === 0 ? othersText(told.groups) : ''),
      maxWidth: 80,
      least: 8,
    })),
    ...sums.map((measure, j) => ({
      title: measure.toUpperCase(),
      cell: (told: Told) => measureText(measure, told.sums[j]!),
      right: true,
    })),
    {
      title: 'SHARE',
      cell: (told: Told) => shareText(told.sums[sortedBy]!, total.sums[sortedBy]!),
      right: true,
    },
    ...(sums.includes('flows')
      ? []
      : [{ title: 'FLOWS', cell: (told: Told) => String(told.flows), right: true }]),
    { title: 'FIRST', cell: (told: Told) => clockText(formatMicros(told.first)) },
    { title: 'LAST', cell: (told: Told) => clockText(formatMicros(told.last)) },
  ];
  // Where there is little room, when it was gives way.
  return fittedTable(rows, columns, terminalColumns, columns.slice(0, -2));
}

export function groupRecords({ groups, others }: Groups, grouping: Grouping): string[] {
  return [...groups, ...(others === undefined ? [] : [others])].map((told) =>
    printableJson(recordOf(told, grouping)),
  );
}

export function groupsCsv({ groups, others }: Groups, { keys, sums }: Grouping): string {
  const rest = sums.filter((measure) => measure !== 'flows');
  const lines = [
    csvLine([...keys.map(({ name }) => name), 'flows', ...rest, 'first', 'last', 'others']),
    ...[...groups, ...(others === undefined ? [] : [others])].map((told) =>
      csvLine([
        ...('key' in told ? told.key : keys.map(() => undefined)),
        told.flows,
        ...rest.map((measure) => told.sums[sums.indexOf(measure)]),
        formatMicros(told.first),
        formatMicros(told.last),
        'key' in told ? undefined : told.groups,
      ]),
    ),
  ];
  return lines.join(CSV_LINE_END);
}

/** How the answer came to be, for `--explain`. */
export function lookedText({ way, because, indexRows, rows }: Looked, secs: number): string {
  const how =
    way === 'index'
      ? `answered from the index: ${indexRows} flows there, ${rows} beside it`
      : `each stored flow was read, ${rows} matched: ${because}`;
  return `${how}; ${secs.toFixed(2)} s`;
}

function recordOf(told: Told, { keys, sums }: Grouping): FlowGroupRecord {
  const by = Object.fromEntries('key' in told ? keys.map(({ name }, j) => [name, told.key[j]] as const) : []);
  return {
    kind: 'flow-group',
    ...('key' in told ? { key: by } : { others: told.groups }),
    flows: told.flows,
    sums: Object.fromEntries(sums.map((measure, j) => [measure, told.sums[j]!])),
    first: formatMicros(told.first),
    last: formatMicros(told.last),
  };
}

function keyText(value: KeyValue): string {
  return value === undefined ? ABSENT : String(value);
}

function othersText(groups: number): string {
  return `(${groups} ${groups === 1 ? 'other' : 'others'})`;
}

function measureText(measure: Measure, sum: number): string {
  return measure.startsWith('bytes') ? formatBytes(sum) : String(sum);
}

function shareText(part: number, whole: number): string {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(1)} %`;
}
