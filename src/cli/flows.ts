import type { PublicFlow } from '../model/serialize.ts';
import { openStoreReadOnly } from '../station/store/reader.ts';
import { filterOf, matchingOf, sinceOf } from './filter-words.ts';
import { flowTable } from './flow-columns.ts';
import { printLine } from './output.ts';
import { loadSettings, type SettingsOptions } from './settings.ts';
import { emptyText, parseRange } from './time-range.ts';

interface FlowsOptions extends SettingsOptions {
  readonly since?: string;
  readonly until?: string;
  readonly network?: string;
  readonly workload?: string;
  readonly limit: string;
  readonly json?: boolean;
}

const USUAL_SINCE = '1h';

export async function flowsCommand(words: readonly string[], options: FlowsOptions): Promise<void> {
  const filter = filterOf(words, ['flow']);
  const range = parseRange({ ...options, since: sinceOf(options.since, filter, USUAL_SINCE) });
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  try {
    const rows = reader.queryFlows({
      ...range,
      ...(options.network === undefined ? {} : { network: options.network }),
      ...(options.workload === undefined ? {} : { container: options.workload }),
      ...matchingOf(filter),
    });
    if (options.json === true) for (const { text } of rows) printLine(text);
    else if (rows.length === 0) printLine(emptyText('flow', range));
    else {
      const flows = rows.map(({ text }) => JSON.parse(text) as PublicFlow);
      printLine(flowTable(flows, process.stdout.columns));
    }
  } finally {
    reader.close();
  }
}
