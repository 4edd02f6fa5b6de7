/** A time axis as a person reads it, on a terminal or in a report. Texts of records are in escaped form already. */
import { escapedText, escapeText } from '../../model/escape.ts';
import type { Severity } from '../../model/finding.ts';
import { clockText, paintSeverity } from '../lib/output.ts';
import type { TimelineRecord } from '../lib/records.ts';

export function timelineText(records: readonly TimelineRecord[]): string {
  let day = '';
  return records
    .flatMap((record) => {
      const time = clockText(record.time);
      const line = `${time.slice(11)}  ${whatText(record)}`;
      if (time.slice(0, 10) === day) return [line];
      day = time.slice(0, 10);
      return [day, line];
    })
    .join('\n');
}

function whatText({ of, severity, network, text, id }: TimelineRecord): string {
  const mark = severity === undefined ? of : paintSeverity(severity as Severity);
  const place = network === undefined || network === '' ? '' : `  [${escapeText(network, 100)}]`;
  const finding = of === 'finding' && id !== undefined ? `  id ${id}` : '';
  return `${mark}  ${escapedText(text, 2000)}${place}${finding}`;
}

export function timelineMarkdown(records: readonly TimelineRecord[]): string {
  const rows = records.map(
    ({ time, of, severity, network = '', text, id = '' }) =>
      `| ${clockText(time)} | ${severity ?? of} | ${cell(escapeText(network, 100))} | ${cell(escapedText(text, 2000))} | ${id} |`,
  );
  return ['| time (UTC) | what | network | | id |', '|---|---|---|---|---|', ...rows].join('\n');
}

/** Names of the wire must not become markup, links or another column. */
function cell(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]()<>#+!|~&]/g, (char) => `&#${char.charCodeAt(0)};`);
}
