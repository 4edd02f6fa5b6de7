/** The tables of docs/filters.md, from the table of fields. The prose around them is written by hand. */
import { readFileSync } from 'node:fs';
import { KINDS } from '../src/query/choices.ts';
import { END_FIELDS, type Field, type FieldType, PLACES, PLAIN_FIELDS } from '../src/query/fields.ts';
import { between, type GeneratedFile, table } from './markdown.ts';

const PAGE = new URL('filters.md', import.meta.url);

const TYPE_NAMES: Readonly<Record<FieldType, string>> = {
  text: 'text',
  exact: 'text, case counts',
  choice: 'word',
  count: 'number',
  size: 'size',
  duration: 'duration',
  time: 'time',
  ip: 'address',
  data: 'address or text',
  container: 'container',
};

/** Where the kind's name is none for a person; the rest come with `events --all`. */
const RECORDS: Readonly<Record<string, string>> = { dns: 'DNS' };

export function filterPages(): GeneratedFile[] {
  const blocks: Readonly<Record<string, string>> = {
    fields: table([
      ['field', 'of', 'type', 'meaning', 'example'],
      ...PLAIN_FIELDS.map((field) => [
        [field.name, ...field.aliases].map(code).join(' '),
        kindsText(field),
        typeText(field),
        field.about,
        code(field.example),
      ]),
    ]),
    places: table([
      ['end', 'of', 'who'],
      ...PLACES.map(({ prefix, aliases, about, ends }) => [
        [prefix, ...aliases].map(code).join(' '),
        kindsText({ read: ends }),
        about,
      ]),
      [
        '(none)',
        'all',
        'any end, the client before a translation and the resolver asked next among them; only where the last column says so',
      ],
    ]),
    ends: table([
      ['part', 'type', 'meaning', 'example', 'either end'],
      ...END_FIELDS.map(({ name, about, value, either, ...field }) => [
        code(name),
        typeText(field),
        about,
        code(`dst.${name}:${value}`),
        either ? code(`${name}:${value}`) : '',
      ]),
    ]),
  };
  const page = Object.entries(blocks).reduce(
    (text, [name, block]) => between(text, name, block, PAGE.pathname),
    readFileSync(PAGE, 'utf8'),
  );
  return [{ path: PAGE, text: page }];
}

function kindsText({ read }: { readonly read: object }): string {
  const kinds = Object.keys(read);
  return kinds.length === KINDS.length ? 'all' : kinds.map((kind) => RECORDS[kind] ?? kind).join(', ');
}

function typeText({ type, choices }: Pick<Field, 'type' | 'choices'>): string {
  return choices === undefined ? TYPE_NAMES[type] : choices.map(code).join(' ');
}

function code(text: string): string {
  return `\`${text}\``;
}
