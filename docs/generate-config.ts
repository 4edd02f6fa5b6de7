/** docs/config.md and docs/config.schema.json, from the schemas that stand beside the code they configure. */
import { analyzers } from '../analyzers/index.ts';
import { configJsonSchema, configPage } from '../src/config/docs.ts';
import { configSchema } from '../src/config/schema.ts';
import { formatJson } from './generate-records.ts';
import type { GeneratedFile } from './markdown.ts';

export function configPages(): GeneratedFile[] {
  const schema = configSchema(analyzers);
  const json = new URL('config.schema.json', import.meta.url);
  return [
    { path: new URL('config.md', import.meta.url), text: configPage(schema) },
    { path: json, text: formatJson(JSON.parse(configJsonSchema(schema)), json) },
  ];
}
