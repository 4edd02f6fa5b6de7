/**
 * Whole records made from the schema of the native form: every field is there, each leaf with other values that it may
 * have. What follows a change of a leaf through a format needs no list of fields, and cannot forget a new one.
 */
import { type RecordSchemas, recordSchemas, type Schema } from './record-schema.ts';

export type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };

export interface Leaf {
  /** `subject.workload.name`, `peers[].ip`. */
  readonly path: string;
  /** The whole record with another value at this leaf, once for each value to try. */
  readonly variants: readonly Json[];
}

export interface Sample {
  readonly record: Json;
  readonly leaves: readonly Leaf[];
}

/** Values that mean something to a format, by the end of a path: the first is the sample's. */
const MEANINGFUL: readonly (readonly [end: string, values: readonly Json[]])[] = [
  ['translatedSource.ip', ['198.51.100.1', '198.51.100.2']],
  ['.ip', ['172.30.0.5', '2001:db8::5', '172.30.0.6']],
  ['.mac', ['02:42:ac:1e:00:05', '02:42:ac:1e:00:06']],
  ['.image', ['registry:5000/app:1', 'registry:5000/app:2', 'registry:5000/other:1']],
  ['.technique', ['T1071.004', 'T1048', 'T1552.007']],
  ['.tactic', ['command-and-control', 'impact']],
  ['answers[].type', ['A', 'TXT']],
  ['answers[].data', ['198.51.100.9', '198.51.100.10']],
  ['query', ['www.example.com', 'www.example.org']],
  ['opcode', ['QUERY', 'UPDATE']],
  ['rcode', ['NXDOMAIN', 'NOERROR', 'SERVFAIL']],
  ['serverName', ['shop.example.com', 'pay.example.com']],
  ['.names[]', ['api.example.com', 'cdn.example.com']],
  ['flow.reason', ['closed', 'start', 'active', 'shutdown', 'evicted']],
  ['flow.protocol', ['tcp', 'udp', 'icmp6', 'ip-47']],
  ['id', ['1f3a', '1f3b']],
];

const FIRST_TIME = Date.parse('2026-11-23T14:00:00Z');

export function sampleRecord(kind: string, schemas: RecordSchemas = recordSchemas()): Sample {
  const schema = schemas.records.get(kind);
  if (schema === undefined) throw new Error(`no kind of record is called ${kind}`);
  const builder = new Builder(kind, schemas);
  const record = builder.build(schema, '');
  const leaves = [...builder.alternatives].map(([path, values]) => ({
    path,
    variants: values.map((value) => withValue(record, path, value)),
  }));
  return { record, leaves };
}

class Builder {
  readonly alternatives = new Map<string, readonly Json[]>();
  readonly #kind: string;
  readonly #shared: ReadonlyMap<string, Schema>;
  #number = 0;

  constructor(kind: string, schemas: RecordSchemas) {
    this.#kind = kind;
    this.#shared = schemas.shared;
  }

  build(schema: Schema, path: string): Json {
    const { $ref, anyOf, properties, additionalProperties, items } = schema;
    if ($ref !== undefined) return this.build(this.#shared.get($ref.replace('#/$defs/', ''))!, path);
    if (anyOf !== undefined)
      return this.build(anyOf.find(({ type }) => type === 'string') ?? anyOf[0]!, path);
    if (items !== undefined) return [this.build(items, `${path}[]`)];
    if (properties !== undefined) {
      const prefix = path === '' ? '' : `${path}.`;
      return Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, this.build(field, prefix + name)]),
      );
    }
    if (typeof additionalProperties === 'object')
      return { name: this.build(additionalProperties, `${path}.name`) };
    return this.#leaf(schema, path);
  }

  #leaf(schema: Schema, path: string): Json {
    if (schema.const !== undefined) return schema.const;
    const [value, ...others] = this.#values(schema, path);
    this.alternatives.set(path, others);
    return value!;
  }

  #values({ enum: choices, type, pattern }: Schema, path: string): readonly Json[] {
    const meaningful = MEANINGFUL.find(([end]) => `${this.#kind}.${path}`.endsWith(end));
    if (meaningful !== undefined && type === 'string' && pattern === undefined) return meaningful[1];
    if (choices !== undefined) return meaningful?.[1] ?? choices;
    if (type === 'boolean') return [true, false];
    this.#number += 1;
    if (pattern !== undefined) return [timeText(this.#number), timeText(this.#number + 0.25)];
    if (type === 'number') return [this.#number * 10, this.#number * 10 + 1];
    return [`text ${this.#number}`, `text ${this.#number} changed`];
  }
}

function timeText(seconds: number): string {
  return new Date(FIRST_TIME + seconds * 1000).toISOString().replace('Z', '000Z');
}

function withValue(json: Json, path: string, value: Json): Json {
  const [step = '', rest] = firstStep(path);
  if (step === '[]') return [rest === '' ? value : withValue((json as readonly Json[])[0]!, rest, value)];
  const object = json as Readonly<Record<string, Json>>;
  return { ...object, [step]: rest === '' ? value : withValue(object[step]!, rest, value) };
}

function firstStep(path: string): [step: string, rest: string] {
  if (path.startsWith('[]')) return ['[]', path.slice(2).replace(/^\./, '')];
  const [, step = path, rest = ''] = /^([^.[]+)\.?(.*)$/.exec(path) ?? [];
  return [step, rest];
}
