/** `npm run docs`: writes every generated page. Tests compare instead, so that a stale page fails. */
import { writeFileSync } from 'node:fs';
import { analyzerPages } from './generate-analyzers.ts';
import { cliPages } from './generate-cli.ts';
import { configPages } from './generate-config.ts';
import { filterPages } from './generate-filters.ts';
import { formatPages } from './generate-formats.ts';
import { recordPages } from './generate-records.ts';

for (const { path, text } of [
  ...analyzerPages(),
  ...configPages(),
  ...filterPages(),
  ...recordPages(),
  ...formatPages(),
  ...(await cliPages()),
])
  writeFileSync(path, text);
