/** `npm run docs`: writes every generated page. Tests compare instead, so that a stale page fails. */
import { writeFileSync } from 'node:fs';
import { analyzerPages } from './generate-analyzers.ts';
import { auditPages } from './generate-audit.ts';
import { cliPages } from './generate-cli.ts';
import { configPages } from './generate-config.ts';
import { filterPages } from './generate-filters.ts';
import { formatPages } from './generate-formats.ts';
import { metricPages } from './generate-metrics.ts';
import { openApiPages } from './generate-openapi.ts';
import { recordPages } from './generate-records.ts';
import { reportPages } from './generate-report.ts';

for (const { path, text } of [
  ...analyzerPages(),
  ...auditPages(),
  ...configPages(),
  ...filterPages(),
  ...recordPages(),
  ...formatPages(),
  ...metricPages(),
  ...openApiPages(),
  ...(await reportPages()),
  ...(await cliPages()),
])
  writeFileSync(path, text);
