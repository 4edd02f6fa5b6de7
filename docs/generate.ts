/** `npm run docs`: writes every generated page. Tests compare instead, so that a stale page fails. */
import { writeFileSync } from 'node:fs';
import { analyzerPages } from './generate-analyzers.ts';

for (const { path, text } of analyzerPages()) writeFileSync(path, text);
