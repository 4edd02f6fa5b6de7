/** docs/metrics.md: every metric of the catalogue, between prose that is written by hand. */
import { readFileSync } from 'node:fs';
import { LABELS, labelsOf, METRICS, type MetricName } from '../src/model/metric-catalogue.ts';
import { between, type GeneratedFile, table } from './markdown.ts';

const PAGE = new URL('metrics.md', import.meta.url);

export function metricPages(): GeneratedFile[] {
  const written = readFileSync(PAGE, 'utf8');
  const withMetrics = between(written, 'metrics', `\n${metrics()}\n`, PAGE.pathname);
  return [{ path: PAGE, text: between(withMetrics, 'labels', `\n${labels()}\n`, PAGE.pathname) }];
}

function metrics(): string {
  const rows = (Object.keys(METRICS) as MetricName[]).map((name) => [
    `\`${name}\``,
    name.endsWith('_total') ? 'counter' : 'gauge',
    labelsOf(name)
      .map((label) => `\`${label}\``)
      .join(', '),
    METRICS[name].help,
  ]);
  return table([['name', 'type', 'labels', 'meaning'], ...rows]);
}

function labels(): string {
  const rows = Object.entries(LABELS).map(([label, meaning]) => [`\`${label}\``, meaning]);
  return table([['label', 'what it can be'], ...rows]);
}
