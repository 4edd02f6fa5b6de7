/** `learned`: what the agent's detectors have learned, as of the last time that it was kept. Changes nothing. */
import { printableJson } from '../model/serialize.ts';
import { openStoreReadOnly } from '../station/store/reader.ts';
import { learnedMaps, learnedServices } from './learned/services.ts';
import { EXIT } from './lib/exit-codes.ts';
import { type Column, clockText, complain, formatBytes, printLine, renderTable } from './lib/output.ts';
import type { LearnedEdgeRecord, LearnedMapRecord, LearnedServiceRecord } from './lib/records.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';

interface LearnedOptions extends SettingsOptions {
  readonly analyzer?: string;
  readonly json?: boolean;
}

export async function learnedCommand(service: string | undefined, options: LearnedOptions): Promise<void> {
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  const learned = (() => {
    try {
      return reader.learned();
    } finally {
      reader.close();
    }
  })();
  const { analyzer } = options;
  const wanted = analyzer === undefined ? learned : learned.filter((record) => record.analyzer === analyzer);
  const { services, edges, unreadable } = learnedServices(wanted);
  if (unreadable > 0) complain(`${unreadable} entries were written by another version and are not shown`);
  const print = printer(options.json === true);
  if (service === undefined) {
    print(services, SERVICE_COLUMNS, 'Nothing is known of any service yet.');
    if (options.json !== true) printLine('');
    print(learnedMaps(wanted), MAP_COLUMNS, 'No detector has kept anything yet.');
    return;
  }
  const known = services.filter((each) => each.service === service);
  print(
    known,
    SERVICE_COLUMNS,
    `Nobody has learned ${service}; services are named as in: bridgewatch learned`,
  );
  if (known.length === 0) process.exitCode = EXIT.negative;
  else {
    if (options.json !== true) printLine('');
    print(
      edges.filter((edge) => edge.service === service),
      EDGE_COLUMNS,
      'It opened no connection so far.',
    );
  }
}

function printer(json: boolean) {
  return <Row extends object>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): void => {
    if (json) for (const row of rows) printLine(printableJson(row));
    else if (rows.length === 0) complain(none);
    else printLine(renderTable(rows, columns));
  };
}

const SERVICE_COLUMNS: readonly Column<LearnedServiceRecord>[] = [
  { title: 'SERVICE', cell: ({ service }) => service, maxWidth: 60 },
  { title: 'STATE', cell: ({ state }) => (state === 'monitor' ? 'Monitor' : 'Discover') },
  { title: 'UNTIL', cell: untilText },
  { title: 'KNOWN SINCE', cell: ({ since }) => clockText(since) },
  { title: 'EDGES', cell: ({ edges }) => String(edges), right: true },
  {
    title: 'OUTSIDE',
    cell: ({ goesAnywhere, places }) => (goesAnywhere ? 'anywhere' : String(places)),
    right: true,
  },
];

const EDGE_COLUMNS: readonly Column<LearnedEdgeRecord>[] = [
  { title: 'TO', cell: ({ target }) => target, maxWidth: 80 },
  { title: 'PORT', cell: ({ port }) => port },
  { title: 'FIRST', cell: ({ first }) => clockText(first) },
];

const MAP_COLUMNS: readonly Column<LearnedMapRecord>[] = [
  { title: 'DETECTOR', cell: ({ analyzer }) => analyzer },
  { title: 'LEARNED', cell: ({ map }) => map },
  { title: 'ENTRIES', cell: ({ entries }) => String(entries), right: true },
  { title: 'SIZE', cell: ({ bytes }) => formatBytes(bytes), right: true },
  { title: 'LAST KEPT', cell: ({ saved }) => clockText(saved) },
];

/** Of watching, and only while nothing new is found; 93600 -> `26.0 h more`. */
function untilText({ state, monitorInSecs }: LearnedServiceRecord): string {
  if (state === 'monitor' || monitorInSecs === undefined) return '';
  if (monitorInSecs < 120) return `${monitorInSecs} s more`;
  return monitorInSecs < 7200
    ? `${Math.round(monitorInSecs / 60)} min more`
    : `${(monitorInSecs / 3600).toFixed(1)} h more`;
}
