import type { SummaryRecord } from '../../model/record.ts';
import { formatMicros } from '../../model/time.ts';
import { formatBytes } from '../lib/output.ts';

/** The end of `analyze`: what was read, what was found, and what was not understood. */
export function summaryText(summary: SummaryRecord): string {
  const { packets, bytes, flows, dnsQuestions, findings, first, last } = summary;
  const span =
    first === undefined || last === undefined ? [] : [`from ${formatMicros(first)} to ${formatMicros(last)}`];
  return [
    '',
    `${packets} packets, ${formatBytes(bytes)}, ${flows} flows, ${dnsQuestions} DNS questions, ${findings} findings`,
    ...span,
    ...countsLine('anomalies', summary.anomalies),
    ...countsLine('not understood', summary.notUnderstood),
    ...countsLine('lost', summary.losses),
    ...countsLine('files', summary.files ?? {}),
    ...countsLine('twice in files, counted once', { packets: summary.duplicates ?? 0 }),
  ].join('\n');
}

function countsLine(title: string, counts: Readonly<Record<string, number>>): string[] {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
  return parts.length === 0
    ? []
    : [`${title}: ${parts.map(([what, count]) => `${what} ${count}`).join(', ')}`];
}
