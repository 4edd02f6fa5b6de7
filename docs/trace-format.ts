/**
 * Where each field of a record goes in each format, found by changing it and looking what changes: a table that is made
 * so cannot claim what the code does not do.
 */
import { type PublicRecord, parseRecord, printableJson } from '../src/model/serialize.ts';
import { FORMATS, type FormatName } from '../src/station/formats/formats.ts';
import type { RecordSchemas } from './record-schema.ts';
import { type Json, type Sample, sampleRecord } from './sample-record.ts';

export const EMITTER = { host: 'vps1', version: '0.1.0' };

/** Made of several others, so that they follow many changes and tell nothing of one. */
const COMPOSED = new Set(['event.id', 'metadata.uid']);

export interface TracedField {
  readonly path: string;
  /** Paths in the format; empty where the format drops the field. */
  readonly goesTo: ReadonlyMap<FormatName, readonly string[]>;
}

export function traceKind(
  kind: string,
  formats: readonly FormatName[],
  schemas?: RecordSchemas,
): readonly TracedField[] {
  const sample = sampleRecord(kind, schemas);
  const bases = new Map(formats.map((name) => [name, fieldsOf(name, sample.record)]));
  return sample.leaves.map((leaf) => ({
    path: leaf.path,
    goesTo: new Map(formats.map((name) => [name, changedPaths(name, bases.get(name)!, leaf)])),
  }));
}

function changedPaths(
  name: FormatName,
  base: ReadonlyMap<string, string>,
  { variants }: Sample['leaves'][number],
): readonly string[] {
  const changed = new Set<string>();
  for (const variant of variants) {
    const fields = fieldsOf(name, variant);
    // No form for this one: that says nothing about where a value goes.
    if (fields.size === 0) continue;
    for (const path of new Set([...base.keys(), ...fields.keys()]))
      if (base.get(path) !== fields.get(path) && !COMPOSED.has(path)) changed.add(path);
  }
  return [...changed];
}

/** Each path of the encoded record with what stands there. */
function fieldsOf(name: FormatName, record: Json): ReadonlyMap<string, string> {
  const line = FORMATS[name].encode(asRecord(record), EMITTER);
  const fields = new Map<string, string>();
  if (line === undefined) return fields;
  if (name === 'cef') for (const [key, value] of cefFields(line)) fields.set(key, value);
  else flatten(JSON.parse(line) as Json, '', fields);
  return fields;
}

export function asRecord(json: Json): PublicRecord {
  return parseRecord(printableJson(json));
}

function flatten(json: Json, path: string, into: Map<string, string>): void {
  if (Array.isArray(json)) {
    if (json.some((item) => typeof item === 'object')) {
      for (const item of json as readonly Json[]) flatten(item, `${path}[]`, into);
      return;
    }
  } else if (typeof json === 'object') {
    for (const [name, value] of Object.entries(json))
      flatten(value, path === '' ? name : `${path}.${name}`, into);
    return;
  }
  into.set(path, JSON.stringify(json));
}

const CEF_HEADER = ['version', 'vendor', 'product', 'productVersion', 'signature', 'name', 'severity'];

/** For lines of ours: no pipe and no ` key=` in the values. */
function cefFields(line: string): [string, string][] {
  const parts = line.split('|');
  const header = CEF_HEADER.map((name, i): [string, string] => [`(${name})`, parts[i]!]);
  const extension = parts.slice(CEF_HEADER.length).join('|');
  const keys = [...extension.matchAll(/(?:^| )(\w+)=/g)];
  const values = keys.map((match, i): [string, string] => [
    match[1]!,
    extension.slice(match.index + match[0].length, keys[i + 1]?.index),
  ]);
  return [...header, ...values.filter(([key]) => !key.endsWith('Label'))];
}
