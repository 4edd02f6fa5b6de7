import { workloadLabel } from '../model/network.ts';
import type { PublicEndpoint, PublicFlow } from '../model/serialize.ts';
import { openStoreReadOnly } from '../station/store/reader.ts';
import { type Column, clockText, formatBytes, printLine, renderTable } from './output.ts';
import { loadSettings, type SettingsOptions } from './settings.ts';
import { emptyText, parseLimit, parseRange } from './time-range.ts';

interface FlowsOptions extends SettingsOptions {
  readonly since: string;
  readonly until?: string;
  readonly network?: string;
  readonly workload?: string;
  readonly limit: string;
  readonly json?: boolean;
}

export async function flowsCommand(options: FlowsOptions): Promise<void> {
  const range = parseRange(options);
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  try {
    const rows = reader.queryFlows({
      ...range,
      ...(options.network === undefined ? {} : { network: options.network }),
      ...(options.workload === undefined ? {} : { container: options.workload }),
      limit: parseLimit(options.limit),
    });
    if (options.json === true) for (const { text } of rows) printLine(text);
    else if (rows.length === 0) printLine(emptyText('flow', range));
    else {
      const flows = rows.map(({ text }) => JSON.parse(text) as PublicFlow);
      printLine(renderTable(flows, FLOW_COLUMNS));
    }
  } finally {
    reader.close();
  }
}

export const FLOW_COLUMNS: readonly Column<PublicFlow>[] = [
  { title: 'STARTED', cell: (flow) => clockText(flow.start), streamWidth: 20 },
  {
    title: 'NETWORK',
    cell: (flow) => flow.network?.name ?? flow.interface,
    maxWidth: 24,
    streamWidth: 16,
  },
  { title: 'FROM', cell: (flow) => who(flow.orig), maxWidth: 60, streamWidth: 28 },
  { title: 'TO', cell: (flow) => who(flow.resp), maxWidth: 60, streamWidth: 28 },
  { title: 'PORT', cell: (flow) => flow.resp.port?.toString() ?? '', right: true, streamWidth: 5 },
  { title: 'PROTO', cell: (flow) => flow.protocol, streamWidth: 5 },
  { title: 'STATE', cell: (flow) => flow.connState, streamWidth: 6 },
  { title: 'SENT', cell: (flow) => formatBytes(flow.origBytes), right: true, streamWidth: 10 },
  { title: 'RECEIVED', cell: (flow) => formatBytes(flow.respBytes), right: true, streamWidth: 10 },
  { title: 'DIRECTION', cell: (flow) => flow.direction },
];

function who({ workload, scope, ip }: PublicEndpoint): string {
  return `${workload === undefined ? scope : workloadLabel(workload)} ${ip}`;
}
