/**
 * docs/output.schema.json, and the tables of docs/records.md: one for each kind of record, from the types and their doc
 * comments. The prose around the tables is written by hand.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { between, type GeneratedFile, table } from './markdown.ts';
import { type RecordSchemas, recordSchemas, type Schema } from './record-schema.ts';

const PAGE = new URL('records.md', import.meta.url);
const SCHEMA = new URL('output.schema.json', import.meta.url);

export function recordPages(): GeneratedFile[] {
  const schemas = recordSchemas();
  const sections = [
    ...[...schemas.records].map(([kind, schema]) => section(`\`${kind}\``, schema)),
    '## Shared objects\n',
    ...[...schemas.shared].map(([name, schema]) => section(name, schema, '###')),
  ];
  const page = between(readFileSync(PAGE, 'utf8'), 'records', `\n${sections.join('\n')}`, PAGE.pathname);
  return [
    { path: PAGE, text: page },
    { path: SCHEMA, text: formatJson(outputSchema(schemas), SCHEMA) },
  ];
}

/** Formatted as everything in the repository, so that the linter has nothing to say. */
export function formatJson(value: unknown, path: URL): string {
  const biome = fileURLToPath(new URL('../node_modules/.bin/biome', import.meta.url));
  const root = fileURLToPath(new URL('..', import.meta.url));
  return execFileSync(biome, ['format', `--stdin-file-path=${fileURLToPath(path)}`], {
    cwd: root,
    input: JSON.stringify(value, undefined, 2),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

function outputSchema({ records, shared }: RecordSchemas): unknown {
  const kinds = Object.fromEntries([...records].map(([kind, schema]) => [kind, schema]));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'One line of what bridgewatch prints with --json',
    oneOf: Object.keys(kinds).map((kind) => ({ $ref: `#/$defs/record-${kind}` })),
    $defs: {
      ...Object.fromEntries(shared),
      ...Object.fromEntries(Object.entries(kinds).map(([kind, schema]) => [`record-${kind}`, schema])),
    },
  };
}

function section(title: string, schema: Schema, level = '##'): string {
  const rows = fieldRows(schema, '');
  const about = schema.description === undefined ? '' : `${schema.description}\n\n`;
  return `${level} ${title}\n\n${about}${table([['field', 'type', '', 'meaning'], ...rows])}\n`;
}

/** Objects inside are told with dots; what several records share, by a link. */
function fieldRows({ properties, required }: Schema, prefix: string): string[][] {
  return Object.entries(properties ?? {}).flatMap(([name, field]) => {
    if (prefix === '' && name === 'kind') return [];
    const optional = required?.includes(name) === true ? '' : 'optional';
    const row = [`\`${prefix}${name}\``, typeText(field), optional, cell(field.description ?? '')];
    const inner = field.items ?? field;
    return [row, ...fieldRows(inner, `${prefix}${name}${field.items === undefined ? '' : '[]'}.`)];
  });
}

function typeText(schema: Schema): string {
  const { $ref, enum: choices, items, anyOf, additionalProperties, pattern, type } = schema;
  if ($ref !== undefined) {
    const name = $ref.replace('#/$defs/', '');
    return `[${name}](#${name === 'network' ? 'network-1' : name})`;
  }
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (choices !== undefined) return choices.map((choice) => `\`${choice}\``).join(' ');
  if (anyOf !== undefined) return anyOf.map(typeText).join(' or ');
  if (items !== undefined) return `list of ${typeText(items)}`;
  if (typeof additionalProperties === 'object') return `${typeText(additionalProperties)} by name`;
  return pattern === undefined ? (type ?? '') : 'time';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
