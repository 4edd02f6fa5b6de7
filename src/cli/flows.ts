import { escapeText } from '../model/escape.ts';
import type { PublicEndpoint, PublicFlow } from '../model/serialize.ts';
import { openStoreReadOnly } from '../station/store/reader.ts';
import { type Column, formatBytes, printLine, renderTable } from './output.ts';
import { loadSettings, type SettingsOptions } from './settings.ts';
import { parseLimit, parseTime } from './time-range.ts';

interface FlowsOptions extends SettingsOptions {
  readonly since: string;
  readonly until?: string;
  readonly network?: string;
  readonly workload?: string;
  readonly limit: string;
  readonly json?: boolean;
}

export async function flowsCommand(options: FlowsOptions): Promise<void> {
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  try {
    const rows = reader.queryFlows({
      since: parseTime(options.since, '--since'),
      ...(options.until === undefined ? {} : { until: parseTime(options.until, '--until') }),
      ...(options.network === undefined ? {} : { network: options.network }),
      ...(options.workload === undefined ? {} : { container: options.workload }),
      limit: parseLimit(options.limit),
    });
    if (options.json === true) for (const { text } of rows) printLine(text);
    else
      printLine(
        renderTable(
          rows.map(({ text }) => JSON.parse(text) as PublicFlow),
          FLOW_COLUMNS,
        ),
      );
  } finally {
    reader.close();
  }
}

/** A flow alone on its line, as it ends. */
export function flowLine(flow: PublicFlow): string {
  const cells = FLOW_COLUMNS.map(({ cell }) => escapeText(cell(flow)));
  return cells.filter((cell) => cell !== '').join('  ');
}

const FLOW_COLUMNS: readonly Column<PublicFlow>[] = [
  { title: 'TIME', cell: (flow) => flow.start.slice(11, 19) },
  { title: 'NETWORK', cell: (flow) => flow.network?.name ?? flow.interface, maxWidth: 24 },
  { title: 'FROM', cell: (flow) => who(flow.orig), maxWidth: 44 },
  { title: 'TO', cell: (flow) => who(flow.resp), maxWidth: 44 },
  { title: 'PORT', cell: (flow) => flow.resp.port?.toString() ?? '', right: true },
  { title: 'PROTO', cell: (flow) => flow.protocol },
  { title: 'STATE', cell: (flow) => flow.connState },
  { title: 'SENT', cell: (flow) => formatBytes(flow.origBytes), right: true },
  { title: 'RECEIVED', cell: (flow) => formatBytes(flow.respBytes), right: true },
  { title: 'DIRECTION', cell: (flow) => flow.direction },
];

function who({ workload, scope, ip }: PublicEndpoint): string {
  if (workload === undefined) return `${scope} ${ip}`;
  const { composeProject, composeService, swarmService, name } = workload;
  const label =
    composeProject === undefined ? undefined : composeService && `${composeProject}/${composeService}`;
  return `${label ?? swarmService ?? name} ${ip}`;
}
