import type { PublicFlow } from '../model/serialize.ts';
import { openStoreReadOnly } from '../station/store/reader.ts';
import { FLOW_COLUMNS } from './flow-columns.ts';
import { printLine, renderTable } from './output.ts';
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
