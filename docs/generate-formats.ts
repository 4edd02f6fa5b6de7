/**
 * docs/schemas/*.schema.json, and the tables of docs/formats.md: where each field of a record goes in each format, as
 * docs/trace-format.ts finds it. The prose around the tables is written by hand.
 */
import { readFileSync } from 'node:fs';
import { FORMATS, type FormatName } from '../src/station/formats/formats.ts';
import { formatSchemas } from './format-schemas.ts';
import { formatJson } from './generate-records.ts';
import { between, type GeneratedFile, table } from './markdown.ts';
import { type RecordSchemas, recordSchemas } from './record-schema.ts';
import { sampleRecord } from './sample-record.ts';
import { asRecord, EMITTER, type TracedField, traceKind } from './trace-format.ts';

const PAGE = new URL('formats.md', import.meta.url);
const SCHEMAS = new URL('schemas/', import.meta.url);

const TABLES: readonly (readonly [kind: string, formats: readonly FormatName[]])[] = [
  ['finding', ['eve', 'ecs', 'ocsf', 'cef']],
  ['flow', ['eve', 'ecs', 'ocsf']],
  ['dns', ['eve', 'ecs', 'ocsf']],
];
/** Printed by commands, never given to a sink. */
const NOT_FOR_SINKS = new Set(['summary']);

export function formatPages(): GeneratedFile[] {
  const schemas = recordSchemas();
  let page = readFileSync(PAGE, 'utf8');
  for (const [kind, formats] of TABLES) {
    const rows = folded(traceKind(kind, formats, schemas)).map((field) => row(field, formats));
    page = between(page, kind, table([[kind, ...formats], ...rows]), PAGE.pathname);
  }
  page = between(
    page,
    'others',
    table([['kind', '`event.kind`', '`event.category`', '`event.type`'], ...otherKinds(schemas)]),
    PAGE.pathname,
  );
  const published = [...formatSchemas()].map(([name, schema]) => {
    const path = new URL(`${name}.schema.json`, SCHEMAS);
    return { path, text: formatJson(schema, path) };
  });
  return [{ path: PAGE, text: page }, ...published];
}

function row({ path, goesTo }: TracedField, formats: readonly FormatName[]): string[] {
  return [code(path), ...formats.map((name) => (goesTo.get(name) ?? []).map(code).join(' '))];
}

function code(path: string): string {
  return `\`${path}\``;
}

/**
 * One row for an object that goes to one place in every format as it is: `nat.client` to `bridgewatch.nat.client`. Its
 * leaves would say the same, each.
 */
function folded(fields: readonly TracedField[]): readonly TracedField[] {
  const result: TracedField[] = [];
  for (let i = 0; i < fields.length; ) {
    const group = parentsOf(fields[i]!.path)
      .map((parent) => ({ parent, members: membersOf(fields, parent) }))
      .find(({ parent, members }) => members.length > 1 && isMoved(members, parent));
    if (group === undefined) {
      result.push(fields[i]!);
      i += 1;
      continue;
    }
    const goesTo = new Map(
      [...group.members[0]!.goesTo.keys()].map((name) => [
        name,
        targetsOf(group.members, group.parent, name),
      ]),
    );
    result.push({ path: `${group.parent}.*`, goesTo });
    i += group.members.length;
  }
  return result;
}

/** The widest first. */
function parentsOf(path: string): string[] {
  const steps = path.split('.');
  return steps.slice(1).map((_, i) => steps.slice(0, i + 1).join('.'));
}

function membersOf(fields: readonly TracedField[], parent: string): readonly TracedField[] {
  return fields.filter(({ path }) => path.startsWith(`${parent}.`));
}

function isMoved(members: readonly TracedField[], parent: string): boolean {
  return [...members[0]!.goesTo.keys()].every((name) => {
    const sets = members.map(({ path, goesTo }) => prefixes(path, parent, goesTo.get(name)!));
    return sets.every((set) => set !== undefined && set.join() === sets[0]?.join());
  });
}

function targetsOf(members: readonly TracedField[], parent: string, name: FormatName): readonly string[] {
  const { path, goesTo } = members[0]!;
  return (prefixes(path, parent, goesTo.get(name)!) ?? []).map((prefix) => `${prefix}.*`);
}

/** What the places have before the leaf's own path below its parent; undefined where one does not end so. */
function prefixes(path: string, parent: string, places: readonly string[]): readonly string[] | undefined {
  const below = path.slice(parent.length).replace(/\[\]$/, '');
  if (!places.every((place) => place.endsWith(below))) return undefined;
  return places.map((place) => place.slice(0, -below.length));
}

function otherKinds(schemas: RecordSchemas): string[][] {
  const kinds = [...schemas.records.keys()].filter((kind) => !TABLES.some(([known]) => known === kind));
  return kinds.flatMap((kind) => {
    if (NOT_FOR_SINKS.has(kind) || !isAgentKind(schemas, kind)) return [];
    const line = FORMATS.ecs.encode(asRecord(sampleRecord(kind, schemas).record), EMITTER);
    if (line === undefined) return [];
    const { event } = JSON.parse(line) as { event: { kind: string; category?: string[]; type: string[] } };
    return [[code(kind), event.kind, (event.category ?? []).join(', '), event.type.join(', ')]];
  });
}

/** Those that commands make of the inventory or the configuration are in the same schema. */
function isAgentKind(schemas: RecordSchemas, kind: string): boolean {
  const fields = schemas.records.get(kind)?.properties ?? {};
  return 'time' in fields || 'end' in fields;
}
