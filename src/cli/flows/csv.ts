/** Flows as CSV: a column for each thing that a table or a pivot is made of. The rest is in the JSON. */
import { workloadLabel } from '../../model/network.ts';
import type { PublicEndpoint, PublicFlow } from '../../model/serialize.ts';
import { type CsvCell, csvLine } from '../lib/csv.ts';

type CsvColumn = readonly [title: string, cell: (flow: PublicFlow) => CsvCell];

/** By the names of the filter language, where it has one. */
const COLUMNS: readonly CsvColumn[] = [
  ['start', ({ start }) => start],
  ['end', ({ end }) => end],
  ['network', ({ network }) => network?.name],
  ['interface', (flow) => flow.interface],
  ...endColumns('src', ({ orig }) => orig),
  ...endColumns('dst', ({ resp }) => resp),
  ['protocol', ({ protocol }) => protocol],
  ['service', ({ service }) => service],
  ['serverName', ({ serverName }) => serverName],
  ['direction', ({ direction }) => direction],
  ['state', ({ connState }) => connState],
  ['bytes.out', ({ origBytes }) => origBytes],
  ['bytes.in', ({ respBytes }) => respBytes],
  ['packets.out', ({ origPackets }) => origPackets],
  ['packets.in', ({ respPackets }) => respPackets],
  ['coverage', ({ coverage }) => coverage],
  ['uid', ({ uid }) => uid],
  ['communityId', ({ communityId }) => communityId],
];

export const FLOW_CSV_TITLES: string = csvLine(COLUMNS.map(([title]) => title));

export function flowCsvLine(flow: PublicFlow): string {
  return csvLine(COLUMNS.map(([, cell]) => cell(flow)));
}

function endColumns(prefix: string, end: (flow: PublicFlow) => PublicEndpoint): CsvColumn[] {
  return [
    [`${prefix}.container`, (flow) => containerOf(end(flow))],
    [`${prefix}.ip`, (flow) => end(flow).ip],
    [`${prefix}.port`, (flow) => end(flow).port],
    [`${prefix}.scope`, (flow) => end(flow).scope],
    [`${prefix}.name`, (flow) => end(flow).names[0]],
  ];
}

function containerOf({ workload }: PublicEndpoint): string | undefined {
  return workload === undefined ? undefined : workloadLabel(workload);
}
