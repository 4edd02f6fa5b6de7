/** Generated pages are fresh, and say something about everything. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { analyzers } from '../../analyzers/index.ts';
import { cliPages } from '../../docs/generate-cli.ts';
import { configPages } from '../../docs/generate-config.ts';
import { filterPages } from '../../docs/generate-filters.ts';
import { formatPages } from '../../docs/generate-formats.ts';
import { metricPages } from '../../docs/generate-metrics.ts';
import { openApiPages } from '../../docs/generate-openapi.ts';
import { recordPages } from '../../docs/generate-records.ts';
import { recordSchemas, type Schema } from '../../docs/record-schema.ts';
import { EXIT } from '../../src/cli/lib/exit-codes.ts';
import { documentedCommands, program } from '../../src/cli/program.ts';
import { parseRecord, serializeRecord } from '../../src/model/serialize.ts';
import { dns, finding, flow, inventory, loss } from '../station/support/records.ts';
import { outputSchema } from '../support/output-schema.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('docs/', () => {
  it('have configuration, filters, records, formats, metrics and API as the code has them: else run `npm run docs`', () => {
    const pages = [configPages, filterPages, recordPages, formatPages, metricPages, openApiPages].flatMap(
      (make) => make(),
    );
    for (const { path, text } of pages)
      expect(readFileSync(path, 'utf8') === text, `${path.pathname} is stale`).toBe(true);
  });
});

describe('README.md', () => {
  it('has each detector in its table, once', () => {
    const linked = read('README.md').matchAll(/\(docs\/analyzers\/([a-z-]+)\.md\)/g);

    expect([...linked].map(([, id]) => id).sort()).toEqual(analyzers.map(({ id }) => id).sort());
  });
});

describe('docs/cli.md', () => {
  const page = read('docs/cli.md');

  it('shows help and examples as the commands give them: else run `npm run docs`', async () => {
    for (const { path, text } of await cliPages()) expect(text).toBe(readFileSync(path, 'utf8'));
    // A process for each example, all at once.
  }, 60_000);

  it('has a section for every command and a row for every exit code', () => {
    const commands = documentedCommands(program()).map((command) => command.name());

    expect([...page.matchAll(/^## ([a-z-]+)$/gm)].map(([, name]) => name)).toEqual(commands);
    for (const code of Object.values(EXIT)) expect(page).toMatch(new RegExp(`^\\| ${code} +\\| \\S`, 'm'));
  });

  it('says which command prints which kind, for every kind but the roll-ups, which only sinks get', () => {
    const { kinds } = outputSchema();

    expect(kinds.filter((kind) => !page.includes(`\`${kind}\``))).toEqual(['traffic']);
  });
});

describe('docs/records.md', () => {
  const { records, shared } = recordSchemas();
  const fields = [...records, ...shared].flatMap(([name, schema]) => fieldsOf(schema, name));

  it('has a sentence for every field', () => {
    const silent = fields.filter(
      ({ schema }) => schema.description === undefined && schema.const === undefined,
    );

    expect(fields.length).toBeGreaterThan(150);
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('says when an optional field is absent', () => {
    const silent = fields.filter(
      ({ schema, optional }) => optional && !/absent|only/i.test(schema.description ?? ''),
    );

    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('explains every state and every letter of the history', () => {
    const page = read('docs/records.md');
    const states = records.get('flow')?.properties?.['connState']?.enum ?? [];
    const letters = /const LETTERS = '(\w+)'/.exec(read('src/sensor/flow/history.ts'))?.[1] ?? '';

    expect(states).toHaveLength(13);
    expect(letters).toHaveLength(11);
    for (const word of [...states, ...letters.toUpperCase(), '^']) expect(page).toMatch(rowOf(word));
  });
});

describe('docs/output.schema.json', () => {
  const schema = outputSchema();

  it('accepts what records become', () => {
    for (const record of [finding(1), flow(1), dns(1), inventory(1), loss(1)])
      expect(schema.problems(parseRecord(serializeRecord(record)))).toEqual([]);
  });

  it.each([
    ['a field that is not documented', { ...parsed(), mood: 'good' }, /mood/],
    ['a field that is missing', { ...parsed(), where: undefined }, /where/],
    ['null for what is unknown', { ...parsed(), count: null }, /count/],
    ['a time that is none', { ...parsed(), time: 'yesterday' }, /time/],
    ['a kind that is none', { ...parsed(), kind: 'rumour' }, /no such kind: "rumour"/],
  ])('refuses %s', (_, record, problem) => {
    expect(schema.problems(JSON.parse(JSON.stringify(record))).join('\n')).toMatch(problem);
  });
});

function parsed(): object {
  return parseRecord(serializeRecord(loss(1)));
}

interface Field {
  readonly path: string;
  readonly schema: Schema;
  readonly optional: boolean;
}

function fieldsOf(schema: Schema, prefix: string): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}.${name}`;
    const optional = schema.required?.includes(name) !== true;
    return [{ path, schema: field, optional }, ...fieldsOf(field.items ?? field, path)];
  });
}

function rowOf(word: string): RegExp {
  return new RegExp(`^\\| \`${word.replace('^', '\\^')}\` +\\| \\S`, 'm');
}
